"""A look where alibi-detect computes the tests of drift: replicas together, and doubt that is never no drift."""

import math

import pytest

from mlhops.alibi.planned import NEEDS_TORCH, NOT_INSTALLED, planned
from mlhops.api.alibi import AlibiReport, AlibiResult
from mlhops.api.policy import DriftSettings, MonitoringPolicySpec
from mlhops.api.summary import DetectorReport
from mlhops.monitoring.reports import DetectorAnswer
from mlhops.statistics.drift.combine_pvalues import ReplicaTest, combined
from tests.unit.monitoring.pods import CANDIDATES, KNOWN, policy, report, seen

SMALL = 1e-9


def watching(*detectors: str, **drift: object) -> MonitoringPolicySpec:
    asked = {"detectors": [{"type": each} for each in detectors or ("TabularDrift",)]}
    return policy(drift={"engine": "AlibiDetect", "alibi": asked, **drift})


def results(settings: DriftSettings, **of: dict[str, object]) -> list[AlibiResult]:
    """What alibi-detect says of every test: nothing has moved, but what is named."""
    asked = settings.asked_of_engine
    assert asked is not None
    return [
        AlibiResult.model_validate(
            {
                "window": window.name,
                "detector": test.detector,
                "test": test.test,
                "of": test.of,
                "kind": test.kind,
                "rows": 500,
                "reference": 5000,
                "statistic": 0.02,
                "p": 0.4,
                "effect": 0.02,
            }
            | of.get(test.of, {})
        )
        for window in settings.windows
        for test in planned(asked.detectors, KNOWN)
    ]


def pod(given: MonitoringPolicySpec, **of: dict[str, object]) -> DetectorReport:
    return telling(AlibiReport(age=10, results=results(given.drift, **of)))


def telling(alibi: AlibiReport | None) -> DetectorReport:
    return report().model_copy(update={"engine": alibi})


def test_what_has_not_moved_is_no_drift() -> None:
    given = watching("KSDrift", "CVMDrift", "ChiSquareDrift")
    side = seen(pod(given), pod(given), given=given)
    assert (side.verdict, side.quality, side.message) == ("NoDrift", "NoDrift", "")


def test_what_has_moved_is_named_with_its_detector_and_the_rows_of_all_pods() -> None:
    given = watching()
    moved: dict[str, object] = {"p": SMALL, "effect": 0.4}
    side = seen(
        pod(given, creatinine=moved), pod(given, creatinine={**moved, "rows": 300}), given=given
    )
    assert side.verdict == "Drift"
    assert side.worst is not None
    assert (side.worst.of, side.worst.kind, side.worst.test) == (
        "creatinine",
        "Feature",
        "TabularDrift",
    )
    assert side.worst.rows == 800
    assert side.worst.effect == pytest.approx(0.4)
    together = combined([ReplicaTest(SMALL, 500, 5000), ReplicaTest(SMALL, 300, 5000)])
    assert side.worst.p == pytest.approx(4 * together), "corrected for three features and the score"


def test_replicas_see_together_what_none_sees_alone() -> None:
    given = watching()
    moved: dict[str, object] = {"p": 1e-4, "effect": 0.15}
    assert seen(pod(given, age=moved), given=given).verdict == "NoDrift"
    assert seen(*[pod(given, age=moved)] * 4, given=given).verdict == "Drift"


def test_a_sure_shift_that_does_not_matter_is_no_drift() -> None:
    given = watching()
    assert seen(pod(given, age={"p": SMALL, "effect": 0.09}), given=given).verdict == "NoDrift"


def test_fishers_test_is_judged_by_the_effect_of_shares() -> None:
    given = watching("ChiSquareDrift", effects={"ChiSquare": 0.3})
    moved: dict[str, object] = {"p": SMALL, "effect": 0.29}
    assert seen(pod(given, ward=moved), given=given).verdict == "NoDrift"
    assert seen(pod(given, ward={**moved, "effect": 0.3}), given=given).verdict == "Drift"


@pytest.mark.parametrize("kind", ["p", "effect"])
def test_what_is_no_number_is_an_error_and_never_no_drift(kind: str) -> None:
    given = watching()
    side = seen(pod(given), pod(given, age={kind: None}), given=given)
    assert side.verdict == "Error"
    assert side.worst is not None
    assert (side.worst.of, side.worst.verdict) == ("age", "Error")


