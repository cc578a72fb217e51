"""What the watches have told so far, so that a pass that has nothing to do costs the API server nothing.

It may be behind: nothing that cannot be taken back is decided on it (`rollout/staleness.py`).

An object is kept as compressed JSON and is unpacked when a pass asks for it. Objects of one kind are much
alike, so the first of each kind serves as the dictionary for all others: a thousand models are some megabytes.
"""

import zlib
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar, cast

import orjson
import structlog

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Hostname
from mlhops.controller.cache.decisions import (
    Chosen,
    DecisionIndex,
    HeardDecision,
    Standing,
    Urgent,
    heard_decision,
)
from mlhops.controller.cache.lean import LEFT_OUT, lean
from mlhops.controller.resources import (
    CLUSTER_RUNTIMES,
    CONFIG_MAPS,
    DECISIONS,
    EVALUATIONS,
    JOBS,
    MODELS,
    PODS,
    POLICIES,
    REVISIONS,
    RUNTIMES,
    SERVICES,
    Kind,
)
from mlhops.controller.telemetry import metrics
from mlhops.json_access import at, items, text
from mlhops.kserve.names import APP_LABEL, MODEL_LABEL
from mlhops.kserve.owner import controllers
from mlhops.rollout.evaluator_job import EVALUATION_LABEL
from mlhops.rollout.observed import Record
from mlhops.routing.hostnames import overlaps
from mlhops.routing.registry import KINDS, ROUTED

_log = structlog.get_logger(__name__)
WATCHED = (
    MODELS,
    EVALUATIONS,
    DECISIONS,
    SERVICES,
    *KINDS,
    JOBS,
    PODS,
    REVISIONS,
    CONFIG_MAPS,
    POLICIES,
    RUNTIMES,
    CLUSTER_RUNTIMES,
)
LABELLED = frozenset({SERVICES, JOBS, PODS, REVISIONS, CONFIG_MAPS})
"""Kinds of which only those with the label of a model are watched: a hospital's cluster has others."""


_WINDOW = 1 << zlib.MAX_WBITS
"""How far back zlib looks."""
_ANY = ""
"""Stands for the host names of a route that has none of its own."""
_LONGER = 1.5
"""How many times as long as its sample a text may be before it is the next sample."""
K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)


