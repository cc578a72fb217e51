"""Counting rows against a profile."""

import itertools
import json
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.base import Json
from mlhops.api.interface import Range
from mlhops.api.profile import FeatureProfile, Profile
from mlhops.api.summary import Summary, merge, merge_all
from mlhops.statistics.drift.edges import categorical, numeric
from mlhops.statistics.drift.fourier import profile as joint_profile
from mlhops.statistics.drift.sketch import Column, Sketch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["icu", "er", 1e308, 10**5000, "9" * 5000]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(), st.none(), max_size=1),
)


def reference(rows: int = 2000, seed: int = 0) -> Profile:
    """Two numbers, a category and a score."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 2)) * [1.0, 20.0] + [0.0, 100.0]
    numbers = [numeric("a", matrix[:, 0]), numeric("b", matrix[:, 1], Range(min=0, max=300))]
    ward = categorical("ward", random.choice(["icu", "er"], rows).tolist(), ["icu", "er", "or"])
    return Profile(
        revision="sepsis-1",
        created_from=DIGEST,
        rows=rows,
        features=[*numbers, ward],
        score=numeric("probability", random.random(rows)),
        joint=joint_profile(numbers, matrix, seed=7),
    )


SKETCH = Sketch(reference())


def seen(columns: dict[str, Column], rows: int, minute: int = 0) -> Summary:
    start = NOW + timedelta(minutes=minute)
    return SKETCH.requests(columns, rows).summary(start, start + timedelta(minutes=1))


def test_each_value_is_counted_as_what_it_is() -> None:
    found = seen(
        {
            "a": np.array([0.0, np.nan, np.inf, -np.inf]),
            "b": [100, None, "high", 301.0],
            "ward": ["icu", None, "moon", ["er"]],
        },
        4,
    )
    a, b, ward = found.features
    assert (a.rows, a.missing, a.type_errors, a.out_of_range) == (1, 1, 2, 0)
    assert (b.rows, b.missing, b.type_errors, b.out_of_range) == (2, 1, 1, 1)
    assert (ward.counts, ward.missing, ward.type_errors, ward.unseen) == ([1, 0, 0, 1], 1, 1, 1)


def unseen(categories: FeatureProfile, sent: Column) -> int:
    """Return how many of the values that were sent are none of the categories."""
    profile = SKETCH.profile.model_copy(update={"features": [categories], "joint": None})
    counted = Sketch(profile).requests({categories.name: sent}, len(sent))
    return counted.summary(NOW, NOW).features[0].unseen


SITES = categorical("site", ["01", "02", "icu"] * 20, ["01", "02", "icu"])


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("01", True),
        ("1", False),
        (1, False),
        ("001", False),
        ("icu", True),
        ("icu  ", False),
        ("ICU", False),
    ],
)
def test_text_is_counted_as_the_model_sees_it(value: Json, known: bool) -> None:
    assert unseen(SITES, [value] * 5) == (0 if known else 5)


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "01"])
def test_a_column_of_numbers_is_counted_as_numbers(value: Json) -> None:
    assert unseen(categorical("stage", [1.0, 2.0] * 20), [value] * 5) == 0


def test_a_profile_of_an_earlier_version_is_counted_as_it_was_made() -> None:
    before = SITES.model_copy(update={"text": None, "categories": ["1", "2", "icu"]})
    assert unseen(before, ["01", "02", "icu  "]) == 0


def test_whole_numbers_that_differ_in_the_last_digit_are_different_categories() -> None:
    codes = categorical("code", [2**53 + 1] * 20)
    assert unseen(codes, [2**53 + 1]) == 0
    assert unseen(codes, [2**53]) == 1


def test_a_fraction_that_comes_as_a_32_bit_number_is_the_same_category() -> None:
    assert unseen(categorical("dose", [0.1, 0.25] * 20), [float(np.float32(0.1)), 0.25]) == 0


def test_blanks_around_a_known_number_take_no_memory() -> None:
    of = categorical("code", [1, 2] * 50)
    known = Sketch(Profile(revision="r", created_from=DIGEST, rows=100, features=[of]))
    tracemalloc.start()
    try:
        for blanks in range(100_000, 100_100):
            told = known.requests({"code": [" " * blanks + "1"]}, 1)
            assert told.counts.tolist() == [1, 0, 0]
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_feature_that_was_not_sent_is_missing_in_every_row() -> None:
    found = seen({"a": np.zeros(3)}, 3)
    assert [feature.missing for feature in found.features] == [0, 3, 3]


def test_a_column_of_another_length_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="feature a has 2 values in 3 rows"):
        SKETCH.requests({"a": [1.0, 2.0]}, 3)


@pytest.mark.thorough
@given(st.lists(st.tuples(ANYTHING, ANYTHING, ANYTHING), max_size=30))
def test_nothing_that_is_sent_can_break_the_count(rows: list[tuple[object, ...]]) -> None:
    columns: list[Sequence[object]] = [list(column) for column in zip(*rows, strict=True)]
    named = dict(zip(("a", "b", "ward"), columns or [[], [], []], strict=True))
    found = seen({**named, "other": ["x"]}, len(rows))
    assert all(feature.seen == len(rows) for feature in found.features)
    assert SKETCH.scores([row[0] for row in rows]).summary(NOW, NOW).score is not None


@pytest.mark.thorough
@given(st.lists(st.integers(0, 500), min_size=1, max_size=8))
def test_no_order_and_no_split_of_rows_changes_the_sum(cuts: list[int]) -> None:
    random = np.random.default_rng(len(cuts))
    a, b = random.normal(size=500), random.normal(100, 30, size=500)
    ward = random.choice(["icu", "er", "moon"], 500).tolist()
    whole = seen({"a": a, "b": b, "ward": ward}, 500)
    bounds = [0, *sorted(cuts), 500]
    parts = [
        seen({"a": a[low:high], "b": b[low:high], "ward": ward[low:high]}, high - low)
        for low, high in itertools.pairwise(bounds)
    ]
    parts = [parts[i] for i in random.permutation(len(parts))]
    assert merge_all(parts) == whole
    assert merge_all(reversed(parts)) == whole


def test_what_left_the_window_is_taken_away_exactly() -> None:
    first = SKETCH.requests({"a": np.array([0.3, 1e9]), "b": [3, "x"], "ward": ["icu", None]}, 2)
    first.add(SKETCH.scores([0.2, 0.4]))
    tally = SKETCH.nothing()
    tally.add(first)
    tally.add(SKETCH.requests({"a": np.array([0.7])}, 1))
    tally.remove(first)
    assert tally.summary(NOW, NOW) == SKETCH.requests({"a": np.array([0.7])}, 1).summary(NOW, NOW)


def test_summaries_of_different_profiles_are_not_merged() -> None:
    other = Sketch(reference(seed=1))
    with pytest.raises(ValueError, match="different profiles"):
        merge(seen({}, 1), other.nothing().summary(NOW, NOW))
    with pytest.raises(ValueError, match="different profiles"):
        SKETCH.nothing().add(other.nothing())


def test_a_summary_spans_the_time_of_its_parts() -> None:
    found = merge(seen({}, 1, minute=5), seen({}, 2, minute=2))
    assert (found.start, found.end) == (NOW + timedelta(minutes=2), NOW + timedelta(minutes=6))
    assert found.rows == 3


def test_a_summary_must_account_for_every_row() -> None:
    text = seen({}, 3).to_json()
    text["rows"] = 4
    with pytest.raises(ValueError, match="account for every row"):
        Summary.model_validate(text)


def test_a_summary_of_another_shape_or_profile_is_refused() -> None:
    found = seen({}, 3)
    found.refuse_unless_of(SKETCH.profile, SKETCH.digest)
    with pytest.raises(ValueError, match="of another profile"):
        found.refuse_unless_of(SKETCH.profile, reference(seed=1).digest())
    short = found.model_copy(update={"features": found.features[:2]})
    with pytest.raises(ValueError, match="features are not those"):
        short.refuse_unless_of(SKETCH.profile, SKETCH.digest)
    for field in ("score", "joint"):
        with pytest.raises(ValueError, match=field):
            found.model_copy(update={field: None}).refuse_unless_of(SKETCH.profile, SKETCH.digest)


def test_what_is_no_number_leaves_the_joint_sketch_finite_and_where_it_was() -> None:
    odd = seen({"a": np.array([np.nan, np.inf]), "b": np.array([np.nan, -np.inf])}, 2)
    joint = SKETCH.profile.joint
    assert joint is not None
    centre = dict(zip(joint.features, joint.centre, strict=True))
    same = seen({"a": np.full(2, centre["a"]), "b": np.full(2, centre["b"])}, 2)
    assert odd.joint == same.joint


def test_a_profile_reads_back_with_the_same_digest() -> None:
    text = SKETCH.profile.to_text()
    assert Profile.model_validate_json(text).digest() == SKETCH.profile.digest()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("edges", [2.0, 1.0], "edges of a must go up"),
        ("counts", [1, 2], "counts of a must be one more"),
        ("centres", [1.0, 0.0, 2.0], "centres of a must not go down"),
    ],
)
def test_a_damaged_profile_is_refused_by_field(field: str, value: Json, message: str) -> None:
    text = json.loads(SKETCH.profile.to_text())
    text["features"][0] |= {"edges": [1.0, 2.0], "counts": [1, 1, 1], "centres": [0.0, 1.5, 3.0]}
    text["features"][0][field] = value
    with pytest.raises(ValueError, match=message):
        Profile.model_validate(text)


def test_two_hundred_features_fit_a_config_map() -> None:
    random = np.random.default_rng(0)
    matrix = random.lognormal(sigma=3, size=(2000, 200)) * 10.0 ** random.integers(-9, 9, 200)
    names = [
        f"a-feature-with-a-name-as-long-as-a-name-may-be-{i:03}".ljust(63, "x") for i in range(200)
    ]
    features = [numeric(n, matrix[:, i]) for i, n in enumerate(names)]
    profile = Profile(
        revision="r",
        created_from=DIGEST,
        rows=100_000_000,
        features=features,
        score=features[0],
        joint=joint_profile(features, matrix, seed=0),
    )
    assert all(len(feature.edges) == 63 for feature in features)
    # Counts are of 2,000 rows here; of a hundred million each would have some digits more.
    more_digits = 201 * 64 * 5
    assert len(profile.to_text().encode()) + more_digits < 700 * 1024
