"""A version stands in one place, and all others follow it."""

import re
import shutil
from pathlib import Path

import pytest

from mlhops import __version__
from tools.release import PLACES, REPOSITORY, Place, main, problems, write


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The files that name the version."""
    for file in {*(place.file for place in PLACES), "CHANGELOG.md"}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / file, tmp_path / file)
    return tmp_path


def test_all_places_name_the_version_of_the_code() -> None:
    assert list(problems()) == []


@pytest.mark.parametrize("place", PLACES[1:], ids=lambda place: place.file)
def test_a_place_that_stays_behind_is_named(copied: Path, place: Place) -> None:
    file, pattern = copied / place.file, re.compile(place.pattern, re.MULTILINE)
    file.write_text(
        pattern.sub(lambda found: found[0].replace(found[1], "0.0.7"), file.read_text(), count=1)
    )

    assert any(str(file.relative_to(copied)) in each for each in problems(copied))


def test_a_release_writes_all_places_and_dates_what_was_unreleased(copied: Path) -> None:
    write("7.8.9", copied)

    assert list(problems(copied)) == []
    changes = (copied / "CHANGELOG.md").read_text()
    assert changes.index("## [Unreleased]") < changes.index("## [7.8.9]")
    for file in {place.file for place in PLACES}:
        assert __version__ not in re.findall(r"mlhops/\S+:(\S+)", (copied / file).read_text())


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["latest"])
