"""The report as one HTML file that needs nothing else: no script, no request, no font.

All text that comes from a spec or from data is escaped where it is put in (`markup`). The policy in the head
forbids the browser to load anything, should something slip through.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mlhops.api.evaluation import EvaluationPhase
from mlhops.evaluator.report import numeric_plots, plots, words
from mlhops.evaluator.report.figures import Curves, GateStory, NumericFigures, Report
from mlhops.evaluator.report.markup import TEMPLATES
from mlhops.evaluator.verdict.sentences import plan_sentence


def page(report: Report) -> bytes:
    """Return the file."""
    text = TEMPLATES.get_template("page.html").render(
        report=report,
        headline=words.headline(report.phase),
        plans=_plans(report.gates),
        areas=_areas(report.curves),
        diagrams=_diagrams(report.curves),
        numbers=_numbers(report.numbers),
    )
    return text.encode("utf-8", "replace")


@dataclass(frozen=True)
class _Plan:
    """What would decide a gate that these data cannot decide."""

    gate: int
    name: str
    needed: str


def _plans(gates: Sequence[GateStory]) -> list[_Plan]:
    return [
        _Plan(number, story.gate.name, plan_sentence(story.result.needed))
        for number, story in enumerate(gates, 1)
        if story.result.phase is EvaluationPhase.INCONCLUSIVE and story.result.needed is not None
    ]


@dataclass(frozen=True)
class _Panel:
    """One group's picture among those of others."""

    name: str
    note: str
    picture: str
    """SVG, or nothing where there is none."""


def _areas(curves: Sequence[Curves]) -> list[_Panel]:
    found = []
    for number, each in enumerate(curves):
        behind = "r0c" if number and curves[0].roc else ""
        said = each.why
        if each.area is not None:
            low, high = words.number(each.area.lower), words.number(each.area.upper)
            said = f"{words.number(each.area.estimate)} ({low} to {high})"
        picture = plots.roc(each, f"r{number}", behind) if each.roc else ""
        found.append(_Panel(each.name, said, picture))
    return found


def _diagrams(curves: Sequence[Curves]) -> list[_Panel]:
    """Return calibration diagrams; none where no group has one."""
    if not any(each.reliability for each in curves):
        return []
    top = plots.top_of(curves)
    found = []
    for number, each in enumerate(curves):
        behind = "k0c" if number and curves[0].reliability else ""
        picture = plots.reliability(each, f"k{number}", top, behind) if each.reliability else ""
        found.append(_Panel(each.name, "" if picture else "not shown: too few cases", picture))
    return found


def _numbers(figures: NumericFigures | None) -> list[_Panel]:
    """Return calibration diagrams of predicted numbers; none where no group has one."""
    if figures is None or not any(each.points for each in figures.calibration):
        return []
    first = figures.calibration[0]
    found = []
    for number, each in enumerate(figures.calibration):
        behind = "k0c" if number and first.points else ""
        picture = (
            numeric_plots.calibration(each, f"k{number}", figures.ends, behind)
            if each.points
            else ""
        )
        found.append(_Panel(each.name, each.why, picture))
    return found
