"""What the fault proxy understands of requests, and when a fault is due."""

import pytest

from campaign.points import point
from campaign.traffic import busiest, hasty
from lab.faults.requests import Target, target_of
from lab.faults.script import Action, Counted, Fault, Struck, due


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
    [
        "supersede:kill-after@write7",
        "whole-canary:429@write3x3",
        "delete:drop@watch.httproutes4",
        "abort:older@write12~5",
        "abort:away@write12for90",
        "abort:away@write12",
    ],
)
def test_a_point_is_found_again_by_its_name(name: str) -> None:
    assert str(point(name)) == name


def test_a_name_of_no_point_is_refused() -> None:
    with pytest.raises(ValueError, match="is no point"):
        point("supersede:explode@write7")


def _request(moment: float, sort: str = "patch", *, busy: bool = False) -> Struck:
    target = Target(sort, "httproutes", "w", "sepsis")
    return Struck(moment, Counted.WRITE, 1, target, request=str(target), busy=busy)


def test_a_request_is_hasty_if_it_comes_before_its_time_again() -> None:
    first = _request(0.0, busy=True)
    assert hasty([first, _request(1.0)]) == []
    assert hasty([first, _request(0.5, "get")]) == []
    assert len(hasty([first, _request(0.5)])) == 1


def test_the_busiest_ten_seconds_are_found() -> None:
    moments = [0.0, 8.0, 9.0, 12.0, 17.0, 30.0]
    assert [one.moment for one in busiest([_request(moment) for moment in moments])] == [
        8.0,
        9.0,
        12.0,
        17.0,
    ]
