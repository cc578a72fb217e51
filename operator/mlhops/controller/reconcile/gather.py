"""Gathers everything about one model: as last heard, or read anew where a step cannot be taken back."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from pydantic import ValidationError

from mlhops.api.base import Manifest, Resource
from mlhops.api.model import ClinicalModel
from mlhops.api.policy import MonitoringPolicy
from mlhops.controller.cache.entry import Name
from mlhops.controller.kube.client import ApiError, NotInstalled
from mlhops.controller.kube.reader import Reader
from mlhops.controller.reconcile.facts import (
    Belongings,
    Gathered,
    ServingObjects,
    Surroundings,
    facts,
)
from mlhops.controller.reconcile.revisions import NOTHING_OFFERED, known_revisions, read_records
from mlhops.controller.reconcile.runtimes import offered, runtimes_of
from mlhops.controller.reconcile.standards import standards_of
from mlhops.controller.resources import (
    CONFIG_MAPS,
    JOBS,
    MODELS,
    POLICIES,
    REVISIONS,
    SERVICES,
    Key,
)
from mlhops.json_access import text
from mlhops.kserve import health
from mlhops.kserve.detector import Detector, Detectors
from mlhops.kserve.owner import controllers, is_of_service, is_ours, owned
from mlhops.kserve.runtime import hint_of_name
from mlhops.kserve.unnamed import UNHEALTHY, unknown_model
from mlhops.rollout.decisions.decisions import heard_first
from mlhops.rollout.leaving import ORPHAN
from mlhops.rollout.revisions.revision import evaluation_name
from mlhops.rollout.traffic.taken import live_evaluations
from mlhops.routing.hostnames import ANY_HOSTNAME, HostnameRules, Rivals
from mlhops.routing.registry import ROUTERS, router_of
from mlhops.routing.router import Router

R = TypeVar("R", bound=Resource)
T = TypeVar("T")


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


async def gather(
    reader: Reader,
    detectors: Detectors,
    key: Key,
    rules: HostnameRules = ANY_HOSTNAME,
    routers: Sequence[Router] = ROUTERS,
) -> Gathered | None:
    """Return everything about a model, None where it is gone; new revisions get one of these detectors.

    Raises:
        InvalidObject: the model's own spec or status cannot be understood.
        Unreadable: a permission is missing.
    """
    live = await reader.get(MODELS, key.namespace, key.name)
    if live is None:
        return None
    model = _parse(ClinicalModel, live)
    try:
        return await _gather_around(reader, router_of(model, routers), detectors, model, rules)
    except ApiError as error:
        if error.status != 403:
            raise
        raise Unreadable(live, error) from error


async def _gather_around(
    reader: Reader,
    router: Router,
    detectors: Detectors,
    model: ClinicalModel,
    rules: HostnameRules,
) -> Gathered:
    """Return everything about a model that was just read."""
    serving = await _serving(reader, router, model)
    more = await _belongings(reader, model)
    services = serving.services or []
    model = _leaving(model, [*(serving.routes or ()), *services])
    recorded = read_records(model, [one for one in more.revisions if _is_kept(one, model)])
    choice = NOTHING_OFFERED
    if not recorded.has_target:
        choice = await offered(reader, model.metadata.namespace)
    # Last of all, so that what is claimed on it is claimed on what is so at this moment.
    rivals = await _rivals(reader, router, model, serving.route)
    detector = _detector(detectors, model, more.policy)
    known = known_revisions(model, recorded, services, detector, choice)
    return facts(model, Surroundings(serving, more, rivals), known, router, rules)


async def _serving(reader: Reader, router: Router, model: ClinicalModel) -> ServingObjects:
    mine = namespace, _ = (model.metadata.namespace, model.metadata.name)
    role = model.status.candidate or model.status.stable
    services, routes, parent = await asyncio.gather(
        _if_installed(reader.of_model(SERVICES, *mine, [role.inference_service] if role else [])),
        _if_installed(_as_list(reader.get(router.route, *mine))),
        _parent(reader, router, model),
    )
    own = [one for one in services or [] if is_ours(one, model.metadata.uid)]
    pods, runtimes = await asyncio.gather(
        reader.chosen_for(namespace, [text(one, "metadata", "name") for one in own]),
        runtimes_of(reader, namespace, own),
    )
    unknown = await _unknown(reader, namespace, own, pods)
    return ServingObjects(
        own if services is not None else None, routes, parent, pods, runtimes, unknown
    )


async def _unknown(
    reader: Reader, namespace: str, services: list[Manifest], pods: list[Manifest]
) -> dict[str, str]:
    """Return what servers answer that may call their model otherwise than the operator does, and are not ready."""
    found = {}
    for service in services:
        name = text(service, "metadata", "name")
        if health.is_ready(service) or not hint_of_name(service):
            continue
        for pod in [one for one in pods if is_of_service(one, name)][:1]:
            uid = text(pod, "metadata", "uid")
            events = await reader.events_of(namespace, uid, UNHEALTHY)
            found[name] = unknown_model(service, events)
    return found


async def _belongings(reader: Reader, model: ClinicalModel) -> Belongings:
    mine = (model.metadata.namespace, model.metadata.name)
    evidence, decided, revisions, maps, policy, standards = await asyncio.gather(
        reader.evaluations(*mine, _cited(model)),
        reader.decisions(*mine, heard_first(model.status)),
        reader.of_model(REVISIONS, *mine),
        reader.of_model(CONFIG_MAPS, *mine),
        _policy(reader, model),
        standards_of(reader, model),
    )
    jobs = await reader.of_model(JOBS, *mine) if model.spec.monitoring is not None else []
    return Belongings(*evidence, decided, revisions, maps, policy, jobs, standards)


async def _rivals(
    reader: Reader, router: Router, model: ClinicalModel, route: Manifest | None
) -> Rivals | None:
    """Return what others have of the host names that a model asks for or holds."""
    name = Name(model.metadata.namespace, model.metadata.name)
    names = router.contested(model, route)
    return await _if_installed(reader.rivals(router.route, name, names))


def _is_kept(revision: Manifest, model: ClinicalModel) -> bool:
    """Whether a ControllerRevision is the model's, or was before all that it owns was let go of."""
    meta = model.metadata
    return owned(revision, meta.uid) or (meta.orphaned and is_ours(revision, meta.uid))


