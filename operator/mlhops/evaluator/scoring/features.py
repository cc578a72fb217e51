"""The model's inputs, from the data's columns to a request in KServe's v1 or v2 protocol.

A missing number goes out as null: JSON has no NaN, and KServe's servers read null in a numeric
tensor as NaN.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mlhops.api.base import Manifest
from mlhops.api.columns import told
from mlhops.api.interface import Encoding, Feature, Protocol, Request
from mlhops.evaluator.data.convert import floats
from mlhops.evaluator.data.dates import numbered, worded
from mlhops.evaluator.data.read import Batch
from mlhops.evaluator.data.typed import Sent, converted, sent
from mlhops.evaluator.errors import EvaluationError, WrongValuesError, counted
from mlhops.inputs.request import SentColumn, document, matrix_datatype, request_of

_WITHOUT_GAPS = frozenset({"Matrix", "Tensors"})
"""Encodings of which a server makes arrays: there only a fraction can be missing."""


@dataclass(frozen=True)
class Inputs:
    """One batch of inputs, and how they are put into a request."""

    columns: Sequence[Sent]
    rows: int
    request: Request

    def row(self, row: int) -> "Inputs":
        """Return one row of the batch."""
        return Inputs([column.row(row) for column in self.columns], 1, self.request)

    def words(self) -> set[str]:
        """Return every text value, so that it can be kept out of messages."""
        return {
            value
            for column in self.columns
            if column.datatype == "BYTES"
            for value in column.values
            if isinstance(value, str) and value
        }

    def whole_numbers(self) -> set[str]:
        """Return every number as a whole one, so that it can be kept out of messages."""
        found: set[str] = set()
        for values in (column.values for column in self.columns):
            if isinstance(values, np.ndarray):
                known = np.unique(values[np.isfinite(values)]).tolist()
                found |= {str(abs(whole)) for v in known for whole in (int(v), round(v))}
            else:
                found |= {str(abs(value)) for value in set(values) if isinstance(value, int)}
        return found


def inputs(
    batch: Batch,
    features: Sequence[Feature],
    request: Request | None = None,
    *,
    typeless: bool = False,
) -> Inputs:
    """Return the features of a batch.

    Args:
        batch: the rows, by column.
        features: the model's inputs, in its order.
        request: how callers ask, where the interface says it.
        typeless: whether the data have no types of their own, as csv.

    Raises:
        EvaluationError: a value is not of its feature's type, or a required one is missing.
    """
    asked = request_of(features, request)
    columns = []
    for feature in features:
        column = numbered(batch[feature.name], feature)
        if feature.is_text_of_dates:
            counted_as = floats(column, feature.name)
            found = Sent(feature.name, "BYTES", worded(batch[feature.name]), counted_as)
        elif asked.encoding == "Matrix":
            found = converted(column, feature.name, matrix_datatype(asked))
        else:
            found = sent(column, feature, typeless=typeless)
        _refuse_gaps(found, feature, asked.encoding)
        columns.append(found)
    return Inputs(columns, len(batch[features[0].name]), asked)


def over_all(
    error: WrongValuesError, batches: Iterable[Batch], read: Callable[[Batch], object]
) -> EvaluationError:
    """Return an error that a batch has shown, with the number of all rows where it is so."""
    total, same = 0, error.tell(0)
    for batch in batches:
        try:
            read(batch)
        except WrongValuesError as found:
            total += found.number if found.tell(0) == same else 0
    return EvaluationError(error.tell(max(total, error.number)))


def payload(batch: Inputs, protocol: Protocol) -> Manifest:
    """Return the body of a prediction request."""
    columns = [SentColumn(each.name, each.datatype, each.json()) for each in batch.columns]
    return document(columns, batch.request, protocol)


def _refuse_gaps(column: Sent, feature: Feature, encoding: Encoding) -> None:
    missing = column.missing
    if feature.required and missing:
        raise WrongValuesError(
            feature.name,
            missing,
            lambda number: (
                f"column {told(feature.name)} has no value in {counted(number, 'row')}, but the feature "
                "is required: complete the rows, remove them on purpose, or set required to false "
                "if the model takes missing values"
            ),
        )
    if missing and encoding in _WITHOUT_GAPS and not isinstance(column.values, np.ndarray):
        raise WrongValuesError(
            feature.name,
            missing,
            lambda number: (
                f"column {told(feature.name)} has no value in {counted(number, 'row')}, and a tensor of "
                f"{column.datatype} cannot say so: set datatype to FP64 or FP32, or "
                "request.encoding to Columns, as callers send them"
            ),
        )
