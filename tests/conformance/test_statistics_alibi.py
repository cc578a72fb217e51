"""Shift tests against alibi-detect 0.13.0, by the numbers that `alibi.py` has recorded.

It reports single precision: seven digits.
"""

import json

import numpy as np
import pytest

from mlhops.api.summary import FeatureSummary
from mlhops.statistics.drift.binned_tests import Reference, compare, pearson
from mlhops.statistics.drift.edges import categorical, numeric
from tests.conformance.alibi import CASES, CATEGORIES, FILE, Case

RECORDED = json.loads(FILE.read_text())
BY_NAME = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def told(case: Case, test: str) -> list[tuple[float, float]]:
    """Return alibi-detect's statistic and p of each feature."""
    found = RECORDED["cases"][case.name][test]
    return list(zip(found["statistic"], found["p"], strict=True))


def test_every_case_is_recorded_with_the_version_that_is_claimed() -> None:
    assert RECORDED["versions"]["alibi-detect"] == "0.13.0"
    assert set(RECORDED["cases"]) == {case.name for case in CASES}


@BY_NAME
def test_chi_squared_is_the_same(case: Case) -> None:
    reference, window = case.categories()
    for i, theirs in enumerate(told(case, "ChiSquare")):
        sides = (np.bincount(side[:, i], minlength=CATEGORIES) for side in (reference, window))
        assert pearson(*sides) == pytest.approx(theirs, rel=1e-6, abs=1e-6)


@BY_NAME
def test_kolmogorov_smirnov_of_bins_is_never_surer_and_little_less_sure(case: Case) -> None:
    reference, window = case.numbers()
    for i, (statistic, p) in enumerate(told(case, "KS")):
        profile = numeric("x", reference[:, i])
        counts = np.bincount(
            np.searchsorted(profile.edges, window[:, i]), minlength=len(profile.counts)
        )
        ours = compare(["KS"], Reference(profile), FeatureSummary(counts=counts.tolist()))[0]
        assert ours.effect is not None
        assert ours.p is not None
        widest = max(max(counts) / len(window), max(profile.counts) / len(reference))
        assert statistic - widest - 1e-6 <= ours.effect <= statistic + 1e-6
        assert ours.p >= p - 1e-6


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.window >= 100], ids=lambda case: case.name
)
def test_chi_squared_of_a_window_is_never_surer_and_little_less_sure(case: Case) -> None:
    reference, window = case.categories()
    names = [str(category) for category in range(CATEGORIES)]
    for i, (statistic, p) in enumerate(told(case, "ChiSquare")):
        profile = categorical("x", reference[:, i].tolist(), names)
        counts = np.bincount(window[:, i], minlength=CATEGORIES + 1)
        ours = compare(["ChiSquare"], Reference(profile), FeatureSummary(counts=counts.tolist()))[0]
        assert ours.statistic == pytest.approx(statistic, rel=1e-6, abs=1e-6)
        assert ours.p is not None
        assert ours.p >= p - 1e-6
        assert ours.p == pytest.approx(p, rel=0.5, abs=1e-9)