@pytest.mark.parametrize(
    ("told", "verdict", "why"),
    [
        (None, "Insufficient", "does not tell of alibi-detect"),
        (AlibiReport(problem=NOT_INSTALLED), "Error", "the next version comes with it, or set"),
        (AlibiReport(problem="patient 7 has died"), "Error", "GET /report says why"),
        (AlibiReport(), "Insufficient", "has not been asked in every pod"),
        (
            AlibiReport(age=481, results=results(watching().drift)),
            "Insufficient",
            "has not asked alibi-detect for too long",
        ),
    ],
    ids=["too old", "no image", "another problem", "not yet", "stale"],
)
def test_a_pod_that_does_not_tell_is_doubt_with_its_reason(
    told: AlibiReport | None, verdict: str, why: str
) -> None:
    given = watching()
    for others in ((), (pod(given),)):
        side = seen(telling(told), *others, given=given)
        assert side.verdict == verdict
        assert why in side.message
        assert "patient" not in side.message
        assert side.quality == "NoDrift", "which the native counts tell"
    drifted = pod(given, age={"p": SMALL, "effect": 0.5})
    assert seen(telling(told), drifted, given=given).verdict == "Drift"


def test_a_replica_that_is_missing_or_has_few_rows_is_insufficient() -> None:
    given = watching()
    silent = DetectorAnswer(None, "did not tell", "Error")
    assert seen(pod(given), silent, given=given).verdict == "Error"
    side = seen(pod(given), pod(given, age={"rows": 99, "p": None, "effect": None}), given=given)
    assert side.verdict == "Insufficient"
    assert side.message == (
        "alibi-detect has not been asked in every pod of 100 rows of window hour with a value of age"
    )


def test_a_number_of_too_few_rows_does_not_count() -> None:
    given = watching()
    few: dict[str, object] = {"rows": 99, "p": SMALL, "effect": 0.9}
    side = seen(pod(given), pod(given, age=few), given=given)
    assert side.verdict == "Insufficient"


def test_results_of_another_profile_or_window_do_not_count() -> None:
    given = watching()
    theirs = report(of=CANDIDATES).model_copy(
        update={"revision": KNOWN.revision, "engine": pod(given).engine}
    )
    assert seen(theirs, given=given).verdict == "Error"
    two = watching(windows=[{"name": "hour", "length": "1h"}, {"name": "week", "length": "7d"}])
    told = report(windows=("hour", "week")).model_copy(update={"engine": pod(given).engine})
    side = seen(told, given=two)
    assert side.verdict == "Insufficient"
    assert "window week" in side.message


def test_a_feature_that_the_reference_lacks_has_no_verdict() -> None:
    given = watching()
    lacking: dict[str, object] = {"reference": 0, "p": None, "effect": None}
    assert seen(pod(given, age=lacking), given=given).verdict == "Insufficient"


def test_the_native_engine_does_not_look_at_it() -> None:
    drifted = pod(watching(), age={"p": SMALL, "effect": 0.5})
    assert seen(drifted, given=policy()).verdict == "NoDrift"


def test_whole_rows_that_moved_are_drift_of_all_features_together() -> None:
    given = watching("TabularDrift", "ClassifierDrift")
    side = seen(pod(given), pod(given, joint={"p": SMALL, "effect": 0.3}), given=given)
    assert side.worst is not None
    assert (side.verdict, side.worst.of, side.worst.kind) == ("Drift", "joint", "Joint")
    five = 5 * combined([ReplicaTest(0.4, 500, math.inf), ReplicaTest(SMALL, 500, math.inf)])
    assert side.worst.p == pytest.approx(five), "pods with baselines of their own share nothing"


def test_a_pod_whose_baseline_is_not_full_yet_is_insufficient() -> None:
    given = watching("TabularDrift", "ClassifierDrift")
    early: dict[str, object] = {"reference": 0, "p": None, "effect": None}
    side = seen(pod(given), pod(given, joint=early), given=given)
    assert side.verdict == "Insufficient"
    assert "a value of each feature, after a baseline of such rows" in side.message


def test_without_torch_one_detector_is_an_error_and_the_others_are_judged() -> None:
    given = watching("TabularDrift", "MMDDrift", falseAlarms={"atMost": 1000})
    lacking: dict[str, object] = {"problem": NEEDS_TORCH, "rows": 0, "p": None, "effect": None}
    side = seen(pod(given, joint=lacking), given=given)
    assert (side.verdict, side.message) == ("Error", NEEDS_TORCH)
    moved: dict[str, object] = {"p": SMALL, "effect": 0.5}
    drifted = seen(pod(given, joint=lacking, age=moved), given=given)
    assert drifted.verdict == "Drift"
    told = seen(pod(given, joint={**lacking, "problem": "patient 7 has died"}), given=given)
    assert (told.verdict, "patient" in told.message) == ("Error", False)


def test_permutations_that_cannot_be_sure_enough_are_insufficient() -> None:
    strict = watching("TabularDrift", "MMDDrift")
    side = seen(pod(strict), given=strict)
    assert side.verdict == "Insufficient"
    assert "look less often" in side.message
    loose = watching("TabularDrift", "MMDDrift", falseAlarms={"atMost": 1000})
    assert seen(pod(loose), given=loose).verdict == "NoDrift"
    moved: dict[str, object] = {"p": 0.001, "effect": 0.3}
    assert seen(pod(loose, joint=moved), given=loose).verdict == "Drift"
