"""How many more cases would decide a gate that these data leave open.

The gate is planned as a whole: all comparisons at once, at the critical value that holds at the
planned sizes, together with the groups that are too small to be judged now, since they are judged
then. It is decided where one interval lies beyond the limit, or all lie within it. If the truth is
what was seen, that happens with the planned probability: a plan and no promise, since what was seen
is uncertain too.

Rates are drawn (binomial counts in each atom, then the gate's own intervals). Other measures vary
normally; there the interval that was seen tells at how many standard errors it would touch the limit,
which on a scale on which intervals are symmetric grows with the root of the cases.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Protocol

import numpy as np

from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Bools, Counts, Floats, Indices
from mlhops.statistics.inference import contrasts, proportions
from mlhops.statistics.inference.contrasts import Arms, Comparison
from mlhops.statistics.inference.question import Question
from mlhops.statistics.inference.rates import Trials

POWER = 0.8
MOST = 1_000_000
"""More cases than this are no plan."""
_TOGETHER = 10.0
"""No group is asked to grow by more than so many times what everybody does."""
_DRAWS = 2000
_CELLS = 400_000
"""Draws times comparisons of one look, of which a plan takes a dozen."""
_STEPS = 11
_FAR = 12.0
"""Standard errors at which a comparison is surely decided."""
_LEAST_ROWS, _MOST_ROWS = 4000, 20_000
"""Of measures that are taken anew in another mix of people."""
_FEW_PAIRS = 300
"""For more comparisons than this the critical value is drawn only once."""


@dataclass(frozen=True)
class Bounds:
    """Between which numbers every signed comparison must lie."""

    low: float
    high: float


@dataclass(frozen=True)
class Drawn:
    """What a gate comes to at planned sizes: draws by comparisons."""

    within: Bools
    """Whether the interval lies within the bounds."""
    beyond: Bools
    """Whether it lies beyond one of them."""
    complete: bool = True
    """Whether there is a comparison for every group; else the gate cannot pass."""


class Outlook(Protocol):
    """Part of a gate, as it will be at other sizes."""

    def draw(self, growth: Floats) -> Drawn:
        """Return what it comes to where each atom has grown so many times."""


@dataclass(frozen=True)
class People:
    """Whom a plan asks for."""

    sizes: Floats
    """Cases in each atom now."""
    members: Bools
    """Groups by atoms."""
    least: Floats
    """How many times larger each group must become to be judged at all; 1 where it is large enough."""

    @property
    def groups(self) -> Floats:
        """Cases in each group now."""
        return np.asarray(self.members @ self.sizes, dtype=np.float64)

    def growth(self, size: float) -> Floats:
        """Return how many times each atom grows if each group is to have at least so many cases."""
        groups = np.maximum(self.groups, 1e-9)
        wanted = np.maximum(size, groups * self.least)
        sizes = self.sizes * max(float((wanted / groups).max()) / _TOGETHER, 1.0)
        # The small ones first: whom they gain counts for the larger ones as well. Each group grows as
        # it is composed, so that the numbers of all groups tell those of the atoms.
        for group in np.argsort(groups).tolist():
            atoms = self.members[group]
            short = wanted[group] / max(float(sizes[atoms].sum()), 1e-9)
            sizes[atoms] *= max(short, 1.0)
        growth = sizes / np.maximum(self.sizes, 1e-9)
        growth[self.sizes == 0] = 1.0
        return np.asarray(growth, dtype=np.float64)


@dataclass(frozen=True)
class SampleSizePlan:
    """Sizes at which a gate is probably decided."""

    growth: Floats
    """How many times each atom grows."""
    each: int
    """Cases that each group then has at least."""
    hardest: int
    """The comparison that is least often within the limit; -1 where the gate is to fail."""


def plan(parts: Sequence[Outlook], who: People, power: float = POWER) -> SampleSizePlan | None:
    """Return the smallest sizes that decide a gate often enough, None where no sensible ones do.

    Args:
        parts: what the gate compares; all of them have the same comparisons.
        who: the people that it compares.
        power: the probability of a decision if the truth is what was seen.
    """
    if len(who.sizes) == 0 or not np.isfinite(who.least).all():
        return None

    def decides(size: float) -> bool:
        growth = who.growth(size)
        return float((who.sizes * growth).sum()) > MOST or _decided(_drawn(parts, growth)) >= power

    low, high = math.log(max(float(who.groups.min(initial=MOST)), 1.0)), math.log(MOST)
    if decides(math.exp(low)):
        high = low
    for _ in range(_STEPS if high > low else 0):
        middle = (low + high) / 2
        low, high = (low, middle) if decides(math.exp(middle)) else (middle, high)
    growth = who.growth(math.exp(high))
    if high == math.log(MOST) or float((who.sizes * growth).sum()) > MOST:
        return None
    drawn = _drawn(parts, growth)
    fails = drawn.beyond.any(axis=1).mean() > (1 - power)
    told = drawn.within.mean(axis=0)
    least = -1 if fails or len(told) == 0 else int(told.argmin())
    each = math.ceil(float((who.members @ (who.sizes * growth)).min()))
    return SampleSizePlan(growth, each, least)


def _drawn(parts: Sequence[Outlook], growth: Floats) -> Drawn:
    drawn = [part.draw(growth) for part in parts]
    fewest = min(len(each.within) for each in drawn)
    return Drawn(
        np.logical_and.reduce([each.within[:fewest] for each in drawn]),
        np.logical_or.reduce([each.beyond[:fewest] for each in drawn]),
        all(each.complete for each in drawn),
    )


def _decided(drawn: Drawn) -> float:
    compared = drawn.within.shape[1] > 0
    passed = drawn.within.all(axis=1) & drawn.complete & compared
    return float((passed | drawn.beyond.any(axis=1)).mean())


def bounds(comparison: Comparison, limit: float) -> Bounds:
    """Return the bounds of a signed difference, or of the ratio of two rates in either order."""
    if comparison == "Difference":
        return Bounds(-limit, limit)
    return Bounds(limit, 1 / limit if limit > 0 else math.inf)


def pairs(question: Question, groups: int) -> tuple[Indices, Indices]:
    """Return which arms are compared; with the best all of one family, since any may be the best."""
    if question.against == "Best":
        families = question.families(groups)
        first, second = np.nonzero(np.triu(families == families[:, None], 1))
        return first, second
    left, right = np.arange(groups), question.others(groups)
    other = (left != right) & (right >= 0)
    return left[other], right[other]


def comparable(question: Question, groups: int) -> bool:
    """Return whether every group has somebody that it can be compared with."""
    if question.against == "Best":
        families = question.families(groups)
        return bool(((families == families[:, None]).sum(axis=1) > 1).all())
    return bool((question.others(groups) >= 0).all())


@dataclass
class Rates:
    """Rates of groups, whose counts are drawn."""

    counts: Trials
    """As seen."""
    question: Question
    bounds: Bounds
    cells: SmallCells
    """Of an atom with so few trials the rate is taken to be everybody's: it says little, and may not
    be told."""
    _critical: float = field(default=math.nan, init=False)

    def draw(self, growth: Floats) -> Drawn:
        """Return what the gate comes to where each atom has grown so many times."""
        groups = len(self.counts.members)
        trials = np.ceil(self.counts.trials * growth).astype(np.int64)
        members = self.question.arms(self.counts.members)
        sizes = members.astype(np.int64) @ trials
        left, right = pairs(self.question, groups)
        known = (sizes[left] > 0) & (sizes[right] > 0)
        left, right = left[known], right[known]
        complete = bool(known.all()) and comparable(self.question, groups)
        draws = int(np.clip(_CELLS // max(len(left), 1), 200, _DRAWS))
        random = np.random.default_rng(self.question.seed)
        events = random.binomial(trials, self._truth, (draws, len(trials)))
        lower, upper = self._intervals(events, trials, members, left, right)
        return Drawn(*_placed(lower, upper, self.bounds), complete)

    @property
    def _truth(self) -> Floats:
        seen, trials = self.counts.events, self.counts.trials
        everybody = float(seen.sum() / max(trials.sum(), 1))
        own = seen / np.maximum(trials, 1)
        return np.where(self.cells.hides(trials), everybody, own)

    def _intervals(
        self, events: Counts, trials: Counts, members: Bools, left: Indices, right: Indices
    ) -> tuple[Floats, Floats]:
        comparison = self.question.comparison
        expected = np.round(trials * self._truth).astype(np.int64)
        counts = Trials(expected, trials, self.counts.members)
        covariance = proportions.covariance(counts, members, comparison)
        if len(left) <= _FEW_PAIRS or math.isnan(self._critical):
            asked = self.question
            self._critical = contrasts.critical(
                covariance, left, right, asked.confidence, asked.seed
            )
        weights = members.T.astype(np.int64)
        x, n = events @ weights, trials @ weights
        low, high = proportions.wilson(x, n, self._critical)
        arms = Arms(x / np.maximum(n, 1), covariance, lambda _: (low, high))
        return contrasts.limits_of(arms, left, right, comparison, self._critical)


@dataclass
class Measures:
    """Measures that vary normally, of which the interval that was seen tells the scale."""

    arms: Callable[[Floats], tuple[Arms, Floats]]
    """From the growth of atoms to the measures in that mix, and the growth that is not in them yet."""
    atoms: Bools
    """Arms by atoms."""
    sizes: Floats
    """Cases in each atom now."""
    left: Indices
    right: Indices
    bounds: Bounds
    confidence: float
    seed: list[int]
    alike: Bools
    """Comparisons that are taken to be without a difference: too few cases to be told."""
    complete: bool = True
    comparison: Comparison = "Difference"
    _critical: float = field(default=math.nan, init=False)

    def draw(self, growth: Floats) -> Drawn:
        """Return what the gate comes to where each atom has grown so many times."""
        arms, left_over = self.arms(growth)
        known = ~np.isnan(arms.estimate)
        chosen = known[self.left] & known[self.right]
        left, right = self.left[chosen], self.right[chosen]
        weights = self.atoms * self.sizes * (growth / left_over)
        times = (weights @ left_over) / np.maximum(weights.sum(axis=1), 1e-9)
        scale = 1 / np.sqrt(np.maximum(times, 1e-9))
        covariance = arms.covariance * np.outer(scale, scale)
        if len(left) <= _FEW_PAIRS or math.isnan(self._critical):
            self._critical = contrasts.critical(covariance, left, right, self.confidence, self.seed)
        now, then = (_spread(each, left, right) for each in (arms.covariance, covariance))
        narrower = np.sqrt(now / np.maximum(then, 1e-300))
        roots = _touching(arms, (left, right), self.comparison, self.bounds, self.alike[chosen])
        up, down = (root * narrower for root in roots)
        stray = self._stray(covariance, left, right)
        z = self._critical
        within = (stray + z <= up) & (-stray + z <= down)
        beyond = (stray - z > up) | (-stray - z > down)
        return Drawn(within, beyond, self.complete and bool(chosen.all()))

    def _stray(self, covariance: Floats, left: Indices, right: Indices) -> Floats:
        """Return by how many standard errors estimates miss the truth, draws by comparisons."""
        by_arm = covariance[left] - covariance[right]
        joint = contrasts.correlated(by_arm[:, left] - by_arm[:, right])
        values, vectors = np.linalg.eigh(joint)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        draws = int(np.clip(_CELLS // max(len(left), 1), 200, _DRAWS))
        random = np.random.default_rng(self.seed)
        return np.asarray(random.standard_normal((draws, len(left))) @ root.T)


def mixed(
    measure: Callable[[Indices], Arms], atom: Indices, order: Indices
) -> Callable[[Floats], tuple[Arms, Floats]]:
    """Return measures of the rows in another mix of atoms: each atom's rows evenly thinned or repeated.

    Args:
        measure: from rows, some of them several times, to the measures of them.
        atom: the atom of each row.
        order: the rows, so sorted that neighbours are alike.
    """
    rows = [order[atom[order] == each] for each in range(int(atom.max(initial=-1)) + 1)]
    sizes = np.array([len(each) for each in rows], dtype=np.float64)

    def arms(growth: Floats) -> tuple[Arms, Floats]:
        wanted = sizes * growth
        share = np.clip(float(sizes.sum()), _LEAST_ROWS, _MOST_ROWS) / wanted.sum()
        taken = np.maximum(np.round(wanted * share), 1.0)
        chosen = [
            each[np.floor((np.arange(number) + 0.5) * len(each) / number).astype(np.intp)]
            for each, number in zip(rows, taken.astype(np.intp).tolist(), strict=True)
        ]
        return measure(np.concatenate(chosen)), wanted / taken

    return arms


def _touching(
    arms: Arms,
    pairs: tuple[Indices, Indices],
    comparison: Comparison,
    within: Bounds,
    alike: Bools,
) -> tuple[Floats, Floats]:
    """Return at how many standard errors each interval touches the upper and the lower bound;
    less than none where the estimate lies beyond it. Ratios are taken as differences of logarithms."""
    steps = np.concatenate([[0.0], np.geomspace(0.02, _FAR, 36)])
    left, right = pairs
    low, high = within.low, within.high
    spans = [contrasts.limits_of(arms, left, right, comparison, z) for z in steps[1:].tolist()]
    with np.errstate(divide="ignore", invalid="ignore"):
        if comparison == "Ratio":
            estimate = np.log(arms.estimate[left]) - np.log(arms.estimate[right])
            spans = [(np.log(lower), np.log(upper)) for lower, upper in spans]
            low, high = float(np.log(low)), float(np.log(high))
        else:
            estimate = arms.estimate[left] - arms.estimate[right]
        shift = np.where(alike, estimate, 0.0)
        lower = np.array([estimate - shift, *(each - shift for each, _ in spans)])
        upper = np.array([estimate - shift, *(each - shift for _, each in spans)])
    below = _root(steps, -upper, -lower, -low)
    return _root(steps, lower, upper, high), below


def _root(steps: Floats, lower: Floats, upper: Floats, bound: float) -> Floats:
    """Return where intervals that widen by steps first touch an upper bound."""
    found = np.empty(lower.shape[1])
    for i, at in enumerate(lower[0]):
        inside = bool(at <= bound)
        reach = upper[:, i] if inside else -lower[:, i]
        reach = np.maximum.accumulate(reach)
        touched = float(np.interp(bound if inside else -bound, reach, steps, right=_FAR))
        found[i] = touched if inside else -touched
    return found


def _spread(covariance: Floats, left: Indices, right: Indices) -> Floats:
    variance = np.diagonal(covariance)
    return np.asarray(variance[left] + variance[right] - 2 * covariance[left, right])


def _placed(lower: Floats, upper: Floats, within: Bounds) -> tuple[Bools, Bools]:
    return (lower >= within.low) & (upper <= within.high), (upper < within.low) | (
        lower > within.high
    )


def half_width(
    rate: float, rest: float, trials: float, rest_trials: float, critical: float
) -> float:
    """Return how far the interval of a difference will reach on either side."""
    return critical * math.sqrt(_noise(rate) / trials + _noise(rest) / rest_trials)


def _noise(rate: float) -> float:
    """Return the variance of one case; never zero, since a rate of 0 or 1 is only nearly so."""
    return max(rate * (1 - rate), 1e-4)


def needed_cases(
    estimate: float,
    limits: Callable[[float], tuple[float, float]],
    limit: float,
    cases: int,
    critical: float,
    power: float = POWER,
    *,
    share: bool = False,
) -> int | None:
    """Return how many more cases would decide a measure against a limit.

    Args:
        estimate: the measure.
        limits: from a critical value to its limits as they are now.
        limit: what it is held against.
        cases: the cases that it rests on now.
        critical: of its interval.
        power: the probability of a decision if the truth is what was seen.
        share: whether it is a share of the cases; then these are drawn.
    """
    if not (math.isfinite(estimate) and math.isfinite(limit)) or estimate == limit or cases <= 0:
        return None

    def decides(factor: float) -> bool:
        if share:
            return _share_decided(estimate, limit, round(cases * factor), critical) >= power
        low, high = limits((critical + NormalDist().inv_cdf(power)) / math.sqrt(factor))
        return low > limit or high < limit

    if cases >= MOST or not decides(MOST / cases):
        return None
    low, high = 0.0, math.log(MOST / cases)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if decides(math.exp(middle)) else (middle, high)
    return max(math.ceil(cases * (math.exp(high) - 1)), 0)


def _share_decided(estimate: float, limit: float, cases: int, critical: float) -> float:
    random = np.random.default_rng(0)
    events = random.binomial(cases, estimate, _DRAWS)
    lower, upper = proportions.wilson(events, np.full(_DRAWS, cases), critical)
    return float(((lower >= limit) | (upper <= limit)).mean())
