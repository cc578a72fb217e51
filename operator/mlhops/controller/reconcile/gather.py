"""Gathers everything about one model: as last heard, or read anew where a step cannot be taken back."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from mlhops.api.base import Manifest, Resource
from mlhops.api.decision import Decision
from mlhops.api.detector import DetectorConfig, ProbeSettings, Window
from mlhops.api.evaluation import Evaluation
from mlhops.api.model import ClinicalModel
from mlhops.api.policy import MonitoringPolicy
from mlhops.controller.cache.store import Name
from mlhops.controller.kube.client import ApiError, NotInstalled
from mlhops.controller.kube.decisions import Decided
from mlhops.controller.kube.reader import Reader
from mlhops.controller.reconcile.revisions import (
    NOTHING_OFFERED,
    Offered,
    known_revisions,
    read_records,
)
from mlhops.controller.resources import (
    CLUSTER_RUNTIMES,
    CONFIG_MAPS,
    JOBS,
    MODELS,
    POLICIES,
    REVISIONS,
    RUNTIMES,
    SERVICES,
    Key,
)
from mlhops.json_access import condition, number, text
from mlhops.kserve import health, inferenceservice
from mlhops.kserve.detector import (
    Detectors,
    config_map,
    is_configured,
)
from mlhops.kserve.names import APP_LABEL, REVISION_LABEL, app_of, detector_map, profile_map
from mlhops.kserve.owner import controllers, is_of_service, is_ours, owned
from mlhops.kserve.runtime import hint_of_name
from mlhops.kserve.servers import Runtimes, runtime_names
from mlhops.kserve.state import Service
from mlhops.kserve.unnamed import UNHEALTHY, unknown_model
from mlhops.rollout.decisions import heard_first
from mlhops.rollout.drift_snapshot import Monitored
from mlhops.rollout.leaving import ORPHAN
from mlhops.rollout.observed import Observed, Retraining
from mlhops.rollout.retraining import ACTION_LABEL
from mlhops.rollout.revision import evaluation_name, service_name
from mlhops.rollout.revision_record import RevisionRecord
from mlhops.rollout.taken import live_evaluations
from mlhops.routing.hostnames import ANY_HOSTNAME, HostnameRules, Rivals
from mlhops.routing.registry import ROUTERS, router_of
from mlhops.routing.route import Answerer, Route
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


@dataclass(frozen=True)
class Gathered:
    """What was read: facts for the plan, and what the writes need to know."""

    seen: Observed
    routed: ClinicalModel
    """The model as its route has it: of a Gateway, with the host names that it holds there."""
    records: Mapping[str, RevisionRecord]
    """What each revision is, from the spec and from what was recorded."""
    configurations: Mapping[str, Manifest]
    """The ConfigMaps that tell the detectors what to count, by revision."""
    answerers: Mapping[str, Answerer]
    """What stands behind each InferenceService that may have a place in the route."""
    route: Mapping[str, str]
    """The route's uid and resourceVersion, empty where there is none."""
    uids: dict[str, str]
    """UIDs of InferenceServices by name."""


