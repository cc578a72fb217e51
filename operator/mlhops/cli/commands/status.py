"""status: models as a table, those with problems first."""

from __future__ import annotations

import click

from mlhops.cli.exits import Exit, of_answers
from mlhops.cli.kubectl import MODELS, Kubectl
from mlhops.cli.options import NAME, connected, printed
from mlhops.cli.output import write
from mlhops.cli.terminal import Terminal, now
from mlhops.cli.text.fleet import fleet_lines, summary
from mlhops.cli.views.fleet import FleetView, fleet


@click.command()
@click.argument("names", nargs=-1, type=NAME, metavar="[MODEL]...")
@click.option("-A", "--all-namespaces", is_flag=True, help="The models of all namespaces.")
@click.option(
    "-l", "--selector", default="", metavar="LABELS", help="Only models with these labels."
)
@click.option("--no-headers", is_flag=True, help="No titles and no summary.")
@printed()
@connected
def status(
    kubectl: Kubectl,
    names: tuple[str, ...],
    selector: str,
    form: str,
    color: str,
    *,
    all_namespaces: bool,
    no_headers: bool,
) -> Exit:
    """List models, those with problems first.

    Bad ones come first, then those that wait for a person, those that need a look, those that are on their way, and
    last the rest; of equals first what is so for longest.
    """
    if names and (all_namespaces or selector):
        raise click.UsageError("names stand for themselves: leave out -A and -l, or the names")
    if names:
        found = [kubectl.get(MODELS, name) for name in names]
    elif all_namespaces:
        found = kubectl.everywhere(MODELS, labels=selector)
    else:
        found = kubectl.list_of(MODELS, labels=selector)
    view = fleet(found)
    _show(view, form, color, header=not no_headers)
    return of_answers(*(row.answer for row in view.models))


def _show(view: FleetView, form: str, color: str, *, header: bool) -> None:
    if form in ("json", "yaml"):
        write("Fleet", view, form)
    elif form == "name":
        for row in view.models:
            click.echo(f"clinicalmodel.mlhops.io/{row.name}")
    elif not view.models:
        click.echo("no models here: `kubectl mlhops status -A` looks into all namespaces", err=True)
    else:
        terminal = Terminal.of(color)
        terminal.show(fleet_lines(view, now(), wide=form == "wide", header=header))
        if header:
            click.echo(summary(view).written(color=False), err=True)