def _detector(
    detectors: Detectors, model: ClinicalModel, policy: MonitoringPolicy | None
) -> Detector | None:
    """Return the detector that a new revision gets, None for none."""
    watched = model.spec.monitoring
    if watched is not None and watched.sidecar == "Off":
        return None
    return detectors.of(policy.spec if policy is not None else None)


def _leaving(model: ClinicalModel, live: list[Manifest]) -> ClinicalModel:
    """Return a model that knows whether what it owns is to outlive it.

    The garbage collector says so by a finalizer of its own, and takes the owner away from all objects. Where
    another finalizer holds the model longer than that, its objects without an owner tell.
    """
    meta = model.metadata
    if meta.deletion_timestamp is None:
        return model
    released = any(is_ours(one, meta.uid) and not controllers(one) for one in live)
    if ORPHAN not in meta.finalizers and not released:
        return model
    return model.model_copy(update={"metadata": meta.model_copy(update={"orphaned": True})})


async def _if_installed(read: Awaitable[T]) -> T | None:
    """Return what is read, None where the API server does not know the kind."""
    try:
        return await read
    except NotInstalled:
        return None


async def _as_list(read: Awaitable[Manifest | None]) -> list[Manifest]:
    found = await read
    return [] if found is None else [found]


def _cited(model: ClinicalModel) -> list[str]:
    """Return the names of the Evaluations on which the candidate's next step, or what serves, rests."""
    candidate, stable, previous = (
        model.status.candidate,
        model.status.stable,
        model.status.previous,
    )
    cited = (stable.proof, stable.remeasured, stable.measuring) if stable is not None else ()
    names = {each.evaluation for each in cited if each is not None}
    if previous is not None and previous.proof is not None:
        names.add(previous.proof.evaluation)  # it may serve again within the pass
    if candidate is None:
        return sorted(names)
    about = (model.metadata.name, candidate.revision, candidate.attempt)
    names |= {evaluation_name(*about), *live_evaluations(model, candidate)}
    return sorted(names | ({candidate.evaluation} if candidate.evaluation else set()))


async def _parent(reader: Reader, router: Router, model: ClinicalModel) -> Manifest | None:
    """Return what the model's route hangs on, empty where it cannot be known, None where there is none."""
    parent = router.parent(model)
    if parent is None:
        return {}
    try:
        return await reader.get(*parent)
    except NotInstalled:
        return {}  # told apart by the missing kind of the route
    except ApiError as error:
        if error.status != 403:
            raise
        return {}  # whether it takes the route, the route's own status tells


def _parse(type_: type[R], manifest: Manifest) -> R:
    try:
        return type_.model_validate(manifest)
    except ValidationError as error:
        raise InvalidObject(manifest, error) from error


async def _policy(reader: Reader, model: ClinicalModel) -> MonitoringPolicy | None:
    """Return the policy that a model names, None where it names none or that cannot be understood."""
    name = model.spec.policy
    if name is None:
        return None
    try:
        live = await reader.get(POLICIES, model.metadata.namespace, name)
        return MonitoringPolicy.model_validate(live) if live is not None else None
    except (NotInstalled, ValidationError):
        return None
