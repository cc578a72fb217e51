"""How many cases of which kind a measure needs before a group can be judged by it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlhops.api.gate import Gate, measure_of, min_rows_of
from mlhops.tasks.binary import CALLED, POSITIVES
from mlhops.tasks.task import ROWS


@dataclass(frozen=True)
class Requirement:
    """So many cases of one kind."""

    cases: str
    minimum: int


def requirements(gate: Gate) -> Sequence[Requirement]:
    """Return what a group needs: cases for a miss rate, calls for the worth of a call."""
    rows = min_rows_of(gate)
    return [
        Requirement(cases, _minimum(gate, cases) if rows is None else rows)
        for cases in measure_of(gate).how.needs
    ]


def _minimum(gate: Gate, cases: str) -> int:
    if cases == ROWS:
        return gate.min_positives + gate.min_negatives
    return gate.min_positives if cases in (POSITIVES, CALLED) else gate.min_negatives
