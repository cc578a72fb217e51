"""Asks the sidecars in models' pods how requests are answered, and hears at once of news.

A sidecar holds a question until something is news, so that a model at rest costs one request a minute and pod,
and one that begins to fail is known within seconds. Nothing is kept but the newest answer of each pod: an operator
that starts anew asks anew.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

import structlog
from pydantic import ValidationError

from mlhops.api.serving import LONGEST_WAIT, ProbeReport, ServingCounts, ServingReport, add_counts
from mlhops.api.status import Candidate
from mlhops.api.summary import TIMES
from mlhops.controller.outbound.pods import PodError, Pods
from mlhops.controller.resources import Key
from mlhops.controller.telemetry import metrics
from mlhops.kserve.detector import REPORT_PORT
from mlhops.kserve.state import ReadyPod
from mlhops.rollout.monitoring.drift_snapshot import Answering, ServingLook, step_of
from mlhops.rollout.monitoring.serving import NO_SIDECAR, judged
from mlhops.rollout.observed import Observed

_log = structlog.get_logger(__name__)

_SLACK = 10.0
"""Seconds for one question beyond those for which the sidecar holds it."""
TIMEOUT = LONGEST_WAIT + _SLACK
"""Seconds for one question at most."""
_BESIDE = 5.0
"""For so long a question is held while a candidate has traffic: its counts are evidence."""
_FRESH = TIMEOUT + 5.0
"""Seconds after which an answer says nothing any more."""
_FRESH_BESIDE = 30.0
_BYTES = 64 * 2**10
_FIRST, _LONGEST = 2.0, 30.0
"""Seconds until a pod that did not tell is asked again: the first time, and at most."""
_OLDER = 300.0
"""The same for a sidecar that does not know the question."""
_PAUSE = 1.0
"""Seconds from one question to the next at least."""
_ROUND = 15.0
"""Where there are more pods than questions may be held, each has its turn within so many seconds."""
_MOST_PODS = 200
"""So many pods of a revision are asked at most."""
_MOST = 10**10
"""No count is as large: what says so is damaged, and would take long to reckon with."""
_LEAST_AGE, _MOST_AGE = 1.0, 86_400.0
"""A sidecar can be asked of no shorter span of time, and of no longer one."""
_UNASKED = "its pods were not asked yet"
_EARLIER = "its sidecar is of an earlier version, which does not count: the next version of the model has one that does"
NO_ADDRESS = "a ready pod of it has no address"
_UNCONFIGURED = "a sidecar is not configured yet"
_WORSE = {"Answers": 0, "Unknown": 1, "Fails": 2}


@dataclass(eq=False)
class _Pod:
    """One pod that is asked, and what it told last."""

    revision: str
    address: str
    task: "asyncio.Task[None] | None" = None
    report: ServingReport | None = None
    problem: str = _UNASKED
    at: float = 0.0
    """When it told, by a clock that nobody sets."""
    asked_of: str = ""
    """Of which step `report.asked` counts."""


@dataclass
class _Model:
    """The pods of one model, and the step of which its candidate's counts are evidence."""

    pods: dict[str, _Pod] = field(default_factory=dict)
    revisions: tuple[str, str] = ("", "")
    """Of what serves and of the candidate."""
    without: dict[str, str] = field(default_factory=dict)
    """Why some ready pod cannot be asked, by its revision."""
    step: str = ""
    """Names the step of which the candidate's counts are evidence, empty where it has no traffic."""
    begun: float | None = None
    """When that step began, by a clock that nobody sets."""
    signature: object = None


