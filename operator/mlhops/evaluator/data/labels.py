"""The label column of held-out data, as the task of the model reads it: checked, none missing."""

from typing import Protocol, TypeAlias, assert_never

import numpy as np
import pyarrow.types as types

from mlhops.api.columns import told
from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.data.convert import (
    canonical,
    encoded,
    is_text,
    numbers_and_others,
    plain,
    spelling,
)
from mlhops.evaluator.data.read import Column
from mlhops.evaluator.errors import CannotTellError, EvaluationError, counted
from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference.numeric import MOST, is_measurable

_MOST_CLASSES = 2
_FEW_VALUES = 3
"""A number that takes fewer values is a class in truth."""

Labels: TypeAlias = Bools | Floats | Indices


class LabelReader(Protocol):
    """Reads the label column, one batch of rows after the other."""

    def add(self, column: Column) -> None:
        """Read a batch.

        Raises:
            EvaluationError: a value is not understood.
        """

    @property
    def classes(self) -> frozenset[str]:
        """The values of a label that has but a few, in canonical text; none of a number."""

    def result(self) -> Labels:
        """Return the outcome of each row.

        Raises:
            EvaluationError: there is no row, or one without an outcome, or the outcomes are not of the task.
            CannotTellError: everybody has the same outcome.
        """


def reader(spec: EvaluationSpec) -> LabelReader:
    """Return what reads the labels of a spec's task."""
    match spec.interface.task:
        case "Binary":
            return _BinaryLabels(spec)
        case "Multiclass":
            return _ClassLabels(spec)
        case "Regression":
            return _NumericLabels(spec)
        case other:
            assert_never(other)


def _refuse_incomplete(rows: int, missing: int, column: str) -> None:
    """Refuse data without a row, and rows without an outcome."""
    if rows == 0:
        raise EvaluationError("the data are empty: there is no row at data.uri to measure on")
    if missing:
        raise EvaluationError(
            f"label column {told(column)} has no value in {counted(missing, 'row')} of "
            f"{rows:,}: complete the outcomes or remove these rows on purpose; leaving "
            "them out silently would bias the verdict"
        )


class _BinaryLabels:
    """The label column: two values, none missing, one of them the positive class.

    An outcome may be written in several ways, `1` and `1.0` say: two outcomes are never made one by that,
    since there are two of them only.
    """

    def __init__(self, spec: EvaluationSpec) -> None:
        self._column = spec.data.label_column
        self._wanted = spec.interface.output.positive_class
        self._decides = spec.interface.output.type == "Class"
        self._parts: list[Bools] = []
        self._missing = 0
        self._classes: set[str] = set()

    def add(self, column: Column) -> None:
        read = spelling if is_text(column) else canonical
        codes, texts = encoded(column)
        self._missing += int((codes < 0).sum())
        self._classes |= {read(texts[code]) for code in np.unique(codes[codes >= 0])}
        if len(self._classes) > _MOST_CLASSES:
            raise EvaluationError(
                f"label column {told(self._column)} has more than two values: name a column with a "
                "yes/no outcome in data.labelColumn"
            )
        positive = read(self._wanted)
        table = np.array([*(read(text) == positive for text in texts), False], dtype=bool)
        self._parts.append(table[codes])

    @property
    def classes(self) -> frozenset[str]:
        """The two values in canonical text, as a model that answers with classes is understood."""
        return frozenset(map(canonical, self._classes))

    def result(self) -> Bools:
        label = np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=bool)
        _refuse_incomplete(len(label), self._missing, self._column)
        if len(self._classes) == 1:
            present, absent = ("positive", "negative") if label.all() else ("negative", "positive")
            raise CannotTellError(
                f"label column {told(self._column)} has only one class, {present}, in "
                f"{counted(len(label), 'row')}: add rows with a {absent} outcome, or correct "
                "output.positiveClass"
            )
        if not label.any():
            raise EvaluationError(
                f"no value of label column {told(self._column)} equals output.positiveClass "
                f"{self._wanted!r}: set positiveClass to the label's positive value"
            )
        if self._decides and len(self.classes) < _MOST_CLASSES:
            raise EvaluationError(
                f"label column {told(self._column)} has two values that are one number: give them other "
                "words, since a model's answers are compared as numbers"
            )
        return label


