"""The verdict of a Performance gate: is the whole model good enough, and no worse than stable?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult, Needed
from mlhops.api.gate import Gate, measure_of
from mlhops.api.verdict import of_ceiling, of_floor, overall
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.predictions import AnyPredictions
from mlhops.evaluator.tasks.registry import handler_of
from mlhops.evaluator.verdict.cell_counts import Disclosure, Tallies
from mlhops.evaluator.verdict.gate_result import GatePart, begun, limit_of, numbers, unit_of
from mlhops.evaluator.verdict.noninferiority import Inferiority, against_stable
from mlhops.evaluator.verdict.requirements import requirements
from mlhops.evaluator.verdict.sentences import (
    Interval,
    meaning,
    measure_sentence,
    plan_sentence,
    round_up,
)
from mlhops.measures.measure import Measure, Share
from mlhops.statistics.inference.estimate import Estimate, critical_of
from mlhops.statistics.inference.performance import estimate
from mlhops.statistics.inference.planning import POWER, needed_cases
from mlhops.tasks.task import ROWS, Task

INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE
_EACH_OF_TWO = 0.87
"""How often either of two parts of a gate is to be decided: both are in 76 to 87 %, as they depend."""


@dataclass(frozen=True)
class Performance:
    """What is known of one gate before it is clear which numbers may be told."""

    gate: Gate
    bounded: GatePart | None
    """Against the limit, where there is one."""
    inferiority: Inferiority | GatePart | None
    """Against stable, where that is asked for."""

    @property
    def tallies(self) -> Tallies | None:
        """The groups in which stable is compared with."""
        return self.inferiority.tallies if isinstance(self.inferiority, Inferiority) else None

    @property
    def worst(self) -> str | None:
        """The name of the group that decides."""
        return self.inferiority.worst if isinstance(self.inferiority, Inferiority) else None

    def tell(self, disclosure: Disclosure) -> GateResult:
        """Return the result; the graver of the two findings gives the numbers."""
        paired = self.inferiority
        if isinstance(paired, Inferiority):
            paired = paired.tell(disclosure)
        parts = [part for part in (self.bounded, paired) if part is not None]
        phase = overall(part.phase for part in parts)
        parts.sort(key=lambda part: part.phase is not phase)
        update: dict[str, object] = {"phase": phase}
        for part in reversed(parts):
            update |= numbers(part.found) if part.found is not None else {}
            update |= {"needed": part.needed or update.get("needed")}
            update |= {"groups": part.groups, "worst_group": part.worst} if part.groups else {}
        update["message"] = ". ".join(part.message for part in parts)
        return begun(self.gate).model_copy(update=update)


def performance(
    gate: Gate, spec: EvaluationSpec, people: LabelledRows, measured: Measured
) -> Performance:
    """Return what is known of a Performance gate.

    Raises:
        EvaluationError: there are too many groups.
    """
    both = gate.limit is not None and gate.non_inferiority is not None
    power = _EACH_OF_TWO if both else POWER
    bounded = paired = None
    if gate.limit is not None:
        bounded = _bounded(gate, spec, people, measured.candidate, power)
    if gate.non_inferiority is not None:
        paired = against_stable(gate, spec, people, measured, gate.non_inferiority.margin, power)
    return Performance(gate, bounded, paired)


def _bounded(
    gate: Gate,
    spec: EvaluationSpec,
    people: LabelledRows,
    predictions: AnyPredictions,
    power: float,
) -> GatePart:
    handler = handler_of(spec.interface)
    kinds = handler.cells(people.label, predictions)
    cells = spec.cells
    for each in requirements(gate):
        size = int(kinds.of(each.cases).sum())
        if size < each.minimum:
            return GatePart(
                INCONCLUSIVE,
                f"{gate.metric} needs at least {each.minimum:,} {each.cases}; the data have "
                f"{cells.total_text(size, people.rows)}: add held-out rows",
            )
    metric = measure_of(gate)
    measured = estimate(metric, handler.answers(people.label, predictions), gate.confidence)
    limit, unit = limit_of(gate), unit_of(gate, spec)
    found = Interval(measured.estimate, measured.lower, measured.upper, limit, unit)
    if np.isnan(found.estimate):
        return GatePart(
            INCONCLUSIVE, f"{gate.metric} is undefined: {measured.reason}: add such rows"
        )
    ceiling = metric.better == "Lower"
    phase = (of_ceiling if ceiling else of_floor)(
        found.lower, found.upper, found.limit, gate.assurance
    )
    cases = ", ".join(
        f"{kind}: {cells.total_text(int(kinds.of(kind).sum()), people.rows)}"
        for kind in _parts(handler.task)
    )
    needed = _needed(gate, metric, measured, people.rows, power) if phase is INCONCLUSIVE else None
    good, bad = ("below it", "above it") if ceiling else ("above it", "below it")
    sentence = measure_sentence(gate, cases, found, ceiling=ceiling)
    proven = gate.assurance == "Proven"
    told = meaning(phase, good, bad, plan_sentence(needed, metric=metric), proven=proven)
    return GatePart(phase, sentence + told, found, needed)


def _parts(task: Task) -> Sequence[str]:
    """Return the kinds of cases that make up all rows; rows where no kinds do."""
    return task.sums.get(ROWS, (ROWS,))


def _needed(gate: Gate, metric: Measure, found: Estimate, rows: int, power: float) -> Needed | None:
    if found.limits is None or not metric.planned:
        return None
    more = needed_cases(
        found.estimate,
        found.limits,
        limit_of(gate),
        rows if metric.cases == ROWS else found.cases,
        critical_of(gate.confidence),
        power,
        share=isinstance(metric.how, Share),
    )
    return None if more is None else Needed(more=round_up(max(more, 1)), cases=metric.cases)
