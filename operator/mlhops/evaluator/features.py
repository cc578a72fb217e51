"""The model's inputs, from the data's columns to a request in KServe's v1 or v2 protocol.

A missing number goes out as null: JSON has no NaN, and KServe's servers read null in a numeric
tensor as NaN.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlhops.api.base import Json, Manifest
from mlhops.api.interface import Feature
from mlhops.evaluator.convert import canonical, floats, texts
from mlhops.evaluator.errors import EvaluationError, WrongValuesError, counted
from mlhops.evaluator.read import Batch
from mlhops.statistics.rates import Floats


@dataclass(frozen=True)
class Inputs:
    """One batch of inputs: for each feature its name and values, numbers or text."""

    columns: Sequence[tuple[str, Floats | list[str | None]]]
    rows: int

    @property
    def numeric(self) -> bool:
        """Whether all features are numbers, so that the batch is one matrix."""
        return all(isinstance(values, np.ndarray) for _, values in self.columns)

    def words(self) -> set[str]:
        """Return every text value, so that it can be kept out of messages."""
        lists = (values for _, values in self.columns if isinstance(values, list))
        return {value for values in lists for value in values if value}

    def whole_numbers(self) -> set[str]:
        """Return every number as a whole one, so that it can be kept out of messages."""
        arrays = (values for _, values in self.columns if isinstance(values, np.ndarray))
        found = (np.unique(values[np.isfinite(values)]).tolist() for values in arrays)
        return {str(abs(whole)) for values in found for v in values for whole in (int(v), round(v))}


def inputs(batch: Batch, features: Sequence[Feature]) -> Inputs:
    """Return the features of a batch.

    Raises:
        EvaluationError: a value is not of its feature's type, or a required one is missing.
    """
    columns = [(feature.name, _values(batch, feature)) for feature in features]
    return Inputs(columns, len(columns[0][1]))


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


def payload(batch: Inputs, protocol: Literal["v1", "v2"]) -> Manifest:
    """Return the body of a prediction request."""
    if protocol == "v1":
        return {"instances": _rows(batch) if batch.numeric else [_frame(batch)]}
    if batch.numeric:
        matrix = _matrix(batch)
        data = _nullable(matrix.ravel())
        return {"inputs": [_tensor("input-0", [*matrix.shape], "FP64", data)]}
    tensors: list[Json] = [
        _tensor(name, [batch.rows], "BYTES" if isinstance(values, list) else "FP64", _json(values))
        for name, values in batch.columns
    ]
    # KServe's servers read only the first tensor unless they are told that the tensors are columns.
    return {"parameters": {"content_type": "pd"}, "inputs": tensors}


def is_text(feature: Feature) -> bool:
    """Return whether a feature's values go out as text: binary ones do if they are words."""
    if feature.type == "Categorical":
        return True
    words = feature.categories if feature.type == "Binary" else None
    return bool(words) and not all(canonical(word) in ("0", "1") for word in words or [])


def _values(batch: Batch, feature: Feature) -> Floats | list[str | None]:
    column = batch[feature.name]
    values = texts(column) if is_text(feature) else floats(column, feature.name)
    missing = values.count(None) if isinstance(values, list) else int(np.isnan(values).sum())
    if feature.required and missing:
        raise WrongValuesError(
            feature.name,
            missing,
            lambda number: (
                f"column {feature.name} has no value in {counted(number, 'row')}, but the feature "
                "is required: complete the rows, remove them on purpose, or set required to false "
                "if the model takes missing values"
            ),
        )
    return values


def _matrix(batch: Inputs) -> Floats:
    return np.column_stack([np.asarray(values, dtype=np.float64) for _, values in batch.columns])


def _rows(batch: Inputs) -> list[Json]:
    return [_nullable(row) for row in _matrix(batch)]


def _frame(batch: Inputs) -> dict[str, Json]:
    """Return one instance with a list per column, of which KServe makes a data frame."""
    return {name: _json(values) for name, values in batch.columns}


def _tensor(name: str, shape: list[Json], datatype: str, data: Json) -> Json:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def _json(values: Floats | list[str | None]) -> Json:
    return _nullable(values) if isinstance(values, np.ndarray) else list(values)


def _nullable(values: Floats) -> list[Json]:
    return [None if value != value else value for value in values.tolist()]
