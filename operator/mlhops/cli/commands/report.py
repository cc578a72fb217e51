"""report: the HTML report of an Evaluation, held against the digest that the cluster has of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import click

from mlhops.cli.card.subject import subject
from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import EVALUATIONS, MODELS, Kubectl
from mlhops.cli.options import NAME, connected, printed
from mlhops.cli.output import write
from mlhops.cli.text.line import harmless
from mlhops.cli.views.report import ReportView
from mlhops.cli.views.report import report as report_of
from mlhops.json_access import text

_MOST_BYTES = 64 * 2**20


@click.command()
@click.argument("name", type=NAME, metavar="MODEL")
@click.option("--revision", "named", default="", metavar="REVISION", help="By default what serves.")
@click.option("--evaluation", "measured", type=NAME, metavar="NAME", help="Of this Evaluation.")
@click.option(
    "--from",
    "copy",
    type=click.Path(exists=True, dir_okay=False),
    help="A copy that you have fetched: is it the report?",
)
@click.option("-f", "--file", type=click.Path(dir_okay=False), help="Write it there.")
@click.option("--open", "opened", is_flag=True, help="Open it in a browser.")
@printed("table", "json", "yaml")
@connected
def report(
    kubectl: Kubectl,
    name: str,
    named: str,
    measured: str | None,
    copy: str | None,
    file: str | None,
    form: str,
    color: str,  # noqa: ARG001
    *,
    opened: bool,
) -> Exit:
    """Find the report of an Evaluation, hold it against its sha256 in the status, and write or open it.

    The report lies in the folder that the model names. One that this machine cannot read is told of with the command
    that fetches it; `--from` then says whether what was fetched is that report.
    """
    view = _found(kubectl, name, named, measured)
    if form != "table":
        write("Report", view, form)
    elif view.error:
        raise Trouble(f"{view.evaluation} has no report: {harmless(view.error)}")
    else:
        click.echo(f"{view.evaluation}: {harmless(view.uri)}  {view.digest}")
    source = _source(view, copy)
    if source is None:
        if form == "table":
            click.echo(f"fetch it: {harmless(view.fetch)}", err=True)
            click.echo(
                f"then: kubectl mlhops report {name} --evaluation {view.evaluation} --from report.html",
                err=True,
            )
        return Exit.UNREACHED
    content = _checked(view, source)
    if file is not None:
        _write(Path(file), content)
    if opened:
        _open(Path(file) if file is not None else source)
    click.echo(f"{source} is the report: its sha256 is that of the status", err=True)
    return Exit.WELL


def _found(kubectl: Kubectl, name: str, named: str, measured: str | None) -> ReportView:
    if measured is not None:
        evaluation = kubectl.get(EVALUATIONS, measured)
        if text(evaluation, "spec", "model") != name:
            raise Trouble(f"{measured} is no Evaluation of {name}", exit_=Exit.USAGE)
        return report_of(evaluation)
    evaluations = kubectl.list_of(EVALUATIONS, fields=f"spec.model={name}")
    found = subject(kubectl.get(MODELS, name), named, [], evaluations)
    if found is None or found.evaluation is None:
        about = f" of {named}" if named else ""
        raise Trouble(f"no Evaluation{about} of {name} has ended: there is no report")
    return report_of(found.evaluation)


def _source(view: ReportView, copy: str | None) -> Path | None:
    """Return the file that ought to be the report, None where this machine has none."""
    if copy is not None:
        return Path(copy)
    parts = urlsplit(view.uri)
    path = Path(parts.path)
    local = parts.scheme == "file" and not parts.netloc
    return path if local and path.is_file() else None


def _checked(view: ReportView, source: Path) -> bytes:
    try:
        if source.stat().st_size > _MOST_BYTES:
            raise Trouble(f"{source} is larger than a report can be", exit_=Exit.BAD)
        content = source.read_bytes()
    except OSError as error:
        raise Trouble(f"{source} cannot be read: {error.strerror}", exit_=Exit.USAGE) from error
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if found != view.digest:
        raise Trouble(
            f"{source} is not the report of {view.evaluation}: its digest is {found}, "
            f"and the status has {view.digest or 'none'}",
            "it was changed, or it is the report of another Evaluation",
            Exit.BAD,
        )
    return content


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}", exit_=Exit.USAGE) from error


def _open(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        raise Trouble(f"no browser was found to open {path} with")
