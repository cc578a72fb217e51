"""Programs for Node.js, installed by npm from a lock file with the hash of each package.

Azurite is the stand-in for Azure Blob Storage; axe-core in jsdom, or in a browser by playwright-core, looks at pages.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from lab.cache import REPOSITORY, cache_folder, digest_of, locked, say

AZURITE = REPOSITORY / "lab" / "azurite"
BROWSER = REPOSITORY / "lab" / "browser"
# Nothing that comes with a package is run, and what is not in the lock file is not installed.
INSTALL = ("ci", "--ignore-scripts", "--omit=dev", "--omit=optional", "--no-audit", "--no-fund")
_AZURITE_MAIN = Path("azurite", "dist", "src", "blob", "main.js")
_AXE = Path("axe-core", "axe.min.js")


class NoNode(RuntimeError):
    """Node.js is not here, or npm could not install what is asked for."""


def azurite() -> tuple[str, str]:
    """How the Blob service of Azurite is called; installed once.

    Raises:
        NoNode: it can be neither found nor installed.
    """
    node = _found("node")
    return node, str(_modules(AZURITE, "Azurite", _AZURITE_MAIN) / _AZURITE_MAIN)


def browser_tools() -> tuple[str, Path]:
    """Node.js, and the folder of the modules that look at pages; installed once.

    Raises:
        NoNode: they can be neither found nor installed.
    """
    node = _found("node")
    return node, _modules(BROWSER, "axe-core", _AXE)


def _modules(package: Path, name: str, witness: Path) -> Path:
    """Return the folder node_modules of a package, in which `witness` must be."""
    sources = [package / each for each in ("package.json", "package-lock.json")]
    folder = cache_folder() / f"{package.name}-{digest_of(*sources, settings=INSTALL)}"
    if not folder.exists():
        with locked(folder):
            if not folder.exists():
                _install(sources, folder, name, witness)
    return folder / "node_modules"


def _install(sources: list[Path], folder: Path, name: str, witness: Path) -> None:
    npm = _found("npm")
    say(f"installing {name} (a minute, once)")
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
                f"npm cannot install {name}: {done.stderr.strip()[-2000:]}\n"
                "Allow npm to download packages, once; they are kept in the cache."
            )
        if not (unfinished / "node_modules" / witness).exists():
            raise NoNode(f"{name} has no {witness}: was its version changed in {sources[0]}?")
        unfinished.rename(folder)


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NoNode(f"no {program} on PATH: install Node.js 20 or newer, which brings npm")
    return found
