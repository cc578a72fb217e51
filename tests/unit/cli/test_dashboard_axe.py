"""The dashboard for people who do not see it, or use no mouse: axe-core finds nothing in any page."""

import json
import os
import subprocess
from pathlib import Path

from lab.node import BROWSER, browser_tools
from testkit.dashboard import ADDRESSES, MODEL, MemoryCluster, full, visitor


def violations(files: list[Path]) -> list[dict[str, str]]:
    """What axe-core finds in pages."""
    node, modules = browser_tools()
    done = subprocess.run(
        [node, BROWSER / "axe.cjs", *files],
        env={**os.environ, "NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def test_axe_finds_nothing_in_any_page(tmp_path: Path) -> None:
    guest = visitor(full("inconclusive"))
    pages = {address: guest.ask(address).text for address in (*ADDRESSES, "/models/ward/nobody")}
    pages["degraded"] = visitor(full("requests fail")).ask(MODEL).text
    pages["none"] = visitor(MemoryCluster()).ask("/models").text
    files = []
    for address, page in pages.items():
        files.append(tmp_path / f"{address.replace('/', '-')}.html")
        files[-1].write_text(page)

    assert violations(files) == []


def test_axe_does_look(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><html><title>x</title><main><img src=x></main></html>")

    assert {each["rule"] for each in violations([page])} >= {"html-has-lang", "image-alt"}