class ServingWatch:
    """Knows how each model's revisions answer their callers."""

    def __init__(
        self,
        pods: Pods,
        clock: Callable[[], datetime],
        wake: Callable[[Key], None],
        room: int = 0,
    ) -> None:
        """Make a watch that holds at most so many questions open, 0 for as many as there are pods."""
        self._pods = pods
        self._room = room
        self._turns = asyncio.Semaphore(room) if room else None
        self._clock = clock
        self._wake = wake
        self._models: dict[Key, _Model] = {}
        self._leads = False

    def look(self, key: Key, seen: Observed) -> ServingLook:
        """Return what is known of a model's revisions; their pods as they are now are asked from here on."""
        model = self._models.setdefault(key, _Model())
        status = seen.model.status
        wanted: dict[str, tuple[str, ReadyPod]] = {}
        without: dict[str, str] = {}
        for of in (status.stable, status.candidate):
            service = seen.services.get(of.inference_service) if of is not None else None
            for pod in service.pods[:_MOST_PODS] if of is not None and service is not None else ():
                if of is not None and pod.has_sidecar and pod.address and pod.uid:
                    wanted[pod.uid] = (of.revision, pod)
                elif of is not None:
                    without[of.revision] = NO_ADDRESS if pod.has_sidecar else NO_SIDECAR
        candidate = status.candidate
        exposed = candidate is not None and max(candidate.weight, candidate.desired_weight) > 0
        step = step_of(candidate) if candidate is not None and exposed else ""
        if step != model.step:
            _stop(model.pods.values())  # they are asked about the new step at once
            model.step = step
            model.begun = self._begun(candidate)
        model.revisions = (
            status.stable.revision if status.stable is not None else "",
            candidate.revision if candidate is not None else "",
        )
        model.without = without
        self._follow(key, model, wanted)
        look = self._seen(model)
        model.signature = _signature(look)
        return look

    def _begun(self, candidate: Candidate | None) -> float | None:
        """Return when a candidate's step began: never later than now, also where a clock was set since."""
        since = candidate.step_started_at if candidate is not None else None
        if since is None:
            return None
        return time.monotonic() - max((self._clock() - since).total_seconds(), 0.0)

    def forget(self, key: Key) -> None:
        """Ask the pods of a model no more."""
        model = self._models.pop(key, None)
        if model is not None:
            self._follow(key, model, {})

    def forget_all(self) -> None:
        """Keep no answer: the steps that they were asked of may be gone. Passes that follow ask anew."""
        for key in list(self._models):
            self.forget(key)

    async def run(self) -> None:
        """Ask for as long as the operator leads: an operator that stands by asks nobody."""
        self._leads = True
        try:
            for key in list(self._models):
                self._wake(key)
            await asyncio.Event().wait()
        finally:
            self._leads = False
            self.forget_all()

    async def close(self) -> None:
        """End all questions."""
        await self._pods.close()

    def _follow(self, key: Key, model: _Model, wanted: dict[str, tuple[str, ReadyPod]]) -> None:
        """Ask the pods that are there, and those that are gone no more."""
        _stop(model.pods.pop(uid) for uid in model.pods.keys() - wanted.keys())
        for uid, (revision, pod) in wanted.items():
            known = model.pods.get(uid)
            if known is None or (known.revision, known.address) != (revision, pod.address):
                _stop([known] if known is not None else ())
                model.pods[uid] = known = _Pod(revision, pod.address)
            if self._leads and known.task is None:
                known.task = asyncio.create_task(self._ask_on(key, model, known))

    async def _ask_on(self, key: Key, model: _Model, pod: _Pod) -> None:
        """Ask one pod again and again; whatever goes wrong, what it told grows old and says nothing."""
        failed = 0
        while True:
            try:
                async with self._turns or nullcontext():
                    again = await self._ask(model, pod)
                failed = 0
            except PodError as error:
                failed += 1
                older = "HTTP 404" in str(error)
                pod.problem = _EARLIER if older else f"a sidecar does not tell: {error}"
                metrics.SERVING_REPORTS.labels("failed").inc()
                again = _OLDER if older else min(_FIRST * 2 ** (failed - 1), _LONGEST)
            except Exception as error:
                # Its words may quote what a pod has told: the type must do.
                pod.problem = "a sidecar's answer cannot be read"
                again = _LONGEST
                _log.error("a question to a sidecar failed", error=type(error).__name__)
            self._tell(key, model)
            if again:
                await asyncio.sleep(again * random.uniform(0.9, 1.1))

    async def _ask(self, model: _Model, pod: _Pod) -> float:
        """Ask one pod, and return the seconds until it is asked again.

        Raises:
            PodError: it did not tell.
        """
        step, since, begun = model.step, model.begun, time.monotonic()
        age = begun - since if step and since is not None else 0.0
        known = pod.report.tag if pod.report is not None else ""
        first = pod.report is None or pod.asked_of != step
        asked: dict[str, str] = {"wait": f"{self._hold(_BESIDE if step else LONGEST_WAIT):g}"}
        if age >= _LEAST_AGE:
            asked["within"] = f"{min(age, _MOST_AGE):.3f}"
        counts = pod.report is not None and pod.report.asked is not None
        if known and not first and (counts or "within" not in asked):
            asked["tag"] = known
        held = float(asked["wait"]) if "tag" in asked else 0.0
        try:
            async with asyncio.timeout(held + _SLACK):
                body = await self._pods.ask(
                    "GET", pod.address, REPORT_PORT, f"/serving?{urlencode(asked)}", {}, _BYTES
                )
        except TimeoutError as error:
            raise PodError("it did not answer in time") from error
        report = _sound(body)
        if report is None or report.revision != pod.revision:
            unread = report is not None and not report.revision
            pod.problem = _UNCONFIGURED if unread else "a sidecar tells of something else"
            return _FIRST if unread else _LONGEST
        metrics.SERVING_REPORTS.labels("fetched").inc()
        pod.report, pod.problem, pod.asked_of = report, "", step
        pod.at = time.monotonic()
        # One that never holds a question, or has news all the time, is not asked without a pause.
        return 0.0 if first else max(_PAUSE - (pod.at - begun), 0.0)

    def _hold(self, seconds: float) -> float:
        """Return for how long a question is held: where pods take turns, all have theirs while answers are fresh."""
        pods = sum(len(model.pods) for model in self._models.values())
        if not self._room or pods <= self._room:
            return seconds
        return round(min(seconds, _ROUND * self._room / pods), 3)

    def _tell(self, key: Key, model: _Model) -> None:
        """Wake the model's pass if what is known comes to something else."""
        signature = _signature(self._seen(model))
        if signature != model.signature:
            model.signature = signature
            self._wake(key)

    def _seen(self, model: _Model) -> ServingLook:
        stable, candidate = model.revisions
        return ServingLook(
            at=self._clock(),
            stable=self._answering(model, stable) if stable else None,
            candidate=self._answering(model, candidate) if candidate else None,
        )

    def _answering(self, model: _Model, revision: str) -> Answering | None:
        """Return what the pods of a revision told, None while one of them was not asked yet."""
        pods = [pod for pod in model.pods.values() if pod.revision == revision]
        if any(pod.problem == _UNASKED for pod in pods):
            return None
        told = [pod for pod in pods if pod.report is not None and _is_fresh(pod, model.step)]
        reports = [pod.report for pod in told if pod.report is not None]
        blind = model.without.get(revision, "")
        problem = _problem(pods, told, blind)
        asked = [
            pod.report.asked
            for pod in told
            if pod.report is not None
            and pod.report.asked is not None
            and model.step
            and pod.asked_of == model.step
        ]
        return Answering(
            revision=revision,
            pods=len(pods) + bool(blind),
            told=len(told),
            minute=add_counts(report.minute for report in reports),
            hour=add_counts(report.hour for report in reports),
            asked=add_counts(asked) if asked else None,
            counted=len(asked),
            asked_of=model.step if asked else "",
            quiet=not any(_had_requests(report) for report in reports),
            probe=_best(report.probe for report in reports),
            problem=problem,
        )


