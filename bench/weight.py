"""What the images weigh beside their base: packages and code, as they lie on a node and as they are pulled."""

import os
import tarfile
import tempfile
from pathlib import Path

from bench.results import Result
from lab.cache import REPOSITORY
from testkit.images import MODULES, installed

_MIB = 2**20


def weight() -> list[Result]:
    """Install each image's packages alone, as its Dockerfile does, and weigh them with the code."""
    results = []
    for name in MODULES:
        # Not every image is on the Python that runs this.
        (packages,) = installed(name).python.parents[1].glob("lib/python3.*/site-packages")
        places = (packages, REPOSITORY / "operator" / "mlhops")
        results += [
            Result(f"image {name}, packages and code", _mebibytes(_lies(places)), "MiB"),
            Result(f"image {name}, the same as pulled (gzip)", _mebibytes(_pulled(places)), "MiB"),
        ]
    return results


def _lies(places: tuple[Path, ...]) -> int:
    """Return the bytes of all files."""
    files = (
        Path(at, name) for place in places for at, _, names in os.walk(place) for name in names
    )
    return sum(file.lstat().st_size for file in files)


def _pulled(places: tuple[Path, ...]) -> int:
    """Return the bytes of a layer with these folders."""
    with tempfile.TemporaryFile() as pulled:
        with tarfile.open(fileobj=pulled, mode="w:gz", compresslevel=6) as layer:
            for place in places:
                layer.add(place, arcname=place.name)
        return pulled.tell()


def _mebibytes(size: int) -> float:
    return round(size / _MIB, 1)
