"""From what the judge found to the figures of each gate."""

import math
from collections.abc import Sequence
from dataclasses import replace

from mlhops.api.evaluation import EvaluationPhase, GateResult, GroupEstimate
from mlhops.api.gate import Gate, measure_of
from mlhops.evaluator.report.figures import Counts, Forest, PlotSpan, Row, Side
from mlhops.evaluator.verdict.fairness import Fairness
from mlhops.evaluator.verdict.judge import GateFinding
from mlhops.evaluator.verdict.noninferiority import EVERYBODY, Inferiority
from mlhops.evaluator.verdict.performance import Performance
from mlhops.evaluator.verdict.sentences import Interval
from mlhops.measures.measure import LargerGap
from mlhops.statistics.inference.gap import ITSELF, Gap

_OTHERS = {"Rest": "Everybody else", "Best": "Best group", "Reference": "Reference"}
_TOO_SMALL = "too small to judge"
_NOT_TOLD = "not shown: too few cases"
_NO_NUMBER = "no estimate"
_NO_INTERVAL = "no interval"


def forests(
    gate: Gate, finding: GateFinding, result: GateResult, everybody: Counts, most: int
) -> list[Forest]:
    """Return the figures of a gate.

    Args:
        gate: the gate.
        finding: what the judge found.
        result: what of it may be told.
        everybody: all people.
        most: how many groups are listed at most.
    """
    match finding:
        case Fairness():
            return [_of_groups(finding, result, most)]
        case Performance():
            return [*_bounded(gate, finding), *_paired(finding, result, everybody, most)]
        case _:
            return _alone(gate, result)


def _alone(gate: Gate, result: GateResult) -> list[Forest]:
    if gate.type != "Latency" or result.estimate is None or gate.limit is None:
        return []
    upper = math.inf if result.upper is None else result.upper
    lower = -math.inf if result.lower is None else result.lower
    row = Row("one request", result.phase, None, span=PlotSpan(result.estimate, lower, upper))
    return [
        Forest(
            title=f"{gate.metric} of the time that one answer takes",
            quantity=f"{gate.metric} in seconds",
            own="",
            other="",
            limits=[gate.limit],
            good="below",
            rows=[row],
            unit="s",
            counted=False,
        )
    ]


def _bounded(gate: Gate, finding: Performance) -> list[Forest]:
    part = finding.bounded
    if part is None or part.found is None or not math.isfinite(part.found.estimate):
        return []
    return [
        Forest(
            title=f"{gate.metric} of the whole model",
            quantity=_quantity(gate),
            own="",
            other="",
            limits=[part.found.limit],
            good="below" if measure_of(gate).better == "Lower" else "above",
            rows=[_drawn(Row("everybody", part.phase, None), _span(part.found))],
            counted=False,
            unit=part.found.unit,
        )
    ]


def _quantity(gate: Gate) -> str:
    """Return what is bounded of the whole model: its measure, or how far that is off its target."""
    target = measure_of(gate).target
    return gate.metric if target is None else f"How far {gate.metric} is off {target:g}"


def _has_classes(gate: Gate) -> bool:
    """Whether people are positive or negative."""
    return "Binary" in measure_of(gate).tasks


def _paired(finding: Performance, result: GateResult, everybody: Counts, most: int) -> list[Forest]:
    paired = finding.inferiority
    if not isinstance(paired, Inferiority):
        return []
    rows = [_against_stable(paired, i, told) for i, told in enumerate(result.groups)]
    rows, left_out = _worst_first(rows, most)
    metric = finding.gate.metric
    return [
        Forest(
            title=f"{metric}: this version against {paired.version}, on the same people",
            quantity=f"By how much {metric} is worse",
            own="This version",
            other="Serves now",
            limits=[paired.margin],
            good="below",
            rows=[_everybody(paired, everybody), *rows],
            left_out=left_out,
            neutral=0.0,
            signed=True,
            counted=bool(rows),
            ends=("better", "worse"),
            unit=paired.unit,
            classes=_has_classes(finding.gate),
        )
    ]


def _everybody(paired: Inferiority, counts: Counts) -> Row:
    """Return the comparison on all people, whose numbers are not small: the judge asked for more."""
    phase = paired.phases[EVERYBODY]
    found = paired.found[EVERYBODY]
    if math.isnan(found.better):
        return Row("everybody", phase, counts, why=_NO_NUMBER)
    row = Row("everybody", phase, counts, found.candidate, found.stable)
    return _drawn(row, _span(paired.span(EVERYBODY)))


