"""get: one model, with all that a person needs to decide what to do."""

from __future__ import annotations

import click

from mlhops.cli.commands.follow import follow, seen
from mlhops.cli.exits import Exit, of_answers
from mlhops.cli.kubectl import Kubectl
from mlhops.cli.options import NAME, connected, printed
from mlhops.cli.output import write
from mlhops.cli.terminal import Terminal
from mlhops.cli.text.model import model_lines


@click.command()
@click.argument("name", type=NAME, metavar="MODEL")
@click.option("-w", "--watch", is_flag=True, help="Go on, and show each change.")
@printed("table", "json", "yaml", "name")
@connected
def get(kubectl: Kubectl, name: str, form: str, color: str, *, watch: bool) -> Exit:
    """Show one model: steps with the time left, gates with their intervals, who is waited for and what ends it."""
    if watch:
        return follow(kubectl, name, form, color)
    view = seen(kubectl, name)
    if form in ("json", "yaml"):
        write("Model", view, form)
    elif form == "name":
        click.echo(f"clinicalmodel.mlhops.io/{view.name}")
    else:
        terminal = Terminal.of(color)
        terminal.show(model_lines(view, terminal.page()))
    return of_answers(view.answer)
