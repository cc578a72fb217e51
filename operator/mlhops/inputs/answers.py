"""From a model's answer to one value for each row. A v1 answer is one tensor without a type."""

import math
from collections.abc import Collection, Sequence

from mlhops.api.base import Json
from mlhops.api.interface import Output
from mlhops.inputs.classes import PAIR, column_of
from mlhops.inputs.flaws import Flaw, FlawedError
from mlhops.inputs.tensors import Tensor
from mlhops.statistics.values import canonical

_MATRIX = 2
"""How many dimensions an answer has at most where its rows are known."""


def of_v1(predictions: Json, name: str, *, mixed: bool) -> Tensor:
    """Return a v1 answer.

    Args:
        predictions: what stands there.
        name: the output's, by which a row that is a dict has its value.
        mixed: whether some rows may be dicts and others not.

    Raises:
        FlawedError: it is no list, or its rows differ in length.
    """
    if not isinstance(predictions, list):
        raise FlawedError(Flaw.NO_PREDICTIONS)
    if mixed or all(isinstance(row, dict) for row in predictions):
        predictions = [row.get(name) if isinstance(row, dict) else row for row in predictions]
    lists = [row for row in predictions if isinstance(row, list)]
    if not lists:
        return Tensor(name, [len(predictions)], predictions)
    widths = {len(row) for row in lists}
    if len(lists) < len(predictions) or len(widths) > 1:
        raise FlawedError(Flaw.RAGGED)
    return Tensor(name, [len(lists), widths.pop()], [value for row in lists for value in row])


def output_of(names: Sequence[str], name: str) -> int:
    """Return which of a v2 answer's tensors is the declared output: the one of that name, or the only one.

    Raises:
        FlawedError: it is none, or one of several.
    """
    named = [place for place, each in enumerate(names) if each == name]
    chosen = named or list(range(len(names)))
    if len(chosen) != 1:
        raise FlawedError(Flaw.WHICH_OUTPUT)
    return chosen[0]


def one_per_row(
    answer: Tensor,
    output: Output,
    *,
    rows: int | None = None,
    labels: Collection[str] = (),
    found: int | None = None,
) -> Sequence[Json]:
    """Return one value per row: the only one, or of one for each class the positive class's.

    Args:
        answer: one value for each row, or one for each class.
        output: what the interface says of it.
        rows: how many rows were asked about; where that is not known an answer may have any number.
        labels: the values of the label as text, by which two columns may be told apart.
        found: which of two columns is the score, as the evaluation has found.

    Raises:
        FlawedError: the answer has another shape, or it is not certain which column counts.
    """
    width = answer.width
    fits = rows is None or (answer.shape[:1] == [rows] and len(answer.shape) <= _MATRIX)
    if fits and width == 1:
        return answer.flat
    classes = len(output.classes) if output.classes is not None else PAIR
    if not fits or output.type in ("Class", "Value") or width != classes:
        raise FlawedError(Flaw.WRONG_WIDTH)
    column = column_of(output, width, labels)
    if column is None and output.classes is None:
        column = found
    if column is None:
        raise FlawedError(Flaw.UNCLEAR_CLASS)
    return answer.flat[column::width]


def one_class_per_row(answer: Tensor, output: Output) -> Sequence[Json]:
    """Return the name of one of several classes for each row, as a profile has it.

    Raises:
        FlawedError: the answer has another shape than the declared one.
    """
    names = output.classes or []
    if output.type == "Class":
        if answer.width != 1:
            raise FlawedError(Flaw.WRONG_WIDTH)
        return [
            canonical(each) if isinstance(each, str | int | float) else None for each in answer.flat
        ]
    if answer.width != len(names) or len(answer.shape) != _MATRIX:
        raise FlawedError(Flaw.WRONG_WIDTH)
    rows = [answer.flat[at : at + len(names)] for at in range(0, len(answer.flat), len(names))]
    return [_most_probable(row, names) for row in rows]


def _most_probable(row: Sequence[Json], names: Sequence[str]) -> Json:
    """Return the name of the most probable class, None where a probability is none."""
    numbers = [each for each in row if isinstance(each, int | float) and math.isfinite(each)]
    return canonical(names[numbers.index(max(numbers))]) if len(numbers) == len(names) else None
