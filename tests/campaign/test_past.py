"""A client that comes back to an older view of a real API server, while its writes reach what is."""

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from campaign.control_plane import Plane
from lab.faults.past import only
from lab.faults.requests import Target
from lab.faults.script import Action, Fault
from mlhops.controller.resources import MODELS
from testkit.api import Api
from testkit.builders import clinical_model

NAMESPACE = "default"
PATH = MODELS.path(NAMESPACE, "sepsis")
SECONDS = 2.0


@pytest.fixture
def through(plane: Plane) -> Iterator[Api]:
    """Somebody whose third write is carried out and never answered; then it is the time before the second."""
    struck: list[Target] = []
    with plane.proxy(lambda _, target: struck.append(target)) as proxy:
        api = Api(plane.kubeconfig_through(proxy))
        proxy.begin(Fault(Action.OLDER, at=3, seconds=SECONDS, back=1))
        yield api
        api.close()
    assert [str(target) for target in struck] == ["patch clinicalmodels/sepsis"]


@pytest.fixture
def direct(plane: Plane) -> Iterator[Api]:
    api = Api(plane.kubeconfig)
    yield api
    api.delete(MODELS, NAMESPACE, "sepsis")
    api.close()


def _wish(api: Api, version: str, at: str | None = None) -> httpx.Response:
    patch: dict[str, object] = {"spec": {"version": version}}
    if at is not None:
        patch["metadata"] = {"resourceVersion": at}
    headers = {"Content-Type": "application/merge-patch+json"}
    return api.http.patch(PATH, json=patch, headers=headers)


def _version(of: dict[str, dict[str, str]]) -> str:
    return of["spec"]["version"]


def test_reads_tell_what_was_and_writes_reach_what_is(through: Api, direct: Api) -> None:
    through.create(MODELS, NAMESPACE, clinical_model())
    _wish(through, "2.0.0")
    with pytest.raises(httpx.HTTPError):
        _wish(through, "3.0.0")

    one = through.http.get(PATH).json()
    listed = through.http.get(MODELS.path(NAMESPACE)).json()
    there = direct.http.get(PATH).json()
    refused = _wish(through, "4.0.0", at=one["metadata"]["resourceVersion"])

    assert (_version(one), one["kind"]) == ("1.0.0", "ClinicalModel")
    assert [_version(of) for of in listed["items"]] == ["1.0.0"]
    assert _version(there) == "3.0.0"
    assert refused.status_code == 409
    time.sleep(SECONDS)
    assert _version(through.http.get(PATH).json()) == "3.0.0"


def test_a_watch_stands_still_and_then_catches_up(through: Api, direct: Api) -> None:
    through.create(MODELS, NAMESPACE, clinical_model())
    _wish(through, "2.0.0")
    with pytest.raises(httpx.HTTPError):
        _wish(through, "3.0.0")
    began = time.monotonic()

    listed = through.http.get(MODELS.path(NAMESPACE)).json()
    query = {"watch": "true", "resourceVersion": listed["metadata"]["resourceVersion"]}
    told = []
    with through.http.stream("GET", MODELS.path(NAMESPACE), params=query) as answer:
        for line in answer.iter_lines():
            told.append((_version(json.loads(line)["object"]), time.monotonic() - began))
            if len(told) == 2:
                break

    assert [version for version, _ in told] == ["2.0.0", "3.0.0"]
    assert min(after for _, after in told) > SECONDS * 0.8
    assert _version(direct.http.get(PATH).json()) == "3.0.0"


def test_what_was_not_there_then_is_not_found() -> None:
    assert only(b'{"kind": "ClinicalModelList", "items": []}') is None
