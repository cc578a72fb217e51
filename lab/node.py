"""Azurite, the stand-in for Azure Blob Storage, installed by npm from a lock file with the hash of each package."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from lab.cache import REPOSITORY, cache_folder, digest_of, locked, say

AZURITE = REPOSITORY / "lab" / "azurite"
MAIN = Path("node_modules", "azurite", "dist", "src", "blob", "main.js")
# Nothing that comes with a package is run, and what is not in the lock file is not installed.
INSTALL = ("ci", "--ignore-scripts", "--omit=dev", "--omit=optional", "--no-audit", "--no-fund")


class NoNode(RuntimeError):
    """Node.js is not here, or npm could not install what is asked for."""


def azurite() -> tuple[str, str]:
    """How the Blob service of Azurite is called; installed once.

    Raises:
        NoNode: it can be neither found nor installed.
    """
    node = _found("node")
    sources = [AZURITE / name for name in ("package.json", "package-lock.json")]
    folder = cache_folder() / f"azurite-{digest_of(*sources, settings=INSTALL)}"
    if not folder.exists():
        with locked(folder):
            if not folder.exists():
                _install(sources, folder)
    return node, str(folder / MAIN)


def _install(sources: list[Path], folder: Path) -> None:
    npm = _found("npm")
    say("installing Azurite (a minute, once)")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="installing-") as temporary:
        unfinished = Path(temporary) / folder.name
        unfinished.mkdir()
        for source in sources:
            shutil.copyfile(source, unfinished / source.name)
        done = subprocess.run(
            [npm, *INSTALL], cwd=unfinished, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NoNode(
                f"npm cannot install Azurite: {done.stderr.strip()[-2000:]}\n"
                "Allow npm to download packages, once; they are kept in the cache."
            )
        if not (unfinished / MAIN).exists():
            raise NoNode(f"Azurite has no {MAIN}: was its version changed in {AZURITE}?")
        unfinished.rename(folder)


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NoNode(f"no {program} on PATH: install Node.js 20 or newer, which brings npm")
    return found
