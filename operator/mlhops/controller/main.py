"""The operator's process: workers on a queue that kopf's watches fill."""

import asyncio
import gc
import math
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

import structlog
from prometheus_client import REGISTRY

from mlhops.api.base import Manifest, ObjectMeta
from mlhops.api.destinations import ANYWHERE, Destinations
from mlhops.controller import files
from mlhops.controller.cache.store import WATCHED, Name, Store, name_of, version_of
from mlhops.controller.cache.work_queue import WorkQueue
from mlhops.controller.endpoints.exposition import Exposition
from mlhops.controller.endpoints.health import Health
from mlhops.controller.endpoints.model_metrics import Fleet
from mlhops.controller.endpoints.server import Inbound
from mlhops.controller.kube.client import ApiError, Client, NotLeading
from mlhops.controller.kube.events import Recorder
from mlhops.controller.kube.lease import Elector
from mlhops.controller.kube.reader import CachedReader
from mlhops.controller.kube.relist import Relist
from mlhops.controller.kube.watch import EVALUATION, MODEL, POLICY, keys_of, stops
from mlhops.controller.kube.watches import Watches
from mlhops.controller.outbound.pods import HttpPods, Pods
from mlhops.controller.outbound.sinks import HttpSinks
from mlhops.controller.reconcile.evaluations import Evaluations
from mlhops.controller.reconcile.models import GONE, Answers, Looks, Models
from mlhops.controller.reconcile.policies import THROTTLE_SECONDS, Policies
from mlhops.controller.reconcile.profiles import Profiles
from mlhops.controller.resources import (
    CLUSTER_RUNTIMES,
    DECISIONS,
    EVALUATIONS,
    MODELS,
    PODS,
    POLICIES,
    RUNTIMES,
    Key,
    Kind,
)
from mlhops.controller.settings import Settings, parse
from mlhops.controller.sidecars import scrape, serving
from mlhops.controller.sidecars.scrape import Scraper
from mlhops.controller.sidecars.serving import ServingWatch
from mlhops.controller.telemetry import logs, metrics
from mlhops.controller.telemetry.pulse import Pulse
from mlhops.controller.telemetry.trace import begin_trace
from mlhops.json_access import at, text
from mlhops.kserve.detector import Detectors
from mlhops.kserve.names import APP_LABEL, MODEL_LABEL, service_of_app
from mlhops.rollout.evaluator_pod import EvaluatorImage
from mlhops.rollout.intents import Event
from mlhops.rollout.reasons import CLUSTER_RESTORED_MESSAGE, Reason
from mlhops.routing.hostnames import ANY_HOSTNAME, HostnameRules
from mlhops.routing.registry import KINDS, PARENTS, ROUTED
from mlhops.routing.router import Router

_log = structlog.get_logger(__name__)
RESYNC_SECONDS = 600.0
EVALUATION_SECONDS = 6.0
_RESTORED_SECONDS = 60.0
"""For so long after all was forgotten the Lease tells nothing new by being old."""
_TOLD_SECONDS = 600.0
"""A restore of longer ago is no news to the models' owners."""
_GRACE_SECONDS = 10.0
_STUCK_SECONDS = 900.0
"""No pass takes so long, not even where the API server asks for a minute's rest before each request."""


def now() -> datetime:
    """Return the time that plans are made at."""
    return datetime.now(UTC)


_COMPARED = frozenset({CLUSTER_RUNTIMES, *KINDS, RUNTIMES, EVALUATIONS, POLICIES})
"""Kinds of which it matters what an object was before: somebody may take away the label that names its model,
and of some only the spec matters."""


