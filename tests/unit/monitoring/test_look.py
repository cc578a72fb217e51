"""A look: what all ready pods told, judged by the policy."""

import numpy as np
import pytest

from mlhops.api.summary import DetectorReport
from mlhops.monitoring.look import look, threshold
from mlhops.monitoring.reports import AskedDetector, DetectorAnswer
from mlhops.statistics.drift.sketch import Column
from tests.unit.monitoring.pods import (
    CANDIDATE,
    CANDIDATES,
    KNOWN,
    NOW,
    STABLE,
    asked,
    beside,
    policy,
    report,
    rows,
    scores,
    seen,
)

MOST = 10**12


def in_other_units(seed: int = 1, n: int = 500) -> dict[str, Column]:
    columns = rows(seed, n)
    columns["creatinine"] = np.asarray(columns["creatinine"], dtype=np.float64) * 88.4
    return columns


def test_what_has_not_moved_is_no_drift() -> None:
    side = seen(report())
    assert (side.revision, side.verdict, side.quality, side.message) == (
        STABLE,
        "NoDrift",
        "NoDrift",
        "",
    )


def test_another_unit_is_drift_and_names_the_feature() -> None:
    side = seen(report(in_other_units()))
    assert side.verdict == "Drift"
    assert side.worst is not None
    assert (side.worst.of, side.worst.kind, side.worst.test) == ("creatinine", "Feature", "KS")
    assert (side.worst.window, side.worst.rows, side.worst.verdict) == ("hour", 500, "Drift")
    assert side.worst.p is not None
    assert side.worst.p < 1e-20
    assert side.worst.effect is not None
    assert side.worst.effect > 0.9


def test_values_out_of_range_are_told_as_data_quality_with_their_share() -> None:
    side = seen(report(in_other_units()))
    assert side.quality == "Drift"
    assert side.quality_worst is not None
    assert (side.quality_worst.of, side.quality_worst.test) == ("creatinine", "outOfRange")
    assert side.quality_worst.effect is not None
    assert side.quality_worst.effect > 0.8


def test_replicas_are_judged_together() -> None:
    few = [report(n=60, seed=seed) for seed in (1, 2, 3)]
    assert seen(few[0]).verdict == "Insufficient"
    side = seen(*few)
    assert side.verdict == "NoDrift"
    assert side.worst is not None
    assert side.worst.rows == 180


def test_a_window_with_too_few_rows_is_insufficient_and_says_which() -> None:
    side = seen(report(n=99))
    assert (side.verdict, side.quality) == ("Insufficient", "Insufficient")
    assert side.message == ("window hour has fewer than 100 rows with a value of age and 4 more")


def test_every_window_must_have_enough_rows() -> None:
    both = policy(
        drift={"windows": [{"name": "hour", "length": "1h"}, {"name": "day", "length": "1d"}]}
    )
    told = report(windows=("hour", "day"))
    assert seen(told, given=both).verdict == "NoDrift"
    short = told.model_copy(
        update={"windows": {"day": told.windows["day"], "hour": report(n=20).windows["hour"]}}
    )
    assert seen(short, given=both).verdict == "Insufficient"


def test_no_pod_that_is_ready_is_insufficient() -> None:
    assert (seen().verdict, seen().message) == ("Insufficient", "no pod of it is ready")


def test_a_pod_that_did_not_answer_leaves_no_room_for_no_drift() -> None:
    side = seen(report(), DetectorAnswer(None, "did not answer in 2 s"))
    assert (side.verdict, side.quality) == ("Error", "Error")
    assert side.message == "a pod's detector did not answer in 2 s"


def test_drift_that_the_others_show_is_drift_though_a_pod_did_not_answer() -> None:
    assert seen(report(in_other_units()), DetectorAnswer(None, "did not answer")).verdict == "Drift"


def test_the_message_does_not_change_with_how_many_pods_have_the_same_trouble() -> None:
    silent = DetectorAnswer(None, "did not answer in 2 s")
    assert seen(report(), silent).message == seen(silent, silent, silent).message


def test_without_a_profile_it_is_insufficient_and_says_why() -> None:
    side = look(policy(), asked(report(), of=None), None, NOW).stable
    assert side is not None
    assert (side.verdict, side.quality) == ("Insufficient", "Insufficient")
    assert side.message == "there is no profile of it yet"


def test_a_profile_that_cannot_be_used_is_an_error() -> None:
    broken = AskedDetector(
        STABLE, asked(report()).answers, None, "its profile is damaged", damaged=True
    )
    side = look(policy(), broken, None, NOW).stable
    assert side is not None
    assert side.verdict == "Error"