@dataclass(frozen=True)
class _Around:
    """What others have that makes out how the InferenceServices of a model do."""

    pods: list[Manifest]
    runtimes: Runtimes
    unknown: Mapping[str, str]
    """What a server answers that has no model of the name, by its InferenceService."""


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
    namespace, name = mine = (model.metadata.namespace, model.metadata.name)
    role = model.status.candidate or model.status.stable
    services, own_routes, parent = await asyncio.gather(
        _if_installed(reader.of_model(SERVICES, *mine, [role.inference_service] if role else [])),
        _if_installed(_as_list(reader.get(router.route, *mine))),
        _parent(reader, router, model),
    )
    uid = model.metadata.uid
    owned_services = [s for s in services or [] if is_ours(s, uid)]
    around = await _around_services(reader, namespace, owned_services)
    (evaluations, records), decided, revisions, maps, policy = await asyncio.gather(
        reader.evaluations(*mine, _cited(model)),
        reader.decisions(*mine, heard_first(model.status)),
        reader.of_model(REVISIONS, *mine),
        reader.of_model(CONFIG_MAPS, *mine),
        _policy(reader, model),
    )
    jobs = await reader.of_model(JOBS, *mine) if model.spec.monitoring is not None else []
    model = _leaving(model, [*(own_routes or ()), *owned_services])
    orphaned = model.metadata.orphaned
    kept = [r for r in revisions if owned(r, uid) or (orphaned and is_ours(r, uid))]
    recorded = read_records(model, kept)
    offered = NOTHING_OFFERED if recorded.has_target else await _offered(reader, namespace)
    live_route = next(iter(own_routes or ()), None)
    names, routed = router.contested(model, live_route), router.routed(model, live_route)
    # Last of all, so that what is claimed on it is claimed on what is so at this moment.
    rivals = await _if_installed(reader.rivals(router.route, Name(namespace, name), names))
    watched = model.spec.monitoring
    alone = watched is not None and watched.sidecar == "Off"
    detector = None if alone else detectors.of(policy.spec if policy is not None else None)
    known = known_revisions(model, recorded, owned_services, detector, offered)
    configurations = _configurations(model, known.records, policy)
    answerers = _answerers(model, known.records)
    maps = [one for one in maps if is_ours(one, uid)]
    seen = Observed(
        model=model,
        services=_services(model, owned_services, around, known.records),
        router=router,
        route=_observed(router, model, live_route, answerers),
        evaluations=_evaluations(evaluations, uid),
        records={each.name: each.record for each in records if uid in each.owners},
        decisions=_decisions(decided),
        more_decisions=decided.more,
        recorded=known.digests,
        stale=known.stale,
        owned_records=_owned_records(model, kept),
        unconfigured=_unconfigured(configurations, maps, uid),
        config_maps=_config_maps(name, maps),
        gateway_exists=parent is not None,
        unprogrammed=router.doubt(parent or {}),
        listener=router.listener(parent or {}),
        hostnames=router.judge_hostnames(
            model, live_route, rivals or Rivals(), parent or {}, rules
        ),
        kserve_installed=services is not None,
        gateway_api_installed=own_routes is not None and rivals is not None,
        monitored=_monitored(model, policy),
        retrainings=_retrainings(jobs, uid),
    )
    return Gathered(
        seen=seen,
        routed=routed,
        records=known.records,
        configurations=configurations,
        answerers=answerers,
        route={
            field: text(live_route, "metadata", field)
            for field in ("uid", "resourceVersion")
            if live_route is not None
        },
        uids={text(s, "metadata", "name"): text(s, "metadata", "uid") for s in owned_services},
    )


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


def _owned_records(model: ClinicalModel, revisions: list[Manifest]) -> frozenset[str]:
    if not model.metadata.orphaned:
        return frozenset()
    mine = [one for one in revisions if owned(one, model.metadata.uid)]
    return frozenset(text(one, "metadata", "labels", REVISION_LABEL) for one in mine)


def _observed(
    router: Router, model: ClinicalModel, live: Manifest | None, answerers: Mapping[str, Answerer]
) -> Route | None:
    if live is None or router.parent(model) is None:
        return None  # where it would hang on nothing, no route is ours to read
    return router.observe(router.routed(model, live), live, answerers)


def _answerers(
    model: ClinicalModel, records: Mapping[str, RevisionRecord]
) -> Mapping[str, Answerer]:
    """Return what stands behind the InferenceServices that the status names, as far as records tell."""
    status, found = model.status, {}
    for role in (status.previous, status.candidate, status.stable):
        if role is not None:
            record = records.get(role.revision)
            protocols = frozenset({record.predictor.protocol_version} if record else ())
            found[role.inference_service] = Answerer(role.revision, role.version, protocols)
    return found


async def _around_services(reader: Reader, namespace: str, services: list[Manifest]) -> _Around:
    pods, runtimes = await asyncio.gather(
        reader.chosen_for(namespace, [text(one, "metadata", "name") for one in services]),
        _runtimes(reader, namespace, services),
    )
    return _Around(pods, runtimes, await _unknown(reader, namespace, services, pods))


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


async def _runtimes(reader: Reader, namespace: str, services: list[Manifest]) -> Runtimes:
    """Return the runtimes that InferenceServices may have; a right that is missing is said where it matters."""
    names = sorted({name for service in services for name in runtime_names(service)})
    own: dict[str, Manifest] = {}
    cluster: dict[str, Manifest] = {}
    for kind, where, found in ((RUNTIMES, namespace, own), (CLUSTER_RUNTIMES, "", cluster)):
        try:
            read = await asyncio.gather(*(reader.get(kind, where, name) for name in names))
        except NotInstalled:
            continue
        except ApiError as error:
            if error.status != 403:
                raise
            doubt = f"the operator may not read {kind.plural}.{kind.group} (verb get)"
            return Runtimes({}, {}, doubt)
        found |= {name: one for name, one in zip(names, read, strict=True) if one is not None}
    return Runtimes(own, cluster)


