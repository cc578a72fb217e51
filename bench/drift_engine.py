"""False alarms and power of engine AlibiDetect: the sidecar's process by its pipe, judged as the operator does."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, cast, get_args

import numpy as np
import scipy.stats

from bench.drift import AT
from bench.drift_data import CATEGORY, FEATURES, KNOWN, LOOKS, REPEATS, SHIFTS, WINDOW, Rows, drawn
from bench.results import Result
from mlhops.alibi.judging import over_pods
from mlhops.alibi.sidecar import job
from mlhops.api.alibi import JOINT_ROWS, AlibiReport, AlibiType
from mlhops.api.policy import DriftSettings
from mlhops.api.profile import FeatureProfile, Profile
from mlhops.api.summary import DetectorReport
from mlhops.rollout.monitoring.drift_snapshot import Found
from mlhops.statistics.drift import edges
from testkit.images import installed

REFERENCES = 6
"""That the windows without a shift are shared among."""
SEEN = (SHIFTS[0], SHIFTS[2])
_FIFTHS = (0.2, 0.4, 0.6, 0.8)
_CUTS: dict[AlibiType, Sequence[float]] = {"ChiSquareDrift": _FIFTHS, "FETDrift": (0.5,)}
"""Quantiles at which numbers are made categories, for detectors that take no numbers."""
_DETECTORS = tuple(each for each in get_args(AlibiType) if each != "MMDDrift")
"""All but the one that needs torch."""
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def calibration() -> list[Result]:
    """Return how often each detector alarms where nothing has moved, and where something has."""
    with _process() as process:
        return [result for each in _DETECTORS for result in _detector(process, each)]


def _detector(process: "_Process", detector: AlibiType) -> list[Result]:
    random = np.random.RandomState(_DETECTORS.index(detector))
    cases = [_Case(detector, drawn(random, KNOWN)) for _ in range(REFERENCES)]
    null = [_least(process, case, random) for case in cases for _ in range(LOOKS // REFERENCES)]
    name = f"{detector}, {len(null)} windows without a shift"
    sure = sum(each.sure for each in null)
    budget = round(len(null) * AT, 1)
    chance = scipy.stats.binom.sf(sure - 1, len(null), AT)
    note = f"so many or more come in {chance:.0%} of runs of a test that is exact"
    results = [
        Result(f"{name}: false alarms by the corrected chance", sure, "", budget, note=note),
        Result(
            f"{name}: false alarms by chance and effect",
            sum(each.drifted for each in null),
            "",
            budget,
            note=note,
        ),
        Result(f"{name}: with a corrected p < .05", _share([each.p < 0.05 for each in null]), "%"),
    ]
    for shift in SEEN:
        found = [_least(process, cases[i % REFERENCES], random, shift) for i in range(REPEATS)]
        what = f"{detector}, {shift} in 1 of {FEATURES} features, {WINDOW:,} rows"
        results += [
            Result(f"{what}: seen by chance", _share([each.sure for each in found]), "%"),
            Result(
                f"{what}: seen by chance and effect", _share([each.drifted for each in found]), "%"
            ),
        ]
    return results


@dataclass(frozen=True)
class _Least:
    """The smallest corrected chance of a window, and whether the operator finds drift."""

    p: float
    drifted: bool

    @property
    def sure(self) -> bool:
        return self.p <= AT


def _least(
    process: "_Process", case: "_Case", random: np.random.RandomState, shift: str = ""
) -> _Least:
    found = process.look(case, drawn(random, JOINT_ROWS), drawn(random, WINDOW, shift))
    chances = [each.p for each in found if each.p is not None]
    assert len(chances) == len(found) > 0, "a chance is missing"
    return _Least(min(chances), any(each.verdict == "Drift" for each in found))


class _Case:
    """A detector, as a policy names it, and its reference."""

    def __init__(self, detector: AlibiType, known: Rows) -> None:
        # A policy needs one that compares with the profile; this one finds nothing to test among numbers.
        more: list[AlibiType] = ["FETDrift"] if detector == "ClassifierDrift" else []
        told = {
            "engine": "AlibiDetect",
            "alibi": {"detectors": [{"type": each} for each in (detector, *more)]},
            "windows": [{"name": "hour", "length": "1h"}],
        }
        self.settings = DriftSettings.model_validate(told)
        at = _CUTS.get(detector)
        self._cuts = None if at is None else np.quantile(known, at, axis=0)
        features = [_feature(detector, i, values) for i, values in enumerate(self.rows(known).T)]
        self.profile = Profile(
            revision="bench",
            created_from=f"sha256:{'0' * 64}",
            rows=len(known),
            features=features,
        )

    def rows(self, drawn: Rows) -> Rows:
        """Return rows as the detector takes them: numbers, or categories by the reference's quantiles."""
        if self._cuts is None:
            return drawn
        return np.asarray((drawn > self._cuts[:, np.newaxis]).sum(axis=0), dtype=np.float64)


def _feature(detector: AlibiType, column: int, values: Rows) -> FeatureProfile:
    cuts = _CUTS.get(detector)
    if cuts is None and column != CATEGORY:
        return edges.numeric(f"x{column}", values)
    names = [str(i) for i in range(5 if cuts is None else len(cuts) + 1)]
    told = [str(int(value)) for value in values]
    return edges.categorical(f"x{column}", told, names, binary=len(names) == 2)


class _Process:
    """The process that a detector has beside it."""

    def __init__(self, jobs: BinaryIO, answers: BinaryIO) -> None:
        self._jobs, self._answers = jobs, answers

    def look(self, case: _Case, baseline: Rows, window: Rows) -> list[Found]:
        """Return what the operator makes of its answer."""
        asked = case.settings.asked_of_engine
        assert asked is not None
        rows = np.column_stack([case.rows(window), np.zeros(len(window))])
        sent = job.Job(
            asked.detectors,
            case.profile,
            case.settings.min_rows,
            case.rows(baseline),
            {"hour": (rows, np.empty((0, 1)))},
        )
        job.write(self._jobs, sent.pack())
        body = job.read(self._answers)
        assert body is not None, "the process has ended"
        answer = job.WorkerAnswer.model_validate_json(body)
        digest = case.profile.digest()
        report = DetectorReport(
            version="bench",
            revision="bench",
            instance="bench",
            started_at=_NOW,
            profile_digest=digest,
            engine=AlibiReport(problem=answer.problem, results=list(answer.results)),
        )
        heard = over_pods(case.profile, digest, [report], case.settings, AT)
        assert not heard.troubles, heard.troubles
        return [each.found for each in heard.findings]


@contextmanager
def _process() -> Iterator[_Process]:
    image = installed("detector-alibi")
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [image.python, "-m", "mlhops.alibi.sidecar.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=image.environment | threads | {"PYTHONUNBUFFERED": ""},
    ) as child:
        jobs, answers = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)
        yield _Process(jobs, answers)
        jobs.close()


def _share(of: Sequence[bool]) -> float:
    return round(sum(of) / len(of) * 100, 1)
