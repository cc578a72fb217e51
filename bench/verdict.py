"""How long it takes from answers to simultaneous intervals, and how long fairlearn takes."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from fairlearn.metrics import (
    MetricFrame,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
)
from sklearn.metrics import precision_score, roc_auc_score

from bench.results import Result
from mlhops.measures import binary
from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference.contrasts import DRAWS
from testkit.gaps import gaps_of

ROWS = 50_000
MANY_ROWS = 1_000_000
GROUPS = 10
RUNS = 15
THEIR_RESAMPLES = 3
RESAMPLES = 2000
"""What our draws count for, though there are more of them."""
FASTER = 1000
MOST_MS = 100
RATES = (
    binary.FALSE_NEGATIVE_RATE,
    binary.FALSE_POSITIVE_RATE,
    binary.SELECTION_RATE,
    binary.POSITIVE_PREDICTIVE_VALUE,
)


def people(rows: int) -> tuple[Bools, Floats, Indices]:
    """Return labels, scores and groups."""
    random = np.random.default_rng(0)
    label = random.random(rows) < 0.3
    score = 1 / (1 + np.exp(-random.normal(np.where(label, 0.5, -1.0), 1.0)))
    return label, score, random.integers(GROUPS, size=rows)


def ours(label: Bools, score: Floats, group: Indices) -> None:
    """Make the intervals of five metrics over all groups."""
    members, called = np.eye(GROUPS, dtype=bool), score >= 0.5
    for i, metric in enumerate(RATES):
        gaps_of(metric, label, called, group, members, seed=[i])
    gaps_of(binary.AUROC, label, score, group, members, seed=[len(RATES)])


def theirs(label: Bools, score: Floats, group: Indices, resamples: int) -> None:
    """Let fairlearn bootstrap the same five metrics of each group, without simultaneous intervals."""
    called = score >= 0.5
    rates = {
        "fnr": false_negative_rate,
        "fpr": false_positive_rate,
        "selected": selection_rate,
        "ppv": precision_score,
    }
    for metrics, answers in ((rates, called), ({"auroc": roc_auc_score}, score)):
        MetricFrame(
            metrics=metrics,
            y_true=label,
            y_pred=answers,
            sensitive_features=group,
            n_boot=resamples,
            ci_quantiles=[0.025, 0.975],
            random_state=1,
        )


def verdict() -> list[Result]:
    """Measure both on the same rows, one after the other."""
    rows = people(ROWS)
    own = _median(partial(ours, *rows), RUNS)
    # What a frame costs without any resample is not counted against theirs.
    few, more = (_median(partial(theirs, *rows, n), 1) for n in (1, 1 + THEIR_RESAMPLES))
    each = (more - few) / THEIR_RESAMPLES
    many = people(MANY_ROWS)
    what = f"5 metrics, {GROUPS} groups, {ROWS:,} rows"
    return [
        Result(f"intervals of {what} ({DRAWS:,} draws), median", _ms(own), "ms", MOST_MS),
        Result(f"fairlearn, {what}, each resample", _ms(each), "ms"),
        Result(
            f"as often as fairlearn resamples in the time of one of {RESAMPLES:,}",
            round(each / (own / RESAMPLES)),
            "times",
            FASTER,
            "higher",
        ),
        Result(
            f"intervals of 5 metrics, {GROUPS} groups, {MANY_ROWS:,} rows",
            _ms(_median(partial(ours, *many), 3)),
            "ms",
        ),
    ]


def _median(work: Callable[[], None], runs: int) -> float:
    taken = []
    for _ in range(runs):
        before = time.perf_counter()
        work()
        taken.append(time.perf_counter() - before)
    return sorted(taken)[len(taken) // 2]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