def _is_fresh(pod: _Pod, step: str) -> bool:
    """Whether what a pod told says something still: for longer until it was asked about a new step."""
    beside = step and pod.asked_of == step
    return pod.at >= time.monotonic() - (_FRESH_BESIDE if beside else _FRESH)


def _had_requests(report: ServingReport) -> bool:
    return report.hour.requests > 0 or (
        report.quiet_seconds is not None and report.quiet_seconds < 3600
    )


def _problem(pods: Iterable[_Pod], told: Sequence[_Pod], blind: str) -> str:
    """Return why not all is known: of several reasons always the same."""
    old = "a sidecar has not told for a while"
    problems = {pod.problem or old for pod in pods if pod.problem or pod not in told}
    return min(problems | ({blind} if blind else set()), default="")


def _stop(pods: Iterable[_Pod]) -> None:
    """End the questions to pods."""
    for pod in pods:
        if pod.task is not None:
            pod.task.cancel()
            pod.task = None


def _best(probes: Iterable[ProbeReport]) -> ProbeReport:
    """Return the best of what pods were answered: one replica is not the service, and its requests are counted."""
    return min(probes, key=lambda probe: _WORSE[probe.state], default=ProbeReport())


def _signature(look: ServingLook) -> object:
    """Return what of a look is news: verdicts, and counts only where they are evidence."""
    return tuple(
        side
        and (
            side.revision,
            judged(side),
            side.whole,
            side.problem,
            side.probe.state,
            side.asked_of,
            side.asked and (side.counted, side.asked.answered, side.asked.failed),
        )
        for side in (look.stable, look.candidate)
    )


def _sound(body: bytes) -> ServingReport | None:
    """Return what a sidecar told, None where it cannot be true or cannot be read."""
    try:
        report = ServingReport.model_validate_json(body)
    except ValidationError:
        return None
    counts = [report.minute, report.hour, *([report.asked] if report.asked is not None else [])]
    return report if all(map(_is_sound, counts)) else None


def _is_sound(counts: ServingCounts) -> bool:
    shaped = not counts.times or len(counts.times) == len(TIMES) + 1
    return shaped and counts.requests < _MOST and sum(counts.times) <= counts.answered