class _ClassLabels:
    """The label column: one of the declared classes in each row, none missing."""

    def __init__(self, spec: EvaluationSpec) -> None:
        self._column = spec.data.label_column
        self._names = spec.interface.output.classes or []
        self._parts: list[Indices] = []
        self._missing = self._foreign = 0

    def add(self, column: Column) -> None:
        read = spelling if is_text(column) else canonical
        codes, texts = encoded(column)
        known = {read(name): place for place, name in enumerate(self._names)}
        table = np.array([*(known.get(read(text), -1) for text in texts), -1], dtype=np.intp)
        missing = int((codes < 0).sum())
        self._missing += missing
        self._foreign += int((table[codes] < 0).sum()) - missing
        self._parts.append(table[codes])

    @property
    def classes(self) -> frozenset[str]:
        """The declared classes."""
        return frozenset(map(canonical, self._names))

    def result(self) -> Indices:
        label = np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=np.intp)
        _refuse_incomplete(len(label), self._missing, self._column)
        if len(self.classes) < len(self._names):
            raise EvaluationError(
                "interface.output.classes has two names that are one number: give them other words, here and in the "
                "label column"
            )
        if self._foreign:
            raise EvaluationError(
                f"label column {told(self._column)} has a value that interface.output.classes does not list in "
                f"{counted(self._foreign, 'row')} of {len(label):,}: list all classes there, or correct these outcomes"
            )
        if len(np.unique(label)) == 1:
            raise CannotTellError(
                f"label column {told(self._column)} has only one class in {counted(len(label), 'row')}: add rows with "
                "other outcomes"
            )
        return label


class _NumericLabels:
    """The label column: finite numbers within the declared range, none missing."""

    def __init__(self, spec: EvaluationSpec) -> None:
        self._column = spec.data.label_column
        self._range = spec.interface.output.range
        self._parts: list[Floats] = []
        self._others = 0

    def add(self, column: Column) -> None:
        if types.is_boolean(plain(column).type):
            raise EvaluationError(
                f"label column {told(self._column)} holds truth values, but interface.task is Regression: set it to "
                "Binary, or name a column of numbers in data.labelColumn"
            )
        values, others = numbers_and_others(column)
        self._others += others.total()
        self._parts.append(values)

    @property
    def classes(self) -> frozenset[str]:
        """None: a number is no class."""
        return frozenset()

    def result(self) -> Floats:
        label = np.concatenate(self._parts) if self._parts else np.zeros(0)
        if self._others:
            raise EvaluationError(
                f"label column {told(self._column)} has no finite number in {counted(self._others, 'row')} of "
                f"{len(label):,}, but interface.task is Regression: correct these outcomes, or name a column of "
                "numbers in data.labelColumn"
            )
        _refuse_incomplete(len(label), int(np.isnan(label).sum()), self._column)
        self._refuse_beyond(label)
        huge = int((~is_measurable(label)).sum())
        if huge:
            raise EvaluationError(
                f"label column {told(self._column)} has numbers beyond {MOST:g} in {counted(huge, 'row')} of "
                f"{len(label):,}: correct these outcomes, or their unit"
            )
        values = len(np.unique(label))
        if values == 1:
            raise CannotTellError(
                f"label column {told(self._column)} has the same number in {counted(len(label), 'row')}: add rows "
                "with other outcomes"
            )
        if values < _FEW_VALUES:
            raise EvaluationError(
                f"label column {told(self._column)} has two numbers only, but interface.task is Regression: set it to "
                "Binary, or name the column with the measured outcome in data.labelColumn"
            )
        return label

    def _refuse_beyond(self, label: Floats) -> None:
        plausible = self._range
        if plausible is None:
            return
        low = -np.inf if plausible.min is None else plausible.min
        high = np.inf if plausible.max is None else plausible.max
        beyond = int(((label < low) | (label > high)).sum())
        if beyond:
            raise EvaluationError(
                f"label column {told(self._column)} is beyond interface.output.range in {counted(beyond, 'row')} of "
                f"{len(label):,}: correct these outcomes or their unit, or the range"
            )
