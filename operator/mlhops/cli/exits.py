"""How a command ends: five exit codes, the same whatever its output looks like, and the errors behind them."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlhops.cli.views.answer import Answer


class Exit(IntEnum):
    """An exit code."""

    WELL = 0
    """What was asked about is well; what was asked for is done."""
    BAD = 1
    """What was asked about is bad: Degraded, a failed gate, an Ignored Decision."""
    USAGE = 2
    """The command was given wrongly."""
    UNDECIDED = 3
    """Not decided yet, or not within the time that was given."""
    UNREACHED = 4
    """The cluster did not answer, the object is not there, or it may not be read or written."""


class Trouble(Exception):
    """Why a command cannot do what it was asked, with what helps."""

    def __init__(self, message: str, remedy: str = "", exit_: Exit = Exit.UNREACHED) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.exit = exit_


def of_answers(*answers: Answer) -> Exit:
    """Return the exit code for what was found: bad before undecided before well."""
    found = {str(answer) for answer in answers}
    if "Bad" in found:
        return Exit.BAD
    return Exit.UNDECIDED if "Undecided" in found else Exit.WELL
