"""Which version of KServe runs: the one that `go.mod` pins, or another that `KSERVE_VERSION` names."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from lab.cache import REPOSITORY, cache_folder, locked, say
from lab.go import downloaded, find_go, go_environment, required

MODULE = REPOSITORY / "lab" / "kserve_upstream"
PATH = "github.com/kserve/kserve"
VARIABLE = "KSERVE_VERSION"


def module() -> Path:
    """A folder with the Go module that requires the version.

    Raises:
        NoGo, OSError, subprocess.CalledProcessError: what that version requires cannot be had.
    """
    asked = os.environ.get(VARIABLE)
    if not asked or asked == required(MODULE, PATH):
        return MODULE
    folder = cache_folder() / f"kserve-module-{asked}"
    if not folder.exists():
        with locked(folder):
            if not folder.exists():
                _make(folder, asked)
    return folder


def _make(folder: Path, version: str) -> None:
    say(f"finding what KServe {version} requires (once)")
    source = downloaded(MODULE, f"{PATH}@{version}")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="requiring-") as temporary:
        unfinished = Path(temporary) / folder.name
        unfinished.mkdir()
        own = json.loads(_go(source, "mod", "edit", "-json"))
        (unfinished / "go.mod").write_text("\n".join(requirements(own, version)) + "\n")
        # Writes go.sum, with what the build reads and no more.
        _go(unfinished, "list", "-mod=mod", "-deps", "tool")
        unfinished.rename(folder)


def requirements(own: dict[str, object], version: str) -> list[str]:
    """The lines of a go.mod for a version; KServe's own `replace` lines hold for KServe alone, and are taken over."""
    replaced = own.get("Replace") or []
    assert isinstance(replaced, list)
    return [
        "module example.invalid/kserve",
        f"go {own['Go']}",
        *(f"tool {PATH}/cmd/{program}" for program in ("agent", "manager")),
        f"require {PATH} {version}",
        *(_replaced(one["Old"], one["New"]) for one in replaced if "Version" in one["New"]),
    ]


def _replaced(old: dict[str, str], new: dict[str, str]) -> str:
    names = " ".join((old["Path"], old["Version"])) if "Version" in old else old["Path"]
    return f"replace {names} => {new['Path']} {new['Version']}"


def _go(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [find_go(MODULE), *arguments],
        cwd=folder,
        env=go_environment() | {"GOFLAGS": "-buildvcs=false"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
