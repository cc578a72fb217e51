"""What makes a revision, what makes a set of gates, and the names that follow from them."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, cast

from pydantic.alias_generators import to_camel

from mlhops.api.base import Json, Manifest
from mlhops.api.data import DataSource
from mlhops.api.gate import Gate
from mlhops.api.interface import Interface
from mlhops.api.model import ClinicalModelSpec
from mlhops.api.predictor import Predictor
from mlhops.api.quantity import canonical
from mlhops.api.step import Step
from mlhops.json_access import items
from mlhops.rollout.revisions import earlier

_ALPHABET = "bcdfghjklmnpqrstvwxz"  # no vowels, so no words
_LETTERS = 10
SCALING = ("min_replicas", "max_replicas", "scale_metric", "scale_target")
"""Fields of a predictor that scale a model server in place; any other makes a new revision."""
_SCALING = frozenset(map(to_camel, SCALING))


def short_hash(value: object, length: int = 8) -> str:
    """Return a short, stable hash of a JSON value."""
    return _sha256(value)[:length]


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _letters(digits: str) -> str:
    """Return the short name of a hash, which no reader of YAML takes for a number."""
    number = int(digits[:32], 16)
    letters = ""
    for _ in range(_LETTERS):
        number, place = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[place]
    return letters


@dataclass(frozen=True)
class Served:
    """All of a revision that decides what answers requests."""

    version: str
    predictor: Predictor
    interface: Interface
    mode: str = "Standard"

    @classmethod
    def of(cls, spec: ClinicalModelSpec) -> Self:
        """Return what a spec asks to be served."""
        return cls(spec.version, spec.predictor, spec.interface, spec.exposure.mode)

    @cached_property
    def digest(self) -> str:
        """The sha256 of what is served, in hexadecimal digits; equal for specs that serve the same.

        Only what differs from its default is hashed, so that a field which a later version adds changes no
        digest, and neither do descriptions nor another notation of an amount.
        """
        return _sha256(
            {
                "version": self.version,
                "predictor": _predictor(self.predictor),
                # Turning autoscaling on or off changes an annotation, and KServe restarts pods for that.
                **({"autoscaled": True} if self.predictor.max_replicas is not None else {}),
                "interface": asked_of(self.interface),
                **({"mode": self.mode} if self.mode != "Standard" else {}),
            }
        )

    @property
    def first_name(self) -> str:
        """The name that operators gave this revision before they knew it by its digest."""
        predictor = earlier.predictor(self.predictor)
        served = {
            "version": self.version,
            "predictor": {k: v for k, v in predictor.items() if k not in _SCALING},
            "autoscaled": self.predictor.max_replicas is not None,
            "interface": earlier.interface(self.interface),
            "mode": self.mode,
        }
        return _letters(_sha256(served))


def _predictor(predictor: Predictor) -> Manifest:
    given = predictor.given()
    served = {key: value for key, value in given.items() if key not in _SCALING and value != {}}
    if predictor.resources is not None:
        amounts: Manifest = {
            kind: {name: canonical(amount) for name, amount in asked.items()}
            for kind, asked in predictor.resources.to_json().items()
            if isinstance(asked, dict) and asked
        }
        served = {key: value for key, value in served.items() if key != "resources"}
        served |= {"resources": amounts} if amounts else {}
    return served


def asked_of(interface: Interface) -> Manifest:
    """Return what an interface asks of a model and of its callers, without what is for people alone."""
    given = interface.given()
    features = [
        {key: value for key, value in feature.items() if key != "description"}
        for feature in items(given, "features")
    ]
    return {**given, "features": cast(Json, features)}


def name_of(digest: str) -> str:
    """Return the name of a new revision; a name only: revisions are told apart by their digests."""
    return _letters(digest)


def revision_of(spec: ClinicalModelSpec) -> str:
    """Return the name that a new revision gets which serves what a spec asks for."""
    return name_of(Served.of(spec).digest)


def service_name(model: str, revision: str) -> str:
    """Return the name of a revision's InferenceService."""
    return f"{model}-{revision}"


def evaluation_name(model: str, revision: str, attempt: int, step: int | None = None) -> str:
    """Return the name of an attempt's Evaluation, or of the one that a step of it runs."""
    name = f"{model}-{revision}-{attempt}"
    return name if step is None else f"{name}-s{step}"


def attempts_of(model: str, revision: str, evaluations: Iterable[str]) -> set[int]:
    """Return the attempts at a revision of which the names of Evaluations still tell."""
    pattern = re.compile(re.escape(service_name(model, revision)) + r"-([0-9]{1,9})(-s[0-9]+)?")
    return {int(match[1]) for name in evaluations if (match := pattern.fullmatch(name))}


@dataclass(frozen=True)
class Asked:
    """All that a verdict depends on, apart from the revision."""

    data: DataSource
    gates: Sequence[Gate]
    interface: Interface
    seed: int
    min_cell_size: int

    @classmethod
    def of(cls, spec: ClinicalModelSpec) -> Self:
        """Return what a spec asks."""
        asked = spec.evaluation
        return cls(asked.data, asked.gates, spec.interface, asked.seed, asked.min_cell_size)

    @cached_property
    def digest(self) -> str:
        """The sha256 of what is asked, in hexadecimal digits; fields at their default do not count."""
        interface = asked_of(self.interface)
        return _sha256(
            {
                "data": self.data.given(),
                "gates": [gate.given() for gate in self.gates],
                "groups": interface["groups"],
                "output": interface["output"],
                "seed": self.seed,
                "minCellSize": self.min_cell_size,
                **({"task": self.interface.task} if self.interface.task != "Binary" else {}),
            }
        )

    @cached_property
    def first_hash(self) -> str:
        """The hash that operators gave the same before they knew revisions by their digests."""
        interface = earlier.interface(self.interface)
        return short_hash(
            [
                earlier.data(self.data),
                [earlier.gate(gate) for gate in self.gates],
                interface["groups"],
                interface["output"],
                self.seed,
                self.min_cell_size,
            ],
            length=32,
        )


def steps_hash(steps: Iterable[Step]) -> str:
    """Return the hash of a list of steps, for Decisions on it."""
    return _sha256([_hashed(step) for step in steps])


def _hashed(step: Step) -> Json:
    evidence = step.evidence.given() if step.evidence is not None else {}
    return [step.name, evidence] if evidence else step.name
