"""Tensors of the v2 protocol (Open Inference Protocol), in JSON and in its binary extension."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod

import numpy as np

from mlhops.api.base import Json
from mlhops.inputs.flaws import Flaw, FlawedError

_DTYPES = {
    "BOOL": "?",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_LARGEST_DIMENSION = 2**31
_MOST_DIMENSIONS = 8
"""The product of a million sizes would take hours."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; `flat` has the product of `shape` values, row by row."""

    name: str
    shape: list[int]
    flat: Sequence[Json]

    @property
    def width(self) -> int:
        """How many values a row has."""
        return prod(self.shape[1:])


def tensors(described: Json, raw: bytes) -> list[Tensor]:
    """Return the tensors of a v2 body: its list `inputs` or `outputs`, and the bytes after the JSON.

    Raises:
        FlawedError: data do not fit their own shape, type or length, or bytes are left over.
    """
    if not isinstance(described, list):
        raise FlawedError(Flaw.BAD_TENSOR)
    read: list[Tensor] = []
    place = 0
    for each in described:
        if not isinstance(each, dict):
            raise FlawedError(Flaw.BAD_TENSOR)
        size = _binary_size(each)
        if size is None:
            read.append(_of_json(each))
        else:
            read.append(_of_bytes(each, raw[place : place + size], size))
            place += size
    if place != len(raw):
        raise FlawedError(Flaw.BAD_TENSOR)
    return read


def as_decoded(name: str, shape: Sequence[int], flat: Sequence[Json]) -> Tensor:
    """Return a tensor that a client has decoded, its shape as numpy takes it: one size may be -1.

    Raises:
        FlawedError: data do not fit their own shape.
    """
    try:
        known = np.empty(len(flat), dtype=bool).reshape(tuple(shape)).shape
    except ValueError:
        raise FlawedError(Flaw.BAD_TENSOR) from None
    return Tensor(name, list(known), flat)


def flattened(data: Sequence[Json]) -> list[Json]:
    """Return data row by row that may be nested in any way."""
    flat: list[Json] = []
    for value in data:
        flat.extend(flattened(value) if isinstance(value, list) else [value])
    return flat


def _binary_size(described: dict[str, Json]) -> int | None:
    parameters = described.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise FlawedError(Flaw.BAD_TENSOR)
    return size


def _head(described: dict[str, Json]) -> tuple[str, list[int]]:
    name, given = described.get("name"), described.get("shape")
    if not isinstance(name, str) or not isinstance(given, list):
        raise FlawedError(Flaw.BAD_TENSOR)
    if not 1 <= len(given) <= _MOST_DIMENSIONS:
        raise FlawedError(Flaw.BAD_TENSOR)
    shape: list[int] = []
    for size in given:
        if type(size) is not int or not 0 <= size < _LARGEST_DIMENSION:
            raise FlawedError(Flaw.BAD_TENSOR)
        shape.append(size)
    return name, shape


def _of_json(described: dict[str, Json]) -> Tensor:
    name, shape = _head(described)
    data = described.get("data")
    if not isinstance(data, list):
        raise FlawedError(Flaw.BAD_TENSOR)
    return Tensor(name, shape, _as_shaped(data, shape))


def _as_shaped(flat: list[Json], shape: Sequence[int]) -> list[Json]:
    for _ in shape[1:]:
        # Data may be flat or nested, but not both: a list among numbers would hide its length.
        if not flat or not isinstance(flat[0], list):
            break
        nested = [row for row in flat if isinstance(row, list)]
        if len(nested) < len(flat):
            raise FlawedError(Flaw.BAD_TENSOR)
        flat = list(chain.from_iterable(nested))
    if len(flat) != prod(shape):
        raise FlawedError(Flaw.BAD_TENSOR)
    return flat


def _of_bytes(described: dict[str, Json], data: bytes, size: int) -> Tensor:
    name, shape = _head(described)
    count = prod(shape)
    if len(data) != size:
        raise FlawedError(Flaw.BAD_TENSOR)
    kind = described.get("datatype")
    if kind == "BYTES":
        return Tensor(name, shape, _texts(data, count))
    if kind == "BF16":
        # The upper half of a single-precision number.
        _check_size(size, 2 * count)
        upper = np.frombuffer(data, dtype="<u2").astype("<u4") << 16
        return Tensor(name, shape, upper.view("<f4").tolist())
    dtype = _DTYPES.get(kind) if isinstance(kind, str) else None
    if dtype is None:
        raise FlawedError(Flaw.BAD_TENSOR)
    _check_size(size, np.dtype(dtype).itemsize * count)
    return Tensor(name, shape, np.frombuffer(data, dtype=dtype).tolist())


def _check_size(size: int, wanted: int) -> None:
    if size != wanted:
        raise FlawedError(Flaw.BAD_TENSOR)


def _texts(data: bytes, count: int) -> list[Json]:
    """Read texts, each of them behind its length in four bytes."""
    texts: list[Json] = []
    place = 0
    while place < len(data):
        if place + 4 > len(data):
            raise FlawedError(Flaw.BAD_TENSOR)
        (length,) = struct.unpack_from("<I", data, place)
        place += 4 + length
        if place > len(data):
            raise FlawedError(Flaw.BAD_TENSOR)
        texts.append(data[place - length : place].decode(errors="replace"))
    if len(texts) != count:
        raise FlawedError(Flaw.BAD_TENSOR)
    return texts
