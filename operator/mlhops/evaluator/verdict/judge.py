"""The verdict of each gate on what was measured, and of the whole run.

A Proven gate is inconclusive as long as one of its groups is too small to judge: what was not seen
is not proven. For a NotRefuted gate such a group is reported only. A declared group that nobody
belongs to leaves either inconclusive, since then the data are not those that the gate was written
for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult
from mlhops.api.gate import Gate, measure_of, min_rows_of, primary_of
from mlhops.api.result import LARGEST
from mlhops.api.verdict import overall
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import cohorts
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.registry import handler_of
from mlhops.evaluator.verdict.cell_counts import Disclosure, Tallies
from mlhops.evaluator.verdict.fairness import Fairness, fairness
from mlhops.evaluator.verdict.gate_result import in_error, undecided
from mlhops.evaluator.verdict.latency import latency
from mlhops.evaluator.verdict.performance import Performance, performance

GateFinding = Fairness | Performance | GateResult


@dataclass(frozen=True)
class Judgement:
    """The verdicts, and what they were made of, for a report that shows more than a status can."""

    gates: Sequence[GateResult]
    """The primary one first, advisory ones last."""
    findings: Sequence[GateFinding]
    """Of each gate, in the order of the spec."""
    disclosure: Disclosure
    """Which counts may be told."""


def judge(spec: EvaluationSpec, people: LabelledRows, measured: Measured) -> list[GateResult]:
    """Return the verdict of every gate of a spec, the primary one first, advisory ones last."""
    return list(judgement(spec, people, measured).gates)


def judgement(spec: EvaluationSpec, people: LabelledRows, measured: Measured) -> Judgement:
    """Return the verdict of every gate of a spec with all that it rests on."""
    output, candidate = spec.interface.output, measured.candidate
    handler = handler_of(spec.interface)
    problem = handler.problem(output, people.label, candidate, spec.cells)
    findings = [
        in_error(gate, problem)
        if problem
        else _finding(_of_enough(gate, spec), spec, people, measured)
        for gate in spec.gates
    ]
    disclosure = _disclosure(spec, people, measured, findings)
    primary = primary_of(spec.gates)
    told = [each if isinstance(each, GateResult) else each.tell(disclosure) for each in findings]
    results = [_believable(each) for each in told]
    gates = in_order(
        [each.model_copy(update={"primary": each.name == primary}) for each in results]
    )
    return Judgement(gates, findings, disclosure)


def _believable(result: GateResult) -> GateResult:
    """Return a result, an Error in the place of one with numbers that are too large for the operator to believe."""
    found = [result.estimate, result.lower, result.upper]
    for each in result.groups:
        found += [each.rate, each.rest, each.gap, each.lower, each.upper]
    if all(number is None or abs(number) <= LARGEST for number in found):
        return result
    message = (
        f"{result.metric} or its interval is beyond {LARGEST:g}: correct what the model predicts, or let it and the "
        "labels be in a larger unit (interface.output.unit)"
    )
    empty = dict.fromkeys(("estimate", "lower", "upper", "needed", "worst_group"))
    told: dict[str, object] = {"groups": [], "phase": EvaluationPhase.ERROR, "message": message}
    return result.model_copy(update={**empty, **told})


def _of_enough(gate: Gate, spec: EvaluationSpec) -> Gate:
    """Return a gate that judges no group of fewer rows than may be told of.

    The error of a number in a group of one is that person's: with the answer it tells the outcome.
    """
    rows = min_rows_of(gate)
    if rows is None:
        return gate
    return gate.model_copy(update={"min_rows": max(rows, spec.min_cell_size)})


def _disclosure(
    spec: EvaluationSpec, people: LabelledRows, measured: Measured, findings: Sequence[GateFinding]
) -> Disclosure:
    """Return what may be told, with the numbers of the worst groups held back last."""
    handler = handler_of(spec.interface)
    task = handler.task
    told = [each for each in findings if not isinstance(each, GateResult)]
    worst = {each.worst for each in told if each.worst is not None}
    across = [gate.across for gate in spec.gates if gate.across is not None]
    divisions = list(dict.fromkeys(part for each in across for part in each.divisions))
    if not told or not divisions:
        return Disclosure(task, None, spec.cells)
    who = cohorts(people.levels, divisions, most=None)
    kinds = handler.cells(people.label, measured.candidate)
    return Disclosure(task, Tallies(kinds, who), spec.cells, worst)


def in_order(gates: Sequence[GateResult]) -> list[GateResult]:
    """Return results as people want to read them."""
    return sorted(gates, key=lambda gate: (not gate.primary, not gate.required))


def phase_of_run(gates: Sequence[GateResult]) -> EvaluationPhase:
    """Return the phase of the run, for which advisory gates do not count."""
    required = [gate.phase for gate in gates if gate.required]
    return overall(required) if required or not gates else EvaluationPhase.SUCCESSFUL


def _finding(
    gate: Gate, spec: EvaluationSpec, people: LabelledRows, measured: Measured
) -> GateFinding:
    if gate.type == "Latency":
        return latency(gate, measured.seconds)
    if people.rows == 0:
        return undecided(gate, "the data are empty: name data with people in them in data.uri")
    metric = measure_of(gate)
    if spec.interface.task not in metric.tasks:
        return in_error(
            gate,
            f"{gate.metric} is no metric of a {spec.interface.task} model: change the gate's metric, or set "
            "interface.task to what the model predicts",
        )
    if metric.scored and not measured.candidate.scored:
        return in_error(
            gate,
            f"{gate.metric} needs a score, but the model answers with classes: serve probabilities "
            "and set output.type to Probability, or remove the gate",
        )
    try:
        if gate.type == "Fairness":
            return fairness(gate, spec, people, measured.candidate)
        return performance(gate, spec, people, measured)
    except EvaluationError as error:
        return in_error(gate, str(error))
