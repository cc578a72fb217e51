"""Equalized odds."""

from functools import partial

import numpy as np
import pytest

from mlhops.measures import binary
from testkit.gaps import gaps_of

TWO = np.eye(2, dtype=bool)
TPR, FPR = "TruePositiveRate", "FalsePositiveRate"
equalized_odds = partial(gaps_of, binary.EQUALIZED_ODDS)


def people(
    seed: int, hits: tuple[float, float], alarms: tuple[float, float], rows: int = 2000
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, calls and groups, with these rates in each group."""
    random = np.random.default_rng(seed)
    group, label = random.integers(2, size=rows), random.random(rows) < 0.4
    chance = np.where(label, np.array(hits)[group], np.array(alarms)[group])
    return label, random.random(rows) < chance, group


@pytest.mark.parametrize(
    ("hits", "alarms", "part"),
    [((0.9, 0.6), (0.1, 0.1), TPR), ((0.8, 0.8), (0.1, 0.4), FPR)],
)
def test_the_rate_that_differs_more_is_told(
    hits: tuple[float, float], alarms: tuple[float, float], part: str
) -> None:
    label, called, group = people(1, hits, alarms)
    for gap in equalized_odds(label, called, group, TWO, seed=[1]):
        assert gap.part == part
        assert gap.gap == pytest.approx(0.3, abs=0.08)
        assert 0.15 < gap.lower < gap.gap < gap.upper


def test_a_gap_in_either_rate_bounds_the_whole() -> None:
    # Few negatives: their rate is equal as far as seen, but could differ by much.
    label, called, group = people(2, (0.8, 0.8), (0.1, 0.1), rows=4000)
    label |= np.arange(4000) > 60
    upper = max(gap.upper for gap in equalized_odds(label, called, group, TWO, seed=[1]))
    assert upper > 0.2


def test_the_intervals_of_both_rates_hold_together() -> None:
    runs = 400
    covered = 0
    for seed in range(runs):
        label, called, group = people(seed, (0.7, 0.7), (0.2, 0.2), rows=600)
        covered += all(
            gap.lower == 0 for gap in equalized_odds(label, called, group, TWO, seed=[seed])
        )
    assert 0.93 <= covered / runs <= 0.985


def test_odds_by_ratio_take_the_smaller_of_the_two() -> None:
    label, called, group = people(1, (0.8, 0.8), (0.1, 0.4))
    gap = equalized_odds(label, called, group, TWO, comparison="Ratio", seed=[1])[0]
    assert gap.part == FPR
    assert gap.gap == pytest.approx(0.25, abs=0.1)
    assert gap.lower < gap.gap < gap.upper < 0.5