async def _offered(reader: Reader, namespace: str) -> Offered:
    """Return the runtimes that there are; of a right that is missing KServe's own choice is let be."""
    found: list[list[Manifest]] = []
    for kind, where in ((RUNTIMES, namespace), (CLUSTER_RUNTIMES, "")):
        try:
            found.append(await reader.all_of(kind, where))
        except NotInstalled:
            found.append([])
        except ApiError as error:
            if error.status != 403:
                raise
            return NOTHING_OFFERED
    return Offered(*found)


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


def _monitored(model: ClinicalModel, policy: MonitoringPolicy | None) -> Monitored | None:
    """Return how a model is watched; what was seen of it, others add."""
    name = model.spec.policy
    if name is None:
        return None
    if policy is not None:
        return Monitored(policy.spec, None)
    problem = f"there is no MonitoringPolicy {name} that can be read: create or correct it"
    return Monitored(None, None, f"{problem}, or name another in spec.monitoring")


def _retrainings(live: list[Manifest], uid: str) -> dict[str, Retraining]:
    """Return the Jobs that actions of policies have started."""
    found = {}
    for job in live:
        action = text(job, "metadata", "labels", ACTION_LABEL)
        if not action or not owned(job, uid):
            continue
        ended = next((end for end in _ENDS if text(condition(job, end), "status") == "True"), "")
        why = text(condition(job, "Failed"), "message") or text(condition(job, "Failed"), "reason")
        runs = bool(number(job, "status", "ready") or number(job, "status", "succeeded"))
        found[text(job, "metadata", "name")] = Retraining(action, ended, why, runs)
    return found


_ENDS = ("Complete", "Failed")


def _windows(policy: MonitoringPolicy | None) -> list[Window]:
    """Return the windows that a detector counts; none that nobody looks at."""
    return [] if policy is None else list(policy.spec.drift.windows)


def _probe(model: ClinicalModel, record: RevisionRecord) -> ProbeSettings | None:
    """Return how a revision's detector asks its model; one from before there were probes does not."""
    if record.probed is None or record.interface is None:
        return None
    return ProbeSettings(
        model=model.metadata.name,
        protocol=record.predictor.protocol_version,
        request=record.interface.request,
    )


def _configurations(
    model: ClinicalModel, records: Mapping[str, RevisionRecord], policy: MonitoringPolicy | None
) -> dict[str, Manifest]:
    """Return the ConfigMap for each revision that has a detector."""
    windows = _windows(policy)
    asked = policy.spec.drift.asked_of_pods if policy is not None else None
    found: dict[str, Manifest] = {}
    for revision, record in records.items():
        if record.detector is not None and record.interface is not None:
            config = DetectorConfig(
                revision=revision,
                features=record.interface.features,
                output=record.interface.output,
                windows=windows,
                engine=asked,
                probe=_probe(model, record),
            )
            service = service_name(model.metadata.name, revision)
            found[revision] = config_map(model.metadata, service, config)
    return found


def _unconfigured(
    configurations: Mapping[str, Manifest], live: list[Manifest], uid: str
) -> frozenset[str]:
    there = {text(one, "metadata", "name"): one for one in live}
    return frozenset(
        revision
        for revision, desired in configurations.items()
        if not is_configured(there.get(text(desired, "metadata", "name")), desired, uid)
    )


def _config_maps(model: str, live: list[Manifest]) -> dict[str, str]:
    """Return the revisions of the ConfigMaps that the operator makes, by name."""
    found = {}
    for one in live:
        name = text(one, "metadata", "name")
        revision = text(one, "metadata", "labels", REVISION_LABEL)
        service = service_name(model, revision)
        if name in (detector_map(service), profile_map(service)):
            found[name] = revision
    return found


def _services(
    model: ClinicalModel,
    live: list[Manifest],
    around: _Around,
    records: Mapping[str, RevisionRecord],
) -> dict[str, Service]:
    found: dict[str, Service] = {}
    for manifest in live:
        name = text(manifest, "metadata", "name")
        revision = text(manifest, "metadata", "labels", REVISION_LABEL)
        record = records.get(revision)
        desired = None
        if record is not None and name == service_name(model.metadata.name, revision):
            desired = inferenceservice.render(
                model.metadata,
                record.predictor,
                revision,
                name,
                record.detector,
                record.form,
            )
        app = app_of(name)
        pods = [p for p in around.pods if text(p, "metadata", "labels", APP_LABEL) == app]
        unknown = around.unknown.get(name, "")
        found[name] = health.observe(manifest, pods, desired, around.runtimes, unknown)
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


def _decisions(decided: Decided) -> tuple[Decision, ...]:
    """Return the Decisions that can be read."""
    found = list[Decision]()
    for manifest in decided.decisions:
        try:
            found.append(Decision.model_validate(manifest))
        except ValidationError:
            continue
    return tuple(found)
