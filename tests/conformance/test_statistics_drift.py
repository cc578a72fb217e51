"""Shift tests and their distributions against SciPy, and where SciPy's number misleads."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from mlhops.api.summary import FeatureSummary
from mlhops.statistics.arrays import Floats
from mlhops.statistics.drift import null_distributions
from mlhops.statistics.drift.binned_tests import FeatureTest, Reference, Shift, compare, pearson
from mlhops.statistics.drift.edges import categorical, numeric

SIZES = pytest.mark.parametrize(("n", "m"), [(40, 25), (300, 120), (2000, 1000), (20_000, 1000)])
SEEDS = pytest.mark.parametrize("seed", range(6))


def drawn(seed: int, n: int, m: int, ties: bool = False) -> tuple[Floats, Floats]:
    """Return a skewed reference and a window that may be shifted."""
    random = np.random.default_rng(seed)
    reference = random.lognormal(size=n)
    window = random.lognormal(random.choice([0.0, 0.05, 0.2]), size=m)
    return (np.round(reference, 1), np.round(window, 1)) if ties else (reference, window)


def binned(test: FeatureTest, reference: Floats, window: Floats) -> Shift:
    profile = numeric("x", reference)
    counts = np.bincount(np.searchsorted(profile.edges, window), minlength=len(profile.counts))
    return compare([test], Reference(profile), FeatureSummary(counts=counts.tolist()))[0]


@SEEDS
def test_chi_squared_equals_scipys(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = random.multinomial(500, random.dirichlet(np.ones(8)), size=2)
    theirs = stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
    ours = pearson(*table)
    assert ours == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)


@SIZES
@SEEDS
def test_ks_of_bins_lies_below_that_of_all_values_by_one_bin_at_most(
    seed: int, n: int, m: int
) -> None:
    reference, window = drawn(seed, n, m)
    theirs, ours = (
        stats.ks_2samp(reference, window, method="asymp"),
        binned("KS", *(reference, window)),
    )
    profile = numeric("x", reference)
    counts = np.bincount(np.searchsorted(profile.edges, window))
    widest = max(max(counts) / m, max(profile.counts) / n)
    assert ours.effect is not None
    assert ours.p is not None
    assert 0 <= theirs.statistic - ours.effect + 1e-12 <= widest + 1e-12
    assert ours.p >= theirs.pvalue - 1e-6


@pytest.mark.parametrize(("n", "m"), [(1000, 200), (5000, 1000), (20_000, 1000)])
@SEEDS
def test_cvm_of_bins_is_that_of_all_values_on_average(seed: int, n: int, m: int) -> None:
    reference, window = drawn(seed, n, m)
    theirs = stats.cramervonmises_2samp(reference, window, method="asymptotic")
    ours = binned("CVM", reference, window)
    assert ours.statistic is not None
    assert ours.statistic == pytest.approx(theirs.statistic, abs=0.06 * math.sqrt(theirs.statistic))
    assert ours.p == pytest.approx(theirs.pvalue, abs=0.06)


def test_rounded_values_make_scipys_cvm_cry_wolf_and_ours_not() -> None:
    theirs, ours = [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        reference, window = (
            np.round(random.normal(size=5000), 1),
            np.round(random.normal(size=1000), 1),
        )
        theirs.append(stats.cramervonmises_2samp(reference, window, method="asymptotic").pvalue)
        ours.append(binned("CVM", reference, window).p)
    assert sum(p <= 0.001 for p in theirs) > 20  # nothing has shifted
    assert sum(p is not None and p <= 0.05 for p in ours) <= 7


@SEEDS
def test_jensen_shannon_distance_equals_scipys(seed: int) -> None:
    random = np.random.default_rng(seed)
    names = list("abcdef")
    known, seen = random.choice(names[:5], 400), random.choice(names[1:], 300)
    profile = categorical("x", known.tolist(), names)
    counts = [int((seen == name).sum()) for name in names]
    ours = compare(["JensenShannon"], Reference(profile), FeatureSummary(counts=[*counts, 0]))[0]
    theirs = jensenshannon(profile.counts, [*counts, 0], base=2)
    assert ours.effect == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
@SEEDS
def test_wasserstein_distance_is_scipys_in_units_of_scale(seed: int, shift: float) -> None:
    random = np.random.default_rng(seed)
    reference, window = random.normal(50, 7, size=5000), random.normal(50 + 7 * shift, 7, size=1000)
    ours = binned("Wasserstein", reference, window)
    scale = numeric("x", reference).scale
    assert scale is not None
    theirs = stats.wasserstein_distance(reference, window) / scale
    assert ours.effect == pytest.approx(theirs, abs=0.03 + 0.05 * shift)


@pytest.mark.parametrize("x", [0.05, 0.3, 0.5, 0.8, 1.0, 1.5, 2.5, 4.0])
def test_kolmogorovs_limit_equals_scipys(x: float) -> None:
    assert null_distributions.kolmogorov(x) == pytest.approx(stats.kstwobign.sf(x), rel=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 57, 256])
@pytest.mark.parametrize("p", [0.9, 0.5, 0.1, 1e-3, 1e-6, 1e-12])
def test_small_chances_of_chi_squared_are_exact(freedom: int, p: float) -> None:
    x = stats.chi2.isf(p, freedom)
    assert null_distributions.chi_squared(x, freedom) == pytest.approx(p, rel=1e-9)
    equal = null_distributions.weighted(3 * x, np.full(freedom, 3.0))
    assert equal == pytest.approx(p, rel=2e-4)


@pytest.mark.parametrize("x", [0.1, 1.0, 5.0, 20.0, 60.0])
def test_a_sum_of_two_exponentials_has_its_closed_form(x: float) -> None:
    a, b = 2.0, 5.0  # the means
    expected = (b * math.exp(-x / b) - a * math.exp(-x / a)) / (b - a)
    assert null_distributions.weighted(x, np.array([b, b, a, a]) / 2) == pytest.approx(
        expected, rel=2e-4
    )


@pytest.mark.parametrize("x", [0.1, 0.3, 0.46, 0.9, 2.0, 3.5])
def test_cramer_von_mises_is_the_sum_that_it_is_known_to_be(x: float) -> None:
    weights = 1 / (np.arange(1, 3000) * math.pi) ** 2
    assert null_distributions.cramer_von_mises(x) == pytest.approx(
        null_distributions.weighted(x, weights), rel=2e-3
    )


@pytest.mark.parametrize(
    "drawn_", [(3, 10, 20, 100), (0, 1000, 5, 101_000), (7, 1000, 100, 101_000), (9, 9, 9, 9)]
)
def test_draws_without_return_equal_scipys(drawn_: tuple[int, int, int, int]) -> None:
    events, trials, marked, everything = drawn_
    theirs = stats.hypergeom(everything, marked, trials)
    expected = theirs.cdf(events), theirs.sf(events - 1)
    assert null_distributions.hypergeometric(*drawn_) == pytest.approx(expected, rel=1e-6)
