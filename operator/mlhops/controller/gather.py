"""Reads everything about one model from the API server, at one moment and never from a cache.

Every pass is planned on fresh objects, so no step that cannot be taken back rests on an old view.
"""

import asyncio
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from mlhops.api.base import Manifest, Resource
from mlhops.api.decision import Action, Decision
from mlhops.api.evaluation import Evaluation
from mlhops.api.model import ClinicalModel
from mlhops.api.predictor import Predictor
from mlhops.controller.client import (
    DECISIONS,
    EVALUATIONS,
    GATEWAYS,
    MODELS,
    PODS,
    REVISIONS,
    ROUTES,
    SERVICES,
    ApiError,
    Client,
    Kind,
    NotInstalled,
)
from mlhops.kserve import health, inferenceservice
from mlhops.kserve.facts import Route, Service
from mlhops.kserve.names import MODEL_LABEL, REVISION_LABEL, SERVICE_LABEL
from mlhops.kserve.read import at, items, number, text
from mlhops.kserve.route import Router, hostname_taken
from mlhops.rollout.observed import Listener, Observed
from mlhops.rollout.revision import revision_of, service_name

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class Key:
    """Names one object of ours."""

    kind: str
    namespace: str
    name: str


class InvalidObject(Exception):
    """An object passed the schema and cannot be understood all the same."""

    def __init__(self, manifest: Manifest, error: ValidationError) -> None:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        super().__init__(f"{field}: {first['msg']}")
        self.manifest = manifest


class Unreadable(Exception):
    """The API server does not let the operator read what belongs to an object."""

    def __init__(self, manifest: Manifest, cause: ApiError) -> None:
        super().__init__(str(cause))
        self.manifest = manifest
        self.cause = cause


@dataclass(frozen=True)
class Gathered:
    """What was read: facts for the plan, and what the writes need to know."""

    seen: Observed
    predictors: dict[str, Predictor]
    """Predictors by revision, from the spec and from what was recorded."""
    route_version: str
    """The HTTPRoute's resourceVersion, empty where there is none."""
    uids: dict[str, str]
    """UIDs of InferenceServices by name."""


async def gather(client: Client, router: Router, key: Key) -> Gathered | None:
    """Return everything about a model, None where it is gone.

    Raises:
        InvalidObject: the model's own spec or status cannot be understood.
        Unreadable: a permission is missing.
    """
    live = await client.get(MODELS, key.namespace, key.name)
    if live is None:
        return None
    model = _parse(ClinicalModel, live)
    try:
        return await _gather_around(client, router, key, model)
    except ApiError as error:
        if error.status != 403:
            raise
        raise Unreadable(live, error) from error


async def _gather_around(
    client: Client, router: Router, key: Key, model: ClinicalModel
) -> Gathered:
    """Return everything about a model that was just read."""
    mine = f"{MODEL_LABEL}={key.name}"
    services, pods, routes, gateway = await asyncio.gather(
        _list_if_installed(client, SERVICES, key.namespace, mine),
        client.list(PODS, key.namespace, f"{mine},{SERVICE_LABEL}"),
        _routes(client, key),
        _gateway(client, model),
    )
    evaluations, decisions, revisions = await asyncio.gather(
        client.list(EVALUATIONS, key.namespace, mine),
        client.list(DECISIONS, key.namespace),
        client.list(REVISIONS, key.namespace, mine),
    )
    uid = model.metadata.uid
    recorded = _recorded([r for r in revisions if owned(r, uid)])
    predictors = {**recorded, revision_of(model.spec): model.spec.predictor}
    owned_services = [s for s in services or [] if owned(s, uid)]
    live_route = next((r for r in routes or [] if text(r, "metadata", "name") == key.name), None)
    seen = Observed(
        model=model,
        services=_services(model, owned_services, pods, predictors),
        route=_observed(router, model, live_route),
        evaluations=_evaluations(evaluations, uid),
        decisions=_decisions(decisions, key.name),
        revisions=frozenset(recorded),
        gateway_exists=gateway is not None,
        listener=_listener(gateway or {}),
        hostname_taken=hostname_taken(model, live_route, routes or []),
        kserve_installed=services is not None,
        gateway_api_installed=routes is not None,
    )
    return Gathered(
        seen=seen,
        predictors=predictors,
        route_version=text(live_route, "metadata", "resourceVersion"),
        uids={text(s, "metadata", "name"): text(s, "metadata", "uid") for s in owned_services},
    )


