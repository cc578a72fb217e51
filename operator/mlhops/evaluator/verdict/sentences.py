"""Verdicts in sentences for clinicians. Counts come in as text: what is small was hidden before."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlhops.api.evaluation import EvaluationPhase, Needed
from mlhops.api.gate import Gate, measure_of
from mlhops.measures.measure import Measure

_MOST_NAMED = 3
_CLEAR = 2
_NARROW = 0.02


@dataclass(frozen=True)
class GroupSide:
    """One of the two that are compared."""

    name: str
    cases: str
    """How many, as text."""


@dataclass(frozen=True)
class Interval:
    """An estimate, its interval, and what it is held against."""

    estimate: float
    lower: float
    upper: float
    limit: float
    unit: str = ""
    """Of all of them, where they have one."""

    def number(self, value: float) -> str:
        """Return a number with as many digits as the interval asks for, and its unit."""
        return f"{value:.{self.digits}f}{f' {self.unit}' if self.unit else ''}"

    @property
    def digits(self) -> int:
        """Enough digits that the bounds do not read as each other, nor as the limit beside them."""
        least = 3 if self.upper - self.lower < _NARROW else 2
        for digits in range(least, 5):
            text = f"{self.limit:.{digits}f}"
            same = [b for b in (self.lower, self.upper) if f"{b:.{digits}f}" == text]
            if float(text) == self.limit and all(bound == self.limit for bound in same):
                return digits
        return 4


def gap_sentence(
    gate: Gate,
    part: str | None,
    sides: tuple[tuple[float, GroupSide], tuple[float, GroupSide]],
    cases: str,
    found: Interval,
) -> str:
    """Return the comparison of a group with others.

    Args:
        gate: the gate.
        part: the rate that decides, where the metric has two.
        sides: the group and those that it is compared with, each with its own value.
        cases: of which kind they are.
        found: the gap.
    """
    (rate, group), (rest, others) = sides
    metric = f"{gate.metric}: {part}" if part and part != gate.metric else gate.metric
    ratio = gate.comparison == "Ratio"
    what, bound = ("ratio", "lowest acceptable") if ratio else ("difference", "limit")
    return (
        f"{metric} is {found.number(rate)} for {group.name} ({cases}: {group.cases}) and "
        f"{found.number(rest)} for {others.name} ({others.cases}): {what} "
        f"{found.number(found.estimate)}, {_interval(gate, found)}, "
        f"{bound} {found.number(found.limit)}"
    )


def hardest_sentence(
    gate: Gate, sides: tuple[tuple[float, GroupSide], tuple[float, GroupSide]], found: Interval
) -> str:
    """Return in short which comparison is closest to the limit, for the number of cases it has."""
    (rate, group), (rest, others) = sides
    digits = found.digits
    what = "ratio" if gate.comparison == "Ratio" else "difference"
    return (
        f"{rate:.{digits}f} for {group.name} against {rest:.{digits}f} for {others.name}, "
        f"{what} {found.estimate:.{digits}f}"
    )


def measure_sentence(gate: Gate, cases: str, found: Interval, *, ceiling: bool) -> str:
    """Return the measure of the whole model, or how far it is from its target."""
    bound = "highest" if ceiling else "lowest"
    return (
        f"{gate.metric} is {found.number(found.estimate)}{_off(gate)} ({cases}): {_interval(gate, found)}, "
        f"{bound} acceptable {found.number(found.limit)}"
    )


def paired_sentence(
    gate: Gate,
    who: str,
    values: tuple[float, float],
    version: str,
    found: Interval,
) -> str:
    """Return the comparison of the candidate with stable on the same people.

    Args:
        gate: the gate.
        who: the people, with how many they are.
        values: the candidate's and stable's.
        version: of stable.
        found: by how much the candidate is worse, and the margin.
    """
    digits = found.digits
    ends = f"{_worse(found.lower, digits)} to {_worse(found.upper, digits)}"
    return (
        f"{gate.metric} is {found.number(values[0])}{_off(gate)} for {who} and was {found.number(values[1])} with "
        f"{version}: {_worse(found.estimate, digits)}, {gate.confidence * 100:g} % interval {ends}, "
        f"margin {found.number(found.limit)}"
    )


def latency_sentence(gate: Gate, requests: int, found: Interval) -> str:
    """Return how long answers take."""
    upper = f"{found.upper:.3f} s" if math.isfinite(found.upper) else "unknown"
    return (
        f"{gate.metric} of the time for one patient's answer is {found.estimate:.3f} s "
        f"({requests:,} requests, one after the other): {gate.confidence * 100:g} % interval "
        f"{found.lower:.3f} s to {upper}, limit {found.limit:.3f} s"
    )


def meaning(
    phase: EvaluationPhase,
    within: str,
    beyond: str,
    plan: str,
    *,
    proven: bool,
    bound: str = "limit",
) -> str:
    """Return what follows from an interval.

    Args:
        phase: the verdict.
        within: what a good interval is, such as `within the limit`.
        beyond: what a bad one is.
        plan: what would decide it where these data cannot tell.
        proven: whether a good verdict had to be proven.
        bound: what the interval was held against.
    """
    if phase is EvaluationPhase.FAILED:
        return f"; the whole interval is {beyond}"
    if phase is EvaluationPhase.SUCCESSFUL:
        return f"; the whole interval is {within}" if proven else f"; not proven to be {beyond}"
    return f"; the {bound} lies within the interval, so these data cannot tell: {plan}"


def plan_sentence(
    needed: Needed | None, where: Sequence[tuple[int, str]] = (), metric: Measure | None = None
) -> str:
    """Return about how many more cases would decide, and maybe how many of them in which group."""
    if needed is None and metric is not None and not metric.planned:
        return f"evaluate on more rows; how many would decide a {metric.name} is not foretold"
    if needed is None:
        return "evaluate on more rows, though the truth may lie too close to the limit to ever tell"
    inside = f" in {needed.group}" if needed.group else ""
    told = f"about {needed.more:,} more {needed.cases}{inside}"
    if needed.each is None:
        return f"{told} would decide it"
    goal = f"{told}, so that each group has at least {needed.each:,}, would decide it"
    if not where:
        return goal
    named = joined([f"{number:,} in {name}" for number, name in where])
    last = named[-1] if len(where) > _MOST_NAMED else f"and {named[-1]}"
    return f"{goal}: {', '.join(named[:-1])} {last}"


def hidden_plan_sentence(each: int, cases: str) -> str:
    """Return how many cases would decide where it may not be told how many there are."""
    return f"about {each:,} {cases} in each group would decide it"


def absent_sentence(groups: Sequence[str]) -> str:
    """Return which declared groups nobody belongs to."""
    return (
        f"nobody in the data belongs to {', '.join(joined(groups))}: add such rows to the held-out "
        "data, or take the value out of spec.interface.groups"
    )


def round_up(number: int) -> int:
    """Return a number rounded up to two digits, since it is an estimate."""
    step: int = 10 ** max(len(str(number)) - _CLEAR, 0)
    return -(-number // step) * step


def joined(parts: Sequence[str]) -> list[str]:
    """Return the first few of several parts, and how many more there are."""
    if len(parts) <= _MOST_NAMED:
        return list(parts)
    return [*parts[:_MOST_NAMED], f"and {len(parts) - _MOST_NAMED} more"]


def _interval(gate: Gate, found: Interval) -> str:
    digits = found.digits
    return (
        f"{gate.confidence * 100:g} % interval {found.lower:.{digits}f} to {found.upper:.{digits}f}"
    )


def _off(gate: Gate) -> str:
    """Return from what the distance is, where a metric is told as one."""
    target = measure_of(gate).target
    return "" if target is None else f" off {target:g}"


def _worse(number: float, digits: int) -> str:
    word = "better" if number < 0 else "worse"
    return f"{abs(number):.{digits}f} {word}"
