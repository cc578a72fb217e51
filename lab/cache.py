"""The folder for what is slow to make and the same for every run."""

import fcntl
import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def cache_folder() -> Path:
    """`$MLHOPS_CACHE`, or `mlhops` in the user's cache folder."""
    chosen = os.environ.get("MLHOPS_CACHE")
    shared = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(chosen) if chosen else shared / "mlhops"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def digest_of(*files: Path, settings: tuple[str, ...] = ()) -> str:
    """A key for something made from these files with these settings on this kind of machine."""
    key = hashlib.sha256()
    for text in (go_platform(), *settings):
        key.update(text.encode() + b"\0")
    for file in files:
        key.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return key.hexdigest()[:16]


def go_platform() -> str:
    """The machine in Go's words, such as linux/amd64."""
    machine = platform.machine().lower()
    return f"{sys.platform}/{MACHINES.get(machine, machine)}"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process at a time makes `folder`; the others wait and find it made."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: another process is making {folder}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """A line of progress; on standard error, so that it never mixes with results."""
    print(f"lab: {text}", file=sys.stderr, flush=True)
