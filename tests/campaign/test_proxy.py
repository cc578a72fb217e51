"""What the fault proxy understands of requests, and when a fault is due."""

import pytest

from campaign.points import point
from lab.faults.requests import Target, target_of
from lab.faults.script import Action, Counted, Fault, due


@pytest.mark.parametrize(
    ("method", "path", "query", "target"),
    [
        ("GET", "/api/v1/namespaces/w/pods", {}, Target("list", "pods", "w")),
        ("GET", "/api/v1/namespaces/w/pods/a", {}, Target("get", "pods", "w", "a")),
        ("GET", "/api/v1/pods", {"watch": "true"}, Target("watch", "pods")),
        ("POST", "/api/v1/namespaces/w/events", {}, Target("create", "events", "w")),
        ("GET", "/api/v1/namespaces/w", {}, Target("get", "namespaces", "", "w")),
        (
            "PATCH",
            "/apis/mlhops.io/v1alpha1/namespaces/w/clinicalmodels/sepsis/status",
            {},
            Target("patch", "clinicalmodels", "w", "sepsis", "status"),
        ),
        (
            "DELETE",
            "/apis/serving.kserve.io/v1beta1/namespaces/w/inferenceservices/a",
            {},
            Target("delete", "inferenceservices", "w", "a"),
        ),
        ("GET", "/apis", {}, Target("list", "")),
    ],
)
def test_a_request_is_recognised(
    method: str, path: str, query: dict[str, str], target: Target
) -> None:
    assert target_of(method, path, query) == target
    assert target.is_write == (method != "GET")


def test_a_fault_strikes_as_often_as_it_says_and_only_what_it_counts() -> None:
    fault = Fault(Action.BUSY, at=3, times=2)
    struck = [number for number in range(1, 8) if due([fault], {Counted.WRITE: number})]
    assert struck == [3, 4]
    assert due([fault], {Counted.READ: 3, "get.pods": 3}) is None
    assert due([Fault(Action.BUSY, 3, "get.pods")], {Counted.READ: 9, "get.pods": 3}) is not None


@pytest.mark.parametrize(
    "name",
    ["supersede:kill-after@write7", "whole-canary:429@write3x3", "delete:drop@watch.httproutes4"],
)
def test_a_point_is_found_again_by_its_name(name: str) -> None:
    assert str(point(name)) == name


def test_a_name_of_no_point_is_refused() -> None:
    with pytest.raises(ValueError, match="is no point"):
        point("supersede:explode@write7")
