"""What the watches have told so far, so that a pass that has nothing to do costs the API server nothing.

It may be behind: nothing that cannot be taken back is decided on it (`rollout/staleness.py`).

An object is kept as compressed JSON (`entry.py`) and is unpacked when a pass asks for it. Objects of one kind are
much alike, so the first of each kind serves as the dictionary for all others: a thousand models are some megabytes.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from typing import Generic, TypeAlias, TypeVar

import structlog

from mlhops.api.base import Manifest
from mlhops.api.status import Hostname
from mlhops.controller.cache.change import ObjectChange
from mlhops.controller.cache.decisions import Chosen, DecisionIndex, Standing, Urgent
from mlhops.controller.cache.entry import (
    ANY_HOST,
    CacheEntry,
    Name,
    OwnedRecord,
    Packers,
    SeenVersion,
    name_of,
    seen_in,
)
from mlhops.controller.cache.lean import LEFT_OUT
from mlhops.controller.resources import (
    CLUSTER_RUNTIMES,
    CONFIG_MAPS,
    DECISIONS,
    EVALUATIONS,
    JOBS,
    MODELS,
    NAMESPACES,
    PODS,
    POLICIES,
    REVISIONS,
    RUNTIMES,
    SERVICES,
    STANDARDS,
    Kind,
)
from mlhops.controller.telemetry import metrics
from mlhops.routing.hostnames import overlaps
from mlhops.routing.registry import KINDS, ROUTED

_log = structlog.get_logger(__name__)
WATCHED = (
    MODELS,
    SERVICES,
    *KINDS,
    JOBS,
    PODS,
    REVISIONS,
    CONFIG_MAPS,
    POLICIES,
    RUNTIMES,
    CLUSTER_RUNTIMES,
    STANDARDS,
    NAMESPACES,
    DECISIONS,
    EVALUATIONS,
)
"""In the order in which they are listed: last what a model may have thousands of, so that the rest is known soon."""
LABELLED = frozenset({SERVICES, JOBS, PODS, REVISIONS, CONFIG_MAPS})
"""Kinds of which only those with the label of a model are watched: a hospital's cluster has others."""

_Place: TypeAlias = tuple[str, Kind, str, str]
"""What objects have in common (a model, an Evaluation, an app, a policy), their kind, namespace, and its value."""
_MODEL, _EVALUATION, _APP, _POLICY = "model", "evaluation", "app", "policy"
K = TypeVar("K", bound=Hashable)


class _Index(Generic[K]):
    """Names of objects by something that they have in common."""

    def __init__(self) -> None:
        self._names: dict[K, set[Name]] = {}

    def __getitem__(self, key: K) -> frozenset[Name]:
        return frozenset(self._names.get(key, ()))

    def __iter__(self) -> Iterator[K]:
        return iter(self._names)

    def add(self, key: K, name: Name) -> None:
        self._names.setdefault(key, set()).add(name)

    def discard(self, key: K, name: Name) -> None:
        names = self._names.get(key, set())
        names.discard(name)
        if not names:
            self._names.pop(key, None)


