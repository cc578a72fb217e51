"""get --watch, and wait: a model as it changes, until it is where somebody waits for it to be."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from mlhops.cli.exits import Exit, Trouble, of_answers
from mlhops.cli.kubectl import DECISIONS, EVALUATIONS, MODELS, Kubectl
from mlhops.cli.options import NAME, SPAN, connected, printed
from mlhops.cli.output import document, one_of_many, plain, write
from mlhops.cli.terminal import Terminal, now
from mlhops.cli.text.line import harmless
from mlhops.cli.text.model import model_lines
from mlhops.cli.views.answer import Answer
from mlhops.cli.views.fleet import ModelRow, row
from mlhops.cli.views.goal import GOALS, reached
from mlhops.cli.views.model import ModelView, model_view

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

_TICK = 1.0
_AGAIN = 2.0
"""Seconds until a watch that the API server has ended is begun anew."""


def seen(kubectl: Kubectl, name: str, model: Manifest | None = None) -> ModelView:
    """Return a model with what belongs to it, as it is now."""
    model = model if model is not None else kubectl.get(MODELS, name)
    mine = f"spec.model={name}"
    return model_view(
        model, kubectl.list_of(EVALUATIONS, fields=mine), kubectl.list_of(DECISIONS, fields=mine)
    )


def changes(kubectl: Kubectl, name: str, end: float | None = None) -> Iterator[Manifest | None]:
    """Return a model each time it changes; None where it has been deleted, which ends it, as `end` does.

    A watch that the API server closes, as it does every half an hour or so, goes on.
    """
    kubectl.get(MODELS, name)  # of what is not there a watch tells nothing
    while end is None or time.monotonic() < end:
        left = None if end is None else end - time.monotonic()
        with kubectl.watch(MODELS, name, seconds=left) as events:
            for event in events:
                if event.type == "DELETED":
                    yield None
                    return
                yield event.object
        time.sleep(min(_AGAIN, max(0.0, _AGAIN if end is None else end - time.monotonic())))


def follow(kubectl: Kubectl, name: str, form: str, color: str) -> Exit:
    """Show a model until it is deleted or nobody reads along: in place on a terminal, else a line for each change."""
    terminal = Terminal.of(color)
    if form == "table" and terminal.width:
        return _in_place(kubectl, name, terminal)
    before: object = None
    for model in changes(kubectl, name):
        if model is None:
            break
        found = row(model)
        if plain(found) == before:
            continue
        before = plain(found)
        if form == "table":
            click.echo(told(found))
        else:
            shown = document("Model", seen(kubectl, name, model))
            click.echo(one_of_many(shown, form), nl=False)
    return Exit.UNREACHED


def told(found: ModelRow) -> str:
    """Return a change in a line."""
    waits = ""
    if found.waiting is not None:
        waits = f" waits for {found.waiting.party}" + (
            f" ({found.waiting.reason})" if found.waiting.reason else ""
        )
    candidate = (
        f" {found.candidate} {found.step} at {found.weight or 0} %" if found.candidate else ""
    )
    time_ = now().isoformat(timespec="seconds").replace("+00:00", "Z")
    return harmless(f"{time_} {found.phase}{candidate}{waits}: {found.message}")


def _in_place(kubectl: Kubectl, name: str, terminal: Terminal) -> Exit:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    news: queue.SimpleQueue[ModelView | Trouble | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(kubectl, name, news.put), daemon=True).start()
    console = Console(no_color=not terminal.color, highlight=False)
    view = seen(kubectl, name)
    live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
    try:
        with live:
            while True:
                lines = model_lines(view, terminal.page())
                shown = "\n".join(each.written(color=terminal.color) for each in lines)
                live.update(Text.from_ansi(shown), refresh=True)
                latest = _next(news, view)
                if latest is None:
                    return Exit.UNREACHED
                view = latest
    finally:
        kubectl.stop_watching()


def _next(
    news: queue.SimpleQueue[ModelView | Trouble | None], present: ModelView
) -> ModelView | None:
    """Return what is to be shown next: what is there now, once a second; None where the model is gone."""
    try:
        latest = news.get(timeout=_TICK)
    except queue.Empty:
        return present
    if isinstance(latest, Trouble):
        raise latest
    return latest


def _listen(
    kubectl: Kubectl, name: str, put: Callable[[ModelView | Trouble | None], object]
) -> None:
    try:
        for model in changes(kubectl, name):
            put(seen(kubectl, name, model) if model is not None else None)
    except Trouble as trouble:
        put(trouble)


@click.command()
@click.argument("name", type=NAME, metavar="MODEL")
@click.option(
    "--for",
    "goal",
    type=click.Choice(GOALS),
    default="settled",
    show_default=True,
    help="Until it is that.",
)
@click.option("--timeout", type=SPAN, default="30m", show_default=True, help="For so long.")
@printed("table", "json", "yaml", "name")
@connected
def wait(kubectl: Kubectl, name: str, goal: str, timeout: float, form: str, color: str) -> Exit:  # noqa: ARG001
    """Wait until a model is settled, healthy, promoted, available, or needs a decision.

    Ends with 0 when it is, with 1 when it is Degraded in place of that, and with 3 when the time is over.
    """
    end = time.monotonic() + timeout
    last: Manifest | None = None
    found = Answer.UNDECIDED
    for model in changes(kubectl, name, end):
        if model is None:
            raise Trouble(f"{name} was deleted")
        last, found = model, reached(model, goal)
        if found is not Answer.UNDECIDED:
            break
    if last is not None:
        _report(kubectl, name, last, form)
    return of_answers(found)


def _report(kubectl: Kubectl, name: str, model: Manifest, form: str) -> None:
    if form in ("json", "yaml"):
        write("Model", seen(kubectl, name, model), form)
    elif form == "name":
        click.echo(f"clinicalmodel.mlhops.io/{name}")
    else:
        click.echo(told(row(model)))