@pytest.mark.parametrize(
    ("change", "verdict", "told"),
    [
        ({"revision": ""}, "Insufficient", "no configuration yet"),
        ({"revision": CANDIDATE}, "Error", "another revision"),
        ({"windows": {}}, "Insufficient", "does not count window hour yet"),
    ],
)
def test_a_detector_that_is_not_up_to_date_is_not_taken_for_one_that_is(
    change: dict[str, object], verdict: str, told: str
) -> None:
    side = seen(report(), report(seed=2).model_copy(update=change))
    assert side.verdict == verdict
    assert told in side.message


@pytest.mark.parametrize(
    ("digest", "verdict"), [("", "Insufficient"), ("sha256:" + "0" * 64, "Error")]
)
def test_counts_against_another_profile_are_never_no_drift(digest: str, verdict: str) -> None:
    told = report()
    other = told.windows["hour"].model_copy(update={"profile_digest": digest})
    assert seen(report(), told.model_copy(update={"windows": {"hour": other}})).verdict == verdict


def lying(told: DetectorReport, **change: object) -> DetectorReport:
    hour = told.windows["hour"].model_copy(update=change)
    return told.model_copy(update={"windows": {"hour": hour}})


def hostile() -> dict[str, DetectorReport | DetectorAnswer]:
    told = report()
    hour = told.windows["hour"]
    assert hour.score is not None
    assert hour.joint is not None
    large = [
        feature.model_copy(update={"counts": [10**18] * len(feature.counts)})
        for feature in hour.features
    ]
    return {
        "nothing": DetectorAnswer(b""),
        "no JSON": DetectorAnswer(b"\x00\xff" * 100),
        "a page": DetectorAnswer(b"<html>sign in</html>"),
        "a list": DetectorAnswer(b"[" * 10_000),
        "null": DetectorAnswer(b"null"),
        "a number of a million digits": DetectorAnswer(b'{"windows": ' + b"9" * 10**6 + b"}"),
        "no windows' shape": DetectorAnswer(
            b'{"version":"1","revision":"%s","windows":{"hour":1}}' % STABLE.encode()
        ),
        "fewer features": lying(told, features=hour.features[:2]),
        "more bins": lying(
            told,
            score=hour.score.model_copy(update={"counts": [*hour.score.counts, 0]}),
        ),
        "no score": lying(told, score=None),
        "no joint sketch": lying(told, joint=None),
        "a joint sketch of more rows": lying(
            told, joint=hour.joint.model_copy(update={"n": hour.rows + 1})
        ),
        "sums that cannot be": lying(
            told, joint=hour.joint.model_copy(update={"sum": [2**80] * len(hour.joint.sum)})
        ),
        "counts beyond all numbers": lying(told, features=large, rows=sum(large[0].counts)),
        "scores beyond all numbers": lying(
            told, score=hour.score.model_copy(update={"counts": [MOST] * len(hour.score.counts)})
        ),
        "more out of range than there are": lying(
            told,
            features=[f.model_copy(update={"out_of_range": 10**9}) for f in hour.features],
        ),
        "features that do not account for every row": lying(told, rows=hour.rows + 1),
    }


@pytest.mark.parametrize("lie", hostile())
def test_a_hostile_report_is_an_error_whatever_the_others_say(lie: str) -> None:
    for told in ([hostile()[lie]], [report(), hostile()[lie], report(seed=2)]):
        side = seen(*told)
        assert (side.verdict, side.quality) == ("Error", "Error")
        assert side.message.startswith("a pod's report")


def test_no_word_of_a_report_is_in_what_is_told() -> None:
    marker = "Ada-Lovelace"
    hour = report().windows["hour"].model_dump(mode="json", by_alias=True)
    for body in (
        f'{{"revision": "{marker}", "version": "1", "instance": "a", "startedAt": "2026-01-01T00:00:00Z"}}',
        f'{{"{marker}": 1, "windows": "{marker}"}}',
        f'{{"windows": {{"{marker}": {hour["rows"]}}}}}',
    ):
        assert marker not in repr(seen(DetectorAnswer(body.encode())))


def test_false_alarms_stay_in_budget_over_windows_families_and_sides() -> None:
    one = threshold(policy().drift, 1)
    assert one == pytest.approx(1 / (30 * 24 * 60 * 2))
    assert threshold(policy().drift, 2) == pytest.approx(one / 2)
    two = policy(drift={"windows": [{"name": "a", "length": "1h"}, {"name": "b", "length": "1d"}]})
    assert threshold(two.drift, 1) == pytest.approx(one / 2)
    often = policy(drift={"for": {"atLeast": 2, "of": 3}})
    assert threshold(often.drift, 1) == pytest.approx(one * 2 / 3)


