"""From reference data and a revision's own scores to its profile."""

from collections.abc import Mapping, Sequence

import numpy as np

from mlhops.api.interface import Feature
from mlhops.api.profile import FeatureProfile, Profile
from mlhops.small_cells import DEFAULT, SmallCells
from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.drift import edges, fourier
from mlhops.statistics.drift.sketch import Column
from mlhops.statistics.values import canonical, numbers


def profile(
    features: Sequence[Feature],
    columns: Mapping[str, Column],
    scores: tuple[str, Floats | Bools | Indices],
    *,
    revision: str,
    created_from: str,
    cells: SmallCells = DEFAULT,
    classes: Sequence[str] | None = None,
) -> Profile:
    """Return what the reference data look like.

    Args:
        features: the model's inputs.
        columns: their values: of a number NaN where one is missing, else None.
        scores: the output's name, and the model's scores of the same rows; where it answers with
            classes, whether each row is called positive, which a window counts as 1 and 0; of several classes the
            number of each row's.
        revision: the revision that made the scores.
        created_from: the digest of the reference data.
        classes: the names of several classes, where it answers with one of them.
        cells: which categories that nobody declared are not named, beside those that make no bin.

    Raises:
        ValueError: a column is not there or has another number of rows, or a value is infinite.
    """
    rows = len(scores[1])
    for feature in features:
        if feature.name not in columns:
            raise ValueError(f"the reference data lack the feature {feature.name}")
        if (found := len(columns[feature.name])) != rows:
            raise ValueError(f"feature {feature.name} has {found} values for {rows} scores")
    read = {f.name: _floats(columns[f.name]) for f in features if f.type == "Numeric"}
    stricter = max(cells, DEFAULT)
    profiles = [_feature(feature, columns, read, stricter) for feature in features]
    numeric = [found for found in profiles if found.type == "Numeric"]
    matrix = np.column_stack([read[found.name] for found in numeric]) if numeric else np.empty(0)
    return Profile(
        revision=revision,
        created_from=created_from,
        rows=rows,
        features=profiles,
        score=_score(*scores, classes),
        joint=fourier.profile(numeric, matrix, seed_of(created_from)) if numeric else None,
    )


def _feature(
    feature: Feature, columns: Mapping[str, Column], read: Mapping[str, Floats], cells: SmallCells
) -> FeatureProfile:
    if feature.type == "Numeric":
        return edges.numeric(feature.name, read[feature.name], feature.range)
    column = columns[feature.name]
    values: Sequence[object] = column.tolist() if isinstance(column, np.ndarray) else column
    binary = feature.type == "Binary"
    return edges.categorical(feature.name, values, feature.categories, binary=binary, cells=cells)


def _score(
    name: str, values: Floats | Bools | Indices, classes: Sequence[str] | None
) -> FeatureProfile:
    if classes is not None:
        named = [canonical(each) for each in classes]
        said = [named[place] for place in np.asarray(values, dtype=np.intp).tolist()]
        return edges.categorical(name, said, [each for each in named if each is not None])
    if values.dtype == np.bool_:
        return edges.categorical(name, values.astype(int).tolist(), binary=True)
    return edges.numeric(name, np.asarray(values, dtype=np.float64))


def _floats(column: Column) -> Floats:
    return column if isinstance(column, np.ndarray) else numbers(column)


def seed_of(created_from: str) -> int:
    """Return the same seed for the same data, so that a profile can be computed again."""
    return int(created_from.removeprefix("sha256:")[:8], 16)
