"""Verdicts in sentences for clinicians. Counts below the minimum cell size never appear in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.gate import FairnessMetric, Gate
from mlhops.statistics.auroc import Area
from mlhops.statistics.gaps import Gap

_MOST_NAMED = 3
_TRIALS = {
    FairnessMetric.FALSE_NEGATIVE_RATE: "positives",
    FairnessMetric.FALSE_POSITIVE_RATE: "negatives",
    FairnessMetric.SELECTION_RATE: "rows",
}


@dataclass(frozen=True)
class Shortfall:
    """A group that is too small to judge, or whose rest is."""

    group: str
    trials: int
    rest_trials: int
    minimum: int


def trials_noun(metric: FairnessMetric) -> str:
    """Return what a metric counts: positives, negatives or rows."""
    return _TRIALS[metric]


def gap_sentence(gate: Gate, group: str, gap: Gap, phase: EvaluationPhase, smallest: int) -> str:
    """Return the comparison of a group with everybody else, and what follows from it."""
    digits = _digits(gap.lower, gap.upper, gate.limit or 0.0)
    meaning = _meaning(gate, phase, "within the limit", "beyond the limit")
    noun = _TRIALS[FairnessMetric(gate.metric)]
    return (
        f"{gate.metric} is {gap.rate:.{digits}f} for {group} ({noun}: "
        f"{shown(gap.trials, smallest)}) and {gap.rest:.{digits}f} for everybody else "
        f"({shown(gap.rest_trials, smallest)}): gap {gap.gap:.{digits}f}, "
        f"{_interval(gate, gap.lower, gap.upper, digits)}, limit {_limit(gate, digits)}{meaning}"
    )


def area_sentence(gate: Gate, area: Area, phase: EvaluationPhase, smallest: int) -> str:
    """Return the measure of the whole model, and what follows from it."""
    digits = _digits(area.lower, area.upper, gate.limit or 0.0)
    return (
        f"{gate.metric} is {area.estimate:.{digits}f} (positives: "
        f"{shown(area.positives, smallest)}, negatives: {shown(area.negatives, smallest)}): "
        f"{_interval(gate, area.lower, area.upper, digits)}, lowest acceptable "
        f"{_limit(gate, digits)}{_meaning(gate, phase, 'above it', 'below it')}"
    )


def small_sentence(shortfalls: Sequence[Shortfall], noun: str, smallest: int) -> str:
    """Return which groups are too small to judge and what each needs."""
    return "; ".join(_named([_small(each, noun, smallest) for each in shortfalls]))


def absent_sentence(groups: Sequence[str]) -> str:
    """Return which declared groups nobody belongs to."""
    return (
        f"nobody in the data belongs to {', '.join(_named(groups))}: add such rows to the held-out "
        "data, or take the value out of spec.interface.groups"
    )


def too_few_sentence(gate: Gate, positives: int, negatives: int, smallest: int) -> str:
    """Return that the whole data have too few rows of a class."""
    return (
        f"{gate.metric} needs at least {gate.min_positives} positives and {gate.min_negatives} "
        f"negatives; the data have {shown(positives, smallest)} and {shown(negatives, smallest)}: "
        "add held-out rows"
    )


def shown(count: int, smallest: int) -> str:
    """Return a count, or that it is too small to be shown."""
    return f"{count:,}" if count >= smallest else f"fewer than {smallest}"


def _small(each: Shortfall, noun: str, smallest: int) -> str:
    if each.trials >= each.minimum:
        return (
            f"{each.group} cannot be compared: everybody else has "
            f"{shown(each.rest_trials, smallest)} {noun}, {each.minimum} are needed"
        )
    need = f"it has {shown(each.trials, smallest)} {noun} and needs {each.minimum}"
    # The exact shortfall of a small group would give its suppressed count away.
    more = f", {each.minimum - each.trials} more" if each.trials >= smallest else ""
    return f"{each.group} is too small to judge: {need}{more}"


def _named(parts: Sequence[str]) -> list[str]:
    if len(parts) <= _MOST_NAMED:
        return list(parts)
    return [*parts[:_MOST_NAMED], f"and {len(parts) - _MOST_NAMED} more"]


def _interval(gate: Gate, lower: float, upper: float, digits: int) -> str:
    return f"{gate.confidence * 100:g} % interval {lower:.{digits}f} to {upper:.{digits}f}"


def _limit(gate: Gate, digits: int) -> str:
    return f"{gate.limit:.{digits}f}"


def _digits(lower: float, upper: float, limit: float) -> int:
    """Return enough digits that a bound beside the limit does not read as the limit itself."""
    for digits in (2, 3, 4):
        text = f"{limit:.{digits}f}"
        same = [bound for bound in (lower, upper) if f"{bound:.{digits}f}" == text]
        if float(text) == limit and all(bound == limit for bound in same):
            return digits
    return 4


def _meaning(gate: Gate, phase: EvaluationPhase, good: str, bad: str) -> str:
    if phase is EvaluationPhase.FAILED:
        return f"; the whole interval is {bad}"
    if phase is EvaluationPhase.SUCCESSFUL and gate.assurance == "Proven":
        return f"; the whole interval is {good}"
    if phase is EvaluationPhase.SUCCESSFUL:
        return f"; not proven to be {bad}"
    return "; the limit lies within the interval, so these data cannot tell: evaluate on more rows"
