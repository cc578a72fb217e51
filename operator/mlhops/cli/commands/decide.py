"""One command for each Decision: it says what it will do, asks why, and waits for what the operator answers."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import click

from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import DECISIONS, EVALUATIONS, MODELS, Kubectl
from mlhops.cli.options import NAME, SPAN, Command, connected, printed
from mlhops.cli.output import to_text
from mlhops.cli.terminal import now
from mlhops.cli.text.line import harmless
from mlhops.cli.views.proposal import VERBS, Asked, Objection, Proposal, propose
from mlhops.json_access import text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

_LONGEST = timedelta(days=30)
_WAITS = "it waits for the gates"


@dataclass(frozen=True)
class Manner:
    """How a Decision is made."""

    reason: str
    yes: bool
    dry_run: str
    wait: float
    form: str
    color: str
    allow_impersonation: bool


_OPTIONS = (
    click.option("--reason", default="", help="Why; it is kept in the model's history."),
    click.option(
        "--revision", default="", help="Refuse unless the Decision is about this revision."
    ),
    click.option("-y", "--yes", is_flag=True, help="Do not ask whether it is meant."),
    click.option(
        "--dry-run",
        type=click.Choice(("none", "client", "server")),
        default="none",
        help="Make no Decision; server has the API server look at it.",
    ),
    click.option(
        "--wait",
        type=SPAN,
        default="30s",
        show_default=True,
        help="For an answer; 0s asks for none.",
    ),
    click.option(
        "--allow-impersonation", is_flag=True, help="Decide under --as, in that person's name."
    ),
    click.argument("name", type=NAME, metavar="MODEL"),
)


def _given(command: Command) -> Command:
    """Give a command what all Decisions have, and the manner in which it is made as one argument."""

    @functools.wraps(command)
    def with_manner(**given: object) -> object:
        of = {each.name: given.pop(each.name) for each in fields(Manner)}
        return command(manner=Manner(**cast("dict[str, Any]", of)), **given)

    for option in (printed("table", "json", "yaml", "name"), *reversed(_OPTIONS)):
        with_manner = option(with_manner)
    return cast("Command", with_manner)


def _verb(verb: str, help_: str) -> click.Command:
    """Return the command of an action that needs nothing more than a revision."""

    @click.command(verb, help=help_)
    @_given
    @connected
    def command(kubectl: Kubectl, name: str, revision: str, manner: Manner) -> Exit:
        return _decide(kubectl, name, Asked(verb, revision), manner)

    return command


approve = _verb("approve", "Let the approve step pass that the rollout waits at.")
reject = _verb("reject", "End the attempt at weight 0, since the evidence does not convince.")
promote = _verb(
    "promote", "Skip the steps that are left, never the gates before the first traffic."
)
abort = _verb("abort", "End the attempt at weight 0.")
retry = _verb("retry", "Begin a new attempt, after a failure or where the gates gave no verdict.")
pause = _verb("pause", "Hold the model, whatever version comes.")
resume = _verb("resume", "End a pause step, or a hold.")
evaluate = _verb("evaluate", "Measure what serves again, on the held-out data.")
rollback = _verb("rollback", "Go back to the version before, at once.")


@click.command("override")
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="GATE",
    help="A gate to let pass; several times for more.",
)
@click.option(
    "--for",
    "span",
    type=SPAN,
    default="7d",
    show_default=True,
    help="How long it holds, 30d at most.",
)
@click.option(
    "--failed", is_flag=True, help="Also where the gate has Failed, not only without verdict."
)
@click.option("--serving", is_flag=True, help="Of what serves, although a candidate is on its way.")
@_given
@connected
def override(
    kubectl: Kubectl,
    name: str,
    revision: str,
    gates: tuple[str, ...],
    span: float,
    manner: Manner,
    *,
    failed: bool,
    serving: bool,
) -> Exit:
    """Let gates pass by name, for a time, although they did not."""
    if not 0 < span <= _LONGEST.total_seconds():
        raise click.UsageError("--for: an Override holds for more than nothing and 30d at most")
    expires = now() + timedelta(seconds=span)
    asked = Asked("override", revision, serving, gates, expires, failed)
    return _decide(kubectl, name, asked, manner)


def _decide(kubectl: Kubectl, name: str, asked: Asked, manner: Manner) -> Exit:
    if kubectl.connection.impersonate and not manner.allow_impersonation:
        raise click.UsageError(
            "a Decision under --as has another person's name on it: add --allow-impersonation if that is meant"
        )
    model = kubectl.get(MODELS, name)
    measured = kubectl.list_of(EVALUATIONS, fields=f"spec.model={name}")
    try:
        proposal = propose(asked, model, measured)
    except Objection as objection:
        raise Trouble(f"{VERBS[asked.verb]}: {objection}", exit_=Exit.BAD) from objection
    who = kubectl.whoami()
    _tell(proposal, who)
    reason = manner.reason.strip() or _ask_why()
    if manner.dry_run == "none" and not manner.yes:
        _confirm(proposal)
    wanted = proposal.manifest(reason, who)
    if manner.dry_run == "client":
        return _print(wanted, manner, Exit.WELL)
    made = kubectl.create(DECISIONS, wanted, dry_run=manner.dry_run == "server")
    if manner.dry_run == "server" or not manner.wait:
        return _print(made, manner, Exit.WELL)
    answered = _answer(kubectl, text(made, "metadata", "name"), manner.wait) or made
    return _print(answered, manner, _exit(answered))


def _tell(proposal: Proposal, who: str) -> None:
    """Say what it is about and what it will do, beside the output that a program reads."""
    gates = f" of {', '.join(proposal.gates)}" if proposal.gates else ""
    of = f"{proposal.namespace}/{proposal.model} {proposal.version} (revision {proposal.revision})"
    _say(f"{VERBS[proposal.verb]}{gates}: {of}, by {who}")
    for sentence in proposal.consequences:
        _say(f"  {sentence}")
    for warning in proposal.warnings:
        _say(f"  warning: {warning}")


def _say(sentence: str) -> None:
    click.echo(harmless(sentence), err=True)


def _ask_why() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("say why: --reason '...'; it is kept in the model's history")
    said: str = click.prompt("why (kept in the model's history)", err=True)
    return said.strip()


def _confirm(proposal: Proposal) -> None:
    """Ask whether it is meant; of an Override by the model's name, since it puts a person in the place of a proof."""
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to confirm it: add --yes")
    if proposal.verb == "override":
        said = click.prompt(f"type the model's name ({proposal.model}) to go on", err=True)
        if said != proposal.model:
            raise click.Abort
    else:
        click.confirm("go on?", abort=True, err=True)


