"""One version of an object as the cache keeps it: what it is found by, parsed once, and the object itself, packed."""

import sys
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

import orjson

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import FINISHED, EvaluationPhase
from mlhops.controller.cache.decisions import HeardDecision, heard_decision
from mlhops.controller.cache.lean import LEFT_OUT, lean
from mlhops.controller.resources import DECISIONS, EVALUATIONS, MODELS, PODS, Kind
from mlhops.json_access import at, items, text
from mlhops.kserve.names import APP_LABEL, MODEL_LABEL
from mlhops.kserve.owner import controllers
from mlhops.rollout.evaluation.evaluator_job import EVALUATION_LABEL
from mlhops.rollout.observed import Record
from mlhops.routing.registry import ROUTED

_WINDOW = 1 << zlib.MAX_WBITS
"""How far back zlib looks."""
_LONGER = 1.5
"""How many times as long as its sample a text may be before it is the next sample."""
ANY_HOST = ""
"""Stands for the host names of a route that has none of its own."""


class Name(NamedTuple):
    """Where an object is found within its kind."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """Which version of an object was seen last."""

    uid: str
    version: int


class Packer:
    """Compresses JSON texts of which most stands in a sample as well."""

    def __init__(self, sample: bytes) -> None:
        self._sample = sample[-_WINDOW:]
        self.length = len(sample)

    def pack(self, text: bytes) -> bytes:
        packer = zlib.compressobj(zdict=self._sample)
        return packer.compress(text) + packer.flush()

    def unpack(self, packed: bytes) -> bytes:
        return zlib.decompressobj(zdict=self._sample).decompress(packed)


class Packers:
    """A packer for each kind, since objects of one kind are much alike."""

    def __init__(self) -> None:
        self._packers: dict[Kind, Packer] = {}

    def of(self, kind: Kind, text: bytes) -> Packer:
        """Return what fits the kind; the first that was heard of may not have had a status yet."""
        packer = self._packers.get(kind)
        if packer is None or len(text) > _LONGER * packer.length:
            packer = self._packers[kind] = Packer(text)
        return packer


@dataclass(frozen=True, slots=True)
class OwnedRecord:
    """What is known of an Evaluation, and whose it is."""

    name: str
    owners: tuple[str, ...]
    """The uids of its controllers."""
    record: Record
    settled: bool
    """Whether it has ended, and left nothing that is to be cleared away."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One version of an object."""

    seen: SeenVersion
    model: str
    """The model that it names, by its label or, a Decision, by its spec; empty where it names none."""
    evaluation: str
    """The Evaluation whose Job, or whose pod, it is."""
    app: str
    """Of a pod, the label by which Services choose pods."""
    hostnames: tuple[str, ...]
    """Of a route, those that it has; of a model, those that it asks for or holds."""
    policy: str
    """Of a model, the MonitoringPolicy that it names."""
    record: OwnedRecord | None
    """Of an Evaluation, what is known without unpacking it."""
    decision: HeardDecision | None
    """Of a Decision that may matter still, what is known without unpacking it."""
    left_out: bool
    """Whether only its name is kept."""
    packed: bytes
    packer: Packer

    @classmethod
    def of(
        cls, kind: Kind, seen: SeenVersion, manifest: Manifest, packers: Packers
    ) -> "CacheEntry":
        """Return what is kept of a manifest."""
        kept = lean(kind, manifest)
        dumped = orjson.dumps(kept)
        packer = packers.of(kind, dumped)
        labels = at(manifest, "metadata", "labels")
        decision = kind == DECISIONS
        return cls(
            seen=seen,
            # Many objects name the same few.
            model=sys.intern(
                text(manifest, "spec", "model") if decision else text(labels, MODEL_LABEL)
            ),
            evaluation=text(labels, EVALUATION_LABEL),
            app=text(labels, APP_LABEL) if kind == PODS else "",
            hostnames=_hostnames_of(kind, manifest),
            policy=_policy_of(kind, manifest),
            record=owned_record(manifest) if kind == EVALUATIONS else None,
            decision=heard_decision(manifest) if kind == DECISIONS else None,
            left_out=LEFT_OUT in kept,
            packed=packer.pack(dumped),
            packer=packer,
        )

    def manifest(self) -> Manifest:
        """Return the object, unpacked."""
        return cast(Manifest, orjson.loads(self.packer.unpack(self.packed)))


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
    # One that ended without its profile may have left an earlier one.
    profile = at(manifest, "status", "profile")
    made = bool(text(profile, "digest")) and not text(profile, "error")
    settled = record.phase in FINISHED and (made or not at(manifest, "spec", "profile"))
    name = text(manifest, "metadata", "name")
    return OwnedRecord(name, controllers(manifest), record, settled)


def name_of(manifest: Manifest) -> Name:
    """Return an object's name within its kind."""
    metadata = manifest.get("metadata")
    return Name(text(metadata, "namespace"), text(metadata, "name"))


def version_of(manifest: Manifest) -> int:
    """Return an object's resourceVersion: of one kind the newer is greater (Kubernetes KEP-5504)."""
    version = text(manifest, "metadata", "resourceVersion")
    return int(version) if version.isdecimal() else 0


def seen_in(manifest: Manifest) -> SeenVersion:
    """Return which version of an object a manifest is."""
    return SeenVersion(text(manifest, "metadata", "uid"), version_of(manifest))


def _hostnames_of(kind: Kind, manifest: Manifest) -> tuple[str, ...]:
    if kind in ROUTED:
        return tuple(ROUTED[kind].hostnames(manifest)) or (ANY_HOST,)
    if kind != MODELS:
        return ()
    asked = _texts(at(manifest, "spec", "exposure", "gateway", "hostnames"))
    held = (text(one, "name") for one in items(manifest, "status", "hostnames"))
    return tuple({*asked, *held})


def _texts(found: Json) -> tuple[str, ...]:
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def _policy_of(kind: Kind, manifest: Manifest) -> str:
    return text(manifest, "spec", "monitoring", "policyRef", "name") if kind == MODELS else ""
