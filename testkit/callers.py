"""Callers at the Gateway, and what can happen to a model server that serves them."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlhops.json_access import items, text
from testkit.ward import HOST, MODEL, Ward

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
GOOD = {
    "inputs": [
        {
            "name": "input",
            "shape": [1, 6],
            "datatype": "FP64",
            "data": [70.0, 1.0, 1.2, 1.5, 1.0, 0.0],
        }
    ]
}
NARROW = {
    "inputs": [
        {"name": "input", "shape": [1, 5], "datatype": "FP64", "data": [70.0, 1.0, 1.2, 1.5, 1.0]}
    ]
}


@contextmanager
def callers(ward: Ward, bodies: Callable[[int], object], each: float = 0.2) -> Iterator[list[int]]:
    """Callers at the Gateway, one request each so many seconds; yields the statuses that they got."""
    address = ward.cluster.gateway_address(ward.namespace, "clinical")
    statuses: list[int] = []
    done = threading.Event()

    def call() -> None:
        number = 0
        while not done.is_set():
            request = urllib.request.Request(
                f"http://{address}/v2/models/{MODEL}/infer",
                data=json.dumps(bodies(number)).encode(),
                headers={"Host": HOST, "Content-Type": "application/json"},
            )
            try:
                with _DIRECT.open(request, timeout=5) as answer:
                    statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                statuses.append(error.code)
            except OSError:
                statuses.append(0)
            number += 1
            done.wait(each)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    try:
        yield statuses
    finally:
        done.set()
        thread.join(timeout=10)


def at_server(ward: Ward, revision: str, path: str) -> int:
    """POST something to the model server of a revision's only pod, past the Gateway."""
    address = text(ward.pod(revision), "status", "podIP")
    request = urllib.request.Request(f"http://{address}:8080{path}", data=b"{}", method="POST")
    request.add_header("Content-Type", "application/json")
    with _DIRECT.open(request, timeout=5) as answer:
        status: int = answer.status
        return status


def server_process(ward: Ward, revision: str) -> int:
    """The process of the model server of a revision's only pod."""
    for each in items(ward.pod(revision), "status", "containerStatuses"):
        if text(each, "name") == "kserve-container":
            return int(text(each, "containerID").removeprefix("lab://"))
    raise AssertionError("there is no model server")
