"""One pod, from its binding to its deletion."""

import asyncio
import contextlib
import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.client import PODS, ApiError, Client, Object
from lab.events import record, timestamp
from lab.kubelet import volumes as volume_module
from lab.kubelet.container import Container, Place, Settings
from lab.kubelet.environment import Environments
from lab.kubelet.faults import Fault
from lab.kubelet.paths import PathMap
from lab.kubelet.status import Observed, pod_status
from lab.kubelet.volumes import ClaimNotFound, VolumeNotReady, Volumes

log = logging.getLogger(__name__)

VOLUME_RETRY = 1.0
VOLUME_REFRESH = 5.0
STATUS_COALESCE = 0.02
DEFAULT_GRACE = 30.0
# A pod leaves its Services when its deletion begins, but proxies need a moment to hear of it.
# Real pods wait in a preStop hook; here the kubelet does, so that no request meets a closed door.
ENDPOINT_PROPAGATION = 1.0
TERMINATION_PATH = "/dev/termination-log"
TAG = re.compile(r"(?::[\w][\w.-]*)?(?:@sha256:[0-9a-f]+)?$")


@dataclass(frozen=True)
class Surroundings:
    """What all pods of a kubelet share."""

    client: Client
    images: Mapping[str, Sequence[str]]
    volumes: Volumes
    environments: Environments
    settings: Settings
    root: Path
    node_ip: str


