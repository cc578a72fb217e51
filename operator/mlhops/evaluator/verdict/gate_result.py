"""Results of single gates, and how their numbers are written."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from mlhops.api.evaluation import (
    EvaluationPhase,
    EvaluationSpec,
    GateResult,
    GroupEstimate,
    Needed,
)
from mlhops.api.gate import Gate, measure_of
from mlhops.evaluator.verdict.sentences import Interval

_DIGITS = 4


@dataclass(frozen=True)
class GatePart:
    """One of the findings that make up a gate's verdict."""

    phase: EvaluationPhase
    message: str
    found: Interval | None = None
    needed: Needed | None = None
    groups: Sequence[GroupEstimate] = ()
    worst: str | None = None
    """The name of the group that decides."""


def begun(gate: Gate) -> GateResult:
    """Return the result of a gate as it is before anything is known."""
    limit = gate.limit
    if limit is None and gate.non_inferiority is not None:
        limit = gate.non_inferiority.margin
    return GateResult(
        name=gate.name,
        phase=EvaluationPhase.INCONCLUSIVE,
        required=gate.required,
        metric=gate.metric,
        limit=limit,
    )


def undecided(gate: Gate, message: str) -> GateResult:
    """Return that a gate could not be decided."""
    return begun(gate).model_copy(update={"message": message})


def in_error(gate: Gate, message: str) -> GateResult:
    """Return that a gate could not be measured."""
    return undecided(gate, message).model_copy(update={"phase": EvaluationPhase.ERROR})


def numbers(found: Interval) -> dict[str, float | None]:
    """Return an estimate, its interval and its limit for a result."""
    return {
        "estimate": rounded(found.estimate),
        "lower": rounded(found.lower),
        "upper": rounded(found.upper),
        "limit": rounded(found.limit),
    }


def rounded(number: float) -> float | None:
    """Return a number as it is reported, None where it is none."""
    return round(float(number), _DIGITS) + 0.0 if math.isfinite(number) else None


def seed_of(gate: Gate, spec: EvaluationSpec) -> list[int]:
    """Return the seed of a gate's draws, which does not depend on the gates beside it."""
    return [spec.seed, zlib.crc32(gate.name.encode())]


def unit_of(gate: Gate, spec: EvaluationSpec) -> str:
    """Return the unit of a gate's numbers; none of a ratio, or where nobody says it."""
    plain = not measure_of(gate).in_units or gate.comparison == "Ratio"
    return "" if plain else spec.interface.output.unit or ""


def limit_of(gate: Gate) -> float:
    """Return the limit; one that is not there is a number that nothing can meet."""
    return math.nan if gate.limit is None else gate.limit
