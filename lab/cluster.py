"""A whole cluster on loopback: the real control plane, the stand-ins and Envoy."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from lab.images import KSERVE, Images
from lab.kserve_upstream.controller import KServe
from lab.kserve_upstream.release import release
from lab.standins import READY_FILE

REPOSITORY = Path(__file__).resolve().parents[1]
STANDINS = "stand-ins"
START_SECONDS = 180.0
KSERVE_VARIABLE = "LAB_KSERVE"
STAND_IN, REAL = "stand-in", "real"


def real_kserve_is_asked_for() -> bool:
    """Whether `LAB_KSERVE` asks for KServe itself; without it, its stand-in runs."""
    asked = os.environ.get(KSERVE_VARIABLE) or STAND_IN
    if asked not in (STAND_IN, REAL):
        raise ValueError(f"{KSERVE_VARIABLE}={asked}: it is {STAND_IN} or {REAL}")
    return asked == REAL


class Cluster:
    """A running cluster.

    `kserve` is KServe itself, None where its stand-in runs; `volumes` holds a folder
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
        programs = {name: list(argv) for name, argv in {**KSERVE, **images}.items()}
        self._images.write_text(json.dumps(programs))
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
        real_kserve: bool = False,
    ) -> Self:
        """Start a cluster, with KServe itself or with its stand-in, and wait until it is ready.

        `images` adds programs to those of KServe; `install` names further YAML files or folders. The
        requests of the users that `audited` names are recorded in the control plane's audit log.
        """
        found = release() if real_kserve else None
        crds = (gateway_api_crds(), found.crds if found else kserve_crds(), *install)
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
                *(() if self.kserve is None else ("--without-kserve",)),
            ),
            env=environment,
        )
        ready = self.root / READY_FILE
        processes.wait_until(ready.exists, "the stand-ins' readiness", START_SECONDS)
        self.proxy = json.loads(ready.read_text())["proxy"]
