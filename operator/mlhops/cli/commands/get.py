"""get: one model, with all that a person needs to decide what to do."""

from __future__ import annotations

import click

from mlhops.cli.exits import Exit, of_answers
from mlhops.cli.kubectl import DECISIONS, EVALUATIONS, MODELS, Kubectl
from mlhops.cli.options import NAME, connected, printed
from mlhops.cli.output import document, to_text
from mlhops.cli.terminal import Terminal
from mlhops.cli.text.model import model_lines
from mlhops.cli.views.model import ModelView, model_view


@click.command()
@click.argument("name", type=NAME, metavar="MODEL")
@printed("table", "json", "yaml", "name")
@connected
def get(kubectl: Kubectl, name: str, form: str, color: str) -> Exit:
    """Show one model: steps with the time left, gates with their intervals, who is waited for and what ends it."""
    view = seen(kubectl, name)
    if form in ("json", "yaml"):
        click.echo(to_text(document("Model", view), form), nl=False)
    elif form == "name":
        click.echo(f"clinicalmodel.mlhops.io/{view.name}")
    else:
        terminal = Terminal.of(color)
        terminal.show(model_lines(view, terminal.page()))
    return of_answers(view.answer)


def seen(kubectl: Kubectl, name: str) -> ModelView:
    """Return a model with what belongs to it, as it is now."""
    model = kubectl.get(MODELS, name)
    mine = f"spec.model={name}"
    return model_view(
        model, kubectl.list_of(EVALUATIONS, fields=mine), kubectl.list_of(DECISIONS, fields=mine)
    )
