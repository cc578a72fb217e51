"""Data quality: shares of bad values beyond the policy's limit, and beyond chance."""

import numpy as np
import pytest

from mlhops.rollout.looks import Found
from mlhops.statistics.sketch import Column
from tests.unit.monitoring.pods import policy, report, rows, seen


def spoiled(feature: str, value: object, share: float, n: int = 500) -> dict[str, Column]:
    columns = rows(1, n)
    values: list[object] = list(columns[feature])
    values[: round(n * share)] = [value] * round(n * share)
    columns[feature] = values
    return columns


def worst(columns: dict[str, Column], n: int = 500) -> Found:
    found = seen(report(columns, n)).quality_worst
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("feature", "value", "test", "share"),
    [
        ("age", None, "missing", 0.1),
        ("age", "old", "typeErrors", 0.03),
        ("creatinine", 90.0, "outOfRange", 0.1),
        ("ward", "dialysis", "unseenCategories", 0.03),
    ],
)
def test_more_bad_values_than_the_limit_are_found_with_their_share(
    feature: str, value: object, test: str, share: float
) -> None:
    found = worst(spoiled(feature, value, share))
    assert (found.of, found.kind, found.test, found.verdict) == (feature, "Quality", test, "Drift")
    assert found.effect == pytest.approx(share)
    assert found.rows == 500


@pytest.mark.parametrize(
    ("feature", "value", "share"),
    [("age", None, 0.04), ("age", "old", 0.008), ("ward", "dialysis", 0.008)],
)
def test_fewer_bad_values_than_the_limit_are_put_up_with(
    feature: str, value: object, share: float
) -> None:
    assert seen(report(spoiled(feature, value, share))).quality == "NoDrift"


def test_one_bad_row_in_a_hundred_may_be_chance() -> None:
    assert seen(report(spoiled("age", "old", 0.01, 100), 100)).quality == "NoDrift"


def test_what_was_so_in_the_reference_is_no_rise() -> None:
    assert seen(report(spoiled("creatinine", 0.0, 0.0))).quality == "NoDrift"


def test_a_feature_that_is_not_sent_at_all_is_missing_everywhere() -> None:
    columns = rows(1, 500)
    del columns["creatinine"]
    side = seen(report(columns))
    assert side.quality == "Drift"
    assert side.quality_worst is not None
    assert (side.quality_worst.of, side.quality_worst.effect) == ("creatinine", 1.0)


def test_a_limit_of_one_lets_everything_pass() -> None:
    columns = rows(1, 500)
    columns["creatinine"] = np.full(500, np.nan)
    assert seen(report(columns), given=policy(dataQuality={"missing": 1})).quality == "NoDrift"


def test_a_few_bad_values_are_found_without_numbers_that_would_tell_how_few() -> None:
    found = worst(spoiled("age", "old", 0.018, 500))
    assert (found.test, found.verdict) == ("typeErrors", "Drift")
    assert (found.effect, found.p) == (None, None)


def test_less_missing_than_in_the_reference_is_no_news() -> None:
    side = seen(report())
    assert side.quality_worst is not None
    assert side.quality_worst.effect in (0.0, None)
