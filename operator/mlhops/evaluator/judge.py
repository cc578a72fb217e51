"""The verdict of each gate on what was measured, and of the whole run.

A Proven gate is inconclusive as long as one of its groups is too small to judge: what was not seen
is not proven. For a NotRefuted gate such a group is reported only. A declared group that nobody
belongs to leaves either inconclusive, since then the data are not those that the gate was written
for.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from mlhops.api.evaluation import (
    EvaluationPhase,
    EvaluationSpec,
    GateResult,
    GroupEstimate,
)
from mlhops.api.gate import FairnessMetric, Gate
from mlhops.evaluator.groups import Cohorts, cohorts
from mlhops.evaluator.people import People
from mlhops.evaluator.predict import Predictions
from mlhops.evaluator.sentences import (
    Shortfall,
    absent_sentence,
    area_sentence,
    gap_sentence,
    small_sentence,
    too_few_sentence,
    trials_noun,
)
from mlhops.statistics.auroc import auroc
from mlhops.statistics.gaps import Gap, gaps
from mlhops.statistics.rates import count
from mlhops.statistics.verdict import of_floor, of_gap, overall

_DIGITS = 4


def judge(spec: EvaluationSpec, people: People, predictions: Predictions) -> list[GateResult]:
    """Return the verdict of every gate of a spec."""
    return [
        _fairness(gate, spec, people, predictions)
        if gate.type == "Fairness"
        else _performance(gate, spec, people, predictions)
        for gate in spec.gates
    ]


def phase_of_run(gates: Sequence[GateResult]) -> EvaluationPhase:
    """Return the phase of the run, for which advisory gates do not count."""
    required = [gate.phase for gate in gates if gate.required]
    return overall(required) if required or not gates else EvaluationPhase.SUCCESSFUL


def undecided(gate: Gate, message: str) -> GateResult:
    """Return that a gate could not be decided."""
    return GateResult(
        name=gate.name,
        phase=EvaluationPhase.INCONCLUSIVE,
        message=message,
        required=gate.required,
        limit=gate.limit,
    )


def limit_of(gate: Gate) -> float:
    """Return the limit; one that is not there is a number that nothing can meet."""
    return float("nan") if gate.limit is None else gate.limit


def minimum(gate: Gate) -> int:
    """Return how many trials a group needs: cases for a miss rate, rows for the rate of calls."""
    metric = FairnessMetric(gate.metric)
    if metric is FairnessMetric.FALSE_NEGATIVE_RATE:
        return gate.min_positives
    if metric is FairnessMetric.FALSE_POSITIVE_RATE:
        return gate.min_negatives
    return gate.min_positives + gate.min_negatives


def _fairness(
    gate: Gate, spec: EvaluationSpec, people: People, predictions: Predictions
) -> GateResult:
    if gate.across is None:
        return undecided(gate, "across is missing: name the groups that the gate compares")
    who = cohorts(people.levels, gate.across)
    counts = count(
        FairnessMetric(gate.metric), people.label, predictions.called, who.atom, who.members
    )
    trials, rest_trials = counts.of_groups()[1], counts.of_rest()[1]
    enough = (trials >= minimum(gate)) & (rest_trials >= minimum(gate))
    judged = np.flatnonzero(enough)
    seed = [spec.seed, zlib.crc32(gate.name.encode())]
    found = dict(
        zip(judged.tolist(), gaps(counts.pick(judged), gate.confidence, seed), strict=True)
    )
    phases = {
        i: of_gap(gap.lower, gap.upper, limit_of(gate), gate.assurance) for i, gap in found.items()
    }
    small = [
        Shortfall(who.names[i], int(trials[i]), int(rest_trials[i]), minimum(gate))
        for i in np.flatnonzero(~enough).tolist()
    ]
    result = GateResult(
        name=gate.name,
        phase=_gate_phase(gate, list(phases.values()), small, who),
        required=gate.required,
        limit=gate.limit,
        groups=_estimates(who, people, found, phases, spec.min_cell_size),
    )
    return _explained(result, gate, who, found, phases, small, spec.min_cell_size)


def _gate_phase(
    gate: Gate, phases: Sequence[EvaluationPhase], small: Sequence[Shortfall], who: Cohorts
) -> EvaluationPhase:
    worst = overall(phases)
    unseen = bool(who.absent) or (bool(small) and gate.assurance == "Proven")
    if worst is EvaluationPhase.SUCCESSFUL and unseen:
        return EvaluationPhase.INCONCLUSIVE
    return worst


def _explained(
    result: GateResult,
    gate: Gate,
    who: Cohorts,
    found: dict[int, Gap],
    phases: dict[int, EvaluationPhase],
    small: Sequence[Shortfall],
    smallest: int,
) -> GateResult:
    """Return the result with the group that decides it and the sentences that say why."""
    parts: list[str] = []
    update: dict[str, object] = {}
    if found:
        worst = _deciding(gate, found, phases)
        gap = found[worst]
        parts.append(gap_sentence(gate, who.names[worst], gap, phases[worst], smallest))
        update = {
            "estimate": round(gap.gap, _DIGITS),
            "lower": round(gap.lower, _DIGITS),
            "upper": round(gap.upper, _DIGITS),
            "worst_group": who.names[worst],
        }
    if who.absent:
        parts.append(absent_sentence(who.absent))
    if small:
        noun = trials_noun(FairnessMetric(gate.metric))
        parts.append(small_sentence(small, noun, smallest))
    return result.model_copy(update={**update, "message": ". ".join(parts)})


def _deciding(gate: Gate, found: dict[int, Gap], phases: dict[int, EvaluationPhase]) -> int:
    """Return the group that decides: surely worst if the gate failed, possibly worst otherwise.

    A group and its rest tie where there are only two; then it is the one at a disadvantage.
    """
    failed = EvaluationPhase.FAILED in phases.values()
    sign = -1 if FairnessMetric(gate.metric) is FairnessMetric.SELECTION_RATE else 1

    def weight(i: int) -> tuple[float, float]:
        bound = found[i].lower if failed else found[i].upper
        return round(bound, 9), sign * found[i].signed

    return max(found, key=weight)


def _estimates(
    who: Cohorts,
    people: People,
    found: dict[int, Gap],
    phases: dict[int, EvaluationPhase],
    smallest: int,
) -> list[GroupEstimate]:
    weights = who.members.astype(np.int64)
    atoms = who.members.shape[1]
    rows = weights @ np.bincount(who.atom, minlength=atoms)
    positives = weights @ np.bincount(who.atom[people.label], minlength=atoms)
    result = []
    for i, name in enumerate(who.names):
        counts = _suppressed(int(rows[i]), int(positives[i]), smallest)
        gap = found.get(i)
        estimate = GroupEstimate(
            group=name,
            rows=counts[0],
            positives=counts[1],
            negatives=counts[2],
            phase=phases.get(i, EvaluationPhase.INCONCLUSIVE),
        )
        if gap is not None and min(gap.trials, gap.rest_trials) >= smallest:
            estimate = estimate.model_copy(
                update={
                    name: round(float(getattr(gap, name)), _DIGITS)
                    for name in ("rate", "rest", "gap", "lower", "upper")
                }
            )
        result.append(estimate)
    return result


def _suppressed(
    rows: int, positives: int, smallest: int
) -> tuple[int | None, int | None, int | None]:
    """Return rows, positives and negatives, without small ones and sums that tell them."""
    negatives = rows - positives
    if min(positives, negatives) >= smallest:
        return rows, positives, negatives
    return (
        None,
        positives if positives >= smallest else None,
        negatives if negatives >= smallest else None,
    )


def _performance(
    gate: Gate, spec: EvaluationSpec, people: People, predictions: Predictions
) -> GateResult:
    if predictions.score is None:
        return undecided(
            gate,
            f"{gate.metric} needs a score, but the model answers with classes: serve probabilities "
            "and set output.type to Probability, or remove the gate",
        ).model_copy(update={"phase": EvaluationPhase.ERROR})
    positives = int(people.label.sum())
    negatives = people.rows - positives
    if positives < gate.min_positives or negatives < gate.min_negatives:
        return undecided(gate, too_few_sentence(gate, positives, negatives, spec.min_cell_size))
    area = auroc(people.label, predictions.score, gate.confidence)
    phase = of_floor(area.lower, area.upper, limit_of(gate), gate.assurance)
    return GateResult(
        name=gate.name,
        phase=phase,
        message=area_sentence(gate, area, phase, spec.min_cell_size),
        required=gate.required,
        estimate=round(area.estimate, _DIGITS),
        lower=round(area.lower, _DIGITS),
        upper=round(area.upper, _DIGITS),
        limit=gate.limit,
    )
