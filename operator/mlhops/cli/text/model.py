"""One model for people: where it stands, who is waited for, and the command that ends it."""

from __future__ import annotations

from collections.abc import Iterator

from mlhops.cli.text.gates import gate_lines
from mlhops.cli.text.line import Line, Span, Style, line, wrapped
from mlhops.cli.text.marks import ANSWERS, styled
from mlhops.cli.text.page import Page
from mlhops.cli.text.times import ago, left, stamp
from mlhops.cli.views.decisions import DecisionView
from mlhops.cli.views.gates import EvaluationView
from mlhops.cli.views.model import CandidateView, ModelView, MonitoringView, ServingView
from mlhops.cli.views.remedies import ROLES, Party
from mlhops.cli.views.steps import StepState, StepView
from mlhops.cli.views.waiting import Waiting

_LABEL = 12


def model_lines(view: ModelView, page: Page) -> list[Line]:
    """Return a model, section by section; a section that has nothing to say is left out."""
    return [
        *_head(view, page),
        *_waits(view.waiting, page),
        *_notices(view, page),
        *_serving("Serving", view.serving, page),
        *_candidate(view.candidate, page),
        *_evaluation(view.evaluation, page),
        *_serving("Previous", view.previous, page),
        *_monitoring(view.monitoring, page),
        *_decisions(view.decisions, page),
    ]


def _head(view: ModelView, page: Page) -> Iterator[Line]:
    style = ANSWERS[view.answer]
    yield _said("Model", f"{view.namespace}/{view.name}")
    yield _said("Phase", Span(view.phase, style), f"  available: {view.available}")
    if view.url:
        yield _said("URL", view.url)
    if view.message:
        yield from wrapped(view.message, page.width, "  ")


def _waits(waiting: Waiting | None, page: Page) -> Iterator[Line]:
    if waiting is None:
        return
    since = f", for {ago(waiting.since, page.now)}" if waiting.since is not None else ""
    until = f", {left(waiting.until, page.now)}" if waiting.until is not None else ""
    reason = f" ({waiting.reason})" if waiting.reason else ""
    yield from _title("Waits for", f"{waiting.party}{reason}{since}{until}")
    if not waiting.reason:
        yield from wrapped(waiting.message, page.width, "  ")
    if waiting.remedy:
        yield from wrapped(waiting.remedy, page.width, "  ")
    if waiting.role:
        yield line(f"  who may: ClusterRole {waiting.role}")
    if waiting.commands and waiting.role != ROLES[Party.DECIDER]:
        yield line(f"  who may decide: ClusterRole {ROLES[Party.DECIDER]}")
    for command in waiting.commands:
        yield line("  $ ", Span(command, Style.TITLE))


def _notices(view: ModelView, page: Page) -> Iterator[Line]:
    if not view.notices:
        return
    yield from _title("Look at", "")
    for each in view.notices:
        said = f"{each.condition} ({each.reason}): {each.message}"
        yield from wrapped(said, page.width, "  ")


def _serving(title: str, of: ServingView | None, page: Page) -> Iterator[Line]:
    if of is None:
        return
    since = f", for {ago(of.since, page.now)}" if of.since is not None else ""
    yield from _title(title, f"{of.version} ({of.revision}){since}")
    if of.kept_until is not None:
        yield line(f"  kept: {left(of.kept_until, page.now)}, until {stamp(of.kept_until)}")
    if of.verdict:
        yield line("  callers: ", styled(of.verdict), _counted(of.requests, of.failed))
    if of.verdict and of.message:
        yield from wrapped(of.message, page.width, "    ")
    if of.p50_seconds is not None and of.p99_seconds is not None:
        yield line(
            f"  answers: half within {of.p50_seconds:.3g} s, 99 % within {of.p99_seconds:.3g} s"
        )
    if of.evaluation:
        yield line(f"  evidence: {of.evaluation}")
    if of.overridden:
        ends = f", {left(of.override_ends, page.now)}" if of.override_ends is not None else ""
        yield line("  overridden: ", Span(", ".join(of.overridden), Style.WAITS), ends)


