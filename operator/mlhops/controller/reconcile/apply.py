"""Carries out a plan: writes that cannot harm, then the status, then what rests on the status."""

from typing import cast

from mlhops.api import API_VERSION
from mlhops.api.base import Json, Manifest, ObjectMeta
from mlhops.api.decision import DecisionStatus
from mlhops.api.status import ClinicalModelStatus
from mlhops.controller.kube.canonical import canonical
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.kube.events import Recorder
from mlhops.controller.kube.statuses import manifest_of
from mlhops.controller.outbound.sinks import Sinks
from mlhops.controller.reconcile.facts import Gathered
from mlhops.controller.resources import (
    CONFIG_MAPS,
    DECISIONS,
    EVALUATIONS,
    JOBS,
    MODELS,
    REVISIONS,
    SERVICES,
    Kind,
)
from mlhops.controller.telemetry import metrics
from mlhops.controller.telemetry.trace import count_answer
from mlhops.json_access import text
from mlhops.kserve import inferenceservice
from mlhops.kserve.names import (
    MANAGED_BY,
    MODEL_LABEL,
    REVISION_LABEL,
    owned_by,
    owner_reference,
)
from mlhops.kserve.owner import is_ours, owned
from mlhops.rollout.intents import (
    AnswerDecision,
    ConfigureDetector,
    EnsureEvaluation,
    EnsureService,
    Event,
    Intent,
    Plan,
    PostCloudEvent,
    ReleaseRecord,
    Remove,
    SetTraffic,
    StartRetraining,
)
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions.revision import service_name
from mlhops.rollout.revisions.revision_record import RevisionRecord
from mlhops.routing.route import Features
from mlhops.routing.traffic import Traffic

_REMOVABLE = {
    "InferenceService": SERVICES,
    "Evaluation": EVALUATIONS,
    "ControllerRevision": REVISIONS,
    "ConfigMap": CONFIG_MAPS,
}


