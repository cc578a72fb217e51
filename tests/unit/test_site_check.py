"""The site asks nobody else for anything, and what would is found."""

from pathlib import Path

import pytest

from tools.site_check import main


@pytest.mark.parametrize(
    ("page", "loads"),
    [
        ('<a href="https://elsewhere.example/">read on</a>', False),
        ('<script src="_static/own.js"></script>', False),
        ('<script src="https://elsewhere.example/a.js"></script>', True),
        ('<script src="//elsewhere.example/a.js"></script>', True),
        ('<link rel="stylesheet" href="https://elsewhere.example/a.css">', True),
        ('<img src="own.png" srcset="https://elsewhere.example/a.png 2x">', True),
        ('<form action="https://elsewhere.example/search"></form>', True),
        ("<style>@import 'https://elsewhere.example/a.css';</style>", True),
        ('<p style="background: url(//elsewhere.example/a.png)">', True),
    ],
)
def test_what_a_browser_would_load_from_elsewhere_is_found(
    page: str, loads: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.html").write_text(f"<!doctype html>{page}")

    assert main([str(tmp_path)]) == int(loads)

    assert ("elsewhere.example" in capsys.readouterr().err) == loads


def test_a_style_sheet_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "site.css").write_text(
        "@font-face { src: url('https://elsewhere.example/f.woff2') }"
    )

    assert main([str(tmp_path)]) == 1


def test_a_folder_without_a_site_is_not_taken_for_a_good_one(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 1
