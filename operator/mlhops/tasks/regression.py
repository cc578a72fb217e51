"""A number as outcome, such as a length of stay: every row is a case, and no number of them tells another."""

from mlhops.tasks.task import ROWS, Task, register

REGRESSION = register(
    Task(name="Regression", outcome="a number", answers=("Value",), counted=(ROWS,))
)
