"""A row that is nobody's: the middle of the reference data, and the request that asks a model about it."""

import json
import re
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from mlhops.api.interface import Datatype, Feature, Protocol, Request
from mlhops.api.profile import FeatureProfile, Kind, Profile
from mlhops.inputs.dates import likely_date
from mlhops.inputs.request import SentColumn, document, matrix_datatype, request_of, words_for
from mlhops.statistics.values import canonical

_FLOATS = {"FP16": np.float16, "FP32": np.float32, "FP64": np.float64}
_WHOLE = re.compile(r"-?[0-9]{1,40}")


def row(
    features: Sequence[Feature], request: Request | None, profile: Profile | None
) -> tuple[Request, Sequence[SentColumn]]:
    """Return a row as callers would send it, and how.

    Of a number the median of the profile, of categories the most frequent one; without a profile the middle of what
    the interface declares.

    Raises:
        ValueError: a value cannot travel as the request asks.
    """
    known = profile.features if profile else [None] * len(features)
    kinds = profile.asked.kinds if profile and profile.asked else [None] * len(features)
    asked = request_of(features, request)
    values = []
    for feature, reference, kind in zip(features, known, kinds, strict=True):
        datatype = _datatype(feature, reference, kind)
        if asked.encoding == "Matrix":
            datatype = matrix_datatype(asked)
        middle = _middle(feature, reference)
        value: bool | float | str
        if feature.date is not None and feature.is_text_of_dates:
            datatype, value = "BYTES", likely_date(float(middle), feature.date)
        else:
            value = _as(datatype, middle)
        values.append(SentColumn(feature.name, datatype, [value]))
    return asked, values


def body(asked: Request, values: Sequence[SentColumn], protocol: Protocol) -> bytes:
    """Return the request for one row."""
    return json.dumps(document(values, asked, protocol), allow_nan=False).encode()


def _middle(feature: Feature, reference: FeatureProfile | None) -> float | str:
    """Return a value that is likely, of nobody in particular."""
    if reference is not None and feature.type == "Numeric" and reference.rows:
        below = accumulate(reference.counts)
        half = next(place for place, rows in enumerate(below) if 2 * rows >= reference.rows)
        return reference.centres[half]
    if reference is not None and reference.categories:
        frequent = max(range(len(reference.categories)), key=reference.counts.__getitem__)
        return reference.categories[frequent]
    if feature.categories:
        return feature.categories[0]
    if feature.type == "Categorical" and feature.datatype in (None, "BYTES"):
        return ""
    ends = (feature.range.min, feature.range.max) if feature.range else (None, None)
    given = [end for end in ends if end is not None]
    return sum(given) / len(given) if given else 0.0


def _datatype(feature: Feature, reference: FeatureProfile | None, kind: Kind | None) -> Datatype:
    """Return as what a column goes out by itself, as far as that is known."""
    if feature.datatype is not None:
        return feature.datatype
    if feature.type == "Numeric":
        return "INT64" if reference is not None and _is_whole(reference) else "FP64"
    if kind == "Boolean":
        return "BOOL"
    values = reference.categories if reference else feature.categories or []
    numbers = [canonical(value) for value in values]
    text = not values or not all(_is_number(number) for number in numbers)
    if kind == "Text" or (reference is not None and reference.text):
        return "BYTES"
    if text:
        return "BYTES" if words_for(feature) else "INT64"
    return "INT64" if all(float(number or 0).is_integer() for number in numbers) else "FP64"


def _is_whole(reference: FeatureProfile) -> bool:
    """Return whether a number's values are whole, as far as the middles of its bins tell."""
    bins = zip(reference.centres, reference.counts, strict=True)
    return reference.rows > 0 and all(centre.is_integer() for centre, rows in bins if rows)


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _as(datatype: Datatype, value: float | str) -> bool | float | str:
    """Return a value in a datatype.

    Raises:
        ValueError: it is none.
    """
    if datatype == "BYTES":
        return value if isinstance(value, str) else f"{value:g}"
    if datatype == "BOOL":
        return canonical(value) == "1"
    if datatype in _FLOATS:
        return float(np.array(_number(value), dtype=_FLOATS[datatype]))
    bounds = np.iinfo(datatype.lower())
    return int(min(max(round(_number(value)), int(bounds.min)), int(bounds.max)))


def _number(value: float | str) -> float:
    """Return a number, a whole one to its last digit.

    Raises:
        ValueError: it is none.
    """
    text = canonical(value) or "0"
    return int(text) if _WHOLE.fullmatch(text) else float(text)
