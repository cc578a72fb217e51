"""The profile of the revision that is measured, from the rows and the scores of the evaluation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.interface import Interface
from mlhops.api.profile import MOST_BYTES, AskedProfile, StoredProfile, kind_of
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.profile.build import profile, seed_of
from mlhops.evaluator.scoring.features import Inputs, inputs
from mlhops.evaluator.tasks.predictions import AnyPredictions, ClassPredictions
from mlhops.inputs.classes import PAIR, column_of
from mlhops.statistics.arrays import Floats
from mlhops.statistics.drift.sketch import Column
from mlhops.statistics.values import numbers as as_numbers

MOST_VALUES = 5_000_000
"""Of more than so many values a sample of the rows is profiled, which has to fit into memory."""
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class ReferenceProfile:
    """A profile as it is handed over, and what is said of it."""

    told: StoredProfile
    text: str | None = None
    """The profile; None where there is none."""


def reference(
    table: Table,
    spec: EvaluationSpec,
    predictions: AnyPredictions,
    digest: str,
    labels: frozenset[str] = frozenset(),
) -> ReferenceProfile:
    """Return what the revision's inputs and scores look like, and how it was asked.

    Args:
        table: the held-out data.
        spec: the Evaluation's.
        predictions: what the revision said of each row.
        digest: the sha256 of the data.
        labels: the values of the label, by which the positive class's column is known.

    Raises:
        EvaluationError: a column cannot be read.
    """
    features, output = spec.interface.features, spec.interface.output
    chosen = _chosen(predictions.rows, MOST_VALUES // len(features), digest)
    values, names = predictions.counted, None
    if isinstance(predictions, ClassPredictions):
        names = predictions.classes
    read = _read(table, spec, chosen)
    found = profile(
        features,
        read.columns,
        (output.name, values[chosen]),
        classes=names,
        revision=spec.revision,
        created_from=digest,
        cells=spec.cells,
    ).model_copy(
        update={"asked": read.asked, "positive_column": _positive_column(spec.interface, labels)}
    )
    text = found.to_text()
    size = len(text.encode())
    if size > MOST_BYTES:
        return missing(
            f"it would take {size:,} bytes and a ConfigMap holds {MOST_BYTES:,}: declare fewer "
            "features, or fewer categories"
        )
    return ReferenceProfile(StoredProfile(digest=found.digest()), text)


def _positive_column(interface: Interface, labels: frozenset[str]) -> int | None:
    """Return which of two columns is the score, where the outcome is yes or no."""
    return column_of(interface.output, PAIR, labels) if interface.task == "Binary" else None


def missing(why: str) -> ReferenceProfile:
    """Return that there is no profile."""
    return ReferenceProfile(StoredProfile(error=f"no profile was made: {why}"[:512]))


def _chosen(rows: int, most: int, digest: str) -> NDArray[np.intp]:
    """Return which rows are profiled, the same ones for the same data."""
    if rows <= most:
        return np.arange(rows)
    drawn = np.random.default_rng(seed_of(digest)).choice(rows, size=max(most, 1), replace=False)
    return np.sort(drawn)


@dataclass(frozen=True)
class _Read:
    columns: dict[str, Column]
    """The chosen rows of each feature, as they were sent to the model."""
    asked: AskedProfile | None
    """None of data without a row."""


def _read(table: Table, spec: EvaluationSpec, chosen: NDArray[np.intp]) -> _Read:
    features, request = spec.interface.features, spec.interface.request
    numeric = {feature.name for feature in features if feature.type == "Numeric"}
    numbers: dict[str, list[Floats]] = {}
    others: dict[str, list[object]] = {}
    known: dict[object, object] = {}  # each value once, however many rows have it
    asked: AskedProfile | None = None
    start = 0
    for batch in table.batches([feature.name for feature in features], _ROWS_AT_ONCE):
        read = inputs(batch, features, request, typeless=table.typeless)
        asked = asked or _asked(read, spec)
        first, last = np.searchsorted(chosen, [start, start + read.rows])
        here = chosen[first:last] - start
        start += read.rows
        for column in read.columns:
            values = column.counted
            if column.name in numeric and not isinstance(values, np.ndarray):
                values = as_numbers(values)
            if isinstance(values, np.ndarray):
                numbers.setdefault(column.name, []).append(values[here])
            else:
                some = (values[row] for row in here.tolist())
                told = others.setdefault(column.name, [])
                told += [known.setdefault((type(value), value), value) for value in some]
    if len(chosen) and start <= chosen[-1]:
        raise EvaluationError("the data had fewer rows when they were read again")
    columns: dict[str, Column] = {name: np.concatenate(each) for name, each in numbers.items()}
    columns |= others
    return _Read(columns, asked)


def _asked(batch: Inputs, spec: EvaluationSpec) -> AskedProfile:
    return AskedProfile(
        protocol=spec.protocol_version,
        encoding=batch.request.encoding,
        kinds=[kind_of(column.datatype) for column in batch.columns],
    )