def _answer(kubectl: Kubectl, name: str, seconds: float) -> Manifest | None:
    """Return the Decision with the operator's answer, as it is last seen where none comes in time."""
    seen = None
    with kubectl.watch(DECISIONS, name, seconds=seconds) as events:
        for event in events:
            seen = event.object
            status = text(seen, "status", "phase")
            if status in ("Honoured", "Ignored") or text(seen, "status", "message") == _WAITS:
                break
    return seen


def _exit(made: Manifest) -> Exit:
    phase = text(made, "status", "phase")
    return {"Honoured": Exit.WELL, "Ignored": Exit.BAD}.get(phase, Exit.UNDECIDED)


def _print(made: Manifest, manner: Manner, code: Exit) -> Exit:
    name = text(made, "metadata", "name") or text(made, "metadata", "generateName")
    phase, message = text(made, "status", "phase"), text(made, "status", "message")
    if manner.form in ("json", "yaml"):
        click.echo(to_text(made, manner.form), nl=False)
    elif manner.form == "name":
        click.echo(f"decision.mlhops.io/{name}")
    elif manner.dry_run != "none":
        click.echo(f"decision.mlhops.io/{name}: not made (dry run)")
    else:
        click.echo(
            harmless(
                f"decision.mlhops.io/{name} {phase or 'Pending'}: {message or 'no answer yet'}"
            )
        )
    if code is Exit.UNDECIDED and not message:
        _say("the operator has not answered: `kubectl mlhops check` tells whether it is there")
    return code
