"""Whether an evaluator's last words can be meant: they come from a pod that read foreign data.

They must answer what the Evaluation asks and nothing else: its gates with their limits, its data, its seed. A
gate that passed must have an interval which says so. What is missing is as little an answer as what is wrong.
"""

import math
import re
from collections.abc import Iterator

from mlhops.api.evaluation import (
    FINISHED,
    EvaluationPhase,
    EvaluationSpec,
    GateResult,
    GroupEstimate,
)
from mlhops.api.gate import Gate, measure_of, primary_of
from mlhops.api.result import LARGEST, LONGEST_TEXT, Result, is_clean
from mlhops.api.verdict import of_ceiling, of_floor, overall

MOST = 2**53
"""More of anything nobody can have counted; up to here a whole number is one in any JSON."""
_LONGEST_NAME = 640
"""A group of an intersection has at most four names and values of 63 letters."""
_ROUNDING = 6e-5
"""Numbers are told with four digits after the point."""
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_SUCCESSFUL, _ERROR = EvaluationPhase.SUCCESSFUL, EvaluationPhase.ERROR


def problem(spec: EvaluationSpec, result: Result) -> str:
    """Return what of a result cannot be an answer to an Evaluation; empty where all of it can.

    Nothing of what the result says is repeated, since it may be anything.
    """
    return next(_problems(spec, result), "")


def _problems(spec: EvaluationSpec, result: Result) -> Iterator[str]:
    yield from _of_run(result)
    asked = {gate.name: gate for gate in spec.gates}
    named = [gate.name for gate in result.gates]
    if (result.gates or result.phase != "Error") and sorted(named) != sorted(asked):
        yield "its gates are not those of spec.gates, each of them once"
        return
    primary = primary_of(spec.gates)
    for found in result.gates:
        gate = asked[found.name]
        where = f"gate {gate.name}"
        if (found.primary, found.required) != (gate.name == primary, gate.required):
            yield f"{where} is not required or primary as spec.gates has it"
        yield from (f"{where}: {each}" for each in _of_gate(gate, found, spec, result))
    if result.gates and result.phase != _phase(result):
        yield "its phase is not what its gates come to"
    if result.phase != "Error":
        yield from _of_verdict(spec, result)


def _of_run(result: Result) -> Iterator[str]:
    report, profile = result.report, result.profile
    texts = [result.message, result.evaluator, result.data_digest]
    texts += [report.uri, report.error] if report is not None else []
    texts += [profile.error] if profile is not None else []
    if not all(_is_text(text, LONGEST_TEXT) for text in texts):
        yield "a text is too long, or has control characters"
    if not _is_count(result.rows, MOST):
        yield "rows is no number of rows"
    if result.data_digest is not None and not _SHA256.fullmatch(result.data_digest):
        yield "dataDigest is no digest"


def _of_verdict(spec: EvaluationSpec, result: Result) -> Iterator[str]:
    if result.data_digest is None or spec.data.digest not in (None, result.data_digest):
        yield "dataDigest is not that of spec.data"
    if result.seed != spec.seed:
        yield "seed is not that of the spec"
    if result.phase == "Successful" and result.rows is None:
        yield "rows is missing"


def _phase(result: Result) -> str:
    """Return the phase that the gates come to; nothing can be told only where no gate can be."""
    required = [gate.phase for gate in result.gates if gate.required]
    phases = {gate.phase for gate in result.gates}
    if phases == {EvaluationPhase.INCONCLUSIVE}:
        return result.phase if not required and result.phase == "Successful" else "Inconclusive"
    return overall(required).value if required else _SUCCESSFUL.value


def _of_gate(gate: Gate, found: GateResult, spec: EvaluationSpec, result: Result) -> Iterator[str]:
    if found.phase not in FINISHED:
        yield "it has not ended"
    if found.metric != gate.metric:
        yield "metric is not that of spec.gates"
    if not any(_is_near(found.limit, limit) for limit in _limits(gate)):
        yield "limit is not that of spec.gates"
    if not _is_text(found.message, LONGEST_TEXT) or not _is_text(found.worst_group, _LONGEST_NAME):
        yield "a text is too long, or has control characters"
    if not _is_span(found.lower, found.estimate, found.upper):
        yield "lower, estimate and upper do not follow each other"
    needed = found.needed
    if needed is not None and not (
        _is_count(needed.more, MOST)
        and _is_count(needed.each, MOST)
        and _is_text(needed.group, _LONGEST_NAME)
        and _is_text(needed.cases, 63)
    ):
        yield "needed cannot be"
    most = MOST if result.rows is None else result.rows
    for i, group in enumerate(found.groups):
        yield from (f"groups[{i}]: {each}" for each in _of_group(group, most))
    if found.phase is _SUCCESSFUL:
        yield from _of_success(gate, found, spec)


