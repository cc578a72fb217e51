"""What the images hold: the targets of the Dockerfile, and what their requirement sets pin."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement

DOCKERFILE = Path("Dockerfile")
REQUIREMENTS = Path("requirements")
_ARGUMENT = re.compile(r"^ARG (\w+)=(\S+)$", re.MULTILINE)
_STAGE = re.compile(r"^FROM (\S+) AS (\S+)$", re.MULTILINE)
_PACKAGES = "-packages"
_PIN = re.compile(r"^(?![#\s-])(\S+==[^\\\n]*?)\s*((?:\\\n\s+--hash=\S+\s*)*)$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]+)")


@dataclass(frozen=True, order=True)
class Pin:
    """A release of a distribution."""

    name: str
    release: str
    marker: Marker | None = field(default=None, compare=False)
    """Where it is installed; everywhere if there is none."""
    hashes: tuple[str, ...] = field(default=(), compare=False)
    """sha256 of each of its files that may be installed."""


@dataclass(frozen=True)
class Image:
    """A target of the Dockerfile that has a requirement set of its own."""

    name: str
    base: str
    """What it begins from: name, tag and digest."""
    pins: tuple[Pin, ...]

    @property
    def python(self) -> str:
        """The version of its Python, from the base's tag."""
        return self.base.partition(":")[2].partition("-")[0]


def images(repository: Path) -> list[Image]:
    """Return the images that a checkout makes, in the Dockerfile's order.

    Raises:
        ValueError: a target begins from nothing that is named there.
    """
    dockerfile = (repository / DOCKERFILE).read_text()
    arguments = dict(_ARGUMENT.findall(dockerfile))
    stages = {name: base for base, name in _STAGE.findall(dockerfile)}
    return [
        Image(name, _base(name, stages, arguments), tuple(pins_of(repository, name)))
        for name in (each.removesuffix(_PACKAGES) for each in stages if each.endswith(_PACKAGES))
    ]


def _base(name: str, stages: dict[str, str], arguments: dict[str, str]) -> str:
    while name in stages:
        name = stages[name]
    base = arguments.get(name.strip("${}"))
    if base is None:
        raise ValueError(f"{DOCKERFILE}: {name} is neither a stage nor an ARG with a value")
    return base


def pins_of(repository: Path, image: str) -> list[Pin]:
    """Return what an image's requirement set pins."""
    return pins((repository / REQUIREMENTS / f"{image}.txt").read_text())


def pins(requirements: str) -> list[Pin]:
    """Return what a requirement set pins."""
    found: list[Pin] = []
    for line, hashes in _PIN.findall(requirements):
        requirement = Requirement(line)
        (exactly,) = requirement.specifier
        known = tuple(_HASH.findall(hashes))
        found.append(Pin(requirement.name, exactly.version, requirement.marker, known))
    return found
