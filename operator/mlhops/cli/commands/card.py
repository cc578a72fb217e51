"""card: what people must know of a revision, in the formats that others ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlhops.cli.card.assemble import model_card
from mlhops.cli.card.entries import ModelCard
from mlhops.cli.card.formats import FORMATS, gaps, rendered
from mlhops.cli.card.subject import subject
from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import EVALUATIONS, MODELS, REVISIONS, Kubectl
from mlhops.cli.options import NAME, connected
from mlhops.cli.output import document, to_text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest


@click.command()
@click.argument("name", type=NAME, metavar="MODEL")
@click.option(
    "--revision",
    "named",
    default="",
    metavar="REVISION",
    help="A revision, a version, stable, candidate or previous; by default what serves.",
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(FORMATS),
    default="md",
    show_default=True,
    help="What the card looks like.",
)
@click.option("-f", "--file", type=click.Path(dir_okay=False), help="Write it there.")
@click.option(
    "--spec",
    type=click.Choice(("1.6", "1.7")),
    default="1.6",
    show_default=True,
    help="The version of CycloneDX.",
)
@click.option(
    "--strict", is_flag=True, help="End with 1 where the format asks for what nobody has stated."
)
@connected
def card(
    kubectl: Kubectl, name: str, named: str, form: str, file: str | None, spec: str, *, strict: bool
) -> Exit:
    """Write the model card of a revision: what was asked, measured and derived, told apart.

    What nobody has stated says so in every format, and the counts of small groups stay hidden.
    """
    found = card_of(kubectl, name, named)
    told = (
        to_text(document("Card", found), "json") if form == "json" else rendered(found, form, spec)
    )
    if file is None:
        click.echo(told, nl=False)
    else:
        _write(Path(file), told)
    missing = gaps(found, form) if strict else ()
    for each in missing:
        click.echo(f"not stated: {each}", err=True)
    return Exit.BAD if missing else Exit.WELL


def card_of(kubectl: Kubectl, name: str, named: str) -> ModelCard:
    """Return the card of a revision as the cluster has it.

    Raises:
        Trouble: there is no such model or revision.
    """
    model = kubectl.get(MODELS, name)
    evaluations = kubectl.list_of(EVALUATIONS, fields=f"spec.model={name}")
    records, hidden = _records(kubectl, name)
    found = subject(model, named, records, evaluations)
    if found is None:
        raise Trouble(
            f"{name} has no revision or version {named!r} on record",
            f"`kubectl mlhops history {name}` lists those that ended",
        )
    if hidden is not None and not found.is_asked_for:
        raise hidden
    return model_card(found)


def _records(kubectl: Kubectl, name: str) -> tuple[list[Manifest], Trouble | None]:
    """Return a model's ControllerRevisions, or why they cannot be read: of what the spec asks for none is needed."""
    try:
        return kubectl.list_of(REVISIONS, labels=f"mlhops.io/model={name}"), None
    except Trouble as trouble:
        return [], trouble


def _write(path: Path, told: str) -> None:
    try:
        path.write_text(told, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}", exit_=Exit.USAGE) from error
    click.echo(str(path), err=True)
