"""What an evaluator says that came to some verdict: sensible, as the operator takes no other."""

import json
from collections.abc import Mapping
from functools import lru_cache

from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult
from mlhops.api.gate import Gate, primary_of
from mlhops.api.result import Result
from mlhops.api.verdict import overall
from mlhops.measures.measure import MEASURES

DIGEST = "sha256:" + "d" * 64


def said(
    spec: EvaluationSpec | Mapping[str, Json], phase: EvaluationPhase, **fields: object
) -> Result:
    """The result of an Evaluation with this spec, where each gate came to this phase."""
    given = spec.to_json() if isinstance(spec, EvaluationSpec) else spec
    return _said(json.dumps(given, sort_keys=True), phase).model_copy(update=fields)


def of_gate(
    gate: Gate, phase: EvaluationPhase, *, primary: bool, first: bool = False
) -> GateResult:
    """What is said of one gate; `first` where nothing serves yet."""
    margin = gate.non_inferiority.margin if gate.non_inferiority is not None else None
    limit = gate.limit if gate.limit is not None else margin
    found = GateResult(
        name=gate.name,
        phase=phase,
        message="as measured",
        required=gate.required,
        primary=primary,
        metric=gate.metric,
        limit=limit,
    )
    decided = phase in (EvaluationPhase.SUCCESSFUL, EvaluationPhase.FAILED)
    if limit is None or not decided or (gate.limit is None and first):
        return found
    least = gate.comparison == "Ratio" or (
        gate.type == "Performance"
        and gate.limit is not None
        and MEASURES[gate.metric].better == "Higher"
    )
    good = phase is EvaluationPhase.SUCCESSFUL
    better, worse = ((1 + limit) / 2, limit / 2) if least else (limit / 2, limit * 1.5 + 0.01)
    measured = round(better if good else worse, 4)
    return found.model_copy(update=dict.fromkeys(("estimate", "lower", "upper"), measured))


@lru_cache(maxsize=512)
def _said(text: str, phase: EvaluationPhase) -> Result:
    spec = EvaluationSpec.model_validate_json(text)
    if phase is EvaluationPhase.ERROR:
        return Result(phase="Error", message="as measured")
    primary = primary_of(spec.gates)
    gates = [
        of_gate(gate, phase, primary=gate.name == primary, first=spec.stable is None)
        for gate in spec.gates
    ]
    required = [gate.phase for gate in gates if gate.required]
    found = overall(required) if required else EvaluationPhase.SUCCESSFUL
    result = {
        "phase": found.value,
        "message": "as measured",
        "rows": 900,
        "data_digest": spec.data.digest or DIGEST,
        "seed": spec.seed,
        "evaluator": "0.0.0",
    }
    return Result.model_validate({**result, "gates": gates})
