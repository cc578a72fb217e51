"""A model server that cannot answer gets no more requests and is restarted, whoever notices or not."""

import os
import signal
import time
import urllib.request
from collections.abc import Callable

import pytest

from mlhops.api.base import Manifest
from mlhops.api.serving import ServingReport
from mlhops.json_access import items, number, text
from testkit.api import until
from testkit.ward import MODEL, Ward

SERVER = "kserve-container"


def server(ward: Ward, revision: str) -> Manifest:
    """The status of the model server's container."""
    statuses = items(ward.pod(revision), "status", "containerStatuses")
    return next(one for one in statuses if text(one, "name") == SERVER)


def restarts(ward: Ward, revision: str) -> int:
    return number(server(ward, revision), "restartCount") or 0


def unload(ward: Ward, revision: str) -> None:
    """Unload the model, as whoever reaches the pod can."""
    address = text(ward.pod(revision), "status", "podIP")
    url = f"http://{address}:8080/v2/repository/models/{MODEL}/unload"
    urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10).close()


def freeze(ward: Ward, revision: str) -> None:
    """Stop the process, so that it takes connections and answers nothing."""
    pid = text(server(ward, revision), "containerID").removeprefix("lab://")
    os.kill(int(pid), signal.SIGSTOP)


def asked(ward: Ward) -> list[float]:
    """What a caller is answered; nothing while nobody answers."""
    try:
        return ward.ask()
    except OSError:
        return []


@pytest.mark.parametrize(("harm", "reason"), [(unload, "notReady"), (freeze, "timeout")])
def test_a_server_that_cannot_answer_is_taken_out_and_restarted(
    ward: Ward, harm: Callable[[Ward, str], None], reason: str
) -> None:
    # given a model that serves, whose detector has seen it answer
    stable = ward.serve().status.stable
    assert stable is not None
    revision = stable.revision

    def probe(state: str) -> str:
        report = ServingReport.model_validate_json(ward.page(revision, "/serving"))
        return report.probe.reason or "well" if report.probe.state == state else ""

    until("an answer", lambda: probe("Answers"), 30)
    before = restarts(ward, revision)

    # when it answers no more
    harm(ward, revision)
    began = time.monotonic()

    # then its detector says so, it gets no more requests, and it is restarted and serves again
    said = until("the probe", lambda: probe("Fails"), 30)
    print(f"{reason}: the probe said so after {time.monotonic() - began:.1f} s")
    assert said == reason
    until("no requests", lambda: server(ward, revision).get("ready") is False, 40)
    print(f"{reason}: taken out after {time.monotonic() - began:.1f} s")
    until("a restart", lambda: restarts(ward, revision) == before + 1, 150)
    print(f"{reason}: restarted after {time.monotonic() - began:.1f} s")
    until("ready again", lambda: server(ward, revision).get("ready") is True, 60)
    print(f"{reason}: ready again after {time.monotonic() - began:.1f} s")
    until("the probe again", lambda: probe("Answers"), 30)
    # KServe's agent and the Gateway follow a little later than the model server's own container.
    until("an answer to a caller", lambda: asked(ward), 60)
    print(f"{reason}: callers are answered again after {time.monotonic() - began:.1f} s")
