"""What makes a revision, what makes a set of gates, and the names that follow from them."""

import hashlib
import json
import re
from collections.abc import Iterable

from mlhops.api.base import Manifest, seconds
from mlhops.api.data import DataSource
from mlhops.api.gate import Gate
from mlhops.api.interface import Interface
from mlhops.api.model import ClinicalModel, ClinicalModelSpec, Step

# Changing these scales a model server in place; everything else about it makes a new one.
_ALPHABET = "bcdfghjklmnpqrstvwxz"  # no vowels, so no words
_SCALING = frozenset({"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget"})


def digest(value: object, length: int = 8) -> str:
    """Return a short, stable hash of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _letters(value: object, length: int) -> str:
    """Return a short, stable hash that no reader of YAML takes for a number."""
    number = int(digest(value, 32), 16)
    letters = ""
    for _ in range(length):
        number, place = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[place]
    return letters


def served(spec: ClinicalModelSpec) -> Manifest:
    """Return the part of a spec that changes what is served."""
    predictor = {k: v for k, v in spec.predictor.to_json().items() if k not in _SCALING}
    return {
        "version": spec.version,
        "predictor": predictor,
        # Turning autoscaling on or off changes an annotation, and KServe restarts pods for that.
        "autoscaled": spec.predictor.max_replicas is not None,
        "interface": spec.interface.to_json(),
        "mode": spec.exposure.mode,
    }


def revision_of(spec: ClinicalModelSpec) -> str:
    """Return the revision that a spec asks for."""
    return _letters(served(spec), 10)


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


def gates_hash(
    data: DataSource, gates: list[Gate], interface: Interface, seed: int, min_cell_size: int
) -> str:
    """Return the hash of all that a verdict depends on, apart from the revision."""
    return digest(
        [
            data.to_json(),
            [gate.to_json() for gate in gates],
            [group.to_json() for group in interface.groups],
            interface.output.to_json(),
            seed,
            min_cell_size,
        ],
        length=32,
    )


def wanted_gates(model: ClinicalModel) -> str:
    """Return the hash of the gates that a model's spec asks for now."""
    evaluation = model.spec.evaluation
    return gates_hash(
        evaluation.data,
        evaluation.gates,
        model.spec.interface,
        evaluation.seed,
        evaluation.min_cell_size,
    )


def gate_hash(gate: Gate) -> str:
    """Return the hash of one gate's definition, its name apart."""
    return digest({k: v for k, v in gate.to_json().items() if k != "name"}, length=32)


def step_name(step: Step) -> str:
    """Return what a step is: the same for all ways to write the same, such as `60s` and `1m`."""
    if step.set_weight is not None:
        return f"setWeight {step.set_weight}"
    if step.pause is not None:
        return (
            "pause" if step.pause.duration is None else f"pause {seconds(step.pause.duration):.0f}s"
        )
    return "evaluate" if step.evaluate is not None else "approve"


def steps_hash(steps: Iterable[Step]) -> str:
    """Return the hash of a list of steps, for Decisions on it."""
    return digest([step_name(step) for step in steps], length=32)
