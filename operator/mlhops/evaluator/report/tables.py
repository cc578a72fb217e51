"""The tables of a report: the gates, each gate's forest plot, and the groups in the data."""

from collections.abc import Sequence

from mlhops.api.evaluation import EvaluationPhase
from mlhops.evaluator.report import strips, words
from mlhops.evaluator.report.axis import Axis
from mlhops.evaluator.report.figures import Cohort, Counts, Forest, GateStory, Row
from mlhops.evaluator.report.people import prevalence

_REPEAT_AXIS_FROM = 15


def verdict(phase: EvaluationPhase, tag: str = "td") -> str:
    """Return a verdict with its sign."""
    style, sign, word = words.verdict(phase)
    return f'<{tag} class="v {style}"><i aria-hidden="true">{sign}</i>{word}</{tag}>'


def summary(gates: Sequence[GateStory]) -> str:
    """Return all gates at a glance."""
    rows = "".join(_line(each, number) for number, each in enumerate(gates, 1))
    heads = ("For", "Measure", "Estimate", "Interval", "Limit")
    return (
        '<table class="r"><caption>All gates<small>the numbers are those of the group that decides'
        '</small></caption><thead><tr><th scope="col">Gate</th>'
        + "".join(f'<th scope="col" class="e{i}">{head}</th>' for i, head in enumerate(heads, 1))
        + f'<th scope="col" class="v">Verdict</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _line(story: GateStory, number: int) -> str:
    gate, result = story.gate, story.result
    unit = "s" if gate.type == "Latency" else ""
    worst = f" <small>{words.group(result.worst_group)}</small>" if result.worst_group else ""
    interval = words.NONE
    if result.lower is not None or result.upper is not None:
        interval = f"{words.number(result.lower)} to {words.number(result.upper)}"
    return (
        f'<tr><th scope="row"><a href="#gate-{number}">{words.text(gate.name)}</a>{worst}</th>'
        f'<td class="e1">{words.kind(gate, primary=result.primary)}</td>'
        f'<td class="e2">{words.text(gate.metric)}</td>'
        f'<td class="e3">{words.number(result.estimate, unit=unit)}</td>'
        f'<td class="e4">{interval}</td><td class="e5">{words.number(result.limit, unit=unit)}</td>'
        f"{verdict(result.phase)}</tr>"
    )


def forest(figure: Forest, name: str, confidence: float) -> str:
    """Return a table whose rows are drawn as well."""
    axis = strips.axis_of(figure)
    columns = _columns(figure, f"{confidence * 100:g} % interval")
    heads = "".join(f'<th scope="col">{head}</th>' for head in columns)
    rows = "".join(_row(row, figure, axis, name) for row in figure.rows)
    scale = strips.scale(axis)
    foot = ""
    if len(figure.rows) >= _REPEAT_AXIS_FROM:
        foot = f'<tfoot><tr><td colspan="{len(columns)}"></td><td class="x p">{scale}</td><td></td></tr></tfoot>'
    left, right = figure.ends
    ends = f'<span class="ends"><span>← {left}</span><span>{right} →</span></span>' if left else ""
    return (
        f"{strips.backdrop(figure, axis, name)}"
        f'<table class="r" style="{_labels(figure)}"><caption>{words.text(figure.title)}'
        f"<small>{_note(figure)}</small></caption>"
        f'<thead><tr>{heads}<th scope="col" class="p"><span class="vh">Plot</span>{ends}{scale}</th>'
        f'<th scope="col" class="v">Verdict</th></tr></thead><tbody>{rows}</tbody>{foot}</table>'
    )


def _columns(figure: Forest, interval: str) -> list[str]:
    counts = ["Rows", "Positives", "Negatives"] if figure.counted else []
    values = [head for head in (figure.own, figure.other) if head]
    return ["Who", *counts, *values, f"{_what(figure)} ({interval})"]


def _what(figure: Forest) -> str:
    if figure.ratio:
        return "Ratio"
    if figure.own:
        return "Worse by" if figure.own == "This version" else "Difference"
    return "Estimate"


def _labels(figure: Forest) -> str:
    """Return the columns' headings for narrow screens, where rows are not side by side."""
    named = {"own": figure.own, "other": figure.other, "what": _what(figure)}
    return ";".join(f"--{key}:'{text}'" for key, text in named.items() if text)


def _note(figure: Forest) -> str:
    more = f"; {figure.left_out:,} more groups are not listed" if figure.left_out else ""
    return f"{words.text(figure.quantity)}; dashed: limit {words.limits(figure)}; shaded: acceptable{more}"


def _row(row: Row, figure: Forest, axis: Axis, name: str) -> str:
    told = f'<span class="na">{words.NONE}</span>'
    if row.span is not None:
        told = words.span(row.span, figure)
    values = ""
    if figure.own:
        versus = f" <small>{words.group(row.versus)}</small>" if row.versus else ""
        values = f'<td class="a">{words.number(row.own)}</td>'
        values += f'<td class="o">{words.number(row.other)}{versus}</td>' if figure.other else ""
    why = f'<span class="na">{row.why}</span>' if row.why else ""
    plot = strips.strip(row.span, row.phase, axis, name)
    return (
        f'<tr><th scope="row">{words.group(row.name)}</th>'
        f"{counts(row.counts) if figure.counted and row.counts is not None else ''}{values}"
        f'<td class="d">{told}</td><td class="p">{plot}{why}</td>{verdict(row.phase)}</tr>'
    )


def counts(found: Counts) -> str:
    """Return the cells of a group's counts."""
    cells = (("n1", found.rows), ("n2", found.positives), ("n3", found.negatives))
    return "".join(f'<td class="{style}">{_count(value)}</td>' for style, value in cells)


def _count(value: int | None) -> str:
    text = words.count(value)
    return f'<span class="na">{text}</span>' if value is None else text


def groups(cohort: Cohort) -> str:
    """Return who is in the data."""
    lines = [("everybody", cohort.everybody), *cohort.groups]
    rows = "".join(
        f'<tr><th scope="row">{words.group(name)}</th>{counts(found)}'
        f'<td class="n4">{words.percent(prevalence(found))}</td></tr>'
        for name, found in lines
    )
    more = f"; {cohort.left_out:,} more groups are not listed" if cohort.left_out else ""
    return (
        '<table class="r g"><caption>People by group<small>positives have the outcome; Unknown are '
        f"people without a value{more}</small></caption><thead><tr>"
        + "".join(
            f'<th scope="col">{head}</th>'
            for head in ("Group", "Rows", "Positives", "Negatives", "Prevalence")
        )
        + f"</tr></thead><tbody>{rows}</tbody></table>"
    )