def _counted(requests: int | None, failed: int | None) -> str:
    if requests is None:
        return ""
    return f", {requests:,} requests" + (f", {failed:,} failed" if failed is not None else "")


def _candidate(of: CandidateView | None, page: Page) -> Iterator[Line]:
    if of is None:
        return
    since = f", for {ago(of.since, page.now)}" if of.since is not None else ""
    yield from _title("Candidate", f"{of.version} ({of.revision}), attempt {of.attempt}{since}")
    asked = of.desired_weight
    unsettled = "" if asked in (None, of.weight) else f" (asked: {asked} %)"
    counted = _counted(of.requests, of.failed) + (
        " at this step" if of.requests is not None else ""
    )
    yield line(f"  weight: {of.weight or 0} %{unsettled}{counted}")
    if of.trouble:
        yield from wrapped(of.trouble, page.width, "  ")
    if of.failure:
        yield from wrapped(f"failed: {of.failure}", page.width, "  ")
    for step in of.steps:
        yield _step(step, page)


def _step(step: StepView, page: Page) -> Line:
    marks = page.marks
    shown = {
        StepState.DONE: Span(marks.done, Style.GOOD),
        StepState.NOW: Span(marks.now, Style.WAITS),
        StepState.STOPPED: Span(marks.bad, Style.BAD),
    }
    place = f"{step.number}." if step.number is not None else " -"
    words = {StepState.PASSED_OVER: "passed over", StepState.STOPPED: "stopped"}
    said = [words.get(step.state, step.state.lower())]
    if step.number is None:
        said.append("taken off the list")
    if step.since is not None:
        said.append(f"for {ago(step.since, page.now)}")
    if step.until is not None:
        said.append(left(step.until, page.now))
    mark = shown.get(step.state, Span(marks.next, Style.FAINT))
    return line("  ", mark, f" {place} {step.step:<22} {', '.join(said)}")


def _evaluation(of: EvaluationView | None, page: Page) -> Iterator[Line]:
    if of is None:
        return
    passed = f", {of.passed} required gates passed" if of.passed else ""
    about = f" of {of.version}, {of.rows:,} rows" if of.rows is not None else f" of {of.version}"
    yield line()
    yield _said("Evaluation", f"{of.name}{about}: ", styled(of.phase), passed)
    yield from gate_lines(of.gates, page.marks)
    if not of.gates and of.message:
        yield from wrapped(of.message, page.width, "  ")


def _monitoring(of: MonitoringView | None, page: Page) -> Iterator[Line]:
    if of is None or not of.findings:
        return
    looked = f"looked {ago(of.looked_at, page.now)} ago" if of.looked_at is not None else ""
    yield from _title("Monitoring", looked)
    for each in of.findings:
        worst = f", most of all {each.worst}" if each.worst else ""
        yield line(f"  {each.what}: ", styled(each.verdict), worst)
        if each.message:
            yield from wrapped(each.message, page.width, "    ")


def _decisions(of: tuple[DecisionView, ...], page: Page) -> Iterator[Line]:
    if not of:
        return
    yield from _title("Decisions", "")
    for each in of:
        gates = f" {', '.join(each.gates)}" if each.gates else ""
        head = f" {each.action}{gates} by {each.decided_by}, {ago(each.at, page.now)} ago: "
        yield line("  ", page.marks.of(each.phase), head, styled(each.phase))
        yield from wrapped(
            f'"{each.reason}"' + (f" - {each.message}" if each.message else ""), page.width, "    "
        )


def _title(label: str, said: str) -> Iterator[Line]:
    yield line()
    yield _said(label, said)


def _said(label: str, *said: str | Span) -> Line:
    return line(Span(f"{label}:".ljust(_LABEL), Style.TITLE), " ", *said)
