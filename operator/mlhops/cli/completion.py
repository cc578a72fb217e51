"""What kubectl offers after a press of the Tab key: commands, flags, models, and what flags take.

kubectl runs `kubectl_complete-mlhops` with the words after the plug-in's name, the last being the one under the
cursor. Each candidate is a line with its help behind a tab; the last line tells the shell to offer no files.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlhops.cli.catalog import COMMANDS

if TYPE_CHECKING:
    import click

_NO_FILES = ":4"
_FILES = ":0"
"""The line that tells the shell to offer files where nothing else is."""
_CONNECTION = {
    "-n": "--namespace",
    "--namespace": "--namespace",
    "--context": "--context",
    "--kubeconfig": "--kubeconfig",
    "--as": "--as",
    "--as-group": "--as-group",
    "--request-timeout": "",
}
"""Flags that say which cluster is asked, and what they are called for kubectl."""
_COLUMNS = "--output=custom-columns=:.metadata.name,:.{}"
_DIFFERING = ("stable", "candidate", "previous")
_BELOW = {"audit": ("timeline", "export", "verify")}
"""Commands of commands."""


@dataclass(frozen=True)
class Words:
    """A command line as far as it is typed."""

    command: str
    """The command; empty where none is typed yet."""
    arguments: tuple[str, ...]
    """Words behind the command that are no flags."""
    flags: tuple[str, ...]
    """The connection, as flags of kubectl."""
    pending: str
    """The flag that waits for its value; empty where none does."""
    current: str
    """The word under the cursor, perhaps empty."""


def parsed(words: Sequence[str], takes_value: Iterable[str] = ()) -> Words:
    """Return what the words mean.

    Args:
        words: behind the plug-in's name, the last one under the cursor.
        takes_value: flags of the command that take a value.
    """
    valued, before = {*_CONNECTION, *takes_value}, list(words[:-1])
    command, pending, arguments, flags = "", "", [], []
    for word in before:
        if pending:
            name = _CONNECTION.get(pending, "")
            flags += [f"{name}={word}"] if name else []
            pending = ""
        elif word.startswith("-"):
            flag, equals, value = word.partition("=")
            name = _CONNECTION.get(flag, "")
            flags += [f"{name}={value}"] if equals and name else []
            pending = flag if not equals and flag in valued else ""
        elif not command:
            command = word
        else:
            arguments.append(word)
    current = words[-1] if words else ""
    return Words(command, tuple(arguments), tuple(flags), pending, current)


def candidates(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return what the word under the cursor may become, each with its help."""
    line = parsed(words)
    if not line.command and not line.pending and not line.current.startswith("-"):
        yield from ((name, entry.help) for name, entry in COMMANDS.items())
        return
    if not line.current.startswith("-") and not _has_own_flags(words):
        yield from _named(line)
        return
    command = _loaded(line.command, line.arguments)
    options = command.params if command is not None else []
    valued = [name for each in options if not _is_flag(each) for name in each.opts]
    line = parsed(words, valued)
    if line.pending:
        yield from _values(line, options)
    elif line.current.startswith("-"):
        names = _CONNECTION if command is None else {}
        yield from ((name, "") for name in names if name.startswith("--"))
        for each in options:
            helps = getattr(each, "help", None)
            yield from ((name, helps or "") for name in each.opts if name.startswith("--"))
    else:
        yield from _named(line)


def _has_own_flags(words: Sequence[str]) -> bool:
    """Whether a flag was typed that only the command knows; without one it need not be loaded."""
    flags = (word.partition("=")[0] for word in words if word.startswith("-"))
    waits = len(words) > 1 and words[-2] in _CONNECTION
    return waits or any(flag not in _CONNECTION for flag in flags)


def _named(line: Words) -> Iterator[tuple[str, str]]:
    """Return what a command is about, as far as the word under the cursor names it."""
    if line.command == "evaluation" and not line.arguments:
        yield from _objects(line, "evaluations.mlhops.io", "status.phase")
    elif line.command in _BELOW and not line.arguments:
        yield from ((name, "") for name in _BELOW[line.command])
    elif line.command == "diff" and line.arguments:
        yield from ((name, "") for name in _DIFFERING)
    elif _takes_model(line):
        yield from _objects(line, "clinicalmodels.mlhops.io", "status.phase")


def _takes_model(line: Words) -> bool:
    if line.command not in COMMANDS or line.command in ("check", "evaluation", "lint"):
        return False
    if line.command in _BELOW:
        return line.arguments in (("timeline",), ("export",))
    return not line.arguments or line.command == "status"


def _loaded(name: str, arguments: Sequence[str]) -> click.Command | None:
    from mlhops.cli.main import command_of

    found = command_of(name)
    below = getattr(found, "commands", {})
    return below.get(arguments[0], found) if arguments else found


def _is_flag(option: click.Parameter) -> bool:
    return option.param_type_name != "option" or getattr(option, "is_flag", False) is True


def _values(line: Words, options: Sequence[click.Parameter]) -> Iterator[tuple[str, str]]:
    """Return what a flag takes."""
    if line.pending in ("-n", "--namespace"):
        yield from _objects(line, "namespaces", "status.phase")
    elif line.pending == "--context":
        yield from ((name, "") for name in _asked(["config", "get-contexts", "--output=name"]))
    elif line.pending == "--gate" and line.arguments:
        path = "--output=jsonpath={range .spec.evaluation.gates[*]}{.name}{'\\n'}{end}"
        asked = ["get", "clinicalmodels.mlhops.io", line.arguments[0], path, *line.flags]
        yield from ((name, "") for name in _asked(asked))
    for each in options:
        if line.pending in each.opts:
            yield from ((str(choice), "") for choice in getattr(each.type, "choices", ()))


def _objects(line: Words, kind: str, column: str) -> Iterator[tuple[str, str]]:
    """Return the names of objects, each with a word of its status."""
    flags = (
        line.flags if kind != "namespaces" else [f for f in line.flags if "--namespace" not in f]
    )
    asked = ["get", kind, "--no-headers", _COLUMNS.format(column), *flags]
    for row in _asked(asked):
        name, _, said = row.partition(" ")
        yield name, said.strip().replace("<none>", "")


def _asked(arguments: Sequence[str]) -> list[str]:
    """Return the lines that kubectl answers; none where it does not, since nobody reads an error here."""
    program = shutil.which("kubectl")
    if program is None:
        return []
    command = [program, *arguments, "--request-timeout=2s"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    return [row for row in done.stdout.splitlines() if row.strip()] if done.returncode == 0 else []


def lines(words: Sequence[str]) -> list[str]:
    """Return what is printed for the shell."""
    current = words[-1] if words else ""
    found = [each for each in candidates(words) if each[0].startswith(current)]
    told = [f"{name}\t{said}" if said else name for name, said in found]
    return [*told, _FILES if not told and parsed(words).command == "lint" else _NO_FILES]


def run() -> None:
    """Run as a program."""
    sys.stdout.write("\n".join(lines(sys.argv[1:])) + "\n")
