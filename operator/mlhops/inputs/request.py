"""Rows of a model's features as the body of a prediction request."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlhops.api.base import Json, Manifest
from mlhops.api.interface import Datatype, Feature, Protocol, Request
from mlhops.statistics.values import canonical

_NAME = "input-0"
_TRUTH = frozenset({"0", "1"})


@dataclass(frozen=True)
class SentColumn:
    """One feature's values as they travel, a missing one as null: JSON has no NaN."""

    name: str
    datatype: Datatype
    values: Sequence[Json]


def words_for(feature: Feature) -> bool:
    """Return whether a feature's values are words: those of a binary one are if it says so."""
    if feature.type != "Binary":
        return feature.type == "Categorical"
    return not {canonical(word) for word in feature.categories or []} <= _TRUTH


def request_of(features: Sequence[Feature], request: Request | None) -> Request:
    """Return how the model is asked: as declared, else as a matrix where all are numbers."""
    if request is not None:
        return request
    named = any(words_for(one) or one.datatype or one.is_text_of_dates for one in features)
    return Request(encoding="Columns" if named else "Matrix")


def matrix_datatype(request: Request) -> Datatype:
    """Return as which type all values of a matrix travel."""
    return request.datatype or "FP64"


def document(columns: Sequence[SentColumn], request: Request, protocol: Protocol) -> Manifest:
    """Return the body of a prediction request.

    Args:
        columns: the features in the model's order, each with as many values.
        request: how they are put together.
        protocol: KServe's, v1 or v2.
    """
    if protocol == "v1":
        return {"instances": _instances(columns, request)}
    rows = len(columns[0].values)
    if request.encoding == "Matrix":
        data = [value for row in _rows(columns) for value in row]
        shape: list[Json] = [rows, len(columns)]
        return {"inputs": [_tensor(request.name or _NAME, shape, matrix_datatype(request), data)]}
    shape = [rows] if request.encoding == "Columns" else [rows, 1]
    tensors: list[Json] = [
        _tensor(each.name, shape, each.datatype, list(each.values)) for each in columns
    ]
    if request.encoding == "Tensors":
        return {"inputs": tensors}
    # KServe's servers read only the first tensor unless they are told that the tensors are columns.
    return {"parameters": {"content_type": "pd"}, "inputs": tensors}


def _instances(columns: Sequence[SentColumn], request: Request) -> list[Json]:
    if request.encoding == "Columns":
        # One instance with a list per column, of which KServe makes a data frame.
        return [{each.name: list(each.values) for each in columns}]
    rows = _rows(columns)
    if request.encoding == "Matrix":
        return [*rows]
    names = [each.name for each in columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _rows(columns: Sequence[SentColumn]) -> list[list[Json]]:
    return [list(row) for row in zip(*(each.values for each in columns), strict=True)]


def _tensor(name: str, shape: list[Json], datatype: str, data: list[Json]) -> Json:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}
