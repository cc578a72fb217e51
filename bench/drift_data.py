"""Made-up rows for the drift benchmarks, the same in every environment.

Imported by `bench.drift` and, in an environment without the operator, by `bench.drift_alibi`.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

ROWS, FEATURES = 100_000, 20
"""The reference whose speed is measured."""
KNOWN, WINDOW, STEP = 10_000, 1000, 100
"""Rows of the reference, of a window, and between two looks, where detection is measured."""
MOST = 2000
"""Rows after a shift within which it must be seen."""
REPEATS = 40
NULL_WINDOWS = 500
"""Windows without a shift that alibi-detect is asked about; the operator's tests take 10,000."""
LOOKS = 720
"""In 30 days, one an hour."""
CATEGORY = FEATURES - 1
"""The column that holds categories; column 0 is rounded as laboratories do, and never negative."""
SHIFTS = ("mean + 0.2 sd", "scale x 1.2", "unit x 88.4", "category + 8 points")
_SHARES = (0.4, 0.3, 0.15, 0.1, 0.05)


@dataclass(frozen=True)
class Times:
    """How long something takes, in milliseconds: medians."""

    wall: float
    cpu: float


def timed(call: Callable[[], object], runs: int = 30) -> Times:
    """Return how long a call takes, after one that warms up."""
    call()
    walls, cpus = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    wall, cpu = (round(statistics.median(each) * 1000, 2) for each in (walls, cpus))
    return Times(wall, cpu)


@dataclass(frozen=True)
class Repeat:
    """A reference and a stream of rows that has shifted from its first row on."""

    known: Rows
    before: Rows
    """A window of rows that have not shifted."""
    after: Rows


def drawn(random: np.random.RandomState, rows: int, shift: str = "") -> Rows:
    """Return rows of correlated numbers, one number with ties and one category."""
    found = random.standard_normal((rows, FEATURES))
    found[:, 1:] = 0.8 * found[:, 1:] + 0.6 * random.standard_normal((rows, 1))
    if shift == SHIFTS[0]:
        found[:, 1] += 0.2
    if shift == SHIFTS[1]:
        found[:, 1] *= 1.2
    found[:, 0] = np.round(np.exp(0.5 * found[:, 0]), 2)
    if shift == SHIFTS[2]:
        found[:, 0] *= 88.4
    shares = np.array(_SHARES) + (np.array([-0.08, 0, 0, 0, 0.08]) if shift == SHIFTS[3] else 0)
    found[:, CATEGORY] = random.choice(len(_SHARES), rows, p=shares)
    return found


def repeat(shift: str, seed: int) -> Repeat:
    """Return one repeat of a shift."""
    random = np.random.RandomState(1000 * SHIFTS.index(shift) + seed)
    return Repeat(drawn(random, KNOWN), drawn(random, WINDOW), drawn(random, MOST, shift))


def looks(repeat: Repeat) -> list[tuple[int, Rows]]:
    """Return the sliding windows after the shift, each with its rows since then."""
    rows = np.concatenate([repeat.before, repeat.after])
    return [(end, rows[end : end + WINDOW]) for end in range(STEP, MOST + 1, STEP)]
