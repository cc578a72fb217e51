"""The one version in all places: `python -m tools.release --check` compares, `python -m tools.release 0.2.0` writes.

The version is that of the code (`operator/mlhops/__init__.py`); chart, manifests, images and pages follow it.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
VERSION = r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.]+)?"
_IMAGE = rf"mlhops/(?:operator|evaluator|detector|detector-alibi|\$image):({VERSION})"
_LABEL = rf'app\.kubernetes\.io/version: "({VERSION})"'
SOURCE = "operator/mlhops/__init__.py"


@dataclass(frozen=True)
class Place:
    """A file that names the version, and how."""

    file: str
    pattern: str
    times: int = 1


PLACES = (
    Place(SOURCE, rf'^__version__ = "({VERSION})"$'),
    Place("pyproject.toml", rf'^version = "({VERSION})"$'),
    Place("charts/mlhops/Chart.yaml", rf"^version: ({VERSION})$"),
    Place("charts/mlhops/Chart.yaml", rf'^appVersion: "({VERSION})"$'),
    Place("charts/mlhops/Chart.yaml", _IMAGE, 4),
    Place("manifests/krew/mlhops.yaml", rf"^  version: v({VERSION})$"),
    Place("manifests/krew/mlhops.yaml", rf"/v({VERSION})/"),
    Place("manifests/base/deployment.yaml", _IMAGE, 4),
    Place("manifests/base/kustomization.yaml", _LABEL),
    Place("manifests/default/kustomization.yaml", _LABEL),
    Place("manifests/examples/prepare/job.yaml", _IMAGE),
    Place("Dockerfile", rf"^ARG VERSION=({VERSION})$", 2),
    Place("Dockerfile", _IMAGE),
    Place("docs/install.md", _IMAGE, 3),
    Place("docs/images.md", _IMAGE),
)


def problems(folder: Path = REPOSITORY) -> Iterator[str]:
    """Yield where a place names another version than the code, or none; and where the changelog lacks it."""
    [version] = _found(folder, PLACES[0])
    for place in PLACES:
        found = _found(folder, place)
        if found != [version] * place.times:
            told = ", ".join(found) or "none"
            yield f"{place.file} names {told} where {version} is wanted {place.times} times"
    if f"\n## [{version}]" not in (folder / "CHANGELOG.md").read_text():
        yield f"CHANGELOG.md has no section [{version}]"


def write(version: str, folder: Path = REPOSITORY) -> None:
    """Write a version into all places; what is unreleased in the changelog becomes its section."""
    for place in PLACES:
        file = folder / place.file
        file.write_text(
            re.sub(
                place.pattern,
                lambda match: match[0].replace(match[1], version),
                file.read_text(),
                flags=re.MULTILINE,
            )
        )
    changes = folder / "CHANGELOG.md"
    heading = "## [Unreleased]\n"
    changes.write_text(changes.read_text().replace(heading, f"{heading}\n## [{version}]\n", 1))


def _found(folder: Path, place: Place) -> list[str]:
    return re.findall(place.pattern, (folder / place.file).read_text(), re.MULTILINE)


def main(argv: list[str] | None = None) -> int:
    """Check, or write a version."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("version", nargs="?", help="the next version")
    what.add_argument("--check", action="store_true", help="exit 1 where places differ")
    options = parser.parse_args(argv)
    if options.version is not None:
        if not re.fullmatch(VERSION, options.version):
            parser.error(f"{options.version!r} is no version: write MAJOR.MINOR.PATCH")
        write(options.version)
    found = list(problems())
    for each in found:
        print(f"{each}: run `make release VERSION=…`", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
