"""Pinned Python packages in a folder of the cache, apart from this environment and without what they require."""

import shutil
import subprocess
import sys
from pathlib import Path

from lab.cache import cache_folder, digest_of, locked, say


class NoPackage(RuntimeError):
    """A package could neither be found in the cache nor be installed."""


def packages(pinned: Path, what: str) -> Path:
    """The folder into which what `pinned` lists, with hashes, was installed once.

    Raises:
        NoPackage: it cannot be installed.
    """
    folder = cache_folder() / f"{pinned.stem}-{digest_of(pinned)}"
    with locked(folder):
        if not folder.exists():
            say(f"{what} (once)")
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _install(pinned, unfinished)
            unfinished.rename(folder)
    return folder


def _install(pinned: Path, folder: Path) -> None:
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    chosen = ("--no-deps", "--require-hashes", "--target", folder, "--requirement", pinned)
    done = subprocess.run(
        [*pip, *chosen], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise NoPackage(f"installing {pinned.name} failed: {done.stderr.strip()[-1500:]}")
