"""Asks the detectors in models' pods what they have counted, and keeps what that comes to.

It goes on beside the passes: no pass waits for a pod. A pass that is about a watched model takes the newest
look, and by asking for it names the model as one to look at. A look that is news puts the model on the queue.
Nothing is kept but the looks: an operator that starts anew looks anew, and a detector that does has simply
counted less.
"""

import asyncio
import os
import random
import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

import structlog
from pydantic import ValidationError

from mlhops.api.base import Manifest, seconds
from mlhops.api.model import ClinicalModel
from mlhops.api.policy import MonitoringPolicy, MonitoringPolicySpec
from mlhops.api.profile import MOST_BYTES
from mlhops.api.status import Candidate, Serving
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.work_queue import WorkQueue
from mlhops.controller.kube.client import ApiError, NotInstalled
from mlhops.controller.kube.reader import Reader
from mlhops.controller.outbound.pods import PodError, Pods
from mlhops.controller.resources import CONFIG_MAPS, EVALUATIONS, MODELS, PODS, POLICIES, Key, Kind
from mlhops.controller.telemetry import metrics
from mlhops.controller.telemetry.trace import begin_trace
from mlhops.json_access import at, condition, items, text
from mlhops.kserve.detector import CONTAINER, REPORT_PORT
from mlhops.kserve.names import PROFILE_EVALUATION, PROFILE_KEY, SERVICE_LABEL, profile_map
from mlhops.kserve.owner import is_of_service, is_ours
from mlhops.monitoring.reports import DetectorAnswer
from mlhops.rollout.evaluation.profiles import is_signed
from mlhops.rollout.monitoring.drift_snapshot import Found, Look, Side

_log = structlog.get_logger(__name__)

SECONDS = 2.0
"""For one report."""
REPORT_BYTES = 4 * 2**20
"""The largest report: 512 features in 8 windows take less than half of it."""
ALL_BYTES = 32 * 2**20
"""The largest reports of all pods of a model together."""
FEW_BYTES = 2 * 2**20
"""What all pods of a model may tell while others are looked at: a hundred pods tell less."""
LARGE_AT_ONCE = 2
"""Models at a time of which the pods tell more than that, so that memory stays bounded."""
AT_ONCE = 16
"""Pods that are asked at a time."""
LOOKERS = 8
"""Models that are looked at a time: pods that do not answer keep a look waiting for seconds."""
_AGAIN = 60.0
"""Seconds until the next try where a model cannot be looked at."""
_FIRST = 2.0
"""Within so many seconds the first look at a model comes: not all of them at one moment."""
_JITTER = 0.1
Signature: TypeAlias = tuple[object, ...]


class ReadsObject(Protocol):
    """Reads one object from the API server."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return it as it is now."""
        ...


@dataclass(frozen=True)
class _Text:
    """A revision's profile as JSON, or why there is none."""

    profile: bytes | None
    problem: str = ""
    damaged: bool = False


@dataclass(frozen=True)
class _Raw:
    """What was learnt of one revision, before any of it is parsed."""

    revision: str
    answers: Sequence[DetectorAnswer]
    text: _Text
    by_names: bool = False
    """Whether the proof says that the model goes by the names of its inputs."""


class _Room:
    """How many bytes the pods of one model may still tell in one look."""

    def __init__(self, large: asyncio.Semaphore) -> None:
        self._large = large
        self._is_large = False
        self._growing = asyncio.Lock()
        self.left = FEW_BYTES

    async def is_full(self) -> bool:
        """Return whether they have told all that they may; what is more than a few bytes waits for its turn."""
        async with self._growing:
            if self.left <= 0 and not self._is_large:
                await self._large.acquire()
                self._is_large = True
                self.left += ALL_BYTES - FEW_BYTES
        return self.left <= 0

    def close(self) -> None:
        """End the look."""
        if self._is_large:
            self._large.release()


