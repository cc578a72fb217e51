"""The critical value of several contrasts, and the limits of differences and ratios of arms."""

from statistics import NormalDist

import numpy as np
import pytest

from mlhops.statistics.arrays import Floats
from mlhops.statistics.inference.contrasts import Arms, critical, intervals

SEED = [3]


def places(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.intp)


def test_independent_contrasts_have_sidaks_critical_value() -> None:
    found = critical(np.eye(10), places(0, 2, 4, 6, 8), places(1, 3, 5, 7, 9), 0.95, SEED)
    sidak = NormalDist().inv_cdf(0.5 + 0.95**0.2 / 2)
    assert found == pytest.approx(sidak, rel=0.02)


def test_all_pairs_of_equal_arms_have_tukeys_critical_value() -> None:
    left, right = np.triu_indices(4, 1)
    found = critical(np.eye(4), left, right, 0.95, SEED)
    # The studentised range of 4 with infinite degrees of freedom is 3.633 at 5 %.
    assert found == pytest.approx(3.633 / 2**0.5, rel=0.02)


def test_more_contrasts_than_arms_come_to_the_same_either_way() -> None:
    left, right = np.triu_indices(3, 1)
    by_contrast = critical(np.eye(3), left, right, 0.95, SEED)
    twice = critical(np.eye(3), np.tile(left, 2), np.tile(right, 2), 0.95, SEED)
    assert by_contrast == pytest.approx(twice, rel=0.02)


def test_the_same_contrast_twice_is_one() -> None:
    found = critical(np.eye(2), places(0, 1), places(1, 0), 0.95, SEED)
    assert found == pytest.approx(1.959964, abs=1e-6)


def test_an_arm_against_itself_does_not_count() -> None:
    found = critical(np.eye(2), places(0, 0), places(1, 0), 0.95, SEED)
    assert found == pytest.approx(1.959964, abs=1e-6)


def normal_arms(estimate: Floats, covariance: Floats) -> Arms:
    """Return arms with the limits of a normal approximation."""
    error = np.sqrt(np.diagonal(covariance))
    return Arms(estimate, covariance, lambda z: (estimate - z * error, estimate + z * error))


def test_normal_limits_of_correlated_arms_give_the_normal_interval_of_the_difference() -> None:
    covariance = np.array([[4.0, 1.5], [1.5, 9.0]])
    arms = normal_arms(np.array([7.0, 5.0]), covariance)
    found = intervals(arms, places(0), places(1), "Difference", 0.95, SEED)
    half = 1.959964 * (4.0 + 9.0 - 2 * 1.5) ** 0.5
    assert found.lower[0] == pytest.approx(2.0 - half, abs=1e-5)
    assert found.upper[0] == pytest.approx(2.0 + half, abs=1e-5)


def test_normal_limits_give_fiellers_interval_of_the_ratio() -> None:
    # E. C. Fieller, JRSS B 1954;16:175-185, for independent arms.
    covariance = np.diag([0.04, 0.01])
    found = intervals(
        normal_arms(np.array([3.0, 2.0]), covariance), places(0), places(1), "Ratio", 0.95, SEED
    )
    z = 1.959963985
    a, b, c = 4 - z * z * 0.01, 6.0, 9 - z * z * 0.04
    root = (b * b - a * c) ** 0.5
    assert found.lower[0] == pytest.approx((b - root) / a, abs=1e-6)
    assert found.upper[0] == pytest.approx((b + root) / a, abs=1e-6)


def test_no_contrast_has_no_interval() -> None:
    arms = normal_arms(np.zeros(2), np.eye(2))
    assert len(intervals(arms, places(), places(), "Difference", 0.95, SEED).lower) == 0
