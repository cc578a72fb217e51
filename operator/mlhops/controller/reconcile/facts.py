"""Facts about one model, as a plan needs them, from the objects that were read: no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from mlhops.api.base import Manifest
from mlhops.api.decision import Decision
from mlhops.api.evaluation import Evaluation
from mlhops.api.model import ClinicalModel
from mlhops.api.policy import MonitoringPolicy
from mlhops.controller.cache.entry import OwnedRecord
from mlhops.controller.kube.decisions import Decided
from mlhops.controller.reconcile.configurations import configurations
from mlhops.controller.reconcile.revisions import Known
from mlhops.json_access import condition, number, text
from mlhops.kserve import health, inferenceservice
from mlhops.kserve.detector import is_configured
from mlhops.kserve.names import APP_LABEL, REVISION_LABEL, app_of, detector_map, profile_map
from mlhops.kserve.owner import is_ours, owned
from mlhops.kserve.servers import Runtimes
from mlhops.kserve.state import Service
from mlhops.rollout.monitoring.drift_snapshot import Monitored
from mlhops.rollout.monitoring.retraining import ACTION_LABEL
from mlhops.rollout.observed import Observed, Retraining
from mlhops.rollout.revisions.revision import service_name
from mlhops.rollout.revisions.revision_record import RevisionRecord
from mlhops.rollout.standards.applying import Standards
from mlhops.routing.hostnames import HostnameRules, Rivals
from mlhops.routing.route import Answerer, Route
from mlhops.routing.router import Router

_ENDS = ("Complete", "Failed")


@dataclass(frozen=True)
class ServingObjects:
    """What serves a model, and what makes out how that does."""

    services: list[Manifest] | None
    """Its own InferenceServices, None where the API server does not know the kind."""
    routes: list[Manifest] | None
    """Its own route, if any; None where the API server does not know the kind."""
    parent: Manifest | None
    """What that hangs on, empty where it cannot be known, None where there is none."""
    pods: list[Manifest]
    """Those that get requests for the InferenceServices, whoever made them."""
    runtimes: Runtimes
    unknown: Mapping[str, str]
    """What a server answers that has no model of the name, by its InferenceService."""

    @property
    def route(self) -> Manifest | None:
        """The model's own route."""
        return next(iter(self.routes or ()), None)


@dataclass(frozen=True)
class Belongings:
    """What a model has besides that."""

    evaluations: list[Manifest]
    """Those on which the next step rests."""
    records: list[OwnedRecord]
    """What is known of all Evaluations."""
    all_recorded: bool
    """Whether there are no others than those."""
    decided: Decided
    revisions: list[Manifest]
    config_maps: list[Manifest]
    policy: MonitoringPolicy | None
    jobs: list[Manifest]
    standards: Standards


@dataclass(frozen=True)
class Surroundings:
    """The objects around one model, as they were read."""

    serving: ServingObjects
    more: Belongings
    rivals: Rivals | None
    """What others have of its host names, None where the API server does not know the kind of route."""


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


def facts(
    model: ClinicalModel, found: Surroundings, known: Known, router: Router, rules: HostnameRules
) -> Gathered:
    """Return what a plan and its writes need to know of a model."""
    route = found.serving.route
    configured = configurations(model, known.records, found.more.policy)
    answerers = _answerers(model, known.records)
    return Gathered(
        seen=_observed(model, found, known, router, rules, configured, answerers),
        routed=router.routed(model, route),
        records=known.records,
        configurations=configured,
        answerers=answerers,
        route={
            field: text(route, "metadata", field)
            for field in ("uid", "resourceVersion")
            if route is not None
        },
        uids={
            text(one, "metadata", "name"): text(one, "metadata", "uid")
            for one in found.serving.services or []
        },
    )


def _observed(
    model: ClinicalModel,
    found: Surroundings,
    known: Known,
    router: Router,
    rules: HostnameRules,
    configured: Mapping[str, Manifest],
    answerers: Mapping[str, Answerer],
) -> Observed:
    uid, serving, more = model.metadata.uid, found.serving, found.more
    route, parent, rivals = serving.route, serving.parent or {}, found.rivals or Rivals()
    maps = [one for one in more.config_maps if is_ours(one, uid)]
    return Observed(
        model=model,
        services=_services(model, serving, known.records),
        router=router,
        route=_route(router, model, route, answerers),
        evaluations=_evaluations(more.evaluations, uid),
        records={each.name: each.record for each in more.records if uid in each.owners},
        all_recorded=more.all_recorded,
        decisions=_decisions(more.decided),
        more_decisions=more.decided.more,
        recorded=known.digests,
        stale=known.stale,
        owned_records=_owned_records(model, more.revisions),
        unconfigured=_unconfigured(configured, maps, uid),
        config_maps=_config_maps(model.metadata.name, maps),
        gateway_exists=serving.parent is not None,
        unprogrammed=router.doubt(parent),
        listener=router.listener(parent),
        hostnames=router.judge_hostnames(model, route, rivals, parent, rules),
        kserve_installed=serving.services is not None,
        gateway_api_installed=serving.routes is not None and found.rivals is not None,
        monitored=_monitored(model, more.policy),
        retrainings=_retrainings(more.jobs, uid),
        standards=more.standards,
    )


def _services(
    model: ClinicalModel,
    serving: ServingObjects,
    records: Mapping[str, RevisionRecord],
) -> dict[str, Service]:
    found: dict[str, Service] = {}
    for manifest in serving.services or []:
        name = text(manifest, "metadata", "name")
        revision = text(manifest, "metadata", "labels", REVISION_LABEL)
        record = records.get(revision)
        desired = None
        if record is not None and name == service_name(model.metadata.name, revision):
            fixed = (record.detector, record.form)
            desired = inferenceservice.render(
                model.metadata, record.predictor, revision, name, *fixed
            )
        app = app_of(name)
        pods = [p for p in serving.pods if text(p, "metadata", "labels", APP_LABEL) == app]
        unknown = serving.unknown.get(name, "")
        found[name] = health.observe(manifest, pods, desired, serving.runtimes, unknown)
    return found


def _route(
    router: Router, model: ClinicalModel, live: Manifest | None, answerers: Mapping[str, Answerer]
) -> Route | None:
    if live is None or router.parent(model) is None:
        return None  # where it would hang on nothing, no route is ours to read
    return router.observe(router.routed(model, live), live, answerers)


def _decisions(decided: Decided) -> tuple[Decision, ...]:
    """Return the Decisions that can be read."""
    found = list[Decision]()
    for manifest in decided.decisions:
        try:
            found.append(Decision.model_validate(manifest))
        except ValidationError:
            continue
    return tuple(found)


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


def _owned_records(model: ClinicalModel, revisions: list[Manifest]) -> frozenset[str]:
    if not model.metadata.orphaned:
        return frozenset()
    mine = [one for one in revisions if owned(one, model.metadata.uid)]
    return frozenset(text(one, "metadata", "labels", REVISION_LABEL) for one in mine)


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
