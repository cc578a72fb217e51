"""The program of image `mlserver`: MLServer itself, in an environment of its own, since it cannot share kserve's.

It binds to the pod's own address (LAB_POD_IP) only, since pods share one network here, and infers in the process that
answers, which spares a second one for each pod.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lab.cache import REPOSITORY, cache_folder, digest_of, locked, say

PINNED = REPOSITORY / "requirements" / "mlserver.txt"
IMAGE = "mlserver"
_MAIN = "from mlserver.cli import main; main()"


class NoMLServer(RuntimeError):
    """MLServer cannot be installed."""


def mlserver() -> tuple[str, ...]:
    """Serve what the container's variables name; `$(NAME)` is a variable of the container.

    Raises:
        NoMLServer: its environment, which is made once, cannot be made.
    """
    own = ("MLSERVER_HOST=$(LAB_POD_IP)", "MLSERVER_PARALLEL_WORKERS=0")
    # Isolated: neither PYTHONPATH nor the folder that it starts in adds packages of another environment.
    python = (str(_environment() / "bin" / "python"), "-I", "-c", _MAIN)
    return ("/usr/bin/env", *own, *python, "start", "$(MLSERVER_MODEL_URI)")


def _environment() -> Path:
    python = _interpreter()
    folder = cache_folder() / f"mlserver-{digest_of(PINNED, settings=(python,))}"
    with locked(folder):
        if not folder.exists():
            say("installing MLServer into the cache: some 400 MB, once")
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _install(python, unfinished)
            unfinished.rename(folder)
    return folder


def _interpreter() -> str:
    """Return a Python that MLServer takes: 3.12 at most."""
    found = sys.executable
    if sys.version_info >= (3, 13):
        found = shutil.which("python3.12") or shutil.which("python3.11") or ""
    if not found:
        raise NoMLServer("MLServer needs Python 3.12 or 3.11: install one of them")
    return os.path.realpath(found)


def _install(python: str, folder: Path) -> None:
    _run(python, "-m", "venv", "--without-pip", str(folder))
    target = ("--python", str(folder / "bin" / "python"))
    chosen = ("--require-hashes", "--only-binary", ":all:", "--requirement", str(PINNED))
    _run(sys.executable, "-m", "uv", "pip", "install", "--quiet", *target, *chosen)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoMLServer(f"installing {PINNED.name} failed: {done.stderr.strip()[-1500:]}")
