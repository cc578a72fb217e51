"""Held-out rows that the interface does not foresee: other categories, or beyond a plausible range.

They are told and no more: a model must answer for patients whom nobody foresaw, and people decide whether
the interface or the data are to be corrected. What the values are is not told.
"""

import math

import numpy as np

from mlhops.api.columns import told
from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.interface import Feature
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.data.typed import Sent
from mlhops.evaluator.scoring.features import inputs
from mlhops.evaluator.verdict.sentences import joined
from mlhops.statistics.values import as_it_stands, canonical, numbers

_ROWS_AT_ONCE = 65_536


def unforeseen(table: Table, spec: EvaluationSpec) -> str:
    """Return which features have values outside of the interface, and in about how many rows.

    Raises:
        EvaluationError: a column cannot be read.
    """
    features = [each for each in spec.interface.features if each.categories or each.range]
    if not features:
        return ""
    every = spec.interface.features
    outside = dict.fromkeys((each.name for each in features), 0)
    for batch in table.batches([each.name for each in every], _ROWS_AT_ONCE):
        read = inputs(batch, every, spec.interface.request, typeless=table.typeless)
        columns = {column.name: column for column in read.columns}
        for each in features:
            outside[each.name] += _outside(columns[each.name], each)
    odd = []
    for each in features:
        if number := outside[each.name]:
            kind = "its range" if each.type == "Numeric" else "its categories"
            odd.append(f"{told(each.name)} is outside {kind} in {spec.cells.text(number, 'row')}")
    if not odd:
        return ""
    return f"Not as spec.interface.features declares: {', '.join(joined(odd))}"


def _outside(column: Sent, feature: Feature) -> int:
    values = column.counted
    if feature.type == "Numeric":
        plausible = feature.range
        if plausible is None:
            return 0
        found = values if isinstance(values, np.ndarray) else numbers(values)
        low = -math.inf if plausible.min is None else plausible.min
        high = math.inf if plausible.max is None else plausible.max
        return int(((found < low) | (found > high)).sum())
    read = as_it_stands if column.datatype == "BYTES" else canonical
    known = {read(text) or text for text in feature.categories or []}
    seen = values.tolist() if isinstance(values, np.ndarray) else values
    return sum((text := read(value)) is not None and text not in known for value in seen)
