"""The operator: workers that take keys from the queue, and make one pass over each."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from mlhops.api.base import ObjectMeta
from mlhops.api.destinations import ANYWHERE, Destinations
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.endpoints.model_metrics import Fleet
from mlhops.controller.kube.client import ApiError, Client, NotLeading
from mlhops.controller.kube.events import Recorder
from mlhops.controller.kube.reader import CachedReader
from mlhops.controller.outbound.pods import HttpPods, Pods
from mlhops.controller.outbound.sinks import HttpSinks
from mlhops.controller.reconcile.evaluations import Evaluations
from mlhops.controller.reconcile.models import GONE, Answers, Looks, Models
from mlhops.controller.reconcile.policies import Policies
from mlhops.controller.reconcile.profiles import Profiles
from mlhops.controller.resources import EVALUATION, MODEL, MODELS, POLICY, Key
from mlhops.controller.sidecars import scrape, serving
from mlhops.controller.sidecars.scrape import Scraper
from mlhops.controller.sidecars.serving import ServingWatch
from mlhops.controller.telemetry import metrics
from mlhops.controller.telemetry.trace import begin_trace
from mlhops.kserve.detector import Detectors
from mlhops.rollout.evaluation.evaluator_pod import EvaluatorImage
from mlhops.rollout.intents import Event
from mlhops.rollout.reasons import CLUSTER_RESTORED_MESSAGE, Reason
from mlhops.routing.hostnames import ANY_HOSTNAME, HostnameRules

_log = structlog.get_logger(__name__)
RESYNC_SECONDS = 600.0
EVALUATION_SECONDS = 6.0
_GRACE_SECONDS = 10.0


def now() -> datetime:
    """Return the time that plans are made at."""
    return datetime.now(UTC)


class Operator:
    """Reconciles whatever the queue names, for as long as it runs."""

    def __init__(
        self,
        client: Client,
        hearing: Hearing,
        evaluator: EvaluatorImage,
        detectors: Detectors,
        pods: Pods | None = None,
        looks: Looks | None = None,
        answers: Answers | None = None,
        allowed: Destinations = ANYWHERE,
        hostnames: HostnameRules = ANY_HOSTNAME,
        held: int = 0,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """Make an operator; `held` is to how many pods it may hold a question open, 0 for all."""
        store, wake = hearing.store, hearing.add
        self._hearing, self.queue, self._clock = hearing, hearing.queue, clock
        self._leads = False
        self.fleet = Fleet(store, lambda: self._leads)
        self._recorder = recorder = Recorder(client, clock)
        self.sinks = sinks = HttpSinks(recorder, allowed)
        self._cached = cached = CachedReader(store, client)
        self.scraper = Scraper(
            client, cached, pods or HttpPods(scrape.SECONDS, scrape.AT_ONCE), clock, wake
        )
        self.serving = ServingWatch(pods or HttpPods(serving.TIMEOUT, held), clock, wake, held)
        looks, answers = looks or self.scraper.look, answers or self.serving.look
        self._models = Models(client, store, detectors, clock, sinks, looks, answers, hostnames)
        self._policies = Policies(client, store)
        self.profiles = Profiles(client, pods or HttpPods(), wake)
        self._evaluations = Evaluations(client, store, evaluator, self.profiles, recorder)
        self._stopping = False
        # Nothing that is only remembered is joined with an older state of the cluster: looks, answers of sidecars,
        # what pods handed over.
        for remembers in (self.scraper, self.serving, self.profiles):
            hearing.restored.subscribe(remembers.forget_all)
        hearing.detectors.subscribe(self.scraper.soon)

    async def lead(self, workers: int) -> None:
        """Look at all there is and work on what needs it, until cancelled: no other operator does."""
        self._hearing.add_all()
        self._set_leading(True)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.scraper.run())
                tasks.create_task(self.serving.run())
                for _ in range(workers):
                    tasks.create_task(self.work())
        finally:
            self._set_leading(False)

    def _set_leading(self, leads: bool) -> None:
        self._leads = leads
        metrics.LEADER.set(leads)

    async def work(self) -> None:
        """Take keys from the queue, one at a time, for ever."""
        while True:
            key = await self.queue.get()
            if self._stopping:
                self.queue.done(key)
                continue
            started, trace = time.perf_counter(), begin_trace()
            try:
                result = await self._reconcile(key)
                self._tell(key, result, trace.requests, time.perf_counter() - started)
            except asyncio.CancelledError:
                self.queue.add(key)  # the lease is lost; it may come back
                raise
            finally:
                self.queue.done(key, trace.requests - trace.answers)
                metrics.QUEUE.set(len(self.queue))

    def _tell(self, key: Key, result: str, requests: int, seconds: float) -> None:
        """Tell of a pass; in the log only of one that asked the API server for something, so that it stays short."""
        metrics.DURATION.labels(key.kind).observe(seconds)
        metrics.RECONCILES.labels(key.kind, result).inc()
        if requests:
            _log.info(
                "pass ended",
                kind=key.kind,
                namespace=key.namespace,
                name=key.name,
                result=result,
                requests=requests,
                seconds=round(seconds, 3),
            )

    async def finish(self) -> None:
        """Wait for the passes that are under way, and begin no other."""
        self._stopping = True
        deadline = time.monotonic() + _GRACE_SECONDS
        while self.queue.working and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    async def _reconcile(self, key: Key) -> str:
        """Make one pass; whatever goes wrong is tried again later, and nothing is given up."""
        log = _log.bind(kind=key.kind, namespace=key.namespace, name=key.name)
        try:
            again = await self._pass(key)
        except ApiError as error:
            delay = self.queue.failed(key, error.retry_after)
            # The object has changed or gone since it was read: the next pass sees what is.
            expected = error.status in (404, 409)
            level = log.debug if expected else log.warning
            level("pass refused", error=str(error), retry_in=round(delay, 2))
            return "conflict" if expected else "error"
        except NotLeading:
            log.info("pass given up: another operator may be at work")
            self.queue.failed(key)
            return "fenced"
        except Exception as error:
            delay = self.queue.failed(key)
            log.exception("pass failed", error=str(error), retry_in=round(delay, 2))
            return "error"
        self.queue.succeeded(key)
        if again is not None:
            self.queue.add_after(key, min(again + 0.01, RESYNC_SECONDS))
        return "ok"

    async def _pass(self, key: Key) -> float | None:
        if key.kind == EVALUATION:
            unfinished = await self._evaluations.reconcile(key, self._clock())
            return EVALUATION_SECONDS if unfinished else None
        if key.kind == POLICY:
            return await self._policies.reconcile(key)
        if self._hearing.take_untold(key):
            await self._tell_restored(key)
        due = await self._models.reconcile(key)
        if due is GONE:
            self._hearing.forget(key)
            self.serving.forget(key)
            metrics.forget(key.namespace, key.name)
            return None
        metrics.begin(key.namespace, key.name)
        return RESYNC_SECONDS if due is None else due

    async def _tell_restored(self, key: Key) -> None:
        """Say to whoever owns a model that it goes on from an older state."""
        live = await self._cached.get(MODELS, key.namespace, key.name)
        if live is not None:
            meta = ObjectMeta.model_validate(live["metadata"])
            event = Event(Reason.CLUSTER_RESTORED, CLUSTER_RESTORED_MESSAGE, warning=True)
            await self._recorder.tell(meta, MODEL, event)
