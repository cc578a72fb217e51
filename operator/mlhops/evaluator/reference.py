"""The profile of the revision that is measured, from the rows and the scores of the evaluation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.profile import MOST_BYTES, StoredProfile
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.features import inputs
from mlhops.evaluator.measured import Predictions
from mlhops.evaluator.profile import profile, seed_of
from mlhops.evaluator.read import Table
from mlhops.statistics.rates import Floats
from mlhops.statistics.sketch import Column

MOST_VALUES = 5_000_000
"""Of more than so many values a sample of the rows is profiled, which has to fit into memory."""
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Reference:
    """A profile as it is handed over, and what is said of it."""

    told: StoredProfile
    text: str | None = None
    """The profile; None where there is none."""


def reference(
    table: Table, spec: EvaluationSpec, predictions: Predictions, digest: str
) -> Reference:
    """Return what the revision's inputs and scores look like.

    Args:
        table: the held-out data.
        spec: the Evaluation's.
        predictions: what the revision said of each row.
        digest: the sha256 of the data.

    Raises:
        EvaluationError: a column cannot be read.
    """
    features = spec.interface.features
    chosen = _chosen(len(predictions.called), MOST_VALUES // len(features), digest)
    values = predictions.called if predictions.score is None else predictions.score
    found = profile(
        features,
        _columns(table, spec, chosen),
        (spec.interface.output.name, values[chosen]),
        revision=spec.revision,
        created_from=digest,
        smallest=spec.min_cell_size,
    )
    text = found.to_text()
    size = len(text.encode())
    if size > MOST_BYTES:
        return missing(
            f"it would take {size:,} bytes and a ConfigMap holds {MOST_BYTES:,}: declare fewer "
            "features, or fewer categories"
        )
    return Reference(StoredProfile(digest=found.digest()), text)


def missing(why: str) -> Reference:
    """Return that there is no profile."""
    return Reference(StoredProfile(error=f"no profile was made: {why}"[:512]))


def _chosen(rows: int, most: int, digest: str) -> NDArray[np.intp]:
    """Return which rows are profiled, the same ones for the same data."""
    if rows <= most:
        return np.arange(rows)
    drawn = np.random.default_rng(seed_of(digest)).choice(rows, size=max(most, 1), replace=False)
    return np.sort(drawn)


def _columns(table: Table, spec: EvaluationSpec, chosen: NDArray[np.intp]) -> dict[str, Column]:
    """Return the chosen rows of each feature, as they were sent to the model."""
    features = spec.interface.features
    numbers: dict[str, list[Floats]] = {}
    texts: dict[str, list[str | None]] = {}
    known: dict[str, str] = {}  # each text once, however many rows have it
    start = 0
    for batch in table.batches([feature.name for feature in features], _ROWS_AT_ONCE):
        read = inputs(batch, features)
        first, last = np.searchsorted(chosen, [start, start + read.rows])
        here = chosen[first:last] - start
        start += read.rows
        for name, values in read.columns:
            if isinstance(values, np.ndarray):
                numbers.setdefault(name, []).append(values[here])
            else:
                some = (values[row] for row in here.tolist())
                told = texts.setdefault(name, [])
                told += [None if text is None else known.setdefault(text, text) for text in some]
    if len(chosen) and start <= chosen[-1]:
        raise EvaluationError("the data had fewer rows when they were read again")
    return {**{name: np.concatenate(parts) for name, parts in numbers.items()}, **texts}
