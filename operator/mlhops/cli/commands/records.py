"""history, events, evaluation, explain: what is on record of a model, and what it means."""

from __future__ import annotations

import click

from mlhops.cli.exits import Exit, of_answers
from mlhops.cli.kubectl import EVALUATIONS, EVENTS, MODELS, Kubectl
from mlhops.cli.options import NAME, connected, printed
from mlhops.cli.output import write
from mlhops.cli.terminal import Terminal
from mlhops.cli.text.record import (
    evaluation_lines,
    event_lines,
    explanation_lines,
    history_lines,
)
from mlhops.cli.views.answer import answer_of
from mlhops.cli.views.events import events as events_of
from mlhops.cli.views.explanation import explanation
from mlhops.cli.views.gates import evaluation as evaluation_of
from mlhops.cli.views.history import history as history_of
from mlhops.json_access import text

_VERDICTS = {"Successful": Exit.WELL, "Failed": Exit.BAD, "Error": Exit.BAD}
_DOCUMENTS = ("table", "json", "yaml")


@click.command()
@click.argument("name", type=NAME, metavar="MODEL")
@printed(*_DOCUMENTS)
@connected
def history(kubectl: Kubectl, name: str, form: str, color: str) -> Exit:
    """Show how rollouts ended, who decided and why, the newest first; 1 where the record is not whole."""
    view = history_of(kubectl.get(MODELS, name))
    if form != "table":
        write("History", view, form)
    else:
        terminal = Terminal.of(color)
        terminal.show(history_lines(view, terminal.page()))
        if not view.rollouts:
            click.echo("no rollout of it has ended yet", err=True)
    return Exit.WELL if view.intact else Exit.BAD


@click.command()
@click.argument("name", type=NAME, metavar="MODEL")
@click.option(
    "--types", default="", metavar="TYPE", help="Only Events of this type, such as Warning."
)
@click.option("--no-headers", is_flag=True, help="No titles.")
@printed(*_DOCUMENTS)
@connected
def events(
    kubectl: Kubectl, name: str, types: str, form: str, color: str, *, no_headers: bool
) -> Exit:
    """List what the operator told of a model, the newest last; Kubernetes forgets Events after an hour or so."""
    chosen = f"involvedObject.kind=ClinicalModel,involvedObject.name={name}"
    found = kubectl.list_of(EVENTS, fields=chosen + (f",type={types}" if types else ""))
    view = events_of(found)
    if form != "table":
        write("Events", view, form)
    elif view:
        terminal = Terminal.of(color)
        terminal.show(event_lines(view, terminal.page(), header=not no_headers))
    else:
        click.echo("no Events: Kubernetes forgets them after a time; `history` does not", err=True)
    return Exit.WELL


@click.command()
@click.argument("name", type=NAME, metavar="EVALUATION")
@printed(*_DOCUMENTS)
@connected
def evaluation(kubectl: Kubectl, name: str, form: str, color: str) -> Exit:
    """Show what an Evaluation measured, gate by gate and group by group; small groups stay untold."""
    view = evaluation_of(kubectl.get(EVALUATIONS, name))
    if form != "table":
        write("Evaluation", view, form)
    else:
        terminal = Terminal.of(color)
        terminal.show(evaluation_lines(view, terminal.page()))
    return _VERDICTS.get(view.phase, Exit.UNDECIDED)


@click.command()
@click.argument("name", type=NAME, metavar="MODEL")
@printed(*_DOCUMENTS)
@connected
def explain(kubectl: Kubectl, name: str, form: str, color: str) -> Exit:
    """Say why a model is as it is: each condition in words, with what helps and where to read on."""
    model = kubectl.get(MODELS, name)
    view = explanation(model)
    if form != "table":
        write("Explanation", view, form)
    else:
        terminal = Terminal.of(color)
        click.echo(
            text(model, "status", "message") or "the operator has not looked at it yet", err=True
        )
        terminal.show(explanation_lines(view, terminal.page()))
    return of_answers(answer_of(model))