class PodWorker:
    """Brings one pod to life, keeps its status true, and ends it."""

    def __init__(self, pod: Object, ip: str, shared: Surroundings) -> None:
        metadata = pod["metadata"]
        self.pod = pod
        self.ip = ip
        self._shared = shared
        self._folder = shared.root / metadata["namespace"] / metadata["name"]
        self._changed = asyncio.Event()
        self._start_time = timestamp()
        self._unschedulable = ""
        self._written: Object = {}
        self._conditions: list[Object] = pod.get("status", {}).get("conditions", [])
        self._deleted = asyncio.Event()
        self._warnings: set[asyncio.Task[None]] = set()
        spec = pod["spec"]
        self._hosts: dict[str, Path] = {}
        self._init = [self._container(one, initial=True) for one in spec.get("initContainers", [])]
        self._apps = [self._container(one, initial=False) for one in spec["containers"]]

    def update(self, pod: Object) -> None:
        """A newer version of the same pod: only its metadata can ask for something new."""
        before, self.pod = Fault.of(self.pod), pod
        if Fault.of(pod) != before and not before.crash:
            self._apps[0].kill()  # its successor is started with the new fault

    async def run(self) -> None:
        """Live until the pod is to be deleted; then end its processes and let it go."""
        writer = asyncio.create_task(self._write_statuses())
        running = asyncio.create_task(self._live())
        self._changed.set()
        try:
            await self._deleted.wait()
            running.cancel()
            await asyncio.wait([running])  # no probe, no restart from here on
            await self._stop()
        finally:
            running.cancel()
            writer.cancel()
        await self._leave()

    def delete(self) -> None:
        """The pod has a deletionTimestamp, or is gone already."""
        self._deleted.set()

    async def _live(self) -> None:
        try:
            await self._start()
        except Exception:
            log.exception("pod %s", self.pod["metadata"]["name"])

    async def _start(self) -> None:
        await self._mount()
        for container in self._init:
            await container.run()
            if not container.state.complete:
                return
            self._set_app_waiting("PodInitializing")
        async with asyncio.TaskGroup() as tasks:
            for container in self._apps:
                tasks.create_task(container.run())
            if volume_module.changes(self.pod):
                tasks.create_task(self._refresh_volumes())

    def _set_app_waiting(self, reason: str) -> None:
        for container in self._apps:
            container.state.waiting = reason

    async def _mount(self) -> None:
        """Set up the volumes, which may have to wait for what they refer to."""
        if self._init:
            self._set_app_waiting("PodInitializing")
        while True:
            try:
                self._hosts.update(await self._materialise())
            except VolumeNotReady as error:
                self._unschedulable = str(error) if isinstance(error, ClaimNotFound) else ""
                self._warn("FailedMount", str(error))
                self._changed.set()
                await asyncio.sleep(VOLUME_RETRY)
            else:
                self._unschedulable = ""
                return

    async def _refresh_volumes(self) -> None:
        while True:
            await asyncio.sleep(VOLUME_REFRESH)
            with contextlib.suppress(VolumeNotReady, ApiError):
                await self._materialise()

    async def _materialise(self) -> dict[str, Path]:
        try:
            return await self._shared.volumes.materialise(
                self.pod, self._folder / "volumes", self.ip
            )
        except ApiError as error:
            raise VolumeNotReady(str(error)) from error

    async def _stop(self) -> None:
        """End the processes, once nobody sends them requests any more."""
        metadata = self.pod["metadata"]
        grace = metadata.get("deletionGracePeriodSeconds", DEFAULT_GRACE)
        if any(container.state.ready for container in self._apps):
            wait = min(ENDPOINT_PROPAGATION, grace)
            await asyncio.sleep(wait)
            grace -= wait
        everybody = [*self._init, *self._apps]
        await asyncio.gather(*(container.stop(grace) for container in everybody))
        for container in everybody:
            container.settle()

    async def _leave(self) -> None:
        """Write the last status and take the object away."""
        metadata = self.pod["metadata"]
        with contextlib.suppress(ApiError):
            await self._write_status()
        options: Object = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
        await self._shared.client.delete(PODS, metadata["namespace"], metadata["name"], options)
        shutil.rmtree(self._folder / "volumes", ignore_errors=True)

    def _container(self, spec: Object, *, initial: bool) -> Container:
        place = Place(
            folder=self._folder / spec["name"],
            log=self._folder / f"{spec['name']}.log",
            ip=self.ip,
            paths=PathMap({}),
        )

        async def environment() -> dict[str, str]:
            place.paths.replace(self._mounts(spec, place))
            environments = self._shared.environments
            return await environments.of(self.pod, spec, self.ip, place.paths)

        first = not initial and spec["name"] == self.pod["spec"]["containers"][0]["name"]
        return Container(
            spec,
            place,
            self._shared.settings,
            entrypoint=program(self._shared.images, spec["image"]),
            environment=environment,
            fault=lambda: Fault.of(self.pod) if first else Fault(),
            changed=self._changed.set,
            warn=self._warn,
            initial=initial,
            restart_policy=self.pod["spec"].get("restartPolicy", "Always"),
        )

    def _mounts(self, spec: Object, place: Place) -> dict[str, Path]:
        message_path = spec.get("terminationMessagePath", TERMINATION_PATH)
        hosts = {message_path: place.message_file}
        for mount in spec.get("volumeMounts", []):
            host = self._hosts[mount["name"]]
            hosts[mount["mountPath"]] = host / mount.get("subPath", "")
        return hosts

    def _warn(self, reason: str, message: str) -> None:
        async def write() -> None:
            with contextlib.suppress(ApiError):
                await record(self._shared.client, self._whole, "kubelet", reason, message)

        task = asyncio.create_task(write())
        self._warnings.add(task)
        task.add_done_callback(self._warnings.discard)

    @property
    def _whole(self) -> Object:
        return {"apiVersion": "v1", "kind": "Pod", **self.pod}

    async def _write_statuses(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(STATUS_COALESCE)
            self._changed.clear()
            try:
                await self._write_status()
            except ApiError as error:
                if error.code != 404:
                    log.warning("status of pod %s: %s", self.pod["metadata"]["name"], error)
                    await asyncio.sleep(VOLUME_RETRY)
                    self._changed.set()

    async def _write_status(self) -> None:
        seen = Observed(
            init=[container.state for container in self._init],
            apps=[container.state for container in self._apps],
            ip=self.ip,
            host_ip=self._shared.node_ip,
            start_time=self._start_time,
            now=timestamp(),
            before=self._conditions,
            unschedulable=self._unschedulable,
        )
        status = pod_status(seen)
        if status != self._written:
            metadata = self.pod["metadata"]
            body: Object = {"metadata": {"uid": metadata["uid"]}, "status": status}
            await self._shared.client.patch(
                PODS, metadata["namespace"], metadata["name"], body, sub="status"
            )
            self._written, self._conditions = status, status["conditions"]


def program(images: Mapping[str, Sequence[str]], image: str) -> tuple[str, ...] | None:
    """The program of an image, found by its repository, else by the repository's last part."""
    repository = TAG.sub("", image)
    head, _, rest = repository.partition("/")
    if rest and ("." in head or ":" in head or head == "localhost"):
        repository = rest
    for name in (repository, repository.rpartition("/")[2]):
        if name in images:
            return tuple(images[name])
    return None
