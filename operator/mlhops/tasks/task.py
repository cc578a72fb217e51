"""What a type of outcome is: as what a model of it may answer, and which kinds of cases are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, get_args

if TYPE_CHECKING:
    from mlhops.statistics.arrays import Bools

TaskName = Literal["Binary", "Multiclass", "Regression"]
TASK_NAMES: tuple[TaskName, ...] = get_args(TaskName)
OutputType = Literal["Probability", "Score", "Class", "Value"]
"""As what a model answers, as `interface.output.type` has it."""
ROWS = "rows"
"""The kind of cases that every row is."""


class CaseKinds(Protocol):
    """Which rows are cases of which kind."""

    def of(self, cases: str) -> Bools:
        """Return whether each row is a case of a kind, bool[rows].

        Raises:
            KeyError: there is no such kind.
        """


@dataclass(frozen=True)
class AllRows:
    """Cases of an outcome of which every row is one."""

    everybody: Bools
    """True for each row, bool[rows]."""

    def of(self, cases: str) -> Bools:
        """Return that each row is a case, bool[rows].

        Raises:
            KeyError: there is no such kind.
        """
        if cases != ROWS:
            raise KeyError(cases)
        return self.everybody


@dataclass(frozen=True, kw_only=True)
class Task:
    """A type of outcome."""

    name: TaskName
    """As `interface.task` has it."""
    outcome: str
    """What is predicted, in plain words."""
    answers: tuple[OutputType, ...]
    """As what a model of it may answer."""
    counted: tuple[str, ...]
    """The kinds of cases that are told of all people and of each group."""
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Kinds that add up: with the sum and one of two the other is known, too."""
    complement: Mapping[str, str] = field(default_factory=dict)
    """Since the number of all rows is told, the sum of one kind is that of the other, too."""


TASKS: dict[TaskName, Task] = {}
"""All tasks by name."""


def register(task: Task) -> Task:
    """Add a task to those that models may have, and return it."""
    TASKS[task.name] = task
    return task
