"""The process that asks alibi-detect: `python -m mlhops.alibi.sidecar.worker`, a child of the detector.

It reads jobs from its standard input and writes answers to its standard output, until the input ends.
alibi-detect is loaded here and nowhere else. Detectors are made of typed fields: `load_detector` would run
code that comes with what it loads.

What is compared are places in the profile's bins, of reference and window alike: all that the profile tells of
the reference. That is exact for ties, and a shift within a bin (at most a 64th of the rows, or one frequent value)
is not seen.
"""

import os
import sys
import warnings
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mlhops.alibi.planned import MOST_REFERENCE, PlannedTest, planned
from mlhops.alibi.sidecar.job import Job, WorkerAnswer, read, write
from mlhops.alibi.sidecar.multivariate import compared
from mlhops.api.alibi import AlibiResult, AlibiTest, AlibiType
from mlhops.api.profile import FeatureProfile, Profile
from mlhops.statistics.arrays import Counts, Floats

_NICE = 5
"""A model server, and the sink, have their turn first."""
Places = NDArray[np.int64]


def main() -> int:
    """Answer jobs until there are no more."""
    os.nice(_NICE)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever libraries print must not get between two answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, answers)
    return 0


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Answer each job; a fault is told by its type, since its words may quote a row."""
    warnings.simplefilter("ignore")
    while (body := read(jobs)) is not None:
        try:
            answer = answered(Job.unpack(body))
        except ImportError as error:
            answer = WorkerAnswer(problem=f"alibi-detect cannot be loaded: {type(error).__name__}")
        except Exception as error:
            answer = WorkerAnswer(problem=f"alibi-detect failed: {type(error).__name__}")
        write(answers, answer.model_dump_json().encode())


def answered(job: Job) -> WorkerAnswer:
    """Return what alibi-detect says of each window.

    Raises:
        ImportError: it is not installed.
    """
    import alibi_detect.cd  # noqa: F401 that it is missing is told once, not by each test

    tests = list(planned(job.detectors, job.profile))
    return WorkerAnswer(
        results=tuple(
            compared(job, test, name) if test.kind == "Joint" else _result(job, test, name)
            for name in job.windows
            for test in tests
        )
    )


def _result(job: Job, test: PlannedTest, window: str) -> AlibiResult:
    feature = _of(job.profile, test)
    rows, scores = job.windows[window]
    values = rows if test.kind == "Feature" else scores
    seen = places(feature, values[:, test.column])
    known = reference(feature)
    if test.test == "FET":  # what is neither of the two is not its question
        seen, known = seen[seen < len(feature.categories)], known[known < len(feature.categories)]
    told = test.counted(window, len(seen), len(known))
    if len(seen) < job.min_rows or not len(known):
        return told
    try:
        statistic, p = asked(test.detector, test.test, known, seen)
    except Exception:  # one test that fails must not cost the others; that it did is told
        return told
    if not (np.isfinite(p) and 0 <= p <= 1):
        return told
    return told.model_copy(
        update={
            # An odds ratio may be infinite.
            "statistic": statistic if np.isfinite(statistic) else None,
            "p": p,
            "effect": effect(test.test, statistic, known, seen),
        }
    )


def _of(profile: Profile, test: PlannedTest) -> FeatureProfile:
    """Return what a test is of.

    Raises:
        ValueError: the profile does not have it.
    """
    if test.kind == "Feature":
        return profile.features[test.column]
    if profile.score is None:
        raise ValueError("the profile has no scores")
    return profile.score


def asked(detector: AlibiType, test: AlibiTest, known: Places, seen: Places) -> tuple[float, float]:
    """Return alibi-detect's statistic and p for one feature."""
    from alibi_detect.cd import ChiSquareDrift, CVMDrift, FETDrift, KSDrift, TabularDrift

    both = _apart(known, seen) if test == "CVM" else (known, seen)
    column, window = (side[:, np.newaxis] for side in both)
    categories = {0: None} if test == "ChiSquare" else None
    make = {
        "KSDrift": lambda: KSDrift(column),
        "CVMDrift": lambda: CVMDrift(column),
        "ChiSquareDrift": lambda: ChiSquareDrift(column),
        "FETDrift": lambda: FETDrift(column, alternative="two-sided"),
        "TabularDrift": lambda: TabularDrift(column, categories_per_feature=categories),
    }
    made = make[detector]()
    found = made.predict(window)["data"]
    return float(found["distance"][0]), float(found["p_val"][0])


def _apart(known: Places, seen: Places) -> tuple[Floats, Floats]:
    """Return the places with what is in one bin in random order: SciPy's CVM takes ties for a shift."""
    random = np.random.default_rng(0)
    return known + random.random(len(known)), seen + random.random(len(seen))


def effect(test: AlibiTest, statistic: float, known: Places, seen: Places) -> float:
    """Return an effect on the scale of the native test."""
    if test == "KS":
        return statistic
    if test == "CVM":
        # T is the mean square of the difference of the cumulative shares, times this.
        size = len(known) * len(seen) / (len(known) + len(seen))
        return float(np.sqrt(max(0.0, statistic) / size))
    bins = int(max(known.max(), seen.max())) + 1
    shares = [np.bincount(side, minlength=bins) / len(side) for side in (known, seen)]
    return float(np.abs(shares[0] - shares[1]).sum()) / 2


def places(feature: FeatureProfile, values: Floats) -> Places:
    """Return the bin of each value that is there."""
    there = values[~np.isnan(values)]
    if feature.type != "Numeric":
        return there.astype(np.int64)
    return np.searchsorted(np.array(feature.edges), there).astype(np.int64)


def reference(feature: FeatureProfile) -> Places:
    """Return the bins of the reference values: all of them, or as many in proportion as are compared."""
    counts: Counts = np.array(feature.counts, dtype=np.int64)
    total = int(counts.sum())
    if total > MOST_REFERENCE:
        exact = counts * (MOST_REFERENCE / total)
        counts = np.floor(exact).astype(np.int64)
        largest = np.argsort(counts - exact, kind="stable")[: MOST_REFERENCE - int(counts.sum())]
        counts[largest] += 1
    return np.repeat(np.arange(len(counts)), counts)


if __name__ == "__main__":
    sys.exit(main())
