"""diff: what two revisions of a model differ in."""

from __future__ import annotations

import click

from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import EVALUATIONS, MODELS, REVISIONS, Kubectl
from mlhops.cli.options import NAME, connected, printed
from mlhops.cli.output import write
from mlhops.cli.terminal import Terminal
from mlhops.cli.text.record import difference_lines
from mlhops.cli.views.difference import difference, newest, revision_of
from mlhops.json_access import text


@click.command()
@click.argument("name", type=NAME, metavar="MODEL")
@click.argument("before", default="stable")
@click.argument("after", default="candidate")
@printed("table", "json", "yaml")
@connected
def diff(kubectl: Kubectl, name: str, before: str, after: str, form: str, color: str) -> Exit:
    """Show what two revisions differ in: fields of what is served, and what the gates measured.

    BEFORE and AFTER are versions, revisions, or stable, candidate and previous.
    """
    model = kubectl.get(MODELS, name)
    revisions = (revision_of(model, before), revision_of(model, after))
    for named, revision in zip((before, after), revisions, strict=True):
        if not revision:
            raise Trouble(f"{name} has no {named} now", exit_=Exit.USAGE)
    records = {
        text(each, "metadata", "name"): each
        for each in kubectl.list_of(REVISIONS)
        if text(each, "metadata", "name").startswith(f"{name}-")
    }
    measured = kubectl.list_of(EVALUATIONS, fields=f"spec.model={name}")
    view = difference(
        model,
        revisions,
        (records.get(f"{name}-{revisions[0]}"), records.get(f"{name}-{revisions[1]}")),
        (newest(measured, revisions[0]), newest(measured, revisions[1])),
    )
    if form != "table":
        write("Difference", view, form)
    else:
        Terminal.of(color).show(difference_lines(view))
    return Exit.WELL
