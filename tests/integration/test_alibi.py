"""The detector with alibi-detect, on its own image's packages: real events, a real process, its report."""

import json
import re
from ast import literal_eval
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
import scipy.stats

from mlhops.alibi.planned import NEEDS_TORCH
from mlhops.api.alibi import AlibiReport, AlibiResult
from mlhops.api.detector import DetectorConfig
from mlhops.api.policy import MonitoringPolicySpec
from mlhops.api.profile import Profile
from mlhops.api.summary import DetectorReport
from mlhops.monitoring.look import look
from mlhops.monitoring.reports import AskedDetector, DetectorAnswer
from mlhops.rollout.monitoring.drift_snapshot import Side
from mlhops.statistics.arrays import Floats
from mlhops.statistics.drift import edges
from testkit.images import installed
from testkit.sidecar import Sidecar, config, headers, sidecar

PATIENCE = 120.0
"""Until alibi-detect is loaded, on a machine that has other things to do."""
ROWS = 400
TO_UMOL = 88.4
"""Creatinine in umol/L for one mg/dL."""
_RANDOM = np.random.default_rng(11)
REFERENCE = _RANDOM.lognormal(0.0, 0.3, 4000).round(2)
SEX = _RANDOM.integers(0, 2, 4000)
WARD = _RANDOM.integers(0, 3, 4000)
WINDOW = _RANDOM.lognormal(0.0, 0.3, ROWS).round(2)
SCORES = _RANDOM.random(ROWS).round(6)