def _of_group(group: GroupEstimate, most: int) -> Iterator[str]:
    counts = (group.rows, group.positives, group.negatives)
    if not all(_is_count(count, most) for count in counts):
        yield "a count cannot be"
    rows, positives, negatives = counts
    if rows is not None and (positives or 0) + (negatives or 0) > rows:
        yield "it has more cases than rows"
    if not _is_text(group.group, _LONGEST_NAME):
        yield "its name is too long, or has control characters"
    if not _is_span(group.lower, group.gap, group.upper):
        yield "lower, gap and upper do not follow each other"
    if not all(_is_small(value) for value in (group.rate, group.rest)):
        yield "a rate cannot be"
    if group.phase not in FINISHED:
        yield "it has not ended"


def _of_success(gate: Gate, found: GateResult, spec: EvaluationSpec) -> Iterator[str]:
    """Say what is not as it is where a gate passed: its bound counts, and that of each group."""
    # Only what has to be not refuted alone can pass in spite of a group that was not judged.
    lax = gate.type == "Fairness" and gate.assurance == "NotRefuted"
    fine = {_SUCCESSFUL, EvaluationPhase.INCONCLUSIVE} if lax else {_SUCCESSFUL}
    if any(group.phase not in fine for group in found.groups):
        yield "it passed, and a group of it did not"
    first = gate.limit is None and spec.stable is None
    if not first and (found.estimate is None or not _passes(gate, found.lower, found.upper)):
        yield "it passed, and its interval does not say so"
    paired = gate.type == "Performance"
    for i, group in enumerate(found.groups):
        if group.gap is None or group.phase is not _SUCCESSFUL:
            continue
        if not _passes(gate, group.lower, group.upper, paired=paired):
            yield f"groups[{i}] passed, and its interval does not say so"


def _passes(gate: Gate, lower: float | None, upper: float | None, *, paired: bool = False) -> bool:
    """Return whether an interval lets a gate pass.

    Args:
        gate: the gate.
        lower: of the interval; None where nothing is known of it.
        upper: of the interval.
        paired: whether it is of how much worse than stable the candidate is, also if there is a limit.
    """
    low, high = (math.nan if bound is None else bound for bound in (lower, upper))
    if math.isnan(low) or (math.isnan(high) and gate.type != "Latency"):
        return False
    if gate.limit is None or paired:
        margin = gate.non_inferiority.margin if gate.non_inferiority is not None else math.nan
        return of_ceiling(low, high, _rounded(margin), "Proven") is _SUCCESSFUL
    least = gate.comparison == "Ratio" or (
        gate.type == "Performance" and measure_of(gate).better == "Higher"
    )
    verdict = of_floor if least else of_ceiling
    return verdict(low, high, _rounded(gate.limit), gate.assurance) is _SUCCESSFUL


def _limits(gate: Gate) -> Iterator[float]:
    if gate.limit is not None:
        yield gate.limit
    if gate.non_inferiority is not None:
        yield gate.non_inferiority.margin


def _rounded(number: float) -> float:
    return round(number, 4)


def _is_near(told: float | None, asked: float) -> bool:
    return told is not None and abs(told - asked) < _ROUNDING


def _is_small(number: float | None) -> bool:
    return number is None or abs(number) <= LARGEST


def _is_count(number: int | None, most: int) -> bool:
    return number is None or 0 <= number <= most


def _is_span(lower: float | None, middle: float | None, upper: float | None) -> bool:
    """Whether numbers are an estimate within its interval, as far as there are any."""
    known = [number for number in (lower, middle, upper) if number is not None]
    return known == sorted(known) and all(_is_small(number) for number in known)


def _is_text(text: str | None, most: int) -> bool:
    return text is None or (len(text) <= most and is_clean(text))
