"""A candidate beside what serves: scores, failures and answer times in the same window."""

import numpy as np
import pytest

from mlhops.api.summary import DetectorReport
from mlhops.monitoring.look import look
from mlhops.monitoring.reports import DetectorAnswer
from mlhops.rollout.monitoring.drift_snapshot import Look
from mlhops.statistics.drift.binned_tests import Reference, compare
from mlhops.statistics.drift.two_window_ks import kolmogorov
from tests.unit.monitoring.pods import (
    CANDIDATES,
    KNOWN,
    NOW,
    answers,
    asked,
    beside,
    policy,
    report,
    scores,
)


def both(candidate: DetectorReport | DetectorAnswer, stable: DetectorReport | None = None) -> Look:
    first = stable or report(answered=answers(500, 2))
    return beside(asked(first), asked(candidate, of=CANDIDATES))


def candidates(n: int = 300, **more: object) -> DetectorReport:
    return report(n=n, seed=7, of=CANDIDATES, **more)  # type: ignore[arg-type]


def test_a_candidate_like_stable_shows_no_difference() -> None:
    assert both(candidates()).compared_verdict == "NoDrift"


def test_other_scores_are_found_though_the_bins_are_others() -> None:
    assert KNOWN.score is not None
    assert CANDIDATES.score is not None
    assert KNOWN.score.edges != CANDIDATES.score.edges
    found = both(candidates(scored=scores(3, 300, shift=0.2)))
    assert found.compared_verdict == "Drift"
    assert found.compared is not None
    assert (found.compared.of, found.compared.kind) == ("score", "Candidate")
    assert (found.compared.test, found.compared.window) == ("KS", "hour")
    assert found.compared.effect is not None
    assert found.compared.effect > 0.3
    assert found.compared.rows == 300


def test_more_requests_without_an_answer_are_found() -> None:
    found = both(candidates(answered=answers(300, 30)))
    assert found.compared_verdict == "Drift"
    assert found.compared is not None
    assert found.compared.of == "errors"
    assert found.compared.effect == pytest.approx(30 / 300 - 2 / 500)


def test_fewer_requests_without_an_answer_are_no_news() -> None:
    stable = report(answered=answers(500, 100))
    assert both(candidates(answered=answers(300)), stable).compared_verdict == "NoDrift"


def test_slow_answers_are_found() -> None:
    found = both(candidates(answered=answers(300, seconds=0.1)))
    assert found.compared_verdict == "Drift"
    assert found.compared is not None
    assert (found.compared.of, found.compared.test) == ("latency", "MeanRatio")
    assert found.compared.effect == pytest.approx(3.3, abs=0.7)


def test_quick_answers_are_no_news() -> None:
    assert both(candidates(answered=answers(300, seconds=0.002))).compared_verdict == "NoDrift"


def test_one_answer_that_took_an_hour_makes_no_candidate_slow() -> None:
    told = answers(300)
    late = told.model_copy(update={"microseconds": told.microseconds + 3600 * 10**6})
    assert both(candidates(answered=late)).compared_verdict == "NoDrift"


def test_too_few_rows_on_either_side_are_insufficient() -> None:
    assert both(candidates(49)).compared_verdict == "Insufficient"
    assert both(candidates(), report(n=49)).compared_verdict == "Insufficient"


def test_a_candidate_without_requests_is_insufficient() -> None:
    assert both(candidates(0, answered=answers(0))).compared_verdict == "Insufficient"


def test_a_pod_that_does_not_answer_leaves_no_room_for_no_difference() -> None:
    found = beside(
        asked(report()), asked(candidates(), DetectorAnswer(None, "did not answer"), of=CANDIDATES)
    )
    assert found.compared_verdict == "Error"


def test_failures_are_found_though_a_profile_is_missing() -> None:
    told = candidates(answered=answers(300, 60)).model_copy(update={"revision": "bcdfghjklm"})
    found = beside(asked(report()), asked(told, of=None))
    assert found.compared_verdict == "Drift"
    assert found.compared is not None
    assert found.compared.of == "errors"
    quiet = candidates().model_copy(update={"revision": "bcdfghjklm"})
    assert beside(asked(report()), asked(quiet, of=None)).compared_verdict == "Insufficient"


def test_a_detector_that_tells_nothing_of_answers_is_insufficient() -> None:
    told = candidates()
    hour = told.windows["hour"].model_copy(update={"answers": None})
    old = told.model_copy(update={"windows": {"hour": hour}})
    assert both(old).compared_verdict == "Insufficient"


def test_answers_that_cannot_be_are_not_believed() -> None:
    told = answers(300)
    lies: list[dict[str, object]] = [
        {"times": [10**15] * len(told.times)},
        {"times": []},
        {"answered": 10**30},
    ]
    for lie in lies:
        found = both(candidates(answered=told.model_copy(update=lie)))
        assert found.compared_verdict == "Insufficient"


def test_without_a_candidate_there_is_nothing_to_compare() -> None:
    found = look(policy(), asked(report()), None, NOW)
    assert (found.compared, found.compared_verdict) == (None, "Insufficient")


def test_with_the_same_bins_it_is_the_plain_statistic() -> None:
    assert KNOWN.score is not None
    first, second = (report(seed=seed).windows["hour"].score for seed in (1, 2))
    assert first is not None
    assert second is not None
    edges = np.array(KNOWN.score.edges)
    found = kolmogorov((edges, edges), (np.array(first.counts), np.array(second.counts)))
    swapped = KNOWN.score.model_copy(update={"counts": first.counts})
    plain = compare(["KS"], Reference(swapped), second)[0]
    assert found.effect == pytest.approx(plain.effect)
    assert found.p == pytest.approx(plain.p)


def test_with_other_bins_it_is_never_more_than_that_of_the_values() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        values = random.normal(size=80), random.normal(random.uniform(-1, 1), size=60)
        edges = [np.sort(random.normal(size=random.integers(1, 20))) for _ in range(2)]
        counts = [
            np.bincount(np.searchsorted(e, v), minlength=len(e) + 1)
            for e, v in zip(edges, values, strict=True)
        ]
        pooled = np.sort(np.concatenate(values))
        shares = [np.searchsorted(np.sort(v), pooled, side="right") / len(v) for v in values]
        truth = float(np.abs(shares[0] - shares[1]).max())
        found = kolmogorov((edges[0], edges[1]), (counts[0], counts[1]))
        assert found.effect is not None
        assert found.effect <= truth + 1e-12