def test_an_effect_that_matters_to_nobody_is_no_drift_however_sure() -> None:
    lenient = policy(
        drift={"effects": {"KS": 0.99, "MMD": 1.4}},
        dataQuality={"outOfRange": 1, "missing": 1},
    )
    columns = rows(1, 500)
    columns["age"] = np.asarray(columns["age"], dtype=np.float64) + 20
    assert seen(report(columns)).verdict == "Drift"
    assert seen(report(columns), given=lenient).verdict == "NoDrift"


def test_a_feature_without_reference_values_says_so() -> None:
    empty = KNOWN.features[0].model_copy(
        update={"edges": [], "centres": [0.0], "counts": [0], "missing": KNOWN.rows, "scale": None}
    )
    blank = KNOWN.model_copy(update={"features": [empty, *KNOWN.features[1:]], "joint": None})
    side = look(policy(), asked(report(of=blank), of=blank), None, NOW).stable
    assert side is not None
    assert side.verdict == "Insufficient"
    assert side.message == "the reference data have no value of creatinine"


def test_each_side_is_judged_by_its_own_profile() -> None:
    moved = report(in_other_units(3), seed=3, of=CANDIDATES)
    found = beside(asked(report()), asked(moved, of=CANDIDATES))
    assert found.stable is not None
    assert found.candidate is not None
    assert (found.stable.revision, found.stable.verdict) == (STABLE, "NoDrift")
    assert (found.candidate.revision, found.candidate.verdict) == (CANDIDATE, "Drift")


def test_the_share_of_false_alarms_is_what_the_budget_says() -> None:
    """With a budget of so many that one look in twenty may be wrong, no more are."""
    lavish = policy(
        drift={
            "falseAlarms": {"atMost": 1000, "per": "1d"},
            "effects": dict.fromkeys(("KS", "ChiSquare", "MMD"), 0.0),
        }
    )
    assert threshold(lavish.drift, 1) == 0.05
    looks = [seen(report(n=200, seed=seed), given=lavish).verdict for seed in range(200, 300)]
    assert looks.count("Drift") <= 12  # 5 expected; more than 12 in 0.1 % of runs
    assert looks.count("Drift") + looks.count("NoDrift") == 100


def test_scores_that_move_are_drift_of_the_score() -> None:
    side = seen(report(scored=scores(2, 500, shift=0.3)))
    assert side.verdict == "Drift"
    assert side.worst is not None
    assert (side.worst.of, side.worst.kind) == ("probability", "Score")


def test_a_shift_that_no_single_feature_shows_is_told_as_joint() -> None:
    columns = rows(1, 2000)
    order = np.argsort(np.asarray(columns["creatinine"], dtype=np.float64))
    ages = np.empty(2000)
    ages[order] = np.sort(np.asarray(columns["age"], dtype=np.float64))
    columns["age"] = ages
    side = seen(report(columns, 2000))
    assert side.verdict == "Drift"
    assert side.worst is not None
    assert (side.worst.of, side.worst.kind, side.worst.test) == ("joint", "Joint", "MMD")


def test_a_feature_that_drifts_is_named_before_the_score_that_follows_from_it() -> None:
    columns = rows(1, 500)
    columns["age"] = np.asarray(columns["age"], dtype=np.float64) + 20
    side = seen(report(columns, scored=scores(2, 500, shift=0.6)))
    assert side.worst is not None
    assert side.worst.of == "age"


def test_a_detector_that_takes_text_for_numbers_is_no_drift_and_no_error() -> None:
    before = [feature.model_copy(update={"text": None}) for feature in KNOWN.features]
    earlier = KNOWN.model_copy(update={"features": before})
    side = seen(report(of=earlier))
    assert (side.verdict, side.quality) == ("Insufficient", "Insufficient")
    assert side.message.startswith("a pod's detector is of an earlier version")


def test_a_revision_that_an_earlier_version_profiled_is_counted_as_it_was() -> None:
    before = [feature.model_copy(update={"text": None}) for feature in KNOWN.features]
    earlier = KNOWN.model_copy(update={"features": before})
    padded = {**rows(1, 500), "ward": ["icu  ", "er"] * 250}
    found = look(policy(), asked(report(padded, of=earlier), of=earlier), None, NOW).stable
    assert found is not None
    assert found.quality == "NoDrift"
    assert seen(report(padded)).quality == "Drift"
