"""Runs Evaluations: one Job each, and its verdict written as the Evaluation's status."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mlhops.api.base import Manifest
from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationPhase, EvaluationStatus
from mlhops.api.given import TooLargeError
from mlhops.api.model import ClinicalModel
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.kube.events import Recorder
from mlhops.controller.kube.reader import CachedReader, LiveReader, Reader
from mlhops.controller.kube.statuses import manifest_of
from mlhops.controller.reconcile.profiles import Profiles
from mlhops.controller.resources import EVALUATIONS, EVENTS, JOBS, MODELS, SERVICES, Key
from mlhops.controller.telemetry import metrics
from mlhops.json_access import text
from mlhops.kserve.limit_range import name_limit_range
from mlhops.kserve.owner import owned
from mlhops.rollout.evaluation import evaluator_job, profiles
from mlhops.rollout.evaluation.evaluator_pod import EvaluatorImage
from mlhops.rollout.intents import Event
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions.identity import is_about
from mlhops.rollout.revisions.revision import service_name

_PATIENCE = timedelta(seconds=5)
_NEVER_TAKEN = frozenset({400, 413, 422})
"""What the API server says of a body that it will not take another time either."""


@dataclass(frozen=True)
class _Seen:
    """An Evaluation, and the status that follows from what was seen of its Job."""

    evaluation: Evaluation
    status: EvaluationStatus
    error: ApiError | None = None
    """What keeps its Job from being made."""
    early: bool = False
    """Whether its Job was only just made, and there is nothing to say of it."""
    model: ClinicalModel | None = None
    event: Event | None = None
    """What people are told of the model."""


class Evaluations:
    """Brings one Evaluation to its verdict."""

    def __init__(
        self,
        client: Client,
        store: Store,
        image: EvaluatorImage,
        profiles: Profiles,
        recorder: Recorder,
    ) -> None:
        self._client = client
        self._profiles = profiles
        self._recorder = recorder
        self._heard = CachedReader(store, client)
        self._fresh = LiveReader(store, client)
        self._image = image

    async def reconcile(self, key: Key, now: datetime) -> bool:
        """Create the Job where there is none, and take over the verdict when there is one.

        Returns whether the verdict is still to come. What an evaluator said when it ended stays said; that
        it said nothing, or that its Evaluation is none of ours, is believed only of what the API server
        says now, since a verdict is never taken back.
        """
        seen = await self._look(self._heard, key, now)
        if seen is not None and seen.status.phase is EvaluationPhase.ERROR:
            seen = await self._look(self._fresh, key, now)
        if seen is None:
            return False
        if seen.early:
            return True  # nothing worth a write, for moments
        seen = replace(seen, status=await self.keep(seen.evaluation, seen.status, now))
        if seen.model is not None and seen.status.phase in FINISHED:
            metrics.count_verdict(seen.model.metadata, seen.status)
        if seen.event is not None and seen.model is not None:
            await self._recorder.tell(seen.model.metadata, "ClinicalModel", seen.event)
        if seen.error is not None:
            raise seen.error
        return seen.status.phase not in FINISHED

    async def _look(self, reader: Reader, key: Key, now: datetime) -> _Seen | None:
        """Return how it stands with an Evaluation, None where there is nothing to do; see to its Job."""
        live = await reader.get(EVALUATIONS, key.namespace, key.name)
        if live is None:
            self._profiles.forget(key)
            return None
        evaluation = Evaluation.model_validate(live)
        found = await reader.get(MODELS, key.namespace, evaluation.spec.model)
        if evaluation.status.phase in FINISHED or evaluation.metadata.deletion_timestamp:
            await self._profiles.tidy(reader, key, evaluation, text(found, "metadata", "uid"))
            return None
        model = ClinicalModel.model_validate(found) if found is not None else None
        problem = await self._problem(reader, live, evaluation, model)
        if problem or model is None:
            status = evaluator_job.refused(evaluation, problem, now, final=True)
            return _Seen(evaluation, status, model=model)
        try:
            job = await self._job(reader, key, evaluation, model)
        except TooLargeError as error:
            status = evaluator_job.refused(evaluation, str(error), now, final=True)
            return _Seen(evaluation, status, model=model)
        except ApiError as error:
            if error.reason in ("Conflict", "AlreadyExists"):
                raise
            late = now >= evaluator_job.last_moment_without_job(evaluation)
            status = evaluator_job.refused(evaluation, error.message, now, final=late)
            return _Seen(evaluation, status, error, model=model)
        uid = text(job, "metadata", "uid")
        pods = await reader.of_evaluation(key.namespace, key.name)
        mine = [pod for pod in pods if owned(pod, uid)]
        hint = "" if mine or _is_young(job, now) else await self._why_no_pod(key, uid)
        spec = evaluation.spec
        status = evaluator_job.next_status(evaluation, job, mine, now, hint)
        early = status.message == evaluator_job.STARTS and _is_young(job, now)
        seen = _Seen(evaluation, status, early=early, model=model)
        return await self._with_profile(reader, key, seen, mine) if spec.profile else seen

    async def _with_profile(
        self, reader: Reader, key: Key, seen: _Seen, pods: list[Manifest]
    ) -> _Seen:
        """Return how it stands with an Evaluation, its profile included."""
        evaluation, status, model = seen.evaluation, seen.status, seen.model
        if model is None:
            return seen
        if status.phase not in FINISHED:
            why = await self._profiles.take(reader, key, evaluation, model, pods)
            return replace(seen, status=profiles.trouble(status, why) if why else status)
        pod = text(evaluator_job.telling(pods), "metadata", "uid")
        settled = await self._profiles.settle(evaluation, status, model, pod)
        return replace(seen, status=settled, event=event_of(evaluation, settled))

    async def _problem(
        self, reader: Reader, live: Manifest, evaluation: Evaluation, model: ClinicalModel | None
    ) -> str:
        """Return why an Evaluation is none of the operator's own: its Job runs with a model's rights.

        Anybody who may create Evaluations could otherwise send a model's data to a server of theirs.
        """
        meta, spec = evaluation.metadata, evaluation.spec
        if model is None or not owned(live, model.metadata.uid):
            return f"it was not made by the operator for ClinicalModel {spec.model}"
        in_use = (model.status.stable, model.status.candidate, model.status.previous)
        known = {of.revision: of.digest for of in in_use if of is not None}
        if spec.revision in known and not is_about(
            spec.revision, known[spec.revision], spec.digest
        ):
            return f"it is not about what revision {spec.revision} of {spec.model} serves"
        asked = [(spec.revision, spec.endpoint)]
        if spec.stable is not None and spec.stable.endpoint is not None:
            asked.append((spec.stable.revision, spec.stable.endpoint))
        for revision, endpoint in asked:
            name = service_name(spec.model, revision)
            service = await reader.get(SERVICES, meta.namespace, name)
            if service is None or not owned(service, model.metadata.uid):
                return f"revision {revision} of {spec.model} is not there"
            if endpoint != text(service, "status", "address", "url"):
                return f"its endpoint is not that of revision {revision} of {spec.model}"
        settings = model.spec.evaluation
        if (spec.data, spec.gates) != (settings.data, settings.gates):
            return f"its data or gates are not those of ClinicalModel {spec.model}"
        return ""

    async def _job(
        self, reader: Reader, key: Key, evaluation: Evaluation, model: ClinicalModel
    ) -> Manifest:
        job = await reader.get(JOBS, key.namespace, key.name)
        if job is None:
            wanted = evaluator_job.render(evaluation, model.spec.evaluation, self._image)
            try:
                return await self._client.create(JOBS, wanted)
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    raise
                job = await self._client.get(JOBS, key.namespace, key.name)
        if job is None or not owned(job, evaluation.metadata.uid):
            message = f"Job {key.name} belongs to somebody else: remove it"
            raise ApiError(409, "ForeignObject", message)
        return job

    async def _why_no_pod(self, key: Key, job_uid: str) -> str:
        """Return what the Job controller says of a pod that it cannot create."""
        fields = f"involvedObject.uid={job_uid},reason=FailedCreate"
        events = await self._client.list(EVENTS, key.namespace, fields=fields)
        said = text(events[-1], "message") if events else ""
        words = name_limit_range(said, "spec.evaluation.resources")
        return f"the evaluator cannot start: {words}" if words else ""

    async def keep(
        self, evaluation: Evaluation, status: EvaluationStatus, now: datetime
    ) -> EvaluationStatus:
        """Write the status, and return what was written: of a verdict that cannot be, that it cannot.

        Such a verdict could be tried for ever.
        """
        try:
            await self._write(evaluation, status)
        except (TypeError, ValueError) as error:
            why = f"it is no JSON ({type(error).__name__})"
        except ApiError as error:
            if error.status not in _NEVER_TAKEN or status.phase not in FINISHED:
                raise
            why = f"the API server refuses it ({error.reason})"
        else:
            return status
        lost = evaluator_job.unwritable(evaluation, why, now)
        await self._write(evaluation, lost)
        return lost

    async def _write(self, evaluation: Evaluation, status: EvaluationStatus) -> None:
        if status.to_json() == evaluation.status.to_json():
            return
        manifest = manifest_of("Evaluation", evaluation.metadata, status)
        await self._client.apply(EVALUATIONS, manifest, "status")


def event_of(evaluation: Evaluation, status: EvaluationStatus) -> Event | None:
    """Return what people are told of a profile that there is not, where the verdict itself does not tell it all."""
    if status.profile is None or status.profile.error is None:
        return None
    refused = profiles.is_refused(status)
    if status.phase is EvaluationPhase.ERROR and not refused:
        return None
    reason = Reason.PROFILE_REFUSED if refused else Reason.PROFILE_MISSING
    return Event(reason, f"{evaluation.spec.version}: {status.profile.error}", warning=True)


def _is_young(job: Manifest, now: datetime) -> bool:
    """Whether a Job may well be without a pod: to look for the reason, all Events are gone through."""
    made = text(job, "metadata", "creationTimestamp")
    return bool(made) and now - datetime.fromisoformat(made) < _PATIENCE
