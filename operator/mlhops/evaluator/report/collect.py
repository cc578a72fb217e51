"""From an evaluation to its report: all that may be told, in the order in which people ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult, HonoursNames
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.uris import shown
from mlhops.evaluator.report import classes as described_classes
from mlhops.evaluator.report import numbers as described_numbers
from mlhops.evaluator.report import people as described
from mlhops.evaluator.report.figures import Curves, Fact, GateStory, Report, ScoreFigures
from mlhops.evaluator.report.forests import forests
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict.judge import Judgement

MOST_ROWS = 2048
"""Of all gates together; a report with more would be too large to read."""
_FEWEST_ROWS = 16
_NAMES: Mapping[HonoursNames, str] = {
    "True": "yes: inputs in another order get the same answers",
    "False": "no: callers must send the inputs in the order of the interface",
    "Refused": "inputs in another order are refused",
    "Unknown": "",
}


@dataclass(frozen=True)
class Evaluated:
    """What a run of the gates came to."""

    spec: EvaluationSpec
    phase: EvaluationPhase
    message: str
    digest: str
    at: datetime
    evaluator: str
    """The version of the evaluator."""
    gates: Sequence[GateResult] = ()
    """Where nothing was judged."""
    judgement: Judgement | None = None
    people: LabelledRows | None = None
    measured: Measured | None = None


def collect(run: Evaluated) -> Report:
    """Return what a report says."""
    spec, judgement = run.spec, run.judgement
    risks = spec.interface.output.type == "Probability"
    cohort, spread, numbers, confusion = None, None, None, None
    found, left_out = list[Curves](), 0
    if run.people is not None and judgement is not None and run.measured is not None:
        cohort = described.cohort(run.people, judgement.disclosure, spec.cells)
        numbers, left_out = described_numbers.figures(
            run.people, run.measured.candidate, judgement.disclosure, spec
        )
        confusion = described_classes.confusion(run.people, run.measured.candidate, spec.cells)
        if numbers is None:
            spread, found, left_out = _scored(
                run.people, run.measured, judgement, spec, risks=risks
            )
    return Report(
        model=spec.model,
        version=spec.version,
        phase=run.phase,
        message=run.message,
        smallest=spec.min_cell_size,
        facts=_facts(run),
        gates=_gates(run),
        cohort=cohort,
        scores=spread,
        curves=found,
        curves_left_out=left_out,
        risks=risks,
        numbers=numbers,
        confusion=confusion,
    )


def _scored(
    people: LabelledRows,
    measured: Measured,
    judgement: Judgement,
    spec: EvaluationSpec,
    *,
    risks: bool,
) -> tuple[ScoreFigures | None, list[Curves], int]:
    if not isinstance(measured.candidate, Predictions):
        return None, [], 0
    score = described.usable(people, measured.candidate, risks=risks)
    if score is None:
        return None, [], 0
    found, left_out = described.curves(people, score, judgement.disclosure, spec.cells, risks=risks)
    return described.scores(people, score, spec), found, left_out


def _gates(run: Evaluated) -> list[GateStory]:
    declared = {gate.name: gate for gate in run.spec.gates}
    judgement = run.judgement
    if judgement is None or run.people is None:
        return [GateStory(declared[each.name], each, []) for each in run.gates]
    findings = dict(zip(declared, judgement.findings, strict=True))
    everybody = described.total(run.people.label, run.spec.cells)
    most = max(MOST_ROWS // len(declared), _FEWEST_ROWS)
    return [
        GateStory(
            declared[each.name],
            each,
            forests(declared[each.name], findings[each.name], each, everybody, most),
        )
        for each in judgement.gates
    ]


def _outcome(spec: EvaluationSpec) -> str:
    """Return what is predicted."""
    column, output = spec.data.label_column, spec.interface.output
    match spec.interface.task:
        case "Binary":
            return f"{column} = {output.positive_class}"
        case "Multiclass":
            return f"{column}, one of {', '.join(output.classes or ())}"
        case "Regression":
            return f"{column} in {output.unit}" if output.unit else column
        case other:
            assert_never(other)


def _facts(run: Evaluated) -> list[Fact]:
    spec, output = run.spec, run.spec.interface.output
    rows = None if run.people is None else run.people.rows
    found = {
        "Model": spec.model,
        "Version": spec.version,
        "Revision": spec.revision,
        "Compared with": spec.stable.version if spec.stable else "",
        "Evaluated": run.at.strftime("%d %B %Y, %H:%M UTC"),
        "Evaluator": run.evaluator,
        "Seed": str(spec.seed),
        "Rows": "" if rows is None else spec.cells.text(rows),
        "Outcome": _outcome(spec),
        "Called positive": (
            "" if output.threshold is None else f"{output.name} of {output.threshold:g} and above"
        ),
        "Goes by names": _NAMES[run.measured.honours_names] if run.measured is not None else "",
        "Data": shown(spec.data.uri),
        "Digest of the data": run.digest,
    }
    return [Fact(name, value) for name, value in found.items() if value]
