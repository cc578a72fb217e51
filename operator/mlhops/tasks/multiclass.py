"""One of several classes as outcome, such as a triage level: every row is a case.

How many rows of which class a group has is not told; measures that need some of each are undefined without.
"""

from mlhops.tasks.task import ROWS, Task, register

MULTICLASS = register(
    Task(
        name="Multiclass",
        outcome="one of several classes",
        answers=("Probability", "Class"),
        counted=(ROWS,),
    )
)