class Operator:
    """Reconciles whatever the queue names, for as long as it runs."""

    def __init__(
        self,
        client: Client,
        evaluator: EvaluatorImage,
        detectors: Detectors,
        namespaces: Sequence[str] = (),
        pods: Pods | None = None,
        looks: Looks | None = None,
        answers: Answers | None = None,
        allowed: Destinations = ANYWHERE,
        hostnames: HostnameRules = ANY_HOSTNAME,
        held: int = 0,
    ) -> None:
        """Make an operator; `held` is to how many pods it may hold a question open, 0 for all."""
        self.queue: WorkQueue[Key] = WorkQueue(waited=metrics.QUEUE_WAIT.observe)
        self._store = Store(namespaces)
        self.fleet = Fleet(self._store)
        self._recorder = recorder = Recorder(client, now)
        self.sinks = HttpSinks(recorder, allowed)
        self._heard = heard = CachedReader(self._store, client)
        asked = pods or HttpPods(scrape.SECONDS, scrape.AT_ONCE)
        self.scraper = Scraper(client, heard, asked, now, self.add)
        longer = pods or HttpPods(serving.TIMEOUT, held)
        self.serving = ServingWatch(longer, now, self.add, held)
        self._models = Models(
            client,
            self._store,
            detectors,
            now,
            self.sinks,
            looks or self.scraper.look,
            answers or self.serving.look,
            hostnames,
        )
        self._policies = Policies(client, self._store)
        self.profiles = Profiles(client, pods or HttpPods(), self.add)
        self._evaluations = Evaluations(client, self._store, evaluator, self.profiles, recorder)
        self.relist = Relist(
            client, self._store, namespaces, self.hear, self.hear_gone, self._add_models
        )
        self._known: set[Key] = set()
        self._untold: set[Key] = set()
        """Models of which nobody was told yet that they go on from an older state."""
        self._restored_at = -math.inf
        """When that was noticed last, by a clock that nobody sets."""
        self._stopping = False
        self.watch_anew: Callable[[], None] = lambda: None
        """Is called where the watches may have gone silent."""
        self.relist.set_back = self.set_back
        client.hear, client.store, client.set_back = self.hear, self._store, self.set_back

    def hear(self, kind: Kind, manifest: Manifest) -> None:
        """Take over an object, and look at all that it may matter to if it is news."""
        if kind not in WATCHED:
            return
        before = self._store.get(kind, name_of(manifest)) if kind in _COMPARED else None
        policy = self._store.policy_of(kind, name_of(manifest))
        hostnames = self._store.hostnames(kind, name_of(manifest))
        if self._store.hear(kind, manifest):
            if kind == MODELS and self._is_listed_anew():
                self._untold.add(Key(MODEL, *name_of(manifest)))
            self._look_at(kind, before, manifest)
            self._look_over(kind, manifest, policy)
            self._look_around(kind, name_of(manifest), hostnames)

    def hear_gone(self, kind: Kind, manifest: Manifest) -> None:
        """Take over that an object was deleted."""
        before = self._store.get(kind, name_of(manifest))
        policy = self._store.policy_of(kind, name_of(manifest))
        hostnames = self._store.hostnames(kind, name_of(manifest))
        if self._store.hear_gone(kind, name_of(manifest), version_of(manifest)):
            self._look_at(kind, before or manifest, None)
            self._look_over(kind, manifest, policy)
            self._look_around(kind, name_of(manifest), hostnames)

    def set_back(self, how: str) -> None:
        """Forget all: the API server tells of an older state than before, and what was seen since may be gone.

        Nothing that is only remembered is joined with that state: looks, answers of sidecars, what pods handed over.
        """
        _log.warning("the cluster was restored from an older state", how=how)
        metrics.CLUSTER_RESTORED.inc()
        self._restored_at = time.monotonic()
        self._store.forget()
        self.scraper.forget_all()
        self.serving.forget_all()
        self.profiles.forget_all()
        self._untold |= self._known
        self.relist.soon()
        self.watch_anew()

    def lease_set_back(self, how: str) -> None:
        """Take over that the Lease is an older one; whoever holds it sees that first."""
        if time.monotonic() - self._restored_at > _RESTORED_SECONDS:
            self.set_back(how)

    def _is_listed_anew(self) -> bool:
        """Whether models are told of for the first time after all was forgotten."""
        lately = time.monotonic() - self._restored_at < _TOLD_SECONDS
        return lately and not self._store.is_complete(MODELS)

    def kinds_changed(self, group: str) -> None:
        """What there is of these kinds is no longer known, and any model may wait for them."""
        for kind in WATCHED:
            if kind.group == group:
                self._store.doubt(kind)
        self.relist.soon()
        self._add_models()

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """Take note that something about an object has changed."""
        if key.kind == MODEL:
            self._known.add(key)
        self.queue.add(key, urgent=urgent)
        metrics.QUEUE.set(len(self.queue))

    def _look_at(self, kind: Kind, before: Manifest | None, after: Manifest | None) -> None:
        """Look at all that an object mattered to and matters to."""
        for manifest in (before, after):
            urgent = kind == DECISIONS and after is not None and stops(after)
            for key in keys_of(kind, manifest) if manifest is not None else ():
                self.add(key, urgent=urgent)
        if kind == POLICIES and at(before, "spec") != at(after, "spec"):
            policy = name_of(after or before or {})
            self._add_watched_by(policy)
            self.add(Key(POLICY, policy.namespace, policy.name))
        if kind == PODS:
            self._look_at_served_by(after or before or {})
        if kind == RUNTIMES and at(before, "spec") != at(after, "spec"):
            self._add_models(name_of(after or before or {}).namespace)
        if kind == CLUSTER_RUNTIMES and at(before, "spec") != at(after, "spec"):
            self._add_models()
        changed = at(before, "spec") != at(after, "spec")
        if kind in ROUTED and changed and _takes_any(ROUTED[kind], before, after):
            self._add_models()
        if kind in PARENTS and PARENTS[kind].plays_another_part(before, after):
            self._add_models()

    def _look_over(self, kind: Kind, model: Manifest, before: str) -> None:
        """Count the models of the policy that a model named and of the one that it names, by and by."""
        name = name_of(model)
        for policy in {before, self._store.policy_of(kind, name)} - {""}:
            self.queue.add_after(Key(POLICY, name.namespace, policy), THROTTLE_SECONDS)

    def _look_around(self, kind: Kind, name: Name, before: frozenset[str]) -> None:
        """Look at the models that wait for a host name that somebody has given up, or whose name somebody takes."""
        if kind != MODELS and kind not in ROUTED:
            return
        after = self._store.hostnames(kind, name)
        # A route can take requests by other things than its host names; a model holds these or does not.
        hostnames = before ^ after if kind == MODELS else before | after
        for model in self._store.with_hostnames(MODELS, hostnames) if hostnames else ():
            if model != name:
                self.add(Key(MODEL, model.namespace, model.name))

    def _add_watched_by(self, policy: Name) -> None:
        """Look at all models that name a policy."""
        for model in self._store.models_watched_by(policy.namespace, policy.name):
            key = Key(MODEL, policy.namespace, model)
            self.add(key)
            self.scraper.soon(key)

    def _look_at_served_by(self, pod: Manifest) -> None:
        """Look at the model for which a pod gets requests, whichever it names itself."""
        service = service_of_app(text(pod, "metadata", "labels", APP_LABEL))
        namespace = name_of(pod).namespace
        model = self._store.model_served_by(namespace, service) if service else ""
        if model and model != text(pod, "metadata", "labels", MODEL_LABEL):
            self.add(Key(MODEL, namespace, model))

    def _add_models(self, namespace: str = "") -> None:
        """Look at all models that were ever seen, or at those of a namespace; one that is gone costs a look."""
        for key in list(self._known):
            if not namespace or key.namespace == namespace:
                self.add(key)

    async def lead(self, workers: int) -> None:
        """Look at all there is and work on what needs it, until cancelled: no other operator does."""
        if time.monotonic() - self._restored_at > _TOLD_SECONDS:
            self._untold.clear()
        for kind, of in ((MODELS, MODEL), (EVALUATIONS, EVALUATION), (POLICIES, POLICY)):
            for name in self._store.seen(kind):
                self.add(Key(of, name.namespace, name.name))
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
        self.fleet.leads = leads
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
            unfinished = await self._evaluations.reconcile(key, now())
            return EVALUATION_SECONDS if unfinished else None
        if key.kind == POLICY:
            return await self._policies.reconcile(key)
        if key in self._untold:
            self._untold.discard(key)
            await self._tell_restored(key)
        due = await self._models.reconcile(key)
        if due is GONE:
            self._known.discard(key)
            self.serving.forget(key)
            metrics.forget(key.namespace, key.name)
            return None
        metrics.begin(key.namespace, key.name)
        return RESYNC_SECONDS if due is None else due

    async def _tell_restored(self, key: Key) -> None:
        """Say to whoever owns a model that it goes on from an older state."""
        live = await self._heard.get(MODELS, key.namespace, key.name)
        if live is not None:
            meta = ObjectMeta.model_validate(live["metadata"])
            event = Event(Reason.CLUSTER_RESTORED, CLUSTER_RESTORED_MESSAGE, warning=True)
            await self._recorder.tell(meta, MODEL, event)


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then finish the passes that are under way and let another operator lead.

    Raises:
        Exception: whatever ended kopf's watches, since an operator that sees nothing must not go on.
    """
    async with AsyncExitStack() as opened:
        client = await _connect(opened)
        operator = Operator(
            client,
            settings.evaluator,
            settings.detectors,
            settings.namespaces,
            allowed=settings.destinations,
            hostnames=settings.hostnames,
            held=files.budget(files.raise_limit(), settings.namespaces).held,
        )
        REGISTRY.register(operator.fleet)
        opened.callback(REGISTRY.unregister, operator.fleet)
        metrics.LONGEST_PASS.set_function(lambda: operator.queue.longest_work)
        for one in (operator.scraper, operator.serving, operator.profiles, operator.sinks):
            opened.push_async_callback(one.close)
        lead, elector = partial(operator.lead, settings.workers), None
        if settings.lease:
            # With connections of its own, so that a renewal waits for no other request.
            elector = Elector(await _connect(opened), settings.lease.namespace, settings.lease.name)
            elector.set_back = operator.lease_set_back
            client.term = elector.left
        watches = Watches(operator, asyncio.get_running_loop(), settings.namespaces)
        pulse = Pulse()
        _listen(opened, settings, _health(operator, client, watches, pulse))
        operator.relist.installed = watches.installed
        operator.watch_anew = watches.begin_anew
        watch = asyncio.create_task(asyncio.to_thread(watches.run))
        tasks = [
            asyncio.create_task(_told_to_stop()),
            asyncio.create_task(elector.run(lead) if elector else lead()),
            asyncio.create_task(operator.queue.run_clock()),
            asyncio.create_task(operator.relist.run()),
            asyncio.create_task(pulse.run()),
        ]
        try:
            # Any of them that ends, ends the operator: one without timers or workers must not linger.
            ended, _ = await asyncio.wait({watch, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            await operator.finish()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if elector is not None:
                await elector.release()
            watches.stop()
            await watch


async def _connect(opened: AsyncExitStack) -> Client:
    client = await Client.connect()
    opened.push_async_callback(client.close)
    return client


def _listen(opened: AsyncExitStack, settings: Settings, health: Health) -> None:
    """Answer the kubelet and Prometheus."""
    inbound = Inbound()
    opened.callback(inbound.close)
    pages = {
        "metrics": (settings.metrics, Exposition().reply),
        "health": (settings.health, health.reply),
    }
    for name, (address, reply) in pages.items():
        if address.port:
            inbound.listen(name, address.host, address.port, reply)


async def _told_to_stop() -> None:
    """Wait for SIGTERM or SIGINT."""
    told = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, told.set)
    await told.wait()


def _health(operator: Operator, client: Client, watches: Watches, pulse: Pulse) -> Health:
    """Return the checks that the kubelet asks for."""

    def passes() -> str:
        seconds = operator.queue.longest_work
        return f"one has not ended for {seconds:.0f} s" if seconds > _STUCK_SECONDS else ""

    health = Health()
    health.live = {"loop": pulse.check, "watches": watches.pulse.check, "passes": passes}
    health.ready = {
        "watches": lambda: "" if watches.ready else "have not begun",
        "list": lambda: "" if operator.relist.looked else "not every kind was listed yet",
        "api-server": lambda: "" if client.answered else "the latest request was not answered",
    }
    return health


def _takes_any(router: Router, *routes: Manifest | None) -> bool:
    """Whether any of them is a route without host names, which has those of what it hangs on."""
    return any(one is not None and not router.hostnames(one) for one in routes)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the operator."""
    settings = parse(argv)
    logs.configure(settings.log_level)
    # What was imported stays: collecting garbage need not look at it again, for which both loops would
    # stand still for 30 ms each time.
    gc.collect()
    gc.freeze()
    asyncio.run(run(settings))
    return 0
