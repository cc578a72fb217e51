"""What the images hold: each set of packages installed alone, as the Dockerfile does it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lab.cache import cache_folder, digest_of, locked, say

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = {
    "operator": "mlhops.controller",
    "evaluator": "mlhops.evaluator",
    "detector": "mlhops.detector",
    "detector-alibi": "mlhops.detector",
}
"""What each image runs."""
OLDER = frozenset({"detector-alibi"})
"""Images whose packages end with Python 3.12."""
_NAMES = """
import importlib.metadata, json
print(json.dumps([found.metadata["Name"] for found in importlib.metadata.distributions()]))
"""


@dataclass(frozen=True)
class Image:
    """A Python that has an image's packages and no others, and this project's code."""

    python: Path
    beside: Path | None = None
    """A folder with more modules."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the image sets, with nothing of this process's."""
        folders = [REPOSITORY / "operator", *([self.beside] if self.beside else [])]
        # Debian's torch, unpacked and not installed, has its libraries elsewhere.
        libraries = os.environ.get("LD_LIBRARY_PATH") if self.beside else None
        return {
            **({"LD_LIBRARY_PATH": libraries} if libraries else {}),
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def run(self, code: str) -> str:
        """Run a program to its end and return what it printed."""
        done = subprocess.run(
            [self.python, "-c", code],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def packages(self) -> set[str]:
        """Return the names of what is installed."""
        code = _NAMES.replace("distributions()", "distributions(path=[__import__('sys').path[-1]])")
        return {canonicalize_name(name) for name in json.loads(self.run(code))}


def requirements(name: str) -> Path:
    """Return the pins of an image."""
    return REPOSITORY / "requirements" / f"{name}.txt"


def pins(name: str, environment: dict[str, str] | None = None) -> dict[str, str]:
    """Return the version of each package of an image, on this Python or on another."""
    found: dict[str, str] = {}
    for line in requirements(name).read_text().splitlines():
        if "==" not in line:
            continue
        pin = Requirement(line.removesuffix("\\").strip())
        if pin.marker is None or pin.marker.evaluate(environment):
            found[canonicalize_name(pin.name)] = next(iter(pin.specifier)).version
    return found


def installed(name: str) -> Image:
    """Install an image's packages alone; kept in the cache for as long as the pins stay."""
    python = _interpreter(name)
    own = (sys.version, sys.base_prefix) if python == sys.executable else (python,)
    key = digest_of(requirements(name), settings=own)
    folder = cache_folder() / f"image-{name}-{key}"
    with locked(folder):
        if not folder.exists():
            say(f"installing the packages of the {name} alone")
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _install(python, unfinished, requirements(name))
            unfinished.rename(folder)
    return Image(folder / "bin" / "python")


def _interpreter(name: str) -> str:
    """Return the Python that an image's packages are for: this one, or an older one."""
    if name not in OLDER or sys.hexversion < 0x030D0000:
        return sys.executable
    found = shutil.which("python3.12") or shutil.which("python3.11")
    assert found, f"the packages of {name} need Python 3.12 or 3.11: install one of them"
    return found


def _install(interpreter: str, folder: Path, pinned: Path) -> None:
    _run(interpreter, "-m", "venv", "--without-pip", str(folder))
    # As strict as the Dockerfile's pip, and done in seconds where the cache has the wheels.
    uv = (sys.executable, "-m", "uv", "pip")
    python = ("--python", str(folder / "bin" / "python"))
    chosen = ("--require-hashes", "--only-binary", ":all:", "--compile-bytecode")
    _run(*uv, "install", *python, *chosen, "--requirement", str(pinned))
    _run(*uv, "check", *python)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}"