class Store:
    """The newest version of each watched object that the operator has heard of."""

    def __init__(self, namespaces: Collection[str] = ()) -> None:
        self._namespaces = frozenset(namespaces)
        self.life = 0
        """How often all was forgotten."""
        self._newest: dict[Kind, int] = {}
        self._ever: set[Kind] = set()
        self._missed: set[Kind] = set()
        """Kinds of which somebody was told that they are not installed."""
        self._empty()

    def _empty(self) -> None:
        self._kept: dict[Kind, dict[Name, CacheEntry]] = {kind: {} for kind in WATCHED}
        self._gone: dict[Kind, dict[Name, int]] = {kind: {} for kind in WATCHED}
        self._by_place: _Index[_Place] = _Index()
        self._by_hostname: dict[Kind, _Index[str]] = {kind: _Index() for kind in (MODELS, *ROUTED)}
        self._reserved: dict[Name, tuple[Hostname, ...]] = {}
        self._complete: set[Kind] = set()
        self._doubted: set[Kind] = set()
        self._decisions = DecisionIndex()
        self._packers = Packers()
        self._told: set[tuple[Kind, str]] = set()
        """Where something was left out, which is said once."""

    @property
    def namespaces(self) -> frozenset[str]:
        """The namespaces that are watched, none where all are."""
        return self._namespaces

    def covers(self, kind: Kind, namespace: str) -> bool:
        """Whether it knows all there is of a kind in a namespace, as far as the watches tell."""
        return kind in self._complete and (not self._namespaces or namespace in self._namespaces)

    def is_complete(self, kind: Kind) -> bool:
        """Whether a kind was listed whole since it was last in doubt."""
        return kind in self._complete

    def awaits(self, kind: Kind, namespace: str) -> bool:
        """Whether a kind is being listed for the first time: what is in here is there, and there may be more."""
        begun = kind not in self._complete and kind not in self._doubted
        return begun and (not self._namespaces or namespace in self._namespaces)

    def set_complete(self, kind: Kind) -> None:
        """From now on what is not in here is not there."""
        self._complete.add(kind)
        self._doubted.discard(kind)
        self.note_listed(kind)

    def note_listed(self, kind: Kind) -> None:
        """Remember that the API server knew a kind."""
        self._ever.add(kind)

    def was_listed(self, kind: Kind) -> bool:
        """Whether a kind was ever listed since the operator started, whatever was forgotten since."""
        return kind in self._ever

    def is_first_absence(self, kind: Kind) -> bool:
        """Return, once, whether a kind that is not installed was never there."""
        first = kind not in self._ever and kind not in self._missed
        self._missed.add(kind)
        return first

    def doubt(self, kind: Kind) -> None:
        """From now on it is not known what there is of a kind: it is not installed, or not readable."""
        self._complete.discard(kind)
        self._doubted.add(kind)

    def forget(self) -> None:
        """Know nothing any more: the API server tells of an older state than this."""
        self.life += 1
        self._newest.clear()
        self._empty()

    def reach(self, kind: Kind, version: int) -> None:
        """Take note of a resourceVersion that was told of a kind: none that is told later is below it."""
        self._newest[kind] = max(version, self._newest.get(kind, 0))

    def newest(self, kind: Kind) -> int:
        """Return the greatest resourceVersion that was told of a kind, 0 where none was.

        Only those of one kind are compared: others may be kept in another etcd.
        """
        return self._newest.get(kind, 0)

    def known(self, kind: Kind, name: Name) -> SeenVersion | None:
        """Return which version of an object is known."""
        kept = self._kept.get(kind, {}).get(name)
        return None if kept is None else kept.seen

    def gone(self, kind: Kind) -> dict[Name, int]:
        """Return at which version objects were deleted that may be told of still."""
        return dict(self._gone[kind])

    def hear(self, kind: Kind, manifest: Manifest) -> ObjectChange | None:
        """Take over one version of an object; return what has changed. What is older is no news."""
        name, seen = name_of(manifest), seen_in(manifest)
        if kind not in self._kept:
            return None
        self.reach(kind, seen.version)
        if not self._is_news(kind, name, seen):
            return None
        after = CacheEntry.of(kind, seen, manifest, self._packers)
        before = self._drop(kind, name)
        self._keep(kind, name, after)
        if after.left_out:
            self._tell_left_out(kind, name, after)
        return ObjectChange(kind, name, before, after, manifest)

    def hear_gone(self, kind: Kind, name: Name, version: int) -> ObjectChange | None:
        """Take over that an object was deleted at a version; return what has changed."""
        self.reach(kind, version)
        kept = self._kept[kind].get(name)
        self._gone[kind][name] = max(version, self._gone[kind].get(name, 0))
        if kept is None or kept.seen.version > version:
            return None
        return ObjectChange(kind, name, self._drop(kind, name), None)

    def forget_the_gone(self, kind: Kind, version: int) -> None:
        """No older version of what was deleted before this one can still arrive."""
        self._gone[kind] = {name: at for name, at in self._gone[kind].items() if at > version}

    def get(self, kind: Kind, name: Name) -> Manifest | None:
        """Return an object as it was last seen."""
        kept = self._kept[kind].get(name)
        return None if kept is None else kept.manifest()

    def of_model(self, kind: Kind, namespace: str, model: str) -> list[Manifest]:
        """Return the objects that belong to a model, in the order of their names.

        Pods of its Evaluations are not among them: they stay for a while, and nothing rests on them. Neither are
        Decisions, of which there may be too many.
        """
        return self._manifests(kind, self._by_place[_MODEL, kind, namespace, model])

    def all_of(self, kind: Kind, namespace: str) -> list[Manifest]:
        """Return all objects of a kind in a namespace."""
        return self._manifests(kind, [n for n in self._kept[kind] if n.namespace == namespace])

    def of_evaluation(self, namespace: str, evaluation: str) -> list[Manifest]:
        """Return the pods of an Evaluation's Job, in the order of their names."""
        return self._manifests(PODS, self._by_place[_EVALUATION, PODS, namespace, evaluation])

    def pods_by_app(self, namespace: str, apps: Iterable[str]) -> list[Manifest]:
        """Return the pods that have one of these values of the label by which Services choose pods."""
        names = {name for app in apps for name in self._by_place[_APP, PODS, namespace, app]}
        return self._manifests(PODS, names)

    def model_served_by(self, namespace: str, service: str) -> str:
        """Return the model of an InferenceService, empty where there is none."""
        kept = self._kept[SERVICES].get(Name(namespace, service))
        return "" if kept is None else kept.model

    def services(self) -> dict[str, list[str]]:
        """Return the names of all InferenceServices by namespace."""
        found: dict[str, list[str]] = {}
        for name in sorted(self._kept[SERVICES]):
            found.setdefault(name.namespace, []).append(name.name)
        return found

    def records(self, namespace: str, model: str) -> list[OwnedRecord]:
        """Return what is known of a model's Evaluations, none of which is unpacked for that."""
        kept = self._kept[EVALUATIONS]
        names = self._by_place[_MODEL, EVALUATIONS, namespace, model]
        records = [kept[name].record for name in sorted(names)]
        return [record for record in records if record is not None]

    def is_settled(self, evaluation: Name) -> bool:
        """Whether an Evaluation has ended, and left nothing that is to be cleared away."""
        kept = self._kept[EVALUATIONS].get(evaluation)
        return kept is not None and kept.record is not None and kept.record.settled

    def count_decisions(self, namespace: str, model: str, *standings: Standing) -> int:
        """Return how many Decisions on a model stand so."""
        return self._decisions.count(namespace, model, *standings)

    def decisions(self, namespace: str, model: str, urgent: Urgent, most: int) -> Chosen:
        """Return which of a model's Decisions a pass hears, none of which is unpacked for that."""
        return self._decisions.choose(namespace, model, urgent, most)

    def with_hostnames(self, kind: Kind, hostnames: Collection[str]) -> list[Name]:
        """Return which routes or models of all namespaces have host names that overlap these.

        A route without any has those of what it hangs on, which may be these.
        """
        index = self._by_hostname[kind]
        keys = {key for host in hostnames for key in _keys_for(host, index)}
        return sorted({name for key in keys for name in index[key]})

    def reserve(self, model: Name, hostnames: Sequence[Hostname]) -> None:
        """Take note of what a model is about to claim, until it is heard of what it has claimed."""
        if hostnames:
            self._reserved[model] = tuple(hostnames)
        else:
            self._reserved.pop(model, None)

    def reserved(self) -> dict[Name, tuple[Hostname, ...]]:
        """Return what models are about to claim."""
        return dict(self._reserved)

    def models_watched_by(self, namespace: str, policy: str) -> frozenset[str]:
        """Return the names of the models that name a MonitoringPolicy."""
        return frozenset(n.name for n in self._by_place[_POLICY, MODELS, namespace, policy])

    def names(self, kind: Kind) -> list[Name]:
        """Return the names of all objects of a kind; safe in another thread, as `get` is."""
        return list(self._kept[kind])

    def seen(self, kind: Kind) -> dict[Name, SeenVersion]:
        """Return which version of each object is known."""
        return {name: kept.seen for name, kept in self._kept[kind].items()}

    def _manifests(self, kind: Kind, names: Iterable[Name]) -> list[Manifest]:
        kept = self._kept[kind]
        return [kept[name].manifest() for name in sorted(names)]

    def _is_news(self, kind: Kind, name: Name, seen: SeenVersion) -> bool:
        if seen.version <= self._gone[kind].get(name, -1):
            return False
        kept = self._kept[kind].get(name)
        return kept is None or seen.version > kept.seen.version

    def _keep(self, kind: Kind, name: Name, entry: CacheEntry) -> None:
        self._kept[kind][name] = entry
        _count(kind, entry, 1)
        if entry.decision is not None:
            self._decisions.add(*name, entry.decision)
        for place in _places(kind, name, entry):
            self._by_place.add(place, name)
        for hostname in entry.hostnames:
            self._by_hostname[kind].add(hostname, name)
        if kind == MODELS:
            self._reserved.pop(name, None)

    def _drop(self, kind: Kind, name: Name) -> CacheEntry | None:
        entry = self._kept[kind].pop(name, None)
        if entry is None:
            return None
        _count(kind, entry, -1)
        if entry.decision is not None:
            self._decisions.discard(*name, entry.decision)
        for place in _places(kind, name, entry):
            self._by_place.discard(place, name)
        for hostname in entry.hostnames:
            self._by_hostname[kind].discard(hostname, name)
        if kind == MODELS:
            self._reserved.pop(name, None)
        return entry

    def _tell_left_out(self, kind: Kind, name: Name, entry: CacheEntry) -> None:
        """Say in the log, once for each kind and namespace, that an object is too large."""
        if (kind, name.namespace) in self._told:
            return
        self._told.add((kind, name.namespace))
        _log.warning(
            "an object is too large to be a model's: its name alone is kept",
            kind=kind.plural,
            namespace=name.namespace,
            name=name.name,
            bytes=entry.manifest()[LEFT_OUT],
        )


def _places(kind: Kind, name: Name, entry: CacheEntry) -> Iterator[_Place]:
    """Yield under what an object is found."""
    if kind == PODS and entry.evaluation:
        yield _EVALUATION, kind, name.namespace, entry.evaluation
    elif entry.model and kind != DECISIONS:
        yield _MODEL, kind, name.namespace, entry.model
    if entry.app:
        yield _APP, kind, name.namespace, entry.app
    if entry.policy:
        yield _POLICY, kind, name.namespace, entry.policy


def _count(kind: Kind, entry: CacheEntry, times: int) -> None:
    metrics.STORED.labels(kind.plural).inc(times * len(entry.packed))
    if entry.left_out:
        metrics.LEFT_OUT.labels(kind.plural).inc(times)


def _keys_for(hostname: str, index: Iterable[str]) -> Iterator[str]:
    """Yield the host names of an index that overlap one: itself, wildcards above it, and all below a wildcard."""
    yield from (hostname, ANY_HOST)
    labels = hostname.removeprefix("*.").split(".")
    start = 0 if hostname.startswith("*.") else 1
    yield from (f"*.{'.'.join(labels[n:])}" for n in range(start, len(labels)))
    if hostname.startswith("*."):
        yield from overlaps(hostname, index)
