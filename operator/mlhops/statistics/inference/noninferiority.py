"""Non-inferiority: is the candidate worse than what serves now, on the same rows, for anybody?

Both models are measured on the same people, so that what makes a person hard to predict cancels
out. The difference is taken for everybody and for each group, with intervals that hold together: a
candidate that is better overall but worse for one group shows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference import calibration, contrasts, influence
from mlhops.statistics.inference.contrasts import Arms
from mlhops.statistics.inference.influence import Piece
from mlhops.statistics.inference.performance import Answered, LabelledAnswers, Statistic, measured


@dataclass(frozen=True)
class PairedDifference:
    """A measure of the candidate against that of stable."""

    candidate: float
    """NaN where undefined."""
    stable: float
    better: float
    """By how much the candidate is better: above zero whichever way the metric points."""
    lower: float
    """Lower bound of the simultaneous interval of `better`."""
    upper: float
    """Upper bound of the simultaneous interval of `better`."""
    cases: int
    """Cases that the candidate's measure is about."""
    critical: float = math.nan
    """How many standard errors the interval reaches to either side."""
    reason: str = ""
    """Why there is no difference."""


def noninferiority(
    measure: Statistic,
    candidate: Answered,
    stable: Answered,
    atom: Indices,
    members: Bools,
    confidence: float,
    seed: list[int],
) -> list[PairedDifference]:
    """Return by how much the candidate is better than stable: for everybody, then for each group.

    Args:
        measure: what is measured.
        candidate: the candidate's answers, with the true outcomes.
        stable: the answers of what serves now, to the same rows.
        atom: the atom of each row.
        members: one row per group, one column per atom; without groups, no rows.
        confidence: the probability that all intervals hold.
        seed: the seed of the draws.

    Raises:
        ValueError: a score is needed and there is none, or it is not finite, or no risk.
    """
    settled, pieces, left, right = paired_arms(measure, candidate, stable, atom, members)
    arms = unsettled(settled, pieces)
    half = len(pieces) // 2
    known = ~np.isnan(arms.estimate)
    chosen = np.flatnonzero(known[left] & known[right])
    found = contrasts.intervals(arms, left[chosen], right[chosen], "Difference", confidence, seed)
    place = {int(part): i for i, part in enumerate(chosen)}
    return [
        _difference(pieces[i], pieces[i + half], found, place.get(i), measure.undefined)
        for i in range(half)
    ]


def paired_arms(
    measure: Statistic,
    candidate: Answered,
    stable: Answered,
    atom: Indices,
    members: Bools,
) -> tuple[Arms, list[Piece], Indices, Indices]:
    """Return what is compared: the candidate's measures, for everybody and for each group, then
    stable's; and which of them are to be better than which. See `unsettled`.

    Raises:
        ValueError: a score is needed and there is none, or it is not finite, or no risk.
    """
    models = candidate, stable
    everybody = np.ones((1, members.shape[1]), dtype=bool)
    parts = [np.flatnonzero(part[atom]) for part in np.concatenate([everybody, members])]
    cuts = [_edges(measure, models, rows) for rows in parts]
    pieces_of = (
        measured(measure, model, rows, cut)
        for model in models
        for rows, cut in zip(parts, cuts, strict=True)
    )
    arms, pieces = influence.arms(pieces_of, 2 * len(parts), candidate.rows)
    new = np.arange(len(parts))
    old = new + len(parts)
    better, worse = (old, new) if measure.better == "Lower" else (new, old)
    return arms, pieces, better, worse


def _edges(measure: Statistic, models: Sequence[Answered], rows: Indices) -> Floats | None:
    """Return bins of risk that both models can be measured in."""
    if not measure.binned:
        return None
    scores = [model.score for model in models if isinstance(model, LabelledAnswers)]
    return calibration.bins(np.concatenate(scores), [rows, rows + len(scores[0])])


def unsettled(arms: Arms, pieces: Sequence[Piece], times: Floats | None = None) -> Arms:
    """Return the arms with one row more on which the two models differ.

    Where arms are to be taken as so many times larger, that one row weighs so much less.

    Two models that agree on every row that was seen need not agree on all: without this, ten rows
    would prove them equal. (For proportions it comes to the correction for continuity of R. G.
    Newcombe, Statistics in Medicine 1998;17:2635-2650, method 10.)
    """
    covariance = arms.covariance.copy()
    half = len(pieces) // 2
    for i in range(half):
        least = max(pieces[i].unit, pieces[i + half].unit)
        part = least**2 / 2 / (1.0 if times is None else float(times[i]))
        covariance[i, i + half] -= part
        covariance[i + half, i] -= part
    return Arms(arms.estimate, covariance, arms.limits)


def _difference(
    new: Piece, old: Piece, found: contrasts.Intervals, place: int | None, why: str
) -> PairedDifference:
    if place is None:
        nan = math.nan
        cases = min(new.cases, old.cases)
        return PairedDifference(new.estimate, old.estimate, nan, nan, nan, cases, nan, why)
    return PairedDifference(
        new.estimate,
        old.estimate,
        float(found.estimate[place]),
        float(found.lower[place]),
        float(found.upper[place]),
        new.cases,
        found.critical,
    )
