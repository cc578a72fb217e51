"""Who gets into a dashboard, and what each answer forbids a browser to do."""

import pytest

from mlhops.api.base import Manifest
from mlhops.cli.dashboard import stream
from mlhops.cli.dashboard.guard import HEADERS, POLICY
from mlhops.cli.kubectl import WatchEvent
from testkit.dashboard import PORT, MemoryCluster, Visitor, visitor
from testkit.standings import STANDINGS

CLUSTER = MemoryCluster([STANDINGS["healthy"]()])


def test_a_link_lets_one_browser_in_once_and_the_next_one_is_announced() -> None:
    guest = Visitor(CLUSTER)
    assert guest.ask("/models").status_code == 401
    assert CLUSTER.asked == []

    answer = guest.log_in()

    assert (answer.status_code, answer.headers["location"]) == (303, "/models")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]
    assert guest.ask("/models").status_code == 200
    first, second = guest.links
    assert guest.ask(first).status_code == 401
    assert Visitor(CLUSTER).ask(second).status_code == 401
    assert guest.ask(second).status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "ä"])
def test_another_cookie_lets_nobody_in(cookie: str) -> None:
    guest = visitor(CLUSTER)
    guest.cookies.clear()

    answer = guest.ask("/models", cookie=f"mlhops-{PORT}={cookie}".encode())

    assert answer.status_code == 401


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1:1", ""])
def test_a_name_that_somebody_has_pointed_here_is_refused(host: str) -> None:
    assert visitor(CLUSTER).ask("/models", host=host).status_code == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(method: str) -> None:
    answer = visitor(CLUSTER).ask("/models", method)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_head_is_answered_without_a_page() -> None:
    answer = visitor(CLUSTER).ask("/models", "HEAD")

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/models", "/models.json", "/nowhere", "/static/dashboard.js"])
def test_each_answer_forbids_scripts_and_requests_but_its_own(path: str) -> None:
    answer = visitor(CLUSTER).ask(path)

    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY


def test_a_change_tells_that_there_is_one_and_where_to_go_on() -> None:
    changed = STANDINGS["healthy"]()
    metadata: Manifest = {
        "namespace": "ward",
        "name": "sepsis",
        "resourceVersion": "12\n\nevent: x",
    }

    told = stream.written(WatchEvent("MODIFIED", {**changed, "metadata": metadata}))

    assert told.startswith("id: 12eventx\nevent: change\ndata: {")
    assert told.endswith('"phase": "Healthy"}\n\n')
    assert told.count("\n\n") == 1
