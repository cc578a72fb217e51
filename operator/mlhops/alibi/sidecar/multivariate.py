"""Detectors that compare whole rows: those of a window with the first that the pod saw (`Baseline`).

What moves from one feature to how features hang together is seen so, but only from the baseline on. Of a number its
rank among the reference values counts, by the profile's bins: no outlier outweighs all else, and units do not matter.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec

import numpy as np

from mlhops.alibi.planned import NEEDS_TORCH, PERMUTATIONS, PlannedTest
from mlhops.alibi.sidecar.job import Job
from mlhops.api.alibi import JOINT_ROWS, AlibiResult, AlibiTest
from mlhops.api.profile import FeatureProfile, Profile
from mlhops.statistics.arrays import Floats

_LANDMARKS = 50
"""Rows whose likeness the classifier goes by: the same work however many features there are."""
CATEGORIES = 8
"""Places of a feature's own, at most: its most frequent categories, and one for all others."""


def compared(job: Job, test: PlannedTest, window: str) -> AlibiResult:
    """Return what a detector says of a window's rows that are complete and not in the baseline."""
    rows, _ = job.windows[window]
    seen = _later(rows)
    told = test.counted(window, len(seen), len(job.baseline))
    if test.test == "MMD" and find_spec("torch") is None:
        return told.model_copy(update={"problem": NEEDS_TORCH})
    if len(seen) < job.min_rows or not len(job.baseline):
        return told
    try:
        both = scaled(job.profile, job.baseline), scaled(job.profile, seen)
        statistic, p, effect = _ASKED[test.test](*both)
    except Exception:  # one test that fails must not cost the others; that it did is told
        return told
    if not (np.isfinite([statistic, p, effect]).all() and 0 <= p <= 1):
        return told
    return told.model_copy(update={"statistic": statistic, "p": p, "effect": effect})


def scaled(profile: Profile, rows: Floats) -> Floats:
    """Return complete rows, of shape (rows, features), as numbers of about the same weight."""
    columns = [_column(each, rows[:, i]) for i, each in enumerate(profile.features)]
    return np.concatenate(columns, axis=1).astype(np.float32)


def by_classifier(first: Floats, later: Floats) -> tuple[float, float, float]:
    """Return statistic, p and effect of a logistic regression on the likeness to some rows.

    It learns from one half of all rows and gives each row of the other its chance to be a later one; statistic and
    effect are the largest difference of the cumulative shares of these chances, one-sided. Folds that take turns would
    make chances that depend on each other: p of 0.003 or less came five times too often.
    """
    from alibi_detect.cd import ClassifierDrift
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    # A regression on the features alone would not see how they hang together.
    likeness = Nystroem(n_components=_LANDMARKS, random_state=0)
    model = make_pipeline(likeness, LogisticRegression(max_iter=200, random_state=0))
    # Its halves are drawn from NumPy's global state.
    np.random.seed(0)
    detector = ClassifierDrift(first, model, backend="sklearn", train_size=0.5)
    found = detector.predict(later, return_probs=False, return_model=False)["data"]
    distance = float(found["distance"])
    return distance, float(found["p_val"]), distance


def by_mmd(first: Floats, later: Floats) -> tuple[float, float, float]:
    """Return the squared discrepancy, less what chance would make it, its p by permutations, and its root."""
    import torch
    from alibi_detect.cd import MMDDrift

    # Else the same rows would have another chance at each look.
    torch.manual_seed(0)
    detector = MMDDrift(
        first,
        backend="pytorch",
        device="cpu",
        sigma=np.array([bandwidth(first)], dtype=np.float32),
        n_permutations=PERMUTATIONS,
    )
    found = detector.predict(later)["data"]
    square = float(found["distance"])
    # The rows as they are make one permutation more: no chance is nothing.
    p = (round(float(found["p_val"]) * PERMUTATIONS) + 1) / (PERMUTATIONS + 1)
    return square, p, float(np.sqrt(max(0.0, square)))


def bandwidth(rows: Floats) -> float:
    """Return a Gaussian kernel's: by the median distance, as alibi-detect's own, but of rows that differ.

    Where most rows are equal, as of a few rare categories, the median of all is nothing: only equal rows would
    be alike, and how far the others move would not be seen.
    """
    from scipy.spatial.distance import pdist

    distances = pdist(rows, "sqeuclidean")
    apart = distances[distances > 0]
    return float(np.sqrt(np.median(apart) / 2)) if len(apart) else 1.0


_ASKED: Mapping[AlibiTest, Callable[[Floats, Floats], tuple[float, float, float]]] = {
    "Classifier": by_classifier,
    "MMD": by_mmd,
}


def _later(rows: Floats) -> Floats:
    """Return the complete rows that are not in the baseline: all, or as many as are compared."""
    complete = ~np.isnan(rows[:, :-1]).any(axis=1)
    later: Floats = rows[complete & (rows[:, -1] == 0), :-1]
    if len(later) <= JOINT_ROWS:
        return later
    some: Floats = np.random.default_rng(0).choice(later, JOINT_ROWS, replace=False)
    return some


def _column(feature: FeatureProfile, values: Floats) -> Floats:
    counts = np.array(feature.counts, dtype=np.float64)
    if feature.type == "Numeric":
        # The middle of the ranks in each bin; uniform ranks have a variance of a twelfth.
        ranks = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
        places = np.searchsorted(np.array(feature.edges), values)
        scores: Floats = (ranks[places, np.newaxis] - 0.5) * np.sqrt(12)
        return scores
    # What is in no category has the last place, and shares it with rare ones.
    often = np.argsort(-counts[:-1], kind="stable")[: CATEGORIES - 1]
    own = values[:, np.newaxis] == often
    # Rows of different categories are then as far apart as ranks by their standard deviation.
    shown: Floats = np.column_stack([own, ~own.any(axis=1)]) / np.sqrt(2)
    return shown
