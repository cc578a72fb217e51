"""docs/licences.md names what each image holds, and under which licence."""

from pathlib import Path

import pytest

from lab import licences
from lab.cache import REPOSITORY


def test_the_page_is_up_to_date() -> None:
    assert licences.main([str(REPOSITORY), "--check"]) == 0


def test_a_page_that_lacks_a_pin_is_out_of_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for image in licences.IMAGES:
        file = tmp_path / licences.REQUIREMENTS / f"{image}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text("numpy==1.0 \\\n    --hash=sha256:00\n")
    (tmp_path / "docs").mkdir()

    assert licences.main([str(tmp_path), "--check"]) == 1
    assert "python -m lab.licences" in capsys.readouterr().err


def test_what_was_written_of_a_release_that_is_not_installed_here_stays() -> None:
    pin = licences.Pin("numpy", "0.0.1")

    assert licences.licence(pin, {pin: "BSD-3-Clause"}) == "BSD-3-Clause"
    assert licences.licence(pin, {}) == licences.UNKNOWN


def test_no_image_holds_alibi_detect() -> None:
    held = {
        pin.name
        for image in licences.IMAGES
        for pin in licences.pins((REPOSITORY / "requirements" / f"{image}.txt").read_text())
    }

    assert "alibi-detect" not in held
    assert "numpy" in held
