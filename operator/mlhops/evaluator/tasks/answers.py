"""From a model server's answer to one score or class per row; what is odd is refused."""

from collections.abc import Sequence

import numpy as np

from mlhops.api.base import Json
from mlhops.api.interface import Output
from mlhops.evaluator.data.convert import canonical
from mlhops.evaluator.errors import EvaluationError, counted
from mlhops.inputs import answers as read
from mlhops.inputs.classes import PAIR
from mlhops.inputs.flaws import Flaw, FlawedError
from mlhops.inputs.tensors import Tensor, as_decoded, flattened
from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.tasks.task import TaskName

Values = Sequence[Json]
Labels = frozenset[str]
_ROUNDING = 1e-6
"""A probability may leave 0..1 by the rounding of single precision."""
_SUM = 0.01
"""By how much the probabilities of all classes may miss 1: some servers round each to a few digits."""
_MANY = Output(type="Probability")
_ENOUGH_ROWS = 50
"""So many probabilities are not all 0 or 1 by chance."""


def of_v1(
    body: Json,
    output: Output,
    rows: int,
    labels: Labels = frozenset(),
    task: TaskName = "Binary",
) -> Values:
    """Return one value per row from a v1 answer."""
    predictions = body.get("predictions") if isinstance(body, dict) else None
    try:
        answer = read.of_v1(predictions, output.name, mixed=False)
    except FlawedError as error:
        if error.flaw is Flaw.RAGGED:
            raise EvaluationError("the model's answers differ in length from row to row") from error
        raise EvaluationError(
            "the model's answer has no list `predictions`, which the v1 protocol asks for: check "
            "that predictor.protocolVersion is what the server speaks"
        ) from error
    return _one_per_row(answer, output, rows, labels, task)


def of_v2(
    tensors: Sequence[tuple[str, Sequence[int], Sequence[Json]]],
    output: Output,
    rows: int,
    labels: Labels = frozenset(),
    datatypes: Sequence[str] = (),
    task: TaskName = "Binary",
) -> Values:
    """Return one value per row from the output tensors of a v2 answer.

    Args:
        tensors: name, shape and data of each.
        output: what the interface says of the answer.
        rows: how many rows were sent.
        labels: the values of the label as text.
        datatypes: of each tensor, where they are known.
        task: what is predicted.
    """
    try:
        place = read.output_of([name for name, _, _ in tensors], output.name)
    except FlawedError as error:
        raise EvaluationError(
            f"the model answers with {counted(len(tensors), 'tensor')}, none or several of them "
            f"named {output.name}: set interface.output.name to the one that holds the score"
        ) from error
    found = datatypes[place] if datatypes else output.datatype
    if output.datatype is not None and found != output.datatype:
        raise EvaluationError(
            f"the model answers with a tensor of {found}, but interface.output.datatype is "
            f"{output.datatype}: correct it, or remove it if any type will do"
        )
    name, shape, data = tensors[place]
    flat = flattened(data)
    try:
        answer = as_decoded(name, shape, flat)
    except FlawedError as error:
        raise EvaluationError(
            f"the model's answer holds {counted(len(flat), 'value')}, which does not fit its own "
            f"shape {list(shape)}"
        ) from error
    return _one_per_row(answer, output, rows, labels, task)


def _one_per_row(
    answer: Tensor, output: Output, rows: int, labels: Labels, task: TaskName
) -> Values:
    """Return one value per row: the only one, or of one for each class the positive class's, or all of them."""
    if task == "Multiclass" and output.type == "Probability":
        return _one_of_each(answer, output, rows)
    try:
        return read.one_per_row(answer, output, rows=rows, labels=labels)
    except FlawedError as error:
        if error.flaw is Flaw.UNCLEAR_CLASS:
            raise EvaluationError(
                "the model answers with two columns, and it is not certain which is the score of "
                f"output.positiveClass {output.positive_class!r}: list the classes in the server's "
                "order in interface.output.classes (of scikit-learn, the model's classes_, which are "
                "sorted), or serve one score per row"
            ) from error
        raise EvaluationError(
            f"the model's answer has the shape {list(answer.shape)}, but {_wanted(output, rows)} "
            f"was expected for {counted(rows, 'row')} and output type {output.type}: serve a model "
            f"that gives one {output.type} per row{_naming(output, answer.shape, rows)}"
        ) from error


def _one_of_each(answer: Tensor, output: Output, rows: int) -> Values:
    """Return for each row a list of one value for each class."""
    width = len(output.classes or ())
    if list(answer.shape) != [rows, width]:
        raise EvaluationError(
            f"the model's answer has the shape {list(answer.shape)}, but [{rows}, {width}] was expected for "
            f"{counted(rows, 'row')} and {width} classes in interface.output.classes: list all of them in the server's "
            "order, serve probabilities (KServe's scikit-learn server does with PREDICT_PROBA=true in predictor.env), "
            "or set output.type to Class"
        )
    return [list(answer.flat[row * width : (row + 1) * width]) for row in range(rows)]


