"""docs/licences.md names what each image holds, and under which licence."""

from pathlib import Path

import pytest

from lab.cache import REPOSITORY
from tools import licences
from tools.pins import Pin, images


def test_the_page_is_up_to_date() -> None:
    assert licences.main([str(REPOSITORY), "--check"]) == 0


def test_a_page_that_lacks_a_pin_is_out_of_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = "ARG BASE=python:3\nFROM ${BASE} AS one-packages\nFROM ${BASE} AS one\n"
    (tmp_path / "Dockerfile").write_text(stages)
    for folder in ("docs", "requirements"):
        (tmp_path / folder).mkdir()
    pinned = "numpy==1.0 \\\n    --hash=sha256:00\n"
    (tmp_path / "requirements" / "one.txt").write_text(pinned)

    assert licences.main([str(tmp_path), "--check"]) == 1
    assert "python -m tools.licences" in capsys.readouterr().err


def test_what_was_written_of_a_release_that_is_not_installed_here_stays() -> None:
    pin = Pin("numpy", "0.0.1")

    assert licences.licence(pin, {pin: "BSD-3-Clause"}) == "BSD-3-Clause"
    assert licences.licence(pin, {}) == licences.UNKNOWN


def test_one_image_alone_holds_alibi_detect() -> None:
    holding = [
        image.name
        for image in images(REPOSITORY)
        if "alibi-detect" in {pin.name for pin in image.pins}
    ]

    assert holding == ["detector-alibi"]
