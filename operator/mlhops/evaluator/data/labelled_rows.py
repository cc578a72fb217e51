"""The people in held-out data: outcome and groups of each, checked before any is scored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mlhops.api.columns import told
from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.interface import Group
from mlhops.evaluator.data.convert import canonical, encoded, is_text, spelling
from mlhops.evaluator.data.ids import Ids
from mlhops.evaluator.data.read import Batch, Column, Table
from mlhops.evaluator.data.subgroups import Levels, coder
from mlhops.evaluator.errors import CannotTellError, EvaluationError, counted
from mlhops.statistics.arrays import Bools

_ROWS_AT_ONCE = 65_536
_MOST_CLASSES = 2

Wanted: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True)
class LabelledRows:
    """What is known of each person apart from the model's inputs."""

    label: Bools
    classes: frozenset[str]
    """The two values of the label, in canonical text."""
    levels: dict[str, Levels]
    """For each group that a gate names."""

    @property
    def rows(self) -> int:
        """How many people there are."""
        return len(self.label)


def read(table: Table, spec: EvaluationSpec) -> LabelledRows:
    """Return the people in the data.

    Raises:
        EvaluationError: a column or a value is missing, repeated or not understood.
        CannotTellError: everybody has the same outcome.
    """
    groups = used_groups(spec)
    table.require(
        _wanted(spec, groups),
        opaque=spec.data.id_column,
        dates=[
            *(group.column for group in groups if group.date_bins),
            *(feature.name for feature in spec.interface.features if feature.date),
        ],
    )
    coders = {group.name: coder(group, spec.cells) for group in groups}
    labels = _Labels(spec)
    ids = Ids(spec.data.id_column) if spec.data.id_column is not None else None
    for batch in _batches(table, spec, groups):
        labels.add(batch[spec.data.label_column])
        for group in groups:
            coders[group.name].add(batch[group.column])
        if ids is not None:
            ids.add(batch[ids.name])
    label = labels.result()
    if ids is not None:
        ids.check()
    levels = {name: each.levels() for name, each in coders.items()}
    return LabelledRows(label, labels.classes, levels)


def used_groups(spec: EvaluationSpec) -> list[Group]:
    """Return the declared groups that gates name.

    Raises:
        EvaluationError: a gate names a group that is not declared.
    """
    declared = {group.name: group for group in spec.interface.groups}
    names: dict[str, str] = {}
    for gate in spec.gates:
        if gate.across is not None:
            named = [*gate.across.groups, *(n for part in gate.across.intersections for n in part)]
            names |= dict.fromkeys(named, gate.name)
    for name, gate_name in names.items():
        if name not in declared:
            raise EvaluationError(
                f"gate {gate_name} names the group {name}, which spec.interface.groups does not "
                "declare"
            )
    return [declared[name] for name in names]


def _wanted(spec: EvaluationSpec, groups: Sequence[Group]) -> Wanted:
    wanted = [(spec.data.label_column, "data.labelColumn")]
    if spec.data.id_column is not None:
        wanted.append((spec.data.id_column, "data.idColumn"))
    wanted += [(group.column, f"group {group.name}") for group in groups]
    return wanted + [(feature.name, "feature") for feature in spec.interface.features]


def _batches(table: Table, spec: EvaluationSpec, groups: Sequence[Group]) -> Iterator[Batch]:
    columns = [spec.data.label_column, *(group.column for group in groups)]
    if spec.data.id_column is not None:
        columns.append(spec.data.id_column)
    return table.batches(columns, _ROWS_AT_ONCE)


class _Labels:
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
        if len(label) == 0:
            raise EvaluationError("the data are empty: there is no row at data.uri to measure on")
        if self._missing:
            raise EvaluationError(
                f"label column {told(self._column)} has no value in {counted(self._missing, 'row')} of "
                f"{len(label):,}: complete the outcomes or remove these rows on purpose; leaving "
                "them out silently would bias the verdict"
            )
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
