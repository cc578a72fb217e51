"""The node: takes every pod that nobody has taken, and gives each a worker."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from lab.addresses import KUBELET_PORT, Block
from lab.client import NODES, PODS, ApiError, Client, Object
from lab.events import timestamp
from lab.images import modules_of
from lab.informer import Informers, Key, Loop, key_of
from lab.kubelet.container import Settings
from lab.kubelet.environment import Environments
from lab.kubelet.pod import PodWorker, Surroundings
from lab.kubelet.runtime import Runtime
from lab.kubelet.volumes import Volumes

log = logging.getLogger(__name__)

NODE = "lab"
VERSION = "v1.36.3-lab"


class Kubelet:
    """Runs the pods of one cluster as processes of this machine."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        *,
        block: Block,
        images: Mapping[str, Sequence[str]],
        claims: Path,
        root: Path,
        proxy: str,
        backoff_base: float = 1.0,
    ) -> None:
        self.pods_folder = root / "pods"
        self._client = client
        self._pods = informers[PODS]
        self._block = block
        self._addresses = block.pods()
        self._runtime = Runtime(root / "processes", modules_of(images.values()))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True), trust_env=False
        )
        self._shared = Surroundings(
            client=client,
            images=images,
            volumes=Volumes(client, claims, block.node),
            environments=Environments(client, block.node, proxy),
            settings=Settings(self._runtime, self._session, backoff_base),
            root=self.pods_folder,
            node_ip=block.node,
        )
        self._workers: dict[str, PodWorker] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._loop = Loop("bind pod", self._bind)

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        await self._register()
        self._tasks = tasks
        tasks.create_task(self._runtime.run(), name="containers")
        self._loop.start(tasks)
        self._pods.on_change(self._seen)

    async def stop(self) -> None:
        await self._session.close()
        self._runtime.stop()

    async def _register(self) -> None:
        resources = {"cpu": "64", "memory": "64Gi", "pods": "250", "ephemeral-storage": "100Gi"}
        labels = {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}
        node: Object = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NODE, "labels": labels},
        }
        try:
            await self._client.create(NODES, node)
        except ApiError as error:
            if error.code != 409:
                raise
        now = timestamp()
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "the lab's kubelet runs pods as processes",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        status: Object = {
            "addresses": [
                {"type": "InternalIP", "address": self._block.node},
                {"type": "Hostname", "address": self._block.node},
            ],
            "capacity": resources,
            "allocatable": resources,
            "conditions": [ready],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
            "nodeInfo": _node_info(),
        }
        await self._client.patch(NODES, "", NODE, {"status": status}, sub="status")
        # A new node is tainted until the node controller, which does not run here, finds it ready.
        await self._client.patch(NODES, "", NODE, {"spec": {"taints": None}})

    def _seen(self, before: Object | None, after: Object | None) -> None:
        if before is not None and (
            after is None or after["metadata"]["uid"] != before["metadata"]["uid"]
        ):
            gone = self._workers.get(before["metadata"]["uid"])
            if gone is not None:
                gone.delete()
        if after is None:
            return
        if not after["spec"].get("nodeName"):
            self._loop.add(key_of(after))
        elif after["spec"]["nodeName"] == NODE:
            self._assign(after)

    async def _bind(self, key: Key) -> None:
        pod = self._pods.get(key)
        if pod is None or pod["spec"].get("nodeName") or pod["spec"].get("schedulingGates"):
            return
        if "deletionTimestamp" in pod["metadata"]:
            return
        target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
        body: Object = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": key.name, "namespace": key.namespace},
            "target": target,
        }
        await self._client.create(PODS, body, namespace=key.namespace, name=key.name, sub="binding")

    def _assign(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if worker is None:
            if self._tasks is None:
                raise RuntimeError("start the kubelet first")
            worker = self._workers[uid] = PodWorker(pod, self._addresses.take(), self._shared)
            self._tasks.create_task(self._run(uid, worker), name=f"pod {pod['metadata']['name']}")
        else:
            worker.update(pod)
        if "deletionTimestamp" in pod["metadata"]:
            worker.delete()

    async def _run(self, uid: str, worker: PodWorker) -> None:
        try:
            await worker.run()
        except Exception:
            log.exception("pod %s", worker.pod["metadata"]["name"])
        finally:
            self._addresses.give_back(worker.ip)
            # The object may outlive its processes (finalizers): it must not be started again.
            if self._pods.get(key_of(worker.pod)) is None:
                del self._workers[uid]


def _node_info() -> Object:
    return {
        "architecture": "none",
        "bootID": NODE,
        "containerRuntimeVersion": "processes://1",
        "kernelVersion": "none",
        "kubeProxyVersion": VERSION,
        "kubeletVersion": VERSION,
        "machineID": NODE,
        "operatingSystem": "linux",
        "osImage": "the lab: processes instead of containers",
        "systemUUID": NODE,
    }