def _wanted(output: Output, rows: int) -> str:
    pair = f" or [{rows}, {len(output.classes or ()) or PAIR}]"
    return f"[{rows}] or [{rows}, 1]" + ("" if output.type in ("Class", "Value") else pair)


def _naming(output: Output, shape: Sequence[int], rows: int) -> str:
    if output.type in ("Class", "Value") or len(shape) != PAIR or shape[0] != rows:
        return ""
    if output.classes is not None:
        return ", or list as many classes in interface.output.classes as it has columns"
    return ", or list the classes of its columns in interface.output.classes"


def scores(values: Values, output: Output) -> Floats:
    """Return the values as scores.

    Raises:
        EvaluationError: a value is not a finite number, or a probability is not between 0 and 1.
    """
    numbers = np.array([_number(value, output) for value in values], dtype=np.float64)
    strange = int((~np.isfinite(numbers)).sum())
    if strange:
        raise EvaluationError(
            f"the model answers NaN, null or infinity for {counted(strange, 'row')} of a batch of "
            f"{len(numbers):,}: a {'value' if output.type == 'Value' else 'score'} must be a finite number for every "
            "patient; correct how the "
            "model treats missing values"
        )
    if output.type == "Probability":
        outside = int(((numbers < -_ROUNDING) | (numbers > 1 + _ROUNDING)).sum())
        if outside:
            raise EvaluationError(
                f"the model answers with numbers outside 0..1 for {counted(outside, 'row')} of a "
                f"batch of {len(numbers):,}, but output.type is Probability: set it to Score, or "
                "serve probabilities"
            )
        return np.clip(numbers, 0.0, 1.0)
    return numbers


def refuse_classes(score: Floats, output: Output) -> None:
    """Refuse probabilities that are decisions in truth: no threshold would change them.

    Raises:
        EvaluationError: all scores of the data are 0 or 1, though declared as probabilities.
    """
    if output.type != "Probability" or len(score) < _ENOUGH_ROWS:
        return
    if np.isin(score, (0.0, 1.0)).all():
        raise EvaluationError(
            f"the model answers with nothing but 0 and 1 in {counted(len(score), 'row')}, but "
            "interface.output.type is Probability: serve probabilities (KServe's scikit-learn "
            "server does with PREDICT_PROBA=true in predictor.env), or set output.type to Class "
            "and remove the threshold"
        )


def classes(values: Values, output: Output, known: frozenset[str]) -> Bools:
    """Return whether each value is the positive class.

    Raises:
        EvaluationError: the model answers with a class that the label column does not have.
    """
    names = np.array(
        ["" if value is None else canonical(_text(value)) for value in values], dtype=object
    )
    foreign = sum(name not in known for name in names)
    if foreign:
        raise EvaluationError(
            "the model answers with classes that the label column does not have for "
            f"{counted(foreign, 'row')} of a batch of {len(names):,}: make labels and classes the "
            "same, or set output.type to Probability or Score"
        )
    return np.asarray(names == canonical(output.positive_class), dtype=bool)


def probabilities(values: Values, classes: int) -> Floats:
    """Return the probability of each class, float[rows, classes].

    Raises:
        EvaluationError: a value is no probability, or those of a row do not add up to 1.
    """
    flat = [
        _number(each, _MANY) for row in values for each in (row if isinstance(row, list) else [row])
    ]
    found = np.array(flat, dtype=np.float64).reshape(len(values), classes)
    scores(flat, _MANY)
    wrong = int((np.abs(found.sum(axis=1) - 1) > _SUM).sum())
    if wrong:
        raise EvaluationError(
            f"the model's probabilities of {counted(wrong, 'row')} of a batch of {len(found):,} do not add up to 1, "
            "but interface.task is Multiclass: serve a probability of each class (softmax), or describe another task"
        )
    return np.clip(found, 0.0, 1.0)


def places(values: Values, classes: Sequence[str]) -> Indices:
    """Return the number of each value's class.

    Raises:
        EvaluationError: the model answers with a class that the interface does not list.
    """
    known = {canonical(name): place for place, name in enumerate(classes)}
    found = [-1 if value is None else known.get(canonical(_text(value)), -1) for value in values]
    foreign = found.count(-1)
    if foreign:
        raise EvaluationError(
            "the model answers with classes that interface.output.classes does not list for "
            f"{counted(foreign, 'row')} of a batch of {len(found):,}: list them there, or set output.type to "
            "Probability"
        )
    return np.array(found, dtype=np.intp)


def _number(value: object, output: Output) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, bool | int | float) and not (
        isinstance(value, bool) and output.type == "Value"
    ):
        try:
            return float(value)
        except OverflowError:  # a whole number beyond all floats
            return float("inf")
    other = "" if output.type == "Value" else ", or set output.type to Class"
    raise EvaluationError(
        f"the model answers with {type(value).__name__}, but output.type is {output.type}: serve "
        f"numbers{other}"
    )


def _text(value: object) -> object:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
