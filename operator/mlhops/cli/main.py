"""`kubectl mlhops`: the list of commands, each loaded when it is asked for, and how they end."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from mlhops.cli.catalog import COMMANDS, PROGRAM
from mlhops.cli.exits import Exit, Trouble

_INTERRUPTED = 130


def command_of(name: str) -> click.Command | None:
    """Load a command, None where there is none of that name."""
    entry = COMMANDS.get(name)
    if entry is None:
        return None
    module = importlib.import_module(f"mlhops.cli.commands.{entry.module}")
    command = getattr(module, entry.attribute)
    if not isinstance(command, click.Command):
        raise TypeError(f"{name} is no command")
    return command


class Plugin(click.Group):
    """A group whose commands are loaded one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, None where there is none of that name."""
        return command_of(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is asked for; of a word that is none, say which it may have meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f": did you mean {close[0]}?" if close else f": see {PROGRAM} --help"
            ctx.fail(f"no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands, section by section."""
        width = max(len(name) for name in COMMANDS)
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [(n.ljust(width), e.help) for n, e in COMMANDS.items() if e.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


_EPILOG = """\b
Exit codes, the same for every output:
  0 well, or done            3 not decided yet, or timed out
  1 bad, or Ignored          4 not reached, not found or forbidden
  2 the command was wrong
"""


def plugin() -> Plugin:
    """Return the plug-in, with its own options."""
    from mlhops.cli.options import with_connection

    @click.pass_context
    def start(ctx: click.Context, /, **given: object) -> None:
        from mlhops.cli.kubectl import Connection

        ctx.obj = Connection(**given)  # type: ignore[arg-type]

    group = Plugin(
        name=PROGRAM,
        callback=start,
        help="See how clinical models stand, and decide on their versions.",
        epilog=_EPILOG,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    with_connection(start)
    group.params = list(reversed(getattr(start, "__click_params__", [])))
    return group


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code."""
    try:
        code = plugin().main(
            args=None if arguments is None else list(arguments),
            prog_name=PROGRAM,
            standalone_mode=False,
        )
    except Trouble as trouble:
        click.echo(f"error: {trouble.message}", err=True)
        if trouble.remedy:
            click.echo(f"       {trouble.remedy}", err=True)
        return trouble.exit
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return _INTERRUPTED
    except BrokenPipeError:
        # Who reads along has seen enough; what is left is not to be written as Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.WELL
    return int(code) if isinstance(code, int) else Exit.WELL


def run() -> None:
    """Run as a program."""
    sys.exit(main())
