"""Runs Evaluations: one Job each, and its verdict written as the Evaluation's status."""

from datetime import datetime

from mlhops.api import API_VERSION
from mlhops.api.base import Manifest
from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationStatus
from mlhops.api.model import ClinicalModel
from mlhops.controller.client import (
    EVALUATIONS,
    EVENTS,
    JOBS,
    MODELS,
    PODS,
    SERVICES,
    ApiError,
    Client,
)
from mlhops.controller.gather import Key, owned
from mlhops.kserve.read import text
from mlhops.rollout import evaluator_job
from mlhops.rollout.evaluator_job import EVALUATION_LABEL, EvaluatorImage
from mlhops.rollout.revision import service_name


class Evaluations:
    """Brings one Evaluation to its verdict."""

    def __init__(self, client: Client, image: EvaluatorImage) -> None:
        self._client = client
        self._image = image

    async def reconcile(self, key: Key, now: datetime) -> bool:
        """Create the Job where there is none, and take over the verdict when there is one.

        Returns whether the verdict is still to come.
        """
        live = await self._client.get(EVALUATIONS, key.namespace, key.name)
        if live is None:
            return False
        evaluation = Evaluation.model_validate(live)
        if evaluation.status.phase in FINISHED or evaluation.metadata.deletion_timestamp:
            return False
        found = await self._client.get(MODELS, key.namespace, evaluation.spec.model)
        model = ClinicalModel.model_validate(found) if found is not None else None
        problem = await self._problem(live, evaluation, model)
        if problem or model is None:
            await self._write(
                evaluation, evaluator_job.refused(evaluation, problem, now, final=True)
            )
            return False
        try:
            job = await self._job(key, evaluation, model)
        except ApiError as error:
            if error.reason == "Conflict":
                raise
            late = now >= evaluator_job.last_moment_without_job(evaluation)
            status = evaluator_job.refused(evaluation, error.message, now, final=late)
            await self._write(evaluation, status)
            raise
        selector = f"{EVALUATION_LABEL}={key.name}"
        pods = await self._client.list(PODS, key.namespace, selector)
        uid = text(job, "metadata", "uid")
        mine = [pod for pod in pods if owned(pod, uid)]
        hint = "" if mine else await self._why_no_pod(key, uid)
        status = evaluator_job.next_status(evaluation, job, mine, now, hint)
        await self._write(evaluation, status)
        return status.phase not in FINISHED

    async def _problem(
        self, live: Manifest, evaluation: Evaluation, model: ClinicalModel | None
    ) -> str:
        """Return why an Evaluation is none of the operator's own: its Job runs with a model's rights.

        Anybody who may create Evaluations could otherwise send a model's data to a server of theirs.
        """
        meta, spec = evaluation.metadata, evaluation.spec
        if model is None or not owned(live, model.metadata.uid):
            return f"it was not made by the operator for ClinicalModel {spec.model}"
        service = await self._client.get(
            SERVICES, meta.namespace, service_name(spec.model, spec.revision)
        )
        if service is None or not owned(service, model.metadata.uid):
            return f"revision {spec.revision} of {spec.model} is not there"
        if spec.endpoint != text(service, "status", "address", "url"):
            return f"its endpoint is not that of revision {spec.revision} of {spec.model}"
        settings = model.spec.evaluation
        if (spec.data, spec.gates) != (settings.data, settings.gates):
            return f"its data or gates are not those of ClinicalModel {spec.model}"
        return ""

    async def _job(self, key: Key, evaluation: Evaluation, model: ClinicalModel) -> Manifest:
        job = await self._client.get(JOBS, key.namespace, key.name)
        if job is None:
            wanted = evaluator_job.render(evaluation, model.spec.evaluation, self._image)
            return await self._client.create(JOBS, wanted)
        if not owned(job, evaluation.metadata.uid):
            message = f"Job {key.name} belongs to somebody else: remove it"
            raise ApiError(409, "ForeignObject", message)
        return job

    async def _why_no_pod(self, key: Key, job_uid: str) -> str:
        """Return what the Job controller says of a pod that it cannot create."""
        fields = f"involvedObject.uid={job_uid},reason=FailedCreate"
        events = await self._client.list(EVENTS, key.namespace, fields=fields)
        words = text(events[-1], "message") if events else ""
        return f"the evaluator cannot start: {words}" if words else ""

    async def _write(self, evaluation: Evaluation, status: EvaluationStatus) -> None:
        if status.to_json() == evaluation.status.to_json():
            return
        meta = evaluation.metadata
        manifest: Manifest = {
            "apiVersion": API_VERSION,
            "kind": "Evaluation",
            "metadata": {
                "name": meta.name,
                "namespace": meta.namespace,
                "resourceVersion": meta.resource_version,
            },
            "status": status.to_json(),
        }
        await self._client.apply(EVALUATIONS, manifest, "status")
