"""Tasks: one file for each type of outcome that models predict.

A task says as what a model may answer and which kinds of cases are counted; `measures` and the evaluator take them
from here. Start reading at `task.py`. Imports nothing of the others, and no NumPy.
"""

from mlhops.tasks import binary, multiclass, regression

__all__ = ["binary", "multiclass", "regression"]
