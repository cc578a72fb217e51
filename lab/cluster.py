"""A whole cluster on loopback: the real control plane, KServe itself, Envoy, and the stand-ins."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.binaries import programs
from lab.control import ControlPlane, gateway_api_crds
from lab.images import KSERVE, Images
from lab.kserve_upstream.controller import KServe
from lab.kserve_upstream.release import Release, manager, release
from lab.standins import READY_FILE
from lab.storage import IMAGE, initializer

REPOSITORY = Path(__file__).resolve().parents[1]
STANDINS = "stand-ins"
START_SECONDS = 180.0


class Cluster:
    """A running cluster.

    `kserve` is KServe's controller, None where it was not wanted; `volumes` holds a folder
    `<namespace>/<claim>` for each persistentVolumeClaim that pods mount; `proxy` is the HTTP proxy that
    answers for `http://<service>.<namespace>.svc.cluster.local`.
    """

    def __init__(
        self, control: ControlPlane, images: Images, backoff_base: float, kserve: KServe | None
    ) -> None:
        self.control = control
        self.kserve = kserve
        self.kubeconfig = control.kubeconfig
        self.root = control.root / "lab"
        self.volumes = self.root / "volumes"
        self.volumes.mkdir(parents=True)
        self._images = self.root / "images.json"
        own = {} if kserve is None else {**KSERVE, IMAGE: initializer()}
        argv_by_image = {name: list(argv) for name, argv in {**own, **images}.items()}
        self._images.write_text(json.dumps(argv_by_image))
        self._backoff_base = backoff_base
        self.proxy = ""

    @classmethod
    def start(
        cls,
        *,
        images: Images | None = None,
        install: Sequence[Path] = (),
        root: Path | None = None,
        backoff_base: float = 1.0,
        audited: Sequence[str] = (),
        with_kserve: bool = True,
    ) -> Self:
        """Start a cluster and wait until it is ready; one without KServe does not wait for it to be built.

        `images` adds programs to those of KServe; `install` names further YAML files or folders. The
        requests of the users that `audited` names are recorded in the control plane's audit log.
        """
        found = built_side_by_side() if with_kserve else None
        crds = (gateway_api_crds(), *((found.crds,) if found else ()), *install)
        with ExitStack() as undo:
            control = ControlPlane.start(install=crds, root=root, audited=audited)
            undo.callback(control.stop)
            kserve = KServe(control, found, control.root / "kserve") if found else None
            cluster = cls(control, images or {}, backoff_base, kserve)
            cluster._start()
            undo.pop_all()
            return cluster

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything at once; nothing is kept."""
        self.control.stop()

    def kubectl(self, *arguments: str | Path) -> str:
        """Run kubectl as the cluster's administrator and return what it prints."""
        return self.control.kubectl(*arguments)

    def apply(self, *objects: Mapping[str, object]) -> None:
        """Apply objects, server-side."""
        manifest = self.root / "manifest.json"
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", manifest)

    def gateway_address(self, namespace: str, name: str) -> str:
        """`ip:port` of a Gateway's first listener, once it is programmed."""
        self.kubectl(
            "wait",
            "--for=condition=Programmed",
            "--timeout=30s",
            f"--namespace={namespace}",
            f"gateway/{name}",
        )
        path = "{.status.addresses[0].value}:{.spec.listeners[0].port}"
        return self.kubectl(
            "get", f"--namespace={namespace}", f"gateway/{name}", f"--output=jsonpath={path}"
        )

    def log(self, namespace: str, pod: str, container: str) -> Path:
        """Where a container's output goes."""
        return self.root / "kubelet" / "pods" / namespace / pod / f"{container}.log"

    def _start(self) -> None:
        if self.kserve is not None:
            self.kserve.install()
        processes = self.control.processes
        environment = dict(os.environ)
        paths = (str(REPOSITORY), environment.get("PYTHONPATH", ""))
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        processes.spawn(
            STANDINS,
            (
                sys.executable,
                "-m",
                "lab.standins",
                "--kubeconfig",
                self.kubeconfig,
                "--root",
                self.root,
                "--volumes",
                self.volumes,
                "--images",
                self._images,
                "--backoff-base",
                str(self._backoff_base),
            ),
            env=environment,
        )
        ready = self.root / READY_FILE
        processes.wait_until(ready.exists, "the stand-ins' readiness", START_SECONDS)
        self.proxy = json.loads(ready.read_text())["proxy"]


def built_side_by_side() -> Release:
    """What KServe installs; its programs and the control plane's are there, and were built at once if at all."""
    with ThreadPoolExecutor() as pool:
        kserve, plane = pool.submit(manager), pool.submit(programs)
        found = release()
        plane.result()
        kserve.result()
    return found
