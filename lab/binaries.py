"""Where the control plane's programs and the CRDs of its neighbours come from."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.cache import REPOSITORY, cache_folder, locked
from lab.go import MODULE, NoGo, downloaded, program, required

KUBERNETES = "1.36.3"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
GATEWAY_API = "sigs.k8s.io/gateway-api"
GATEWAY_API_KINDS = ("gatewayclasses", "gateways", "httproutes", "referencegrants")
VERSION = "k8s.io/component-base/version"
LDFLAGS = " ".join(
    (
        "-s -w",
        f"-X {VERSION}.gitVersion=v{KUBERNETES}",
        f"-X {VERSION}.gitMajor={KUBERNETES.split('.')[0]}",
        f"-X {VERSION}.gitMinor={KUBERNETES.split('.')[1]}",
    )
)
BUILD = ("build", "-trimpath", "-ldflags", LDFLAGS)
WAY_OUT = (
    "Either put Go (the version in lab/controlplane/go.mod, or newer) on PATH and allow it to "
    "download modules, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and "
    "kube-controller-manager."
)


class NoControlPlane(RuntimeError):
    """The control plane's programs could neither be found nor built."""


@dataclass(frozen=True)
class Programs:
    """How each program of the control plane is called."""

    etcd: tuple[str, ...]
    apiserver: tuple[str, ...]
    controllers: tuple[str, ...]


def programs() -> Programs:
    """`$KUBEBUILDER_ASSETS` where it holds all three, else what was built, else build it."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and all(os.access(Path(assets, name), os.X_OK) for name in PROGRAMS):
        etcd, apiserver, controllers = ((str(Path(assets, name).resolve()),) for name in PROGRAMS)
        return Programs(etcd, apiserver, controllers)
    binary = str(built())
    return Programs((binary, "etcd"), (binary, "apiserver"), (binary, "controllers"))


def built() -> Path:
    """The control plane in one binary, from the cache or built now."""
    what = (
        f"etcd, kube-apiserver and kube-controller-manager {KUBERNETES} (takes some minutes, once)"
    )
    try:
        return program(MODULE, BUILD, what)
    except (NoGo, OSError, subprocess.CalledProcessError) as error:
        raise NoControlPlane(f"the control plane cannot be built: {error}\n{WAY_OUT}") from error


def gateway_api_crds() -> Path:
    """A folder with Gateway API's own CRDs, as far as the lab uses them, from its Go module."""
    try:
        folder = cache_folder() / f"gateway-api-{required(MODULE, GATEWAY_API)}"
        if not folder.exists():
            with locked(folder):
                if not folder.exists():
                    _copy_gateway_api(folder)
    except (NoGo, OSError) as error:
        raise NoControlPlane(
            f"Gateway API's CRDs cannot be fetched: {error}\n"
            "They come with a Go module, once: allow Go to download modules."
        ) from error
    return folder


def _copy_gateway_api(folder: Path) -> None:
    source = downloaded(MODULE, GATEWAY_API) / "config" / "crd" / "standard"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="copying-") as temporary:
        unfinished = Path(temporary) / folder.name
        unfinished.mkdir()
        for kind in GATEWAY_API_KINDS:
            # Contents only: the module cache's files are read-only, and so would the copies be.
            shutil.copyfile(
                source / f"gateway.networking.k8s.io_{kind}.yaml", unfinished / f"{kind}.yaml"
            )
        unfinished.rename(folder)


def kserve_crds() -> Path:
    """A folder with this project's own CRDs of KServe, limited to the fields that it uses."""
    return REPOSITORY / "lab" / "crds"


def kstatus() -> Path:
    """What tells what kstatus makes of objects, which Flux uses; built once.

    Raises:
        NoGo, OSError, subprocess.CalledProcessError: it cannot be built.
    """
    module = REPOSITORY / "lab" / "kstatus"
    return program(module, ("build", "-trimpath", "-ldflags", "-s -w"), "kstatus (once)")


def kubectl() -> Path:
    """The kubectl of this environment."""
    beside = Path(sys.executable).parent / "kubectl"
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if found is None:
        raise NoControlPlane("no kubectl: install requirements/dev.txt (`make venv`)")
    return Path(found)


if __name__ == "__main__":
    print(built())
    print(gateway_api_crds())