class Name(NamedTuple):
    """Where an object is found within its kind."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """Which version of an object was seen last."""

    uid: str
    version: int


class _Packer:
    """Compresses JSON texts of which most stands in a sample as well."""

    def __init__(self, sample: bytes) -> None:
        self._sample = sample[-_WINDOW:]
        self.length = len(sample)

    def pack(self, text: bytes) -> bytes:
        packer = zlib.compressobj(zdict=self._sample)
        return packer.compress(text) + packer.flush()

    def unpack(self, packed: bytes) -> bytes:
        return zlib.decompressobj(zdict=self._sample).decompress(packed)


@dataclass(frozen=True, slots=True)
class OwnedRecord:
    """What is known of an Evaluation, and whose it is."""

    name: str
    owners: tuple[str, ...]
    """The uids of its controllers."""
    record: Record


@dataclass(frozen=True, slots=True)
class _Kept:
    seen: SeenVersion
    packed: bytes
    packer: _Packer
    model: str
    evaluation: str
    app: str
    hostnames: tuple[str, ...]
    policy: str
    record: OwnedRecord | None
    decision: HeardDecision | None
    left_out: bool
    """Whether only its name is kept."""

    def manifest(self) -> Manifest:
        return cast(Manifest, orjson.loads(self.packer.unpack(self.packed)))


class _Index(Generic[K, V]):
    """Names of objects by something that they have in common."""

    def __init__(self) -> None:
        self._names: dict[K, set[V]] = {}

    def __getitem__(self, key: K) -> frozenset[V]:
        return frozenset(self._names.get(key, ()))

    def __iter__(self) -> Iterator[K]:
        return iter(self._names)

    def add(self, key: K, name: V) -> None:
        self._names.setdefault(key, set()).add(name)

    def discard(self, key: K, name: V) -> None:
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
        self._empty()

    def _empty(self) -> None:
        self._kept: dict[Kind, dict[Name, _Kept]] = {kind: {} for kind in WATCHED}
        self._gone: dict[Kind, dict[Name, int]] = {kind: {} for kind in WATCHED}
        self._of_model: _Index[tuple[Kind, str, str], str] = _Index()
        self._by_hostname: dict[Kind, _Index[str, Name]] = {
            kind: _Index() for kind in (MODELS, *ROUTED)
        }
        self._reserved: dict[Name, tuple[Hostname, ...]] = {}
        self._pods_of_evaluation: _Index[tuple[str, str], str] = _Index()
        self._models_by_policy: _Index[tuple[str, str], str] = _Index()
        self._pods_by_app: _Index[tuple[str, str], str] = _Index()
        self._decisions = DecisionIndex()
        self._complete: set[Kind] = set()
        self._packers: dict[Kind, _Packer] = {}
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

    def set_complete(self, kind: Kind) -> None:
        """From now on what is not in here is not there."""
        self._complete.add(kind)

    def doubt(self, kind: Kind) -> None:
        """From now on it is not known what there is of a kind: it is not installed, or not readable."""
        self._complete.discard(kind)

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

    def hear(self, kind: Kind, manifest: Manifest) -> bool:
        """Take over one version of an object; return whether it is news. What is older is not."""
        name, seen = name_of(manifest), _seen(manifest)
        if kind not in self._kept:
            return False
        self.reach(kind, seen.version)
        if not self._is_news(kind, name, seen):
            return False
        self._drop(kind, name)
        kept_of = lean(kind, manifest)
        text = orjson.dumps(kept_of)
        packer = self._packer_for(kind, text)
        packed = packer.pack(text)
        kept = _Kept(
            seen,
            packed,
            packer,
            _model_of(kind, manifest),
            _evaluation_of(kind, manifest),
            _app_of(kind, manifest),
            _hostnames_of(kind, manifest),
            _policy_of(kind, manifest),
            owned_record(manifest) if kind == EVALUATIONS else None,
            heard_decision(manifest) if kind == DECISIONS else None,
            LEFT_OUT in kept_of,
        )
        self._kept[kind][name] = kept
        _count(kind, kept, 1)
        if kept.left_out and (kind, name.namespace) not in self._told:
            self._told.add((kind, name.namespace))
            _log.warning(
                "an object is too large to be a model's: its name alone is kept",
                kind=kind.plural,
                namespace=name.namespace,
                name=name.name,
                bytes=kept_of[LEFT_OUT],
            )
        if kept.decision is not None:
            self._decisions.add(name.namespace, name.name, kept.decision)
        if kept.evaluation:
            self._pods_of_evaluation.add((name.namespace, kept.evaluation), name.name)
        else:
            self._of_model.add((kind, name.namespace, kept.model), name.name)
        for hostname in kept.hostnames:
            self._by_hostname[kind].add(hostname, name)
        if kind == MODELS:
            self._reserved.pop(name, None)
        if kept.app:
            self._pods_by_app.add((name.namespace, kept.app), name.name)
        if kept.policy:
            self._models_by_policy.add((name.namespace, kept.policy), name.name)
        return True

    def hear_gone(self, kind: Kind, name: Name, version: int) -> bool:
        """Take over that an object was deleted at a version; return whether it is news."""
        self.reach(kind, version)
        kept = self._kept[kind].get(name)
        self._gone[kind][name] = max(version, self._gone[kind].get(name, 0))
        if kept is None or kept.seen.version > version:
            return False
        self._drop(kind, name)
        return True

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
        return self._manifests(kind, namespace, self._of_model[kind, namespace, model])

    def all_of(self, kind: Kind, namespace: str) -> list[Manifest]:
        """Return all objects of a kind in a namespace."""
        names = [name.name for name in self.names(kind) if name.namespace == namespace]
        return self._manifests(kind, namespace, names)

    def of_evaluation(self, namespace: str, evaluation: str) -> list[Manifest]:
        """Return the pods of an Evaluation's Job, in the order of their names."""
        return self._manifests(PODS, namespace, self._pods_of_evaluation[namespace, evaluation])

    def pods_by_app(self, namespace: str, apps: Iterable[str]) -> list[Manifest]:
        """Return the pods that have one of these values of the label by which Services choose pods."""
        names = {name for app in apps for name in self._pods_by_app[namespace, app]}
        return self._manifests(PODS, namespace, names)

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
        names = self._of_model[EVALUATIONS, namespace, model]
        records = [kept[Name(namespace, name)].record for name in sorted(names)]
        return [record for record in records if record is not None]

    def count_decisions(self, namespace: str, model: str, *standings: Standing) -> int:
        """Return how many Decisions on a model stand so."""
        return self._decisions.count(namespace, model, *standings)

    def decisions(self, namespace: str, model: str, urgent: Urgent, most: int) -> Chosen:
        """Return which of a model's Decisions a pass hears, none of which is unpacked for that."""
        return self._decisions.choose(namespace, model, urgent, most)

    def hostnames(self, kind: Kind, name: Name) -> frozenset[str]:
        """Return the host names that a route has, or that a model asks for or holds."""
        kept = self._kept[kind].get(name)
        return frozenset(kept.hostnames) if kept is not None else frozenset()

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

    def policy_of(self, kind: Kind, name: Name) -> str:
        """Return the MonitoringPolicy that a model names, empty where it names none."""
        kept = self._kept[kind].get(name)
        return kept.policy if kept is not None else ""

    def models_watched_by(self, namespace: str, policy: str) -> frozenset[str]:
        """Return the names of the models that name a MonitoringPolicy."""
        return self._models_by_policy[namespace, policy]

    def names(self, kind: Kind) -> list[Name]:
        """Return the names of all objects of a kind; safe in another thread, as `get` is."""
        return list(self._kept[kind])

    def seen(self, kind: Kind) -> dict[Name, SeenVersion]:
        """Return which version of each object is known."""
        return {name: kept.seen for name, kept in self._kept[kind].items()}

    def _manifests(self, kind: Kind, namespace: str, names: Iterable[str]) -> list[Manifest]:
        kept = self._kept[kind]
        return [kept[Name(namespace, name)].manifest() for name in sorted(names)]

    def _packer_for(self, kind: Kind, text: bytes) -> _Packer:
        """Return what fits the kind; the first that was heard of may not have had a status yet."""
        packer = self._packers.get(kind)
        if packer is None or len(text) > _LONGER * packer.length:
            packer = self._packers[kind] = _Packer(text)
        return packer

    def _is_news(self, kind: Kind, name: Name, seen: SeenVersion) -> bool:
        if seen.version <= self._gone[kind].get(name, -1):
            return False
        kept = self._kept[kind].get(name)
        return kept is None or seen.version > kept.seen.version

    def _drop(self, kind: Kind, name: Name) -> None:
        kept = self._kept[kind].pop(name, None)
        if kept is None:
            return
        _count(kind, kept, -1)
        if kept.decision is not None:
            self._decisions.discard(name.namespace, name.name, kept.decision)
        self._of_model.discard((kind, name.namespace, kept.model), name.name)
        self._pods_of_evaluation.discard((name.namespace, kept.evaluation), name.name)
        for hostname in kept.hostnames:
            self._by_hostname[kind].discard(hostname, name)
        if kind == MODELS:
            self._reserved.pop(name, None)
        self._pods_by_app.discard((name.namespace, kept.app), name.name)
        self._models_by_policy.discard((name.namespace, kept.policy), name.name)


