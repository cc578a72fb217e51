"""The people in held-out data: outcome and groups of each, checked before any is scored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.interface import Group
from mlhops.evaluator.data.ids import Ids
from mlhops.evaluator.data.labels import Labels, reader
from mlhops.evaluator.data.read import Batch, Table
from mlhops.evaluator.data.subgroups import Levels, coder
from mlhops.evaluator.errors import EvaluationError

_ROWS_AT_ONCE = 65_536

Wanted: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True)
class LabelledRows:
    """What is known of each person apart from the model's inputs."""

    label: Labels
    """The true outcome of each row, as its task has it: bool[n], or float[n] of a number."""
    classes: frozenset[str]
    """The values of a label that has but a few, in canonical text; none of a number."""
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
    labels = reader(spec)
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
