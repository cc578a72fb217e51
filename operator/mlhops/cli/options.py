"""Options that commands share: which cluster, and what the output looks like.

kubectl takes no flag before a plug-in's name, so all of them stand after it: before a command or behind it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

import click

from mlhops.cli.kubectl import Connection, Kubectl
from mlhops.cli.output import FORMATS

Command = TypeVar("Command", bound=Callable[..., Any])
_NAME = re.compile(r"(?:[a-z]+(?:\.[a-z.]+)?/)?([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)")

_SPAN = re.compile(r"([0-9]{1,9}[smhd])+")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class ObjectName(click.ParamType[str]):
    """The name of an object of the cluster."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, without the kind that `-o name` writes before it."""
        found = _NAME.fullmatch(value)
        if found is None:
            self.fail(
                f"{value!r} is no name of an object: only a-z, 0-9, - and . are in such names",
                param,
                ctx,
            )
        return found[1]


class DurationOption(click.ParamType[float]):
    """A length of time such as 90s, 10m or 1h30m, as manifests have it; the command gets seconds."""

    name = "time"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds."""
        if isinstance(value, int | float):
            return float(value)
        if _SPAN.fullmatch(value) is None:
            self.fail(f"{value!r} is no time: write it like 90s, 10m, 1h30m or 7d", param, ctx)
        parts = re.findall(r"([0-9]+)([smhd])", value)
        return float(sum(int(number) * _SECONDS[unit] for number, unit in parts))


NAME = ObjectName()
SPAN = DurationOption()

_CONNECTION = (
    click.option(
        "-n", "--namespace", default="", metavar="NAMESPACE", help="Namespace of the model."
    ),
    click.option("--context", default="", metavar="NAME", help="Context of the kubeconfig."),
    click.option("--kubeconfig", default="", metavar="FILE", help="Kubeconfig to use."),
    click.option("--as", "impersonate", default="", metavar="USER", help="Ask as another user."),
    click.option(
        "--as-group",
        "impersonate_groups",
        multiple=True,
        metavar="GROUP",
        help="... of these groups.",
    ),
    click.option(
        "--request-timeout", default="", metavar="TIME", help="How long a request may take."
    ),
)
_COLOR = click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    help="Colours; NO_COLOR turns them off as well.",
)


def connected(command: Command) -> Command:
    """Give a command the options of a connection, and `kubectl` as its first argument."""

    @functools.wraps(command)
    def with_kubectl(*arguments: object, **given: object) -> object:
        own = {each.name: given.pop(each.name) for each in fields(Connection)}
        before = click.get_current_context().obj
        start = before if isinstance(before, Connection) else Connection()
        connection = replace(start, **cast("dict[str, Any]", {k: v for k, v in own.items() if v}))
        return command(Kubectl(connection), *arguments, **given)

    for option in reversed(_CONNECTION):
        with_kubectl = option(with_kubectl)
    return cast("Command", with_kubectl)


def with_connection(command: Command) -> Command:
    """Give the plug-in itself the options of a connection."""
    for option in reversed(_CONNECTION):
        command = option(command)
    return command


def colored(command: Command) -> Command:
    """Give a command the option of colours alone."""
    return _COLOR(command)


def printed(*formats: str) -> Callable[[Command], Command]:
    """Give a command the options of its output: the format, and colours."""
    choice = click.Choice(formats or FORMATS)
    form = click.option(
        "-o", "--output", "form", type=choice, default="table", help="What the output looks like."
    )
    return lambda command: form(_COLOR(command))