class Scraper:
    """Looks at each model that a policy watches, as often as the policy says."""

    def __init__(
        self,
        client: ReadsObject,
        reader: Reader,
        pods: Pods,
        clock: Callable[[], datetime],
        wake: Callable[[Key], None],
    ) -> None:
        self._client = client
        self._reader = reader
        self._pods = pods
        self._clock = clock
        self._wake = wake
        self._queue: WorkQueue[Key] = WorkQueue()
        self._watched: set[Key] = set()
        self._wanted: set[Key] = set()
        """Models of which a pass has asked for the look since the latest began."""
        self._looks: dict[Key, Look] = {}
        self._told: dict[Key, deque[Signature]] = {}
        """What the latest looks came to, as many as a policy counts."""
        self._profiles: dict[Name, tuple[str, bytes]] = {}
        """Compressed texts, with the uid of their ConfigMap, which cannot be changed."""
        self._asking = asyncio.Semaphore(AT_ONCE)
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._aside: ThreadPoolExecutor | None = None
        self._forgotten = 0
        """How often all looks were."""

    def look(self, key: Key) -> Look | None:
        """Return the newest look at a model that is watched, None before the first."""
        self._wanted.add(key)
        if key not in self._watched:
            self._watched.add(key)
            metrics.WATCHED_MODELS.set(len(self._watched))
            self._queue.add_after(key, random.uniform(0, _FIRST))
        return self._looks.get(key)

    def soon(self, key: Key) -> None:
        """Look at a model again if it is watched: its policy has changed."""
        if key in self._watched:
            self._queue.add_after(key, random.uniform(0, _FIRST))

    async def run(self) -> None:
        """Look at models for as long as the operator leads, which it may again once it has lost the lease.

        Another operator may have looked and written meanwhile: all that is seen then is news, and a look that
        was cut off is made anew.
        """
        self._looks.clear()
        self._told.clear()
        for key in self._watched:
            self.soon(key)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._queue.run_clock())
            for _ in range(LOOKERS):
                tasks.create_task(self._work())

    def forget_all(self) -> None:
        """Keep no look: the statuses and Evaluations that they rest on may be gone."""
        self._forgotten += 1
        self._looks.clear()
        self._told.clear()
        self._profiles.clear()
        for key in self._watched:
            self.soon(key)

    async def close(self) -> None:
        """End all requests."""
        await self._pods.close()
        if self._aside is not None:
            self._aside.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                begin_trace()
                again = await self._look_safely(key)
            finally:
                self._queue.done(key)
            if again is not None:
                self._queue.add_after(key, again * random.uniform(1 - _JITTER, 1 + _JITTER))

    async def _look_safely(self, key: Key) -> float | None:
        """Look at one model; return the seconds until the next look, None where there is to be none.

        Whatever goes wrong, the last look grows old, and what is old is no verdict.
        """
        try:
            return await self._look_at(key)
        except (ApiError, NotInstalled) as error:
            _log.warning(
                "a model cannot be looked at",
                name=key.name,
                namespace=key.namespace,
                error=str(error),
            )
        except Exception as error:
            # Its words may quote what a pod has told: the type and the place must do.
            metrics.LOOKS.labels("failed").inc()
            where = _place(error)
            _log.error(
                "a look failed",
                name=key.name,
                namespace=key.namespace,
                error=type(error).__name__,
                at=where,
            )
        return _AGAIN

    async def _look_at(self, key: Key) -> float | None:
        self._wanted.discard(key)
        model = _parsed(await self._reader.get(MODELS, key.namespace, key.name))
        if model is None or model.spec.policy is None:
            if key in self._wanted:
                return _FIRST  # a pass that has seen more asked meanwhile
            self._forget(key)
            return None
        name = model.spec.policy
        policy = _policy(await self._reader.get(POLICIES, key.namespace, name))
        if policy is None:
            self._looks.pop(key, None)
            self._told.pop(key, None)  # what is seen under the next policy is news
            return _AGAIN
        started, forgotten = time.perf_counter(), self._forgotten
        found = await self._seen(key, model, policy)
        if forgotten != self._forgotten:
            return _FIRST
        metrics.LOOK_DURATION.observe(time.perf_counter() - started)
        metrics.LOOKS.labels(found.stable.verdict if found.stable else "NothingServes").inc()
        self._keep(key, model, found, policy.drift.persistence.of)
        return seconds(policy.drift.every)

    async def _seen(self, key: Key, model: ClinicalModel, policy: MonitoringPolicySpec) -> Look:
        pods = await self._reader.of_model(PODS, key.namespace, key.name)
        status, room = model.status, _Room(self._large)
        if self._aside is None:
            self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="look")
        try:
            stable, candidate = [
                await self._raw(model, each, pods, room) if each else None
                for each in (status.stable, status.candidate)
            ]
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._aside, _judge, policy, stable, candidate, self._clock()
            )
        finally:
            room.close()

    async def _raw(
        self, model: ClinicalModel, of: Serving | Candidate, pods: list[Manifest], room: _Room
    ) -> _Raw:
        """Ask all ready pods of a revision, and fetch its profile."""
        service = of.inference_service
        ready = [pod for pod in pods if _is_ready(pod, service)]
        answers = await asyncio.gather(*(self._ask(pod, service, room) for pod in ready))
        by_names = of.proof is not None and of.proof.honours_names == "True"
        return _Raw(of.revision, answers, await self._profile(model, of), by_names)

    async def _ask(self, pod: Manifest, service: str, room: _Room) -> DetectorAnswer:
        """Ask one pod of an InferenceService."""
        if all(text(each, "name") != CONTAINER for each in items(pod, "spec", "containers")):
            without = "is not there: the next version comes with one"
            return DetectorAnswer(None, without, "Insufficient")
        if not is_of_service(pod, service):
            return DetectorAnswer(
                None, "was not asked: no ReplicaSet of its InferenceService has its pod"
            )
        address = text(pod, "status", "podIP")
        if not address:
            return DetectorAnswer(None, "has no address")
        while not await room.is_full():
            async with self._asking:
                if room.left > 0:  # others may have told much meanwhile
                    return await self._report(pod, address, room)
        return DetectorAnswer(None, f"was not asked: the others told more than {ALL_BYTES:,} bytes")

    async def _report(self, pod: Manifest, address: str, room: _Room) -> DetectorAnswer:
        try:
            body = await self._pods.ask("GET", address, REPORT_PORT, "/report", {}, REPORT_BYTES)
        except PodError as error:
            metrics.REPORTS.labels("failed").inc()
            _log.info(
                "a detector did not tell",
                pod=text(pod, "metadata", "name"),
                namespace=text(pod, "metadata", "namespace"),
                error=str(error),
            )
            return DetectorAnswer(None, f"did not tell: {error}")
        room.left -= len(body)
        metrics.REPORTS.labels("fetched").inc()
        return DetectorAnswer(body)

    async def _profile(self, model: ClinicalModel, of: Serving | Candidate) -> _Text:
        """Return the text of a revision's profile, which is read from the API server once."""
        namespace, name = model.metadata.namespace, profile_map(of.inference_service)
        place = Name(namespace, name)
        heard = await self._reader.get(CONFIG_MAPS, namespace, name)
        if heard is None or not is_ours(heard, model.metadata.uid):
            self._profiles.pop(place, None)
            return _Text(None, "there is no profile of it: its next evaluation makes one")
        uid = text(heard, "metadata", "uid")
        kept = self._profiles.get(place)
        if kept is not None and kept[0] == uid:
            return _Text(zlib.decompress(kept[1]))
        live = await self._client.get(CONFIG_MAPS, namespace, name)
        content = text(live, "data", PROFILE_KEY).encode()
        evaluation = text(live, "metadata", "annotations", PROFILE_EVALUATION)
        record = await self._client.get(EVALUATIONS, namespace, evaluation) if evaluation else None
        signed = is_signed(live or {}, record, of, model.metadata.uid)
        if signed is None:
            return _Text(None, f"its profile counts once Evaluation {evaluation} has ended")
        if not content or len(content) > MOST_BYTES or not signed:
            return _Text(
                None, "its profile is not the one that was kept: Retry makes another", True
            )
        self._profiles[place] = (text(live, "metadata", "uid"), zlib.compress(content))
        return _Text(content)

    def _keep(self, key: Key, model: ClinicalModel, found: Look, counted: int) -> None:
        """Keep a look; it is news if one of those that are counted came to something else."""
        self._looks[key] = found
        before = self._told.get(key, deque())
        candidate = model.status.candidate
        # Looks at an attempt that is over count no more, even if this one comes to the same.
        signature = (candidate.attempt if candidate else 0, *_signature(found))
        is_news = len(before) < counted or any(
            each != signature for each in list(before)[-counted:]
        )
        self._told[key] = deque([*before, signature], maxlen=counted)
        if is_news:
            self._wake(key)

    def _forget(self, key: Key) -> None:
        """Look at a model no more, until a pass asks again."""
        self._watched.discard(key)
        self._wanted.discard(key)
        self._looks.pop(key, None)
        self._told.pop(key, None)
        metrics.WATCHED_MODELS.set(len(self._watched))
        for place in [p for p in self._profiles if p.namespace == key.namespace]:
            if place.name.startswith(f"{key.name}-"):
                del self._profiles[place]


