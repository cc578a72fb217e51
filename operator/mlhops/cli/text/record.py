"""Records for people: history, Events, explanations, differences, and what `check` found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlhops.cli.text.gates import gate_lines, group_lines, interval
from mlhops.cli.text.line import Line, Span, Style, line, table, wrapped
from mlhops.cli.text.marks import styled
from mlhops.cli.text.page import Page
from mlhops.cli.text.times import ago, stamp
from mlhops.cli.views.difference import Difference
from mlhops.cli.views.events import EventView
from mlhops.cli.views.explanation import Clause
from mlhops.cli.views.gates import EvaluationView, GateView
from mlhops.cli.views.history import HistoryView
from mlhops.cli.views.installation import InstallationCheck, State


def history_lines(view: HistoryView, page: Page) -> Iterator[Line]:
    """Return the rollouts, each with who decided and why."""
    for each in view.rollouts:
        over = f", overridden: {', '.join(each.overridden)}" if each.overridden else ""
        head = f"  {each.version} ({each.revision}), attempt {each.attempt}, on {each.evaluation or 'no Evaluation'}"
        yield line(stamp(each.finished), "  ", Span(each.outcome, Style.TITLE), head, over)
        if each.message:
            yield from wrapped(each.message, page.width, "    ")
        for decider in each.deciders:
            said = (
                f"{decider.action} by {decider.decided_by}, {stamp(decider.at)}: {decider.reason}"
            )
            yield from wrapped(said, page.width, "    ")
    if not view.intact:
        warning = (
            "the chain of hashes is broken: an entry was changed, or one is missing in the middle"
        )
        yield line(Span(warning, Style.BAD))


def event_lines(events: Sequence[EventView], page: Page, *, header: bool) -> list[Line]:
    """Return Events as a table, the newest last."""
    rows = [
        (
            ago(each.at, page.now),
            Span(each.type, Style.WAITS if each.type == "Warning" else Style.PLAIN),
            each.reason,
            str(each.count),
            each.message,
        )
        for each in events
    ]
    return table(("LAST SEEN", "TYPE", "REASON", "COUNT", "MESSAGE"), rows, header=header)


def evaluation_lines(view: EvaluationView, page: Page) -> Iterator[Line]:
    """Return an Evaluation with what each gate measured, group by group."""
    yield line(Span(f"{view.namespace}/{view.name}", Style.TITLE), ": ", styled(view.phase))
    if view.message:
        yield from wrapped(view.message, page.width, "  ")
    yield line(f"  of {view.model} {view.version} (revision {view.revision})")
    rows = f", {view.rows:,} rows" if view.rows is not None else ""
    yield line(
        f"  data {view.data}{rows}{f', sha256 {view.data_digest}' if view.data_digest else ''}"
    )
    if view.finished is not None:
        yield line(
            f"  finished {stamp(view.finished)}, evaluator {view.evaluator}, seed {view.seed}"
        )
    if view.report:
        yield line(f"  report: {view.report}")
    yield line()
    yield from gate_lines(view.gates, page.marks)
    for gate in view.gates:
        if gate.groups:
            yield line()
            yield line(Span(gate.name, Style.TITLE))
            yield from (Line((Span("  "), *each.spans)) for each in group_lines(gate))
        if gate.message:
            yield from wrapped(gate.message, page.width, "  ")


def explanation_lines(clauses: Sequence[Clause], page: Page) -> Iterator[Line]:
    """Return conditions in words, with what helps."""
    for each in clauses:
        style = Style.GOOD if each.good else Style.BAD if each.status == "False" else Style.WAITS
        since = f", for {ago(each.since, page.now)}" if each.since is not None else ""
        yield line(
            Span(each.condition, Style.TITLE),
            " is ",
            Span(each.status, style),
            f" ({each.reason}){since}",
        )
        if each.good:
            continue
        yield from wrapped(f"it tells {each.asks}: {each.meaning}", page.width, "  ")
        if each.message:
            yield from wrapped(f'"{each.message}"', page.width, "  ")
        if each.remedy:
            yield from wrapped(f"what helps: {each.remedy}", page.width, "  ")
        for command in each.commands:
            yield line("  $ ", Span(command, Style.TITLE))
        if each.runbook:
            yield line(f"  runbook: {each.runbook}")


def difference_lines(view: Difference) -> Iterator[Line]:
    """Return what two revisions differ in."""
    yield line(Span(f"{view.name}: {view.before} -> {view.after}", Style.TITLE))
    if not view.recorded:
        yield line("  what one of them served is no longer on record")
    elif not view.changes:
        yield line("  both serve the same")
    rows = [(each.path, each.before or "-", each.after or "-") for each in view.changes]
    if rows:
        yield from table(("FIELD", view.before.upper(), view.after.upper()), rows)
    if view.gates:
        yield line()
        gates = [
            (each.name, *_measured(each.before), *_measured(each.after)) for each in view.gates
        ]
        yield from table(("GATE", "BEFORE", "", "AFTER", ""), gates)


def finding_lines(findings: Sequence[InstallationCheck], page: Page) -> Iterator[Line]:
    """Return what was checked, section by section, with a hint where it is not well."""
    marks = {
        State.OK: Span(page.marks.good, Style.GOOD),
        State.WARNING: Span(page.marks.waits, Style.WAITS),
        State.FAILED: Span(page.marks.bad, Style.BAD),
        State.UNTOLD: Span(page.marks.next, Style.FAINT),
    }
    section = ""
    for each in findings:
        if each.section != section:
            section = each.section
            yield line(Span(section, Style.TITLE))
        said = {State.UNTOLD: "not known", State.FAILED: "NO", State.WARNING: "warning"}
        word = said.get(each.state, "yes")
        if each.section == "you may" and each.state is State.UNTOLD:
            word = "no"
        detail = f" ({each.detail})" if each.detail else ""
        yield line("  ", marks[each.state], f" {each.what}: {word}{detail}")
        if each.hint:
            yield from wrapped(each.hint, page.width, "      ")


def _measured(gate: GateView | None) -> tuple[str | Span, str]:
    if gate is None:
        return ("not measured", "")
    number = "" if gate.estimate is None else f"{gate.estimate:.3g} "
    return (styled(gate.phase), f"{number}{interval(gate.lower, gate.upper)}".strip())
