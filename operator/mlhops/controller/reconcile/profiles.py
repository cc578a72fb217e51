"""Takes profiles over from evaluators' pods, and keeps each as its revision's ConfigMap.

No pass waits for a pod: a request goes on beside it, and what came of it is there in a later pass. An operator
that is killed in between has lost nothing, because the pod hands the profile over until it is told that it is
kept.
"""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import structlog

from mlhops.api.base import Manifest
from mlhops.api.evaluation import Evaluation, EvaluationStatus
from mlhops.api.model import ClinicalModel
from mlhops.api.profile import MOST_BYTES, PORT
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.kube.reader import Reader
from mlhops.controller.outbound.pods import PodError, Pods
from mlhops.controller.resources import CONFIG_MAPS, MODELS, Key
from mlhops.json_access import text
from mlhops.kserve.owner import is_ours
from mlhops.rollout.evaluation import profiles

_log = structlog.get_logger(__name__)
Answer: TypeAlias = bytes | PodError
_PATH = "/profile"


class Profiles:
    """Brings the profiles of Evaluations from their pods to where sidecars find them."""

    def __init__(self, client: Client, pods: Pods, wake: Callable[[Key], None]) -> None:
        self._client = client
        self._pods = pods
        self._wake = wake
        self._asking: dict[Key, asyncio.Task[None]] = {}
        self._answers: dict[Key, tuple[str, Answer]] = {}
        """What came of the latest request, with the uid of the pod."""

    async def take(
        self,
        reader: Reader,
        key: Key,
        evaluation: Evaluation,
        model: ClinicalModel,
        pods: list[Manifest],
    ) -> str:
        """Go on with taking over the profile that one of these pods hands over; return what is in the way."""
        pod = profiles.handing_over(pods)
        if pod is None:
            return ""
        live = await reader.get(CONFIG_MAPS, key.namespace, profiles.name_of_map(evaluation))
        if profiles.is_from(live, pod, model):
            self._ask(key, evaluation, pod, "DELETE")
            return ""
        uid, answer = self._answers.pop(key, ("", None))
        if answer is None or uid != text(pod, "metadata", "uid"):
            self._ask(key, evaluation, pod, "GET")
            return ""
        if isinstance(answer, PodError):
            return f"the profile cannot be fetched from the evaluator's pod: {answer}"
        try:
            await self._keep(evaluation, model, pod, answer)
        except ValueError as error:
            return str(error)
        except ApiError as error:
            if error.reason in ("Conflict", "AlreadyExists"):
                raise
            return f"the profile cannot be kept: {error.message}"
        self._ask(key, evaluation, pod, "DELETE")
        return ""

    async def settle(
        self, evaluation: Evaluation, status: EvaluationStatus, model: ClinicalModel, pod: str
    ) -> EvaluationStatus:
        """Return the status of an Evaluation that ends, its profile compared with what the API server has."""
        meta = evaluation.metadata
        live = await self._client.get(CONFIG_MAPS, meta.namespace, profiles.name_of_map(evaluation))
        settled = profiles.settle(evaluation, status, live, model, pod)
        # What was refused is told first: killed in between, nobody could tell it from what never was.
        outdated = profiles.is_outdated(settled, live, model.metadata.uid)
        if live is not None and outdated and not profiles.is_refused(settled):
            await self._delete(live)
        return settled

    async def tidy(self, reader: Reader, key: Key, evaluation: Evaluation, owner: str) -> None:
        """Let go of what an Evaluation needs no longer, and of a profile that is none; `owner` is its model's uid."""
        self.forget(key)
        if not owner or not evaluation.spec.profile or not profiles.has_none(evaluation.status):
            return
        live = await reader.get(CONFIG_MAPS, key.namespace, profiles.name_of_map(evaluation))
        if live is not None and profiles.is_left_over(evaluation, live, owner):
            await self._delete(live)

    def forget(self, key: Key) -> None:
        """Ask no more, and keep no answer."""
        self._answers.pop(key, None)
        task = self._asking.pop(key, None)
        if task is not None:
            task.cancel()

    def forget_all(self) -> None:
        """Ask no more, and keep no answer of any pod."""
        for key in {*self._asking, *self._answers}:
            self.forget(key)

    async def close(self) -> None:
        """End all requests."""
        self.forget_all()
        await self._pods.close()

    async def _keep(
        self, evaluation: Evaluation, model: ClinicalModel, pod: Manifest, body: bytes
    ) -> None:
        """Write what a pod has handed over, in the place of what an earlier one did.

        Raises:
            ValueError: it is no profile, or there is no place for it.
            ApiError: the API server refuses.
        """
        profile = profiles.understood(body, evaluation)
        wanted = profiles.render(profile, evaluation, model, text(pod, "metadata", "uid"))
        meta = evaluation.metadata
        name = profiles.name_of_map(evaluation)
        if not await self._is_there(model):
            raise ValueError(f"ClinicalModel {model.metadata.name} is on its way out")
        live = await self._client.get(CONFIG_MAPS, meta.namespace, name)
        if live is not None:
            if not is_ours(live, model.metadata.uid):
                raise ValueError(f"ConfigMap {name} belongs to somebody else: remove or rename it")
            await self._delete(live)  # it cannot be changed
        await self._client.create(CONFIG_MAPS, wanted)

    async def _is_there(self, model: ClinicalModel) -> bool:
        """Whether a model is there still: of one that leaves nothing is made again."""
        meta = model.metadata
        live = await self._client.get(MODELS, meta.namespace, meta.name)
        leaves = text(live, "metadata", "deletionTimestamp")
        return text(live, "metadata", "uid") == meta.uid and not leaves

    async def _delete(self, live: Manifest) -> None:
        name, uid = text(live, "metadata", "name"), text(live, "metadata", "uid")
        await self._client.delete(CONFIG_MAPS, text(live, "metadata", "namespace"), name, uid)

    def _ask(self, key: Key, evaluation: Evaluation, pod: Manifest, method: str) -> None:
        """Ask a pod unless it is being asked, and look at the Evaluation again when it has answered."""
        if key in self._asking:
            return
        task = asyncio.create_task(self._request(key, evaluation.metadata.uid, pod, method))
        self._asking[key] = task

    async def _request(self, key: Key, token: str, pod: Manifest, method: str) -> None:
        address, uid = text(pod, "status", "podIP"), text(pod, "metadata", "uid")
        headers = {"Authorization": f"Bearer {token}"}
        answer: Answer
        try:
            answer = await self._pods.ask(method, address, PORT, _PATH, headers, MOST_BYTES)
        except PodError as error:
            answer = error
        except Exception as error:
            _log.exception("a pod was asked in vain", error=str(error))
            answer = PodError(type(error).__name__)
        self._asking.pop(key, None)
        if method == "GET":
            self._answers[key] = (uid, answer)
            self._wake(key)