def _parsed(live: Manifest | None) -> ClinicalModel | None:
    try:
        return ClinicalModel.model_validate(live) if live is not None else None
    except ValidationError:
        return None  # its own pass says so


def _policy(live: Manifest | None) -> MonitoringPolicySpec | None:
    try:
        return MonitoringPolicy.model_validate(live).spec if live is not None else None
    except ValidationError:
        return None  # the passes of its models say so


def _is_ready(pod: Manifest, service: str) -> bool:
    """Whether a pod answers requests for an InferenceService."""
    return (
        text(pod, "metadata", "labels", SERVICE_LABEL) == service
        and at(pod, "metadata", "deletionTimestamp") is None
        and text(condition(pod, "Ready"), "status") == "True"
    )


def _judge(
    policy: MonitoringPolicySpec, stable: _Raw | None, candidate: _Raw | None, now: datetime
) -> Look:
    """Return what a look comes to. NumPy is loaded here, for an operator that watches something."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from mlhops.api.profile import Profile
    from mlhops.monitoring.look import look
    from mlhops.monitoring.reports import AskedDetector

    def asked(raw: _Raw | None) -> AskedDetector | None:
        if raw is None:
            return None
        if raw.text.profile is None:
            return AskedDetector(
                raw.revision, raw.answers, None, raw.text.problem, raw.text.damaged
            )
        try:
            profile = Profile.model_validate_json(raw.text.profile)
        except ValueError:
            return AskedDetector(
                raw.revision, raw.answers, None, "its profile cannot be read", True
            )
        return AskedDetector(raw.revision, raw.answers, profile, by_names=raw.by_names)

    return look(policy, asked(stable), asked(candidate), now)


def _signature(found: Look) -> Signature:
    """Return what a plan would write of a look, apart from its numbers."""
    return (
        *_of_side(found.stable),
        *_of_side(found.candidate),
        found.compared_verdict,
        *_of_found(found.compared),
    )


def _of_side(side: Side | None) -> Signature:
    if side is None:
        return ("",)
    return (
        side.revision,
        side.verdict,
        *_of_found(side.worst),
        side.quality,
        *_of_found(side.quality_worst),
        side.message,
    )


def _of_found(found: Found | None) -> Signature:
    """Which test it is matters only where it tells of something: else the worst is another each time."""
    if found is None or found.verdict != "Drift":
        return ("",)
    return found.of, found.kind, found.window, found.test


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "nowhere"