def _against_stable(paired: Inferiority, i: int, told: GroupEstimate) -> Row:
    if told.gap is None:
        return _blank(told, judged=i in paired.found)
    return _drawn(_told(told), _span(paired.span(i)))


def _of_groups(finding: Fairness, result: GateResult, most: int) -> Forest:
    gate = finding.gate
    ratio = gate.comparison == "Ratio"
    signed = _signed(finding, result.groups)
    rows = [_of_group(finding, i, told, signed=signed) for i, told in enumerate(result.groups)]
    rows, left_out = _worst_first(rows, most)
    limit = math.nan if gate.limit is None else gate.limit
    words = "Ratio" if ratio else "Difference"
    limits = [limit]
    if signed and not (ratio and limit <= 0):
        limits = [limit, 1 / limit] if ratio else [-limit, limit]
    good: Side = "between" if len(limits) > 1 else "above" if ratio else "below"
    return Forest(
        title=f"{gate.metric} by group",
        quantity=f"{words} in {gate.metric}" + ("" if signed else ", whichever is larger"),
        own="Group",
        other=_OTHERS[gate.against or "Rest"],
        limits=limits,
        good=good,
        rows=rows,
        left_out=left_out,
        neutral=1.0 if ratio else 0.0,
        ratio=ratio,
        signed=signed and not ratio,
        unit=finding.unit,
        classes=_has_classes(gate),
        ends=("lower", "higher") if signed else ("", ""),
    )


def _signed(finding: Fairness, told: Sequence[GroupEstimate]) -> bool:
    """Whether it can be shown which of two is higher; not where the gaps are of different rates."""
    if isinstance(measure_of(finding.gate).how, LargerGap):
        return False
    shown = [finding.found[i] for i, group in enumerate(told) if group.gap is not None]
    shown = [gap for gap in shown if gap.reason != ITSELF]
    return all(not math.isnan(gap.signed_lower) for gap in shown)


def _of_group(finding: Fairness, i: int, told: GroupEstimate, *, signed: bool) -> Row:
    if told.gap is None:
        gap = finding.found.get(i)
        return _blank(told, judged=gap is not None, reason=gap.reason if gap is not None else "")
    gap = finding.found[i]
    if gap.reason == ITSELF:
        return replace(_told(told), why="the reference")
    versus = [finding.who.names[gap.versus]] if gap.versus is not None else []
    if gap.part is not None and finding.gate.metric != gap.part:
        versus.append(str(gap.part))
    ratio = finding.gate.comparison == "Ratio"
    span = _signed_span(gap, ratio=ratio) if signed else PlotSpan(gap.gap, gap.lower, gap.upper)
    return _drawn(replace(_told(told), versus=": ".join(versus)), span)


def _drawn(row: Row, span: PlotSpan) -> Row:
    """Return a row with its plot, or that it has no interval."""
    if math.isnan(span.estimate) or math.isnan(span.lower) or math.isnan(span.upper):
        return replace(row, why=_NO_INTERVAL)
    return replace(row, span=span)


def _signed_span(gap: Gap, *, ratio: bool) -> PlotSpan:
    estimate = gap.signed
    if ratio:
        estimate = gap.rate / gap.rest if gap.rest > 0 else math.inf
    return PlotSpan(estimate, gap.signed_lower, gap.signed_upper)


def _told(told: GroupEstimate) -> Row:
    return Row(told.group, told.phase, _counts(told), told.rate, told.rest)


def _blank(told: GroupEstimate, *, judged: bool, reason: str = "") -> Row:
    why = (_NO_NUMBER if reason else _NOT_TOLD) if judged else _TOO_SMALL
    return Row(told.group, told.phase, _counts(told), why=why)


def _counts(told: GroupEstimate) -> Counts:
    return Counts(told.rows, told.positives, told.negatives)


def _span(found: Interval) -> PlotSpan:
    return PlotSpan(found.estimate, found.lower, found.upper)


_GRAVITY = (
    EvaluationPhase.FAILED,
    EvaluationPhase.ERROR,
    EvaluationPhase.INCONCLUSIVE,
    EvaluationPhase.SUCCESSFUL,
)


def _worst_first(rows: list[Row], most: int) -> tuple[list[Row], int]:
    """Return all rows as they are, or the gravest if there are too many, and how many are not there."""
    if len(rows) <= most:
        return rows, 0
    place = {phase: number for number, phase in enumerate(_GRAVITY)}
    chosen = sorted(range(len(rows)), key=lambda i: (place.get(rows[i].phase, 0), i))[:most]
    return [rows[i] for i in sorted(chosen)], len(rows) - most
