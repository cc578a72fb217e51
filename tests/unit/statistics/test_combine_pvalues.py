"""Chances of replicas that share a reference, put together."""

import math

import numpy as np
import pytest
import scipy.stats

from mlhops.statistics.drift.combine_pvalues import ReplicaTest, combined


def fisher(chances: list[float]) -> float:
    """Combine chances of tests that have nothing in common."""
    return float(scipy.stats.combine_pvalues(chances, method="fisher").pvalue)


def test_one_replica_alone_is_as_sure_as_it_said() -> None:
    for p in (1.0, 0.3, 1e-9):
        assert combined([ReplicaTest(p, 500, 1000)]) == pytest.approx(p)


def test_windows_that_are_small_beside_the_reference_are_independent() -> None:
    chances = [0.04, 0.2, 0.01]
    assert combined([ReplicaTest(p, 1, 10**12) for p in chances]) == pytest.approx(fisher(chances))


def test_a_small_reference_makes_replicas_that_agree_less_sure_than_fisher() -> None:
    chances = [1e-3, 1e-3, 1e-3, 1e-3]
    few, many = (combined([ReplicaTest(p, 500, n) for p in chances]) for n in (1000, 100_000))
    assert few > 5 * many > fisher(chances)


def test_what_is_no_number_stays_none_and_nothing_is_as_small_as_can_be() -> None:
    assert math.isnan(combined([ReplicaTest(0.5, 100, 100), ReplicaTest(math.nan, 100, 100)]))
    assert combined([ReplicaTest(0.0, 100, 100)]) == pytest.approx(
        np.finfo(np.float32).smallest_subnormal
    )
    assert 0 < combined([ReplicaTest(0.0, 100, 10**6), ReplicaTest(0.5, 100, 10**6)]) < 1e-40
    with pytest.raises(ValueError, match="nothing can be combined"):
        combined([])


@pytest.mark.thorough
def test_false_alarms_are_as_rare_as_promised_where_all_compare_with_one_reference() -> None:
    random = np.random.default_rng(8)
    replicas, rows, reference, looks = 6, 500, 1000, 3000
    found, naive = [], []
    for _ in range(looks):
        known = random.normal(size=reference)
        z = [
            (random.normal(size=rows).mean() - known.mean()) / math.sqrt(1 / rows + 1 / reference)
            for _ in range(replicas)
        ]
        chances = [math.erfc(abs(each) / math.sqrt(2)) for each in z]
        found.append(combined([ReplicaTest(p, rows, reference) for p in chances]))
        naive.append(fisher(chances))
    for at in (0.05, 0.01):
        assert np.mean(np.array(found) <= at) <= at + 2 * math.sqrt(at / looks)
    assert np.mean(np.array(naive) <= 0.01) > 0.015, "they do depend on each other"
