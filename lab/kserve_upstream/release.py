"""What a release of KServe consists of: two programs, its CRDs, its installation and its runtimes."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from lab.binaries import kubectl
from lab.cache import cache_folder, digest_of, locked, say
from lab.client import Object
from lab.go import NoGo, downloaded, programs, required
from lab.kserve_upstream.version import PATH, module

PACKAGES = (f"{PATH}/cmd/agent", f"{PATH}/cmd/manager")
BUILD = ("build", "-trimpath", "-ldflags", "-s -w")
# The first that there is: the other is that of earlier versions.
INSTALLATIONS = (Path("config", "overlays", "standalone", "kserve"), Path("config", "default"))
RUNTIMES = Path("config", "runtimes")
INITIALIZER = Path("python", "storage-initializer", "scripts", "initializer-entrypoint")
CRD = "CustomResourceDefinition"
WAY_OUT = (
    "Put Go (the version in lab/kserve_upstream/go.mod, or newer) on PATH and allow it to download "
    "modules, once; what it makes stays in the cache."
)


class NoKServe(RuntimeError):
    """KServe could neither be found in the cache nor be built."""


@dataclass(frozen=True)
class Release:
    """What KServe's own kustomizations render."""

    folder: Path

    @property
    def crds(self) -> Path:
        """Its CRDs in full, as a file to apply."""
        return self.folder / "crds.json"

    @property
    def initializer(self) -> Path:
        """The script that its image storage-initializer starts, which needs its package kserve_storage."""
        return self.folder / "initializer-entrypoint"

    def objects(self) -> list[Object]:
        """All else that an installation consists of."""
        return _read(self.folder / "installation.json")

    def runtimes(self) -> list[Object]:
        """Its ClusterServingRuntimes."""
        return _read(self.folder / "runtimes.json")


def version() -> str:
    """The version that the lab runs."""
    return required(module(), PATH)


def manager() -> Path:
    """Its controller and webhooks, one program."""
    return _programs() / "manager"


def agent() -> Path:
    """What logs requests and answers beside a model server."""
    return _programs() / "agent"


def release() -> Release:
    """What it installs, from the cache or rendered now."""
    try:
        folder = cache_folder() / f"kserve-{version()}-{digest_of(Path(__file__))}"
        if not folder.exists():
            with locked(folder):
                if not folder.exists():
                    _render(folder)
    except (NoGo, OSError, subprocess.CalledProcessError) as error:
        detail = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
        raise NoKServe(f"KServe's manifests cannot be had: {detail}\n{WAY_OUT}") from error
    return Release(folder)


def _programs() -> Path:
    try:
        what = f"KServe {version()}, its controller and its agent (takes some minutes, once)"
        return programs(module(), BUILD, what, PACKAGES)
    except (NoGo, OSError, subprocess.CalledProcessError) as error:
        raise NoKServe(f"KServe cannot be built: {error}\n{WAY_OUT}") from error


def _render(folder: Path) -> None:
    say(f"reading the manifests of KServe {version()} (once)")
    source = downloaded(module(), PATH)
    [there, *_] = [source / one for one in INSTALLATIONS if (source / one).is_dir()]
    installation = _kustomized(there)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="rendering-") as temporary:
        unfinished = Release(Path(temporary) / folder.name)
        unfinished.folder.mkdir()
        _write(unfinished.crds, (one for one in installation if one["kind"] == CRD))
        rest = (one for one in installation if one["kind"] != CRD)
        _write(unfinished.folder / "installation.json", rest)
        _write(unfinished.folder / "runtimes.json", _kustomized(source / RUNTIMES))
        # Contents only: the module cache's files are read-only, and so would the copy be.
        shutil.copyfile(source / INITIALIZER, unfinished.initializer)
        unfinished.folder.rename(folder)


def _kustomized(folder: Path) -> list[Object]:
    """The objects that kubectl's own kustomize makes of a folder."""
    done = subprocess.run(
        [kubectl(), "kustomize", folder], capture_output=True, text=True, check=True
    )
    return [one for one in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if one]


def _write(file: Path, objects: Iterable[Object]) -> None:
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def _read(file: Path) -> list[Object]:
    items: list[Object] = json.loads(file.read_text())["items"]
    return items


if __name__ == "__main__":
    print(release().folder)
    print(manager())
