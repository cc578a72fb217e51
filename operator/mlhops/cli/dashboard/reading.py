"""What pages read of the cluster: lists with the version that they are of, so that a watch goes on from there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode

from mlhops.api import API_VERSION
from mlhops.cli.dashboard.cluster import ApiReader, ApiRefusal, Changes, Expired
from mlhops.cli.exits import Trouble
from mlhops.cli.kubectl import DECISIONS, EVALUATIONS, EVENTS, MODELS, REVISIONS
from mlhops.cli.refusals import ApiRequest
from mlhops.json_access import items, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_PAGE = 500
_NOT_FOUND = 404
_ATTEMPTS = 3
_WATCH_SECONDS = 300


@dataclass(frozen=True)
class Read:
    """Objects, and the resourceVersion of the list that they come from."""

    objects: list[Manifest]
    version: str


class FleetSource(Protocol):
    """Where the models of a fleet come from."""

    def read(self) -> Read:
        """Return the models as they are.

        Raises:
            ApiRefusal: they are not told.
        """

    def changes(self, version: str) -> Changes:
        """Follow the models from a version on.

        Raises:
            ApiRefusal: they are not told.
            Expired: that version is too old.
        """


@dataclass(frozen=True)
class ModelFacts:
    """A model with what belongs to it."""

    model: Manifest
    evaluations: list[Manifest]
    decisions: list[Manifest]
    version: str


def models(cluster: ApiReader, namespace: str = "") -> Read:
    """Return the models of a namespace; of all where it is empty.

    Raises:
        ApiRefusal: they are not told.
    """
    return _listed(cluster, MODELS, namespace)


def model(cluster: ApiReader, namespace: str, name: str) -> Read:
    """Return one model, read as a list, whose version a watch can go on from however old the model is.

    Raises:
        ApiRefusal: it is not told, or not there.
    """
    found = _listed(cluster, MODELS, namespace, f"metadata.name={checked(name)}")
    if not found.objects:
        raise _absent(f"there is no ClinicalModel {namespace}/{name}")
    return found


def facts(cluster: ApiReader, namespace: str, name: str) -> ModelFacts:
    """Return a model with its Evaluations and Decisions.

    Raises:
        ApiRefusal: one of them is not told, or the model is not there.
    """
    found = model(cluster, namespace, name)
    mine = f"spec.model={name}"
    evaluations = _listed(cluster, EVALUATIONS, namespace, mine).objects
    decisions = _listed(cluster, DECISIONS, namespace, mine).objects
    return ModelFacts(found.objects[0], evaluations, decisions, found.version)


def evaluation(cluster: ApiReader, namespace: str, name: str) -> Manifest:
    """Return an Evaluation.

    Raises:
        ApiRefusal: it is not told, or not there.
    """
    path = f"{_path(EVALUATIONS, namespace)}/{quote(checked(name))}"
    return cluster.get(path, ApiRequest("get", EVALUATIONS, name))


def events(cluster: ApiReader, namespace: str, name: str) -> list[Manifest]:
    """Return the Events of a model.

    Raises:
        ApiRefusal: they are not told.
    """
    chosen = f"involvedObject.kind=ClinicalModel,involvedObject.name={checked(name)}"
    return _listed(cluster, EVENTS, namespace, chosen).objects


def revisions(cluster: ApiReader, namespace: str, name: str) -> list[Manifest]:
    """Return the ControllerRevisions of a model.

    Raises:
        ApiRefusal: they are not told.
    """
    return _listed(cluster, REVISIONS, namespace, labels=f"mlhops.io/model={checked(name)}").objects


def changes(cluster: ApiReader, namespace: str, name: str, version: str) -> Changes:
    """Follow models from a version on: one, those of a namespace, or all.

    Raises:
        ApiRefusal: they are not told.
        Expired: that version is too old.
    """
    given = {"watch": "true", "timeoutSeconds": str(_WATCH_SECONDS), "resourceVersion": version}
    if name:
        given["fieldSelector"] = f"metadata.name={checked(name)}"
    path = f"{_path(MODELS, namespace)}?{urlencode(given)}"
    return cluster.watch(path, ApiRequest("watch", MODELS, name))


def checked(name: str) -> str:
    """Return a name of an object, and nothing else that could stand in a path or a selector.

    Raises:
        ApiRefusal: it is none.
    """
    if _NAME.fullmatch(name) is None:
        raise _absent(f"{name!r} is no name of an object")
    return name


def _listed(
    cluster: ApiReader, kind: str, namespace: str, fields: str = "", labels: str = ""
) -> Read:
    """Return a list page by page; anew where it grew too old between two pages."""
    named = {"fieldSelector": fields, "labelSelector": labels}
    selectors = {key: said for key, said in named.items() if said}
    for _ in range(_ATTEMPTS):
        try:
            return _pages(cluster, kind, namespace, selectors)
        except Expired:
            continue
    trouble = Trouble("the list changed faster than it could be read", "load the page again")
    raise ApiRefusal(503, trouble)


def _pages(cluster: ApiReader, kind: str, namespace: str, selectors: Mapping[str, str]) -> Read:
    asked = ApiRequest("list", kind)
    given = {"limit": str(_PAGE), **selectors}
    found: list[Manifest] = []
    while True:
        page = cluster.get(f"{_path(kind, namespace)}?{urlencode(given)}", asked)
        found += items(page, "items")
        token = text(page, "metadata", "continue")
        if not token:
            return Read(found, text(page, "metadata", "resourceVersion"))
        given["continue"] = token


def _path(kind: str, namespace: str) -> str:
    inside = f"/namespaces/{checked(namespace)}" if namespace else ""
    if kind == EVENTS:
        return f"/api/v1{inside}/events"
    if kind == REVISIONS:
        return f"/apis/apps/v1{inside}/controllerrevisions"
    return f"/apis/{API_VERSION}{inside}/{kind.partition('.')[0]}"


def _absent(said: str) -> ApiRefusal:
    remedy = "the fleet lists the models that there are"
    return ApiRefusal(_NOT_FOUND, Trouble(said, remedy))