WINDOWS = [{"name": "hour", "length": "1h"}, {"name": "all", "length": "1d", "mode": "Cumulative"}]
DETECTORS = [
    {"type": kind} for kind in ("KSDrift", "CVMDrift", "ChiSquareDrift", "TabularDrift", "FETDrift")
]
CONFIG = DetectorConfig.model_validate(
    {
        "revision": "r1",
        "features": [
            {"name": "creatinine"},
            {"name": "sex", "type": "Binary", "categories": ["0", "1"]},
            {"name": "ward", "type": "Categorical", "categories": ["a", "b", "c"]},
        ],
        "output": {"name": "risk", "threshold": 0.5},
        "windows": WINDOWS,
        "alibi": {
            "detectors": DETECTORS,
            "rows": 2000,
            "every": 1,
        },
    }
)
PROFILE = Profile(
    revision="r1",
    created_from=f"sha256:{'0' * 64}",
    rows=len(REFERENCE),
    features=[
        edges.numeric("creatinine", REFERENCE),
        edges.categorical("sex", SEX.tolist(), ["0", "1"], binary=True),
        edges.categorical("ward", ["abc"[ward] for ward in WARD], ["a", "b", "c"]),
    ],
    score=edges.numeric("risk", _RANDOM.random(4000)),
)
POLICY = MonitoringPolicySpec.model_validate(
    {
        "drift": {
            "engine": "AlibiDetect",
            "alibi": {"detectors": DETECTORS},
            "windows": WINDOWS,
        }
    }
)
ASKED = {
    ("KSDrift", "creatinine"): "KS",
    ("KSDrift", "risk"): "KS",
    ("CVMDrift", "creatinine"): "CVM",
    ("CVMDrift", "risk"): "CVM",
    ("ChiSquareDrift", "sex"): "ChiSquare",
    ("ChiSquareDrift", "ward"): "ChiSquare",
    ("TabularDrift", "creatinine"): "KS",
    ("TabularDrift", "sex"): "ChiSquare",
    ("TabularDrift", "ward"): "ChiSquare",
    ("TabularDrift", "risk"): "KS",
    ("FETDrift", "sex"): "FET",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """One process for all these tests, in their order: to load alibi-detect takes seconds."""
    image = installed("detector-alibi")
    with sidecar(tmp_path_factory.mktemp("alibi"), CONFIG, PROFILE, image) as process:
        yield process


def post(to: Sidecar, creatinine: Floats) -> None:
    """Post rows of which every second lacks its ward, and scores."""
    rows = [
        {"creatinine": value, "sex": i % 2, "ward": "abc"[i % 3] if i % 2 else None}
        for i, value in enumerate(creatinine.tolist())
    ]
    assert to.post(json.dumps({"instances": rows}).encode(), headers()) == 200
    scores = json.dumps({"predictions": SCORES.tolist()}).encode()
    assert to.post(scores, headers("response")) == 200


def told(report: DetectorReport) -> AlibiReport:
    assert report.engine is not None
    assert report.engine.problem == ""
    return report.engine


def found(report: DetectorReport, detector: str, of: str) -> AlibiResult:
    """Return what a detector found in the last hour."""
    matching = [
        each
        for each in told(report).results
        if (each.window, each.detector, each.of) == ("hour", detector, of)
    ]
    assert len(matching) == 1
    return matching[0]


def of_rows(to: Sidecar, rows: int) -> DetectorReport:
    """Wait until alibi-detect has seen so many rows."""
    return to.until(
        f"what alibi-detect says of {rows} rows",
        lambda report: any(
            each.rows == rows for each in (report.engine.results if report.engine else ())
        ),
        PATIENCE,
    )


def in_bins(of: int, values: Floats) -> Floats:
    """Return values as what a profile can tell of them: their bins."""
    feature = [*PROFILE.features, PROFILE.score][of]
    assert feature is not None
    return np.searchsorted(feature.edges, values).astype(np.float64)


def test_its_chances_are_those_of_scipy_for_what_was_posted(running: Sidecar) -> None:
    post(running, WINDOW)
    report = of_rows(running, ROWS)

    both = in_bins(0, REFERENCE), in_bins(0, WINDOW)
    expected = scipy.stats.ks_2samp(*both, method="asymp")
    for detector in ("KSDrift", "TabularDrift"):
        result = found(report, detector, "creatinine")
        assert (result.rows, result.reference) == (ROWS, len(REFERENCE))
        assert result.p == pytest.approx(expected.pvalue, rel=1e-6)
        assert result.statistic == result.effect == pytest.approx(expected.statistic, rel=1e-6)
    wards = [np.bincount(WARD), np.bincount(np.arange(1, ROWS, 2) % 3)]
    by_ward = found(report, "ChiSquareDrift", "ward")
    assert by_ward.rows == ROWS // 2
    assert by_ward.p == pytest.approx(scipy.stats.chi2_contingency(wards).pvalue, rel=1e-6)
    men, boys = int(SEX.sum()), ROWS // 2
    exact = scipy.stats.fisher_exact([[boys, men], [ROWS - boys, len(SEX) - men]])
    assert found(report, "FETDrift", "sex").p == pytest.approx(exact.pvalue, rel=1e-6)
    cvm = found(report, "CVMDrift", "creatinine")
    assert cvm.p is not None
    assert cvm.p > 0.01


def judged(
    *running: Sidecar, policy: MonitoringPolicySpec = POLICY, profile: Profile = PROFILE
) -> Side:
    """What the operator makes of the reports of these pods."""
    answers = [DetectorAnswer(each.get("/report")[1].encode()) for each in running]
    asked = AskedDetector(profile.revision, answers, profile)
    side = look(policy, asked, None, datetime.now(UTC)).stable
    assert side is not None
    return side


def test_the_operator_finds_no_drift_in_it(running: Sidecar) -> None:
    side = judged(running)
    assert (side.verdict, side.message) == ("NoDrift", "")


def test_every_detector_tells_of_what_suits_it_in_every_window(running: Sidecar) -> None:
    results = told(of_rows(running, ROWS)).results
    for window in ("hour", "all"):
        here = [each for each in results if each.window == window]
        assert {(each.detector, each.of): each.test for each in here} == ASKED
        assert len(here) == len(ASKED)
        assert {each.of for each in here if each.kind == "Score"} == {"risk"}


def test_creatinine_in_other_units_is_seen_and_nothing_else(running: Sidecar) -> None:
    post(running, WINDOW * TO_UMOL)
    report = of_rows(running, 2 * ROWS)

    for detector in ("KSDrift", "CVMDrift", "TabularDrift"):
        result = found(report, detector, "creatinine")
        assert result.p is not None
        assert result.effect is not None
        assert result.p < 1e-7
        assert result.effect > 0.2
    for detector, of in (("TabularDrift", "sex"), ("ChiSquareDrift", "ward"), ("KSDrift", "risk")):
        assert (found(report, detector, of).p or 0) > 0.001
    side = judged(running)
    assert side.verdict == "Drift"
    assert side.worst is not None
    assert (side.worst.of, side.worst.rows) == ("creatinine", 2 * ROWS)


def test_no_row_is_in_what_it_tells_or_logs(running: Sidecar) -> None:
    marker = 7.77421
    post(running, np.full(ROWS, marker))
    of_rows(running, 3 * ROWS)
    pages = [running.get(path)[1] for path in ("/report", "/metrics", "/readyz")]
    assert str(marker) not in "".join([*pages, running.log])


def together(rows: int, correlation: float) -> Floats:
    """Return rows of two numbers: normal, however much they hang together."""
    shape = [[1.0, correlation], [correlation, 1.0]]
    return np.random.default_rng(rows).multivariate_normal([0.0, 0.0], shape, rows)


def send(to: Sidecar, rows: Floats) -> None:
    assert to.post(json.dumps({"instances": rows.tolist()}).encode(), headers()) == 200


def after_baseline(to: Sidecar, detector: str, rows: int) -> DetectorReport:
    """Wait until a detector of whole rows has seen so many."""
    return to.until(
        f"{rows} rows after the baseline",
        lambda report: any(
            (each.detector, each.rows) == (detector, rows)
            for each in (report.engine.results if report.engine else ())
        ),
        PATIENCE,
    )


def of_two_numbers(
    *detectors: str, **drift: object
) -> tuple[DetectorConfig, Profile, MonitoringPolicySpec]:
    """Return what detector and operator are told where two numbers hang together."""
    asked = [{"type": kind} for kind in detectors]
    more: dict[str, object] = {
        "alibi": {"detectors": asked, "rows": 2000, "every": 1},
        "windows": WINDOWS[:1],
    }
    given = config(("sodium", "chloride"), revision="r2", **more)
    reference = together(4000, 0.8)
    known = Profile(
        revision="r2",
        created_from=f"sha256:{'0' * 64}",
        rows=len(reference),
        features=[edges.numeric(f.name, reference[:, i]) for i, f in enumerate(given.features)],
    )
    drift |= {"engine": "AlibiDetect", "alibi": {"detectors": asked}, "windows": WINDOWS[:1]}
    return given, known, MonitoringPolicySpec.model_validate({"drift": drift})


def test_a_correlation_that_flips_is_seen_by_whole_rows_alone_and_only_after_the_baseline(
    running: Sidecar,
) -> None:
    given, known, policy = of_two_numbers("KSDrift", "ClassifierDrift", "MMDDrift")
    running.write("config.json", json.dumps(given.to_json()))
    running.until("the configuration", lambda report: report.revision == "r2")
    running.write("profile.json", known.to_text())
    running.until("the profile", lambda report: report.profile_digest == known.digest())

    send(running, together(500, 0.8))
    send(running, together(90, 0.8))
    few = found(after_baseline(running, "ClassifierDrift", 90), "ClassifierDrift", "joint")
    assert (few.kind, few.reference, few.p) == ("Joint", 500, None)
    send(running, together(200, 0.8))
    same = found(after_baseline(running, "ClassifierDrift", 290), "ClassifierDrift", "joint")
    assert same.p is not None
    assert same.p > 1e-3
    send(running, together(401, -0.8))
    flipped = found(
        report := after_baseline(running, "ClassifierDrift", 500), "ClassifierDrift", "joint"
    )
    assert flipped.p is not None
    assert flipped.p < 1e-6
    assert flipped.effect == flipped.statistic
    for each in ("sodium", "chloride"):
        assert (found(report, "KSDrift", each).p or 0) > 1e-3
    assert found(report, "MMDDrift", "joint").problem == NEEDS_TORCH

    side = judged(running, policy=policy, profile=known)
    assert (side.verdict, side.message) == ("Drift", NEEDS_TORCH)
    assert side.worst is not None
    assert (side.worst.of, side.worst.kind, side.worst.test) == (
        "joint",
        "Joint",
        "ClassifierDrift",
    )


@pytest.mark.module("torch")
def test_mmd_sees_the_flip_within_the_memory_of_a_pod_and_two_pods_are_surer(
    tmp_path: Path, extra_modules: Path
) -> None:
    image = replace(installed("detector-alibi"), beside=extra_modules)
    given, known, policy = of_two_numbers("KSDrift", "MMDDrift", falseAlarms={"atMost": 1000})
    _, _, strict = of_two_numbers("KSDrift", "MMDDrift")
    with sidecar(tmp_path, given, known, image) as pod:
        send(pod, together(500, 0.8))
        send(pod, together(100, 0.8))
        same = found(after_baseline(pod, "MMDDrift", 100), "MMDDrift", "joint")
        assert (same.problem, same.reference) == ("", 500)
        assert same.p is not None
        assert same.p > 0.01
        side = judged(pod, policy=policy, profile=known)
        assert (side.verdict, side.message) == ("NoDrift", "")

        send(pod, together(400, -0.8))
        flipped = found(after_baseline(pod, "MMDDrift", 500), "MMDDrift", "joint")
        assert flipped.p == 1 / 1000
        assert peak_of_child(pod) < 700
        # A second pod is taken to tell the same: by Fisher's method, times three tests.
        side = judged(pod, pod, policy=policy, profile=known)
        assert side.worst is not None
        assert (side.verdict, side.worst.test, side.worst.rows) == ("Drift", "MMDDrift", 1000)
        assert side.worst.p == pytest.approx(3e-6 * (1 - np.log(1e-6)), rel=0.01)
        side = judged(pod, policy=strict, profile=known)
        assert "MMDDrift finds no chance below 1 in 1000" in side.message


def peak_of_child(of: Sidecar) -> float:
    """Return the most memory that alibi-detect's process has had, in MiB."""
    (child,) = psutil.Process(of.process.pid).children()
    told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{child.pid}/status").read_text())
    assert told
    return int(told[1]) / 1024


_CHANCES = """
import numpy as np
from mlhops.alibi.sidecar.multivariate import by_mmd
random = np.random.default_rng(0)
def rows(many): return random.normal(size=(many, 3)).astype(np.float32)
same = [by_mmd(rows(60), rows(40))[1] for _ in range(60)]
few, many = rows(60), rows(40)
again = [by_mmd(few, many) for _ in range(2)]
equal = by_mmd(0 * few, 0 * many)[1]
rare = [side * (random.random((len(side), 1)) < 0.25) for side in (rows(200), rows(200) + 1)]
print(repr((same, again[0] == again[1], equal, by_mmd(*rare)[1])))
"""


@pytest.mark.module("torch")
def test_chances_of_mmd_are_uniform_where_nothing_moved_and_the_same_each_time(
    extra_modules: Path,
) -> None:
    image = replace(installed("detector-alibi"), beside=extra_modules)
    told = image.run(_CHANCES).splitlines()[-1]
    same, repeated, equal, rare = literal_eval(told)
    assert scipy.stats.kstest(same, "uniform").pvalue > 0.05
    assert repeated
    assert equal == 1
    assert rare <= 0.01, "a shift of the few rows that are not equal"


def test_its_process_ends_with_the_detector_however_that_ends(running: Sidecar) -> None:
    (child,) = psutil.Process(running.process.pid).children()
    running.process.kill()
    psutil.wait_procs([child], timeout=20)
    assert not child.is_running()