def owned_record(manifest: Manifest) -> OwnedRecord | None:
    """Return what is known of an Evaluation, None where it cannot be read."""
    created = text(manifest, "metadata", "creationTimestamp")
    try:
        record = Record(
            revision=text(manifest, "spec", "revision"),
            phase=EvaluationPhase(text(manifest, "status", "phase") or EvaluationPhase.PENDING),
            created=datetime.fromisoformat(created) if created else None,
        )
    except ValueError:
        return None
    return OwnedRecord(text(manifest, "metadata", "name"), controllers(manifest), record)


def name_of(manifest: Manifest) -> Name:
    """Return an object's name within its kind."""
    metadata = manifest.get("metadata")
    return Name(text(metadata, "namespace"), text(metadata, "name"))


def version_of(manifest: Manifest) -> int:
    """Return an object's resourceVersion: of one kind the newer is greater (Kubernetes KEP-5504)."""
    version = text(manifest, "metadata", "resourceVersion")
    return int(version) if version.isdecimal() else 0


def _seen(manifest: Manifest) -> SeenVersion:
    return SeenVersion(text(manifest, "metadata", "uid"), version_of(manifest))


def _count(kind: Kind, kept: _Kept, times: int) -> None:
    metrics.STORED.labels(kind.plural).inc(times * len(kept.packed))
    if kept.left_out:
        metrics.LEFT_OUT.labels(kind.plural).inc(times)


def _model_of(kind: Kind, manifest: Manifest) -> str:
    return "" if kind == DECISIONS else text(manifest, "metadata", "labels", MODEL_LABEL)


def _evaluation_of(kind: Kind, manifest: Manifest) -> str:
    return text(manifest, "metadata", "labels", EVALUATION_LABEL) if kind == PODS else ""


def _app_of(kind: Kind, manifest: Manifest) -> str:
    return text(manifest, "metadata", "labels", APP_LABEL) if kind == PODS else ""


def _hostnames_of(kind: Kind, manifest: Manifest) -> tuple[str, ...]:
    if kind in ROUTED:
        return tuple(ROUTED[kind].hostnames(manifest)) or (_ANY,)
    if kind != MODELS:
        return ()
    asked = _texts(at(manifest, "spec", "exposure", "gateway", "hostnames"))
    held = (text(one, "name") for one in items(manifest, "status", "hostnames"))
    return tuple({*asked, *held})


def _texts(found: Json) -> tuple[str, ...]:
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def _keys_for(hostname: str, index: Iterable[str]) -> Iterator[str]:
    """Yield the host names of an index that overlap one: itself, wildcards above it, and all below a wildcard."""
    yield from (hostname, _ANY)
    labels = hostname.removeprefix("*.").split(".")
    start = 0 if hostname.startswith("*.") else 1
    yield from (f"*.{'.'.join(labels[n:])}" for n in range(start, len(labels)))
    if hostname.startswith("*."):
        yield from overlaps(hostname, index)


def _policy_of(kind: Kind, manifest: Manifest) -> str:
    return text(manifest, "spec", "monitoring", "policyRef", "name") if kind == MODELS else ""
