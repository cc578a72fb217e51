"""The profile of reference data."""

import numpy as np
import pytest

from mlhops.api.interface import Feature, Range
from mlhops.api.profile import Profile
from mlhops.evaluator.profile.build import profile
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.drift.sketch import Column

DIGEST = "sha256:" + "c0ffee00" * 8
FEATURES = [
    Feature(name="age", range=Range(min=0, max=120)),
    Feature(name="lactate"),
    Feature(name="sex", type="Binary", categories=["F", "M"]),
    Feature(name="ward", type="Categorical"),
]
RANDOM = np.random.default_rng(0)
COLUMNS: dict[str, Column] = {
    "age": RANDOM.integers(18, 95, 1000).astype(float),
    "lactate": np.where(RANDOM.random(1000) < 0.2, np.nan, RANDOM.lognormal(size=1000)),
    "sex": RANDOM.choice(["F", "M"], 1000).tolist(),
    "ward": [*["icu"] * 700, *["er"] * 299, None],
}


def made(scores: Floats | Bools, columns: dict[str, Column] = COLUMNS) -> Profile:
    return profile(
        FEATURES, columns, ("probability", scores), revision="sepsis-1", created_from=DIGEST
    )


def test_every_feature_and_the_score_are_in_it() -> None:
    found = made(RANDOM.random(1000))
    age, lactate, sex, ward = found.features
    assert age.range == Range(min=0, max=120)
    assert lactate.missing == pytest.approx(200, abs=50)
    assert lactate.rows + lactate.missing == 1000
    assert sex.categories == ["F", "M"]
    assert (ward.categories, ward.counts, ward.missing) == (["icu", "er"], [700, 299, 0], 1)
    assert found.score is not None
    assert found.score.rows == found.rows == 1000
    assert found.joint is not None
    assert found.joint.features == ["age", "lactate"]


def test_the_same_data_have_the_same_profile() -> None:
    scores = RANDOM.random(1000)
    assert made(scores).digest() == made(scores).digest()


def test_a_model_that_answers_with_classes_is_profiled_by_its_calls() -> None:
    score = made(np.arange(1000) < 250).score
    assert score is not None
    assert (score.type, score.categories, score.counts) == ("Binary", ["0", "1"], [750, 250, 0])


def test_data_without_a_number_that_varies_have_no_joint_sketch() -> None:
    constant: dict[str, Column] = {**COLUMNS, "age": np.full(1000, 50.0), "lactate": [None] * 1000}
    assert made(RANDOM.random(1000), constant).joint is None


def test_a_column_that_lacks_or_has_another_length_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="lack the feature ward"):
        made(RANDOM.random(1000), {k: v for k, v in COLUMNS.items() if k != "ward"})
    with pytest.raises(ValueError, match="feature ward has 1 values for 1000 scores"):
        made(RANDOM.random(1000), {**COLUMNS, "ward": ["icu"]})


def test_an_infinite_score_is_refused() -> None:
    with pytest.raises(ValueError, match="probability are infinite"):
        made(np.full(1000, np.inf))