def _observed(router: Router, model: ClinicalModel, live: Manifest | None) -> Route | None:
    if live is None or model.spec.exposure.gateway is None:
        return None  # without a Gateway no route is ours to read
    return router.observe(model, live)


def _listener(gateway: Manifest) -> Listener:
    """Return how callers reach a Gateway: by its first listener for HTTP."""
    for listener in items(gateway, "spec", "listeners"):
        scheme = text(listener, "protocol").lower()
        port = number(listener, "port")
        if scheme in ("http", "https") and port is not None:
            return Listener(scheme, port)
    return Listener()


def owned(manifest: Manifest, uid: str) -> bool:
    """Return whether an object is controlled by the object with that uid."""
    return any(
        reference.get("uid") == uid and reference.get("controller") is True
        for reference in items(manifest, "metadata", "ownerReferences")
    )


async def _list_if_installed(
    client: Client, kind: Kind, namespace: str, selector: str
) -> list[Manifest] | None:
    try:
        return await client.list(kind, namespace, selector)
    except NotInstalled:
        return None


async def _routes(client: Client, key: Key) -> list[Manifest] | None:
    """Return all HTTPRoutes of the namespace, None where Gateway API is not installed."""
    return await _list_if_installed(client, ROUTES, key.namespace, "")


async def _gateway(client: Client, model: ClinicalModel) -> Manifest | None:
    """Return the model's Gateway, empty where it cannot be known, None where there is none."""
    gateway = model.spec.exposure.gateway
    if gateway is None:
        return {}
    namespace = gateway.namespace or model.metadata.namespace
    try:
        return await client.get(GATEWAYS, namespace, gateway.name)
    except NotInstalled:
        return {}  # told apart by the missing HTTPRoute kind
    except ApiError as error:
        if error.status != 403:
            raise
        return {}  # whether it takes the route, the route's own status tells


def _parse(type_: type[R], manifest: Manifest) -> R:
    try:
        return type_.model_validate(manifest)
    except ValidationError as error:
        raise InvalidObject(manifest, error) from error


def _recorded(revisions: list[Manifest]) -> dict[str, Predictor]:
    """Return the recorded predictors by revision; an unreadable record is no record."""
    predictors: dict[str, Predictor] = {}
    for recorded in revisions:
        try:
            predictor = Predictor.model_validate(at(recorded, "data", "predictor"))
        except ValidationError:
            continue
        predictors[text(recorded, "metadata", "labels", REVISION_LABEL)] = predictor
    return predictors


def _services(
    model: ClinicalModel,
    live: list[Manifest],
    pods: list[Manifest],
    predictors: dict[str, Predictor],
) -> dict[str, Service]:
    found: dict[str, Service] = {}
    for manifest in live:
        name = text(manifest, "metadata", "name")
        revision = text(manifest, "metadata", "labels", REVISION_LABEL)
        predictor = predictors.get(revision)
        desired = None
        if predictor is not None and name == service_name(model.metadata.name, revision):
            desired = inferenceservice.render(model.metadata, predictor, revision, name)
        its_pods = [p for p in pods if text(p, "metadata", "labels", SERVICE_LABEL) == name]
        found[name] = health.observe(manifest, its_pods, desired)
    return found


def _evaluations(live: list[Manifest], uid: str) -> dict[str, Evaluation]:
    """Return the model's own Evaluations; one that cannot be read proves nothing and is left out."""
    found: dict[str, Evaluation] = {}
    for manifest in live:
        if owned(manifest, uid):
            try:
                evaluation = Evaluation.model_validate(manifest)
            except ValidationError:
                continue
            found[evaluation.metadata.name] = evaluation
    return found


def _decisions(live: list[Manifest], model: str) -> tuple[Decision, ...]:
    found = []
    for manifest in live:
        told = text(manifest, "status", "phase") in ("Honoured", "Ignored")
        lasting = at(manifest, "spec", "action") == Action.OVERRIDE
        if at(manifest, "spec", "model") == model and (lasting or not told):
            try:
                found.append(Decision.model_validate(manifest))
            except ValidationError:
                continue
    return tuple(found)