class Applier:
    """Writes plans to the API server."""

    def __init__(self, client: Client, recorder: Recorder, sinks: Sinks) -> None:
        self._client = client
        self._sinks = sinks
        self._recorder = recorder

    async def apply(self, gathered: Gathered, plan: Plan) -> None:
        """Carry out a plan, in its order. The first refusal ends it; the next pass starts from what is."""
        for intent in plan.before:
            await self._do(gathered, intent)
        if plan.status is not None:
            await self._write_status(gathered, plan.status)
        elif any(isinstance(intent, SetTraffic | Remove) for intent in plan.after):
            # Changes nothing, and fails if the model has changed since it was read.
            await self._write_status(gathered, gathered.seen.model.status)
        # Told as soon as they are true: what comes after may fail, and the next pass has no news.
        for event in plan.events:
            await self._recorder.tell(gathered.seen.model.metadata, "ClinicalModel", event)
        for intent in plan.after:
            await self._do(gathered, intent)

    async def _write_status(self, gathered: Gathered, status: ClinicalModelStatus) -> None:
        """Write the status only if the object is still the one that was planned on."""
        meta = gathered.seen.model.metadata
        manifest = manifest_of("ClinicalModel", meta, status)
        await self._client.apply(MODELS, manifest, "status")
        metrics.count_ended(meta, gathered.seen.model.status.history, status.history)

    async def _do(self, gathered: Gathered, intent: Intent) -> None:
        match intent:
            case EnsureService(revision):
                await self._ensure_service(gathered, revision)
            case ConfigureDetector(revision):
                await self._configure_detector(gathered, revision)
            case SetTraffic(traffic):
                await self._set_traffic(gathered, traffic)
            case EnsureEvaluation():
                await self._ensure_evaluation(gathered, intent)
            case ReleaseRecord(revision):
                await self._release_record(gathered, revision)
            case Remove(kind, name):
                namespace = gathered.seen.model.metadata.namespace
                uid = gathered.uids.get(name) if kind == "InferenceService" else None
                await self._client.delete(_REMOVABLE[kind], namespace, name, uid)
            case AnswerDecision(decision, status):
                await self._answer(gathered, decision, status)
            case StartRetraining():
                await self._start_retraining(gathered, intent)
            case PostCloudEvent():
                self._sinks.post(gathered.seen.model.metadata, intent)

    async def _ensure_service(self, gathered: Gathered, revision: str) -> None:
        """Record the revision's spec first, so that it can be applied again when the model has moved on."""
        meta = gathered.seen.model.metadata
        record = gathered.records[revision]
        name = service_name(meta.name, revision)
        if name not in gathered.uids:
            await self._refuse_foreign(SERVICES, meta, name)
        if revision in gathered.seen.stale or revision not in gathered.seen.recorded:
            await self._record(gathered, revision, record)
        if revision in gathered.seen.unconfigured:
            await self._configure_detector(gathered, revision)
        manifest = inferenceservice.render(
            meta,
            record.predictor,
            revision,
            name,
            record.detector,
            record.form,
        )
        if name in gathered.uids:
            metadata = cast(Manifest, manifest["metadata"])
            manifest["metadata"] = {**metadata, "uid": gathered.uids[name]}
        await self._client.apply(SERVICES, manifest)

    async def _configure_detector(self, gathered: Gathered, revision: str) -> None:
        manifest = gathered.configurations[revision]
        name = text(manifest, "metadata", "name")
        if name not in gathered.seen.config_maps:
            await self._refuse_foreign(CONFIG_MAPS, gathered.seen.model.metadata, name)
        await self._client.apply(CONFIG_MAPS, manifest)

    async def _record(self, gathered: Gathered, revision: str, record: RevisionRecord) -> None:
        meta = gathered.seen.model.metadata
        manifest: Manifest = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": service_name(meta.name, revision),
                "namespace": meta.namespace,
                "labels": {**MANAGED_BY, MODEL_LABEL: meta.name, REVISION_LABEL: revision},
                **owned_by(meta),
            },
            "data": canonical(record.to_json()),
            "revision": meta.generation,
        }
        if revision in gathered.seen.stale:
            # Its data cannot be changed. Until it is made again, the spec itself says what stood in it.
            await self._client.delete(REVISIONS, meta.namespace, service_name(meta.name, revision))
        await self._create(REVISIONS, manifest, meta)

    async def _release_record(self, gathered: Gathered, revision: str) -> None:
        """Make a record anew, without an owner, since its data may be such that no patch of it is taken.

        One that says nothing (of what no longer serves, or damaged) is not made again.
        """
        meta, record = gathered.seen.model.metadata, gathered.records.get(revision)
        await self._client.delete(REVISIONS, meta.namespace, service_name(meta.name, revision))
        if record is not None:
            await self._record(gathered, revision, record)

    async def _set_traffic(self, gathered: Gathered, traffic: Traffic) -> None:
        router, route = gathered.seen.router, gathered.seen.route
        features = route.features if route is not None else Features.FULL
        manifest = router.desired(gathered.routed, traffic, gathered.answerers, features)
        # With its uid, a route that somebody has deleted meanwhile is not made again by mistake.
        known = dict(gathered.route)
        if gathered.seen.model.metadata.orphaned:
            # The garbage collector changes it as well, and soon nobody takes a share from a candidate any more.
            known.pop("resourceVersion", None)
        manifest["metadata"] = {**cast(Manifest, manifest["metadata"]), **known}
        await self._client.apply(router.route, manifest)

    async def _ensure_evaluation(self, gathered: Gathered, intent: EnsureEvaluation) -> None:
        meta = gathered.seen.model.metadata
        manifest: Manifest = {
            "apiVersion": API_VERSION,
            "kind": "Evaluation",
            "metadata": {
                "name": intent.name,
                "namespace": meta.namespace,
                "labels": {
                    **MANAGED_BY,
                    MODEL_LABEL: meta.name,
                    REVISION_LABEL: intent.spec.revision,
                },
                "ownerReferences": [cast(Json, owner_reference(meta.name, meta.uid))],
            },
            "spec": intent.spec.to_json(),
        }
        await self._create(EVALUATIONS, manifest, meta)

    async def _start_retraining(self, gathered: Gathered, intent: StartRetraining) -> None:
        """Create the Job; a template that the API server does not take must not hold up the model."""
        meta = gathered.seen.model.metadata
        name = text(intent.job, "metadata", "name")
        try:
            await self._create(JOBS, intent.job, meta)
            reason, message = Reason.RETRAINING_STARTED, f"Job {name}: {intent.why}"
        except ApiError as error:
            if error.status not in (400, 403, 422) and error.reason != "ForeignObject":
                raise
            reason = Reason.RETRAINING_FAILED
            message = f"Job {name} cannot be made ({error.message}): {intent.why}"
        failed = reason is Reason.RETRAINING_FAILED
        event = Event(reason, message, warning=failed)
        await self._recorder.tell(meta, "ClinicalModel", event)

    async def _create(self, kind: Kind, manifest: Manifest, owner: ObjectMeta) -> None:
        """Create an object that is never changed; one of that name must be the owner's already."""
        try:
            await self._client.create(kind, manifest)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            name = text(manifest, "metadata", "name")
            live = await self._refuse_foreign(kind, owner, name)
            if live is None:
                raise
            if not owned(live, owner.uid):
                # Ours, but somebody took the owner away, so that it would outlive the model.
                uid = text(live, "metadata", "uid")
                await self._client.delete(kind, owner.namespace, name, uid)
                raise

    async def _refuse_foreign(self, kind: Kind, owner: ObjectMeta, name: str) -> Manifest | None:
        """Leave alone what somebody else has under a name that we need, and say so; return what is ours."""
        live = await self._client.get(kind, owner.namespace, name)
        if live is not None and not is_ours(live, owner.uid):
            raise ApiError(
                409,
                "ForeignObject",
                f"{kind.plural}/{name} exists and belongs to somebody else: remove it, or give the "
                "model another name",
            )
        return live

    async def _answer(self, gathered: Gathered, decision: str, status: DecisionStatus) -> None:
        manifest: Manifest = {
            "apiVersion": API_VERSION,
            "kind": "Decision",
            "metadata": {"name": decision, "namespace": gathered.seen.model.metadata.namespace},
            "status": status.to_json(),
        }
        await self._client.apply(DECISIONS, manifest, "status")
        count_answer()
        for each in gathered.seen.decisions:
            if each.metadata.name == decision:
                metrics.count_decision(gathered.seen.model.metadata, each, status)
