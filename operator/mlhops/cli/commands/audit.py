"""audit: who did what when, a bundle of all that is on record, and whether such a bundle holds."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlhops import __version__
from mlhops.cli.audit.bundle import AuditSource
from mlhops.cli.audit.timeline import AuditTimeline, as_csv
from mlhops.cli.audit.timeline import timeline as timeline_of
from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import DECISIONS, EVALUATIONS, EVENTS, MODELS, POLICIES, REVISIONS, Kubectl
from mlhops.cli.options import NAME, connected, printed
from mlhops.cli.output import write
from mlhops.cli.store import read_bundle, write_bundle
from mlhops.cli.terminal import Terminal, now
from mlhops.cli.text.audit import timeline_lines, verdict_lines
from mlhops.json_access import text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest
    from mlhops.cli.audit.check import BundleVerdict
    from mlhops.cli.audit.keys import Signer, SigningKey

_PASSWORD = "MLHOPS_KEY_PASSWORD"  # noqa: S105 - the name of a variable


@click.group()
def audit() -> None:
    """Look back for good: who did what when, and a signed bundle that can be checked anywhere."""


@audit.command()
@click.argument("name", type=NAME, metavar="MODEL")
@click.option("--no-headers", is_flag=True, help="No titles.")
@printed("table", "json", "yaml", "csv")
@connected
def timeline(kubectl: Kubectl, name: str, form: str, color: str, *, no_headers: bool) -> Exit:
    """List who did what to a model, the oldest first: rollouts, Decisions, Evaluations, actions and Events."""
    gathered = _gathered(kubectl, name, exported_by="")
    for each in gathered.missing:
        click.echo(f"not in it: {each}", err=True)
    view = _timeline(gathered)
    if form == "csv":
        click.echo(as_csv(view), nl=False)
    elif form != "table":
        write("Timeline", view, form)
    else:
        Terminal.of(color).show(timeline_lines(view, header=not no_headers))
    return Exit.WELL


def _timeline(of: AuditSource) -> AuditTimeline:
    return timeline_of(of.model, of.evaluations, of.decisions, of.revisions, of.events)


@audit.command()
@click.argument("name", type=NAME, metavar="MODEL")
@click.option(
    "-d",
    "--to",
    "where",
    type=click.Path(),
    required=True,
    help="A folder, or a name that ends with .tar or .tar.gz; nothing may be there yet.",
)
@click.option(
    "--sign-key",
    type=click.Path(exists=True, dir_okay=False),
    help=f"Your private key: Ed25519 or P-256, as PEM; its password is in {_PASSWORD}.",
)
@click.option("--unsigned", is_flag=True, help="Leave the statements for another to sign.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="A report that you have fetched; may be given often.",
)
@connected
def export(
    kubectl: Kubectl,
    name: str,
    where: str,
    sign_key: str | None,
    reports: tuple[str, ...],
    *,
    unsigned: bool,
) -> Exit:
    """Write all that is on record of a model into a bundle, with sums and statements that you sign.

    Objects, history, cards, reports and the timeline; `audit verify` checks it without a cluster.
    """
    from mlhops.cli.audit.bundle import bundle

    if (sign_key is None) == (not unsigned):
        raise click.UsageError("name your key with --sign-key, or say --unsigned")
    if Path(where).exists():
        raise click.UsageError(f"{where} is there already: name another place")
    key = _signing_key(Path(sign_key)) if sign_key is not None else None
    gathered = _gathered(kubectl, name, exported_by=kubectl.whoami(), reports=reports)
    files = bundle(gathered, key)
    write_bundle(Path(where), files)
    for each in gathered.missing:
        click.echo(f"not in it: {each}", err=True)
    click.echo(f"{where}: {len(files)} files, " + (f"signed by {key.id}" if key else "not signed"))
    return Exit.WELL


@audit.command()
@click.argument("where", type=click.Path(exists=True), metavar="BUNDLE")
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="A public key that you trust, as PEM; may be given often.",
)
@click.option(
    "--after",
    "before",
    type=click.Path(exists=True),
    help="An earlier bundle of the model: does this one go on where it ended?",
)
@printed("table", "json", "yaml")
def verify(where: str, keys: tuple[str, ...], before: str | None, form: str, color: str) -> Exit:
    """Say whether a bundle holds, and exactly what does not; no cluster is asked.

    Ends with 0 where it holds and is signed by a key that you gave, with 1 where something does not hold, and with 3
    where it holds but nobody says whose signature it has.
    """
    from mlhops.cli.audit.continuity import continuity

    trusted = [_signer(Path(each)) for each in keys]
    files, view = _verdict(where, trusted)
    if before is not None:
        earlier, whole = _verdict(before, trusted)
        if not whole.holds or (trusted and not whole.trusted):
            raise Trouble(
                f"the earlier bundle {before} does not hold by itself, so that nothing follows from it",
                f"kubectl mlhops audit verify {before} says why",
                Exit.BAD,
            )
        view = replace(view, checks=(*view.checks, *continuity(earlier, files)))
    if form != "table":
        write("BundleVerdict", view, form)
    else:
        terminal = Terminal.of(color)
        terminal.show(verdict_lines(view, terminal.page()))
    if not view.holds:
        return Exit.BAD
    return Exit.WELL if view.trusted else Exit.UNDECIDED


def _verdict(where: str, trusted: list[Signer]) -> tuple[dict[str, bytes], BundleVerdict]:
    from mlhops.cli.audit.check import NoBundle, verdict

    files = read_bundle(Path(where))
    try:
        return files, verdict(files, trusted)
    except NoBundle as error:
        raise Trouble(f"{where} is no bundle: {error}", exit_=Exit.USAGE) from error


def _gathered(
    kubectl: Kubectl, name: str, *, exported_by: str, reports: tuple[str, ...] = ()
) -> AuditSource:
    model = kubectl.get(MODELS, name)
    missing: list[str] = []
    mine = f"spec.model={name}"
    evaluations = kubectl.list_of(EVALUATIONS, fields=mine)
    about = f"involvedObject.kind=ClinicalModel,involvedObject.name={name}"
    named = text(model, "spec", "monitoring", "policyRef", "name")
    return AuditSource(
        model=model,
        evaluations=evaluations,
        decisions=kubectl.list_of(DECISIONS, fields=mine),
        revisions=_maybe(kubectl, REVISIONS, missing, labels=f"mlhops.io/model={name}"),
        policy=_policy(kubectl, named, missing) if named else None,
        events=_maybe(kubectl, EVENTS, missing, fields=about),
        exported_at=now(),
        exported_by=exported_by,
        exporter=__version__,
        reports=_reports(reports, evaluations),
        missing=tuple(missing),
    )


def _maybe(
    kubectl: Kubectl, kind: str, missing: list[str], *, fields: str = "", labels: str = ""
) -> list[Manifest]:
    """Return objects that fewer people may read; that they could not be read is told, not passed over."""
    try:
        return kubectl.list_of(kind, fields=fields, labels=labels)
    except Trouble as trouble:
        missing.append(f"{kind} could not be read: {trouble.message}")
        return []


def _policy(kubectl: Kubectl, name: str, missing: list[str]) -> Manifest | None:
    try:
        return kubectl.get(POLICIES, name)
    except Trouble as trouble:
        missing.append(f"MonitoringPolicy {name} could not be read: {trouble.message}")
        return None


def _reports(paths: tuple[str, ...], evaluations: list[Manifest]) -> dict[str, bytes]:
    """Return reports by the Evaluation whose status has their digest."""
    from mlhops.cli.audit.statements import sha256

    by_digest = {
        text(each, "status", "report", "digest"): text(each, "metadata", "name")
        for each in evaluations
    }
    found = {}
    for path in paths:
        content = Path(path).read_bytes()
        name = by_digest.get(f"sha256:{sha256(content)}")
        if not name:
            raise Trouble(
                f"{path} is the report of no Evaluation of this model: no status has its sha256",
                "it was changed, or it belongs to another model",
                Exit.USAGE,
            )
        found[name] = content
    return found


def _signing_key(path: Path) -> SigningKey:
    from mlhops.cli.audit.keys import KeyTrouble, signing_key

    password = os.environ.get(_PASSWORD)
    try:
        return signing_key(path.read_bytes(), password.encode() if password else None)
    except (KeyTrouble, OSError) as error:
        raise Trouble(f"{path} cannot be used to sign: {error}", exit_=Exit.USAGE) from error


def _signer(path: Path) -> Signer:
    from mlhops.cli.audit.keys import KeyTrouble, signer

    try:
        return signer(path.read_bytes())
    except (KeyTrouble, OSError) as error:
        raise Trouble(f"{path} is no key to check with: {error}", exit_=Exit.USAGE) from error
