"""How views become HTML. Text from the cluster is only ever text, wherever a template puts it.

Jinja escapes whatever is put in and is no markup, after signs that show nothing or turn the line around are taken out.
No address from the cluster becomes a link.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mlhops.cli.audit.timeline import AuditRecord
from mlhops.cli.dashboard import links, plots
from mlhops.cli.dashboard.pages import WebPage
from mlhops.cli.text.gates import interval
from mlhops.cli.text.line import Style, harmless
from mlhops.cli.text.marks import ANSWERS, UNICODE, style_of
from mlhops.cli.text.times import ago, left, stamp
from mlhops.cli.views.answer import Answer
from mlhops.cli.views.gates import GateView, GroupView
from mlhops.cli.views.remedies import ROLES, Party
from mlhops.cli.views.selection import PARTIES
from mlhops.cli.views.steps import StepState, StepView
from mlhops.cli.views.watch_history import GateTrend, LookView

_TEMPLATES = Path(__file__).parent / "templates"
_CLASSES = {
    Style.GOOD: "good",
    Style.BAD: "bad",
    Style.WAITS: "waits",
}
_STEPS = {
    StepState.DONE: ("good", UNICODE.done, "done"),
    StepState.NOW: ("waits", UNICODE.now, "now"),
    StepState.NEXT: ("plain", UNICODE.next, "next"),
    StepState.PASSED_OVER: ("plain", UNICODE.next, "passed over"),
    StepState.STOPPED: ("bad", UNICODE.bad, "stopped"),
}
REFRESH = 30
"""Seconds until a page comes anew for who asks for that, as browsers without script may."""


def html(page: WebPage, path: str, query: str, now: datetime) -> str:
    """Return a page as HTML.

    Args:
        page: the page.
        path: where it is.
        query: what was asked for there.
        now: when it is looked at.
    """
    asked = [each for each in query.split("&") if each and not each.startswith("refresh=")]
    refreshed = f"refresh={REFRESH}" in query.split("&")
    here = f"?{'&'.join(asked)}" if asked else ""
    again = f"?{'&'.join([*asked, f'refresh={REFRESH}'])}"
    template = environment().get_template(page.template)
    return template.render(
        page=page,
        view=page.view,
        now=now,
        path=path,
        here=path + here,
        twin=f"{path}.json{here}",
        again=path + again,
        refresh=REFRESH if refreshed else 0,
        **{"model": None, **page.more},
    )


@cache
def environment() -> Environment:
    """Return the templates."""
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "word": word,
        "answer": answer,
        "ago": _ago,
        "left": _left,
        "stamp": _stamp,
        "number": _number,
        "count": _count,
    }
    found.globals |= {
        "links": links,
        "plots": plots,
        "gate_axis": gate_axis,
        "gate_plot": gate_plot,
        "group_plot": group_plot,
        "trend_plot": trend_plot,
        "interval": interval,
        "step_of": step_of,
        "runs": runs,
        "record_of": record_of,
        "parties": PARTIES,
        "roles": ROLES,
        "decider": ROLES[Party.DECIDER],
    }
    return found


def word(said: str, shown: str = "") -> Markup:
    """Return a word of a status with its mark: a shape and a colour beside the word, never these alone.

    Args:
        said: the word.
        shown: the word whose state it has, where that is another one.
    """
    return _marked(said, style_of(shown or said)) if said else Markup("")


def answer(said: str, of: Answer) -> Markup:
    """Return a phase with the mark of how the model is."""
    return _marked(said, ANSWERS[of])


def step_of(step: StepView) -> tuple[str, str, str]:
    """Return the class, the shape and the word of a step."""
    return _STEPS[step.state]


def gate_axis(gate: GateView) -> object:
    """Return the axis of a gate's groups, None where there is nothing to draw."""
    return plots.axis_of([gate, *gate.groups], gate.limit)


def gate_plot(gate: GateView) -> Markup:
    """Return the plot of a gate: its estimate and interval against its limit."""
    axis = plots.axis_of([gate], gate.limit)
    if axis is None:
        return Markup("")
    limit = f", limit {gate.limit:g}" if gate.limit is not None else ""
    words = f"{_number(gate.estimate)} {interval(gate.lower, gate.upper)}{limit}: {gate.phase}"
    row = plots.PlotRow(
        words, _CLASSES.get(style_of(gate.phase), "plain"), gate.estimate, gate.lower, gate.upper
    )
    return plots.forest(row, axis, gate.limit)


def group_plot(gate: GateView, group: GroupView) -> Markup:
    """Return the plot of a group; nothing where its numbers are not told."""
    axis = plots.axis_of([gate, *gate.groups], gate.limit)
    if axis is None or group.gap is None:
        return Markup("")
    words = (
        f"{group.group}: {_number(group.gap)} {interval(group.lower, group.upper)}: {group.phase}"
    )
    row = plots.PlotRow(
        words, _CLASSES.get(style_of(group.phase), "plain"), group.gap, group.lower, group.upper
    )
    return plots.forest(row, axis, gate.limit)


def trend_plot(of: GateTrend) -> Markup:
    """Return the plot of a gate over time."""
    return plots.trend(of, [_CLASSES.get(style_of(each.phase), "plain") for each in of.points])


def runs(looks: Sequence[LookView]) -> list[tuple[int, LookView]]:
    """Return looks that came to the same one after another, with how many, the newest first."""
    return [(len(list(same)), look) for look, same in groupby(reversed(looks))]


def record_of(of: AuditRecord) -> tuple[str, str]:
    """Return what kind of record something stands in, and its name: empty where it is no object of its own."""
    kind, _, name = of.record.partition(" ")
    return ("Rollout", "") if kind.startswith("status.history") else (kind, name)


def _marked(said: str, style: Style) -> Markup:
    shapes = {Style.GOOD: UNICODE.good, Style.BAD: UNICODE.bad, Style.WAITS: UNICODE.waits}
    mark = shapes.get(style, "")
    shape = f'<i aria-hidden="true">{mark}</i>\N{NO-BREAK SPACE}' if mark else ""
    kind = _CLASSES.get(style, "plain")
    text = escape(harmless(said))
    return Markup(f'<span class="word {kind}">{shape}{text}</span>')  # noqa: S704


def _printable(value: object) -> object:
    if isinstance(value, Markup):
        return value
    return harmless(value) if isinstance(value, str) else value


def _ago(moment: datetime | None, now: datetime) -> Markup:
    """Return how long ago it is, which a script may count on."""
    return _time(moment, ago(moment, now), "ago")


def _left(moment: datetime | None, now: datetime) -> Markup:
    """Return how long it is still, which a script may count down."""
    return _time(moment, left(moment, now) if moment is not None else "", "left")


def _stamp(moment: datetime | None) -> Markup:
    return _time(moment, stamp(moment), "")


def _time(moment: datetime | None, said: str, counted: str) -> Markup:
    if moment is None:
        return Markup("")
    exact = moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    count = f' data-count="{counted}"' if counted else ""
    return Markup(  # noqa: S704
        f'<time datetime="{exact}" title="{escape(stamp(moment))}"{count}>{escape(said)}</time>'
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
