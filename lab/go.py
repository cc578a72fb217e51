"""Finds a Go toolchain that is new enough, or installs a pinned one into the cache."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from lab.cache import REPOSITORY, cache_folder, digest_of, locked, say

MODULE = REPOSITORY / "lab" / "controlplane"
PINNED = REPOSITORY / "requirements" / "go.txt"


class NoGo(RuntimeError):
    """No usable Go toolchain could be found or installed."""


def go_environment() -> dict[str, str]:
    """The environment for every call of Go: this toolchain, these modules, nothing newer."""
    return {
        **os.environ,
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
    }


def find_go() -> Path:
    """A Go that can build the control plane: the machine's own if it is new enough."""
    needed = _needed()
    found = shutil.which("go")
    if found is not None and _version(Path(found)) >= needed:
        return Path(found)
    return _install()


def _needed() -> tuple[int, ...]:
    line = re.search(r"^go (\S+)$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if line is None:
        raise NoGo(f"{MODULE / 'go.mod'} has no line that names the version of Go")
    return _numbers(line.group(1))


def _version(go: Path) -> tuple[int, ...]:
    asked = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        env=go_environment(),
        cwd="/",
        check=False,
    )
    return _numbers(asked.stdout.strip().removeprefix("go")) if asked.returncode == 0 else ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _install() -> Path:
    folder = cache_folder() / f"go-{digest_of(PINNED)}"
    go = folder / "go" / "bin" / "go"
    with locked(folder):
        if go.exists():
            return go
        say("no Go that is new enough: installing one into the cache (once)")
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [
                *pip,
                "--no-deps",
                "--require-hashes",
                "--target",
                unfinished,
                "--requirement",
                PINNED,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NoGo(f"installing {PINNED.name} failed: {done.stderr.strip()[-1500:]}")
        unfinished.rename(folder)
    return go
