"""Data quality: shares of bad values beyond the policy's limit, and beyond chance."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mlhops.api.detector import DetectorConfig, Window
from mlhops.api.interface import Output
from mlhops.api.profile import AskedProfile, Profile
from mlhops.api.status import Finding
from mlhops.api.summary import RequestSummary, merge
from mlhops.detector.envelope import event
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import Watcher
from mlhops.monitoring.look import look
from mlhops.rollout.monitoring.drift_snapshot import Found, Side
from mlhops.rollout.monitoring.monitoring import described
from mlhops.statistics.drift.sketch import Column
from testkit.sidecar import headers
from tests.unit.monitoring.pods import (
    FEATURES,
    KNOWN,
    NOW,
    STABLE,
    answer,
    asked,
    policy,
    report,
    rows,
    seen,
)


def spoiled(feature: str, value: object, share: float, n: int = 500) -> dict[str, Column]:
    columns = rows(1, n)
    values: list[object] = list(columns[feature])
    values[: round(n * share)] = [value] * round(n * share)
    columns[feature] = values
    return columns


def worst(columns: dict[str, Column], n: int = 500) -> Found:
    found = seen(report(columns, n)).quality_worst
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("feature", "value", "test", "share"),
    [
        ("age", None, "missing", 0.1),
        ("age", "old", "typeErrors", 0.03),
        ("creatinine", 90.0, "outOfRange", 0.1),
        ("ward", "dialysis", "unseenCategories", 0.03),
    ],
)
def test_more_bad_values_than_the_limit_are_found_with_their_share(
    feature: str, value: object, test: str, share: float
) -> None:
    found = worst(spoiled(feature, value, share))
    assert (found.of, found.kind, found.test, found.verdict) == (feature, "Quality", test, "Drift")
    assert found.effect == pytest.approx(share)
    assert found.rows == 500


@pytest.mark.parametrize(
    ("feature", "value", "share"),
    [("age", None, 0.04), ("age", "old", 0.008), ("ward", "dialysis", 0.008)],
)
def test_fewer_bad_values_than_the_limit_are_put_up_with(
    feature: str, value: object, share: float
) -> None:
    assert seen(report(spoiled(feature, value, share))).quality == "NoDrift"


def test_one_bad_row_in_a_hundred_may_be_chance() -> None:
    assert seen(report(spoiled("age", "old", 0.01, 100), 100)).quality == "NoDrift"


def test_what_was_so_in_the_reference_is_no_rise() -> None:
    assert seen(report(spoiled("creatinine", 0.0, 0.0))).quality == "NoDrift"


def test_a_feature_that_is_not_sent_at_all_is_missing_everywhere() -> None:
    columns = rows(1, 500)
    del columns["creatinine"]
    side = seen(report(columns))
    assert side.quality == "Drift"
    assert side.quality_worst is not None
    assert (side.quality_worst.of, side.quality_worst.effect) == ("creatinine", 1.0)


def test_a_limit_of_one_lets_everything_pass() -> None:
    columns = rows(1, 500)
    columns["creatinine"] = np.full(500, np.nan)
    assert seen(report(columns), given=policy(dataQuality={"missing": 1})).quality == "NoDrift"


def test_a_few_bad_values_are_found_without_numbers_that_would_tell_how_few() -> None:
    found = worst(spoiled("age", "old", 0.018, 500))
    assert (found.test, found.verdict) == ("typeErrors", "Drift")
    assert (found.effect, found.p) == (None, None)


def test_less_missing_than_in_the_reference_is_no_news() -> None:
    side = seen(report())
    assert side.quality_worst is not None
    assert side.quality_worst.effect in (0.0, None)


ASKED = AskedProfile(protocol="v2", encoding="Columns", kinds=["Number", "Number", "Text"])
AS_ASKED: dict[str, object] = {
    "protocols": {"v2": 500},
    "encodings": {"Columns": 500},
    "kinds": [[500, 0, 0], [490, 0, 0], [0, 500, 0]],
}


def live(
    requests: dict[str, object] | None,
    known: Profile = KNOWN,
    *,
    by_names: bool = False,
    **policies: object,
) -> Side:
    """What a look comes to at a pod whose callers ask like this, of a model that was asked as ASKED."""
    of = known.model_copy(update={"asked": ASKED})
    told = report(of=of)
    found = RequestSummary.model_validate(requests) if requests is not None else None
    window = told.windows["hour"].model_copy(update={"requests": found})
    answered = answer(told.model_copy(update={"windows": {"hour": window}}))
    heard = replace(asked(answered, of=of), by_names=by_names)
    side = look(policy(**policies), heard, None, NOW).stable
    assert side is not None
    return side


def test_another_order_is_no_alarm_where_the_model_is_known_to_go_by_names() -> None:
    assert live(AS_ASKED | {"reordered": 500}, by_names=True).quality == "NoDrift"
    odd = live(AS_ASKED | {"reordered": 500, "misnamed": 500}, by_names=True)
    assert odd.quality_worst is not None
    assert (odd.quality, odd.quality_worst.test) == ("Drift", "names")


def test_callers_who_ask_as_the_evaluation_did_are_no_news() -> None:
    assert live(AS_ASKED).quality == "NoDrift"


@pytest.mark.parametrize(
    ("change", "of", "test", "share"),
    [
        ({"protocols": {"v1": 100, "v2": 400}}, "request", "protocol", 0.2),
        ({"encodings": {"Matrix": 500}}, "request", "encoding", 1.0),
        ({"misnamed": 50}, "request", "names", 0.1),
        ({"reordered": 50}, "request", "order", 0.1),
        ({"kinds": [[500, 0, 0], [490, 0, 0], [250, 250, 0]]}, "ward", "sentAs", 0.5),
        ({"kinds": [[500, 0, 0], [490, 0, 0], [0, 0, 500]]}, "ward", "sentAs", 1.0),
    ],
)
def test_callers_who_ask_otherwise_are_told_with_their_share(
    change: dict[str, object], of: str, test: str, share: float
) -> None:
    side = live(AS_ASKED | change)
    assert side.quality == "Drift"
    assert side.quality_worst is not None
    assert (side.quality_worst.of, side.quality_worst.kind) == (of, "Quality")
    assert side.quality_worst.test == test
    assert side.quality_worst.effect == pytest.approx(share)
    assert side.verdict == "NoDrift", "it is no drift of what the values are"


def test_a_few_callers_who_ask_otherwise_are_put_up_with() -> None:
    assert live(AS_ASKED | {"reordered": 4}).quality == "NoDrift"
    allowed = live(AS_ASKED | {"reordered": 500}, dataQuality={"requests": 1})
    assert allowed.quality == "NoDrift"


@pytest.mark.parametrize(("encoding", "verdict"), [("Tensors", "NoDrift"), ("Columns", "Drift")])
def test_one_tensor_of_one_feature_is_a_matrix_and_all_tensors(encoding: str, verdict: str) -> None:
    one = KNOWN.features[2]
    known = KNOWN.model_copy(update={"features": [one], "joint": None})
    way = AskedProfile.model_validate({"protocol": "v2", "encoding": encoding, "kinds": ["Text"]})
    of = known.model_copy(update={"asked": way})
    watched = Watcher(Clock(0.0, 0.0), 0.0)
    given = {
        "revision": STABLE,
        "features": [{"name": one.name, "type": one.type}],
        "output": {"threshold": 0.5},
        "windows": [{"name": "hour", "length": "1h"}],
    }
    watched.configure(DetectorConfig.model_validate(given), 0.0)
    watched.profile(of, 0.0)
    data = list(rows(1, 500)[one.name])
    tensor = {"name": one.name, "shape": [500, 1], "datatype": "BYTES", "data": data}
    happened = event(headers(), json.dumps({"inputs": [tensor]}).encode())
    watched.take(happened, watched.decode(happened), 0.0)
    watched.flush(0.0)
    told = report(of=KNOWN).model_copy(
        update={"windows": watched.summaries(0.0), "profile_digest": of.digest()}
    )
    side = look(policy(), asked(told, of=of), None, NOW).stable
    assert side is not None
    assert side.quality == verdict


def test_what_an_older_detector_or_evaluator_does_not_tell_is_no_verdict() -> None:
    assert live(None).quality == "NoDrift"
    old = AS_ASKED | {"reordered": 500}
    told = report()
    found = RequestSummary.model_validate(old)
    window = told.windows["hour"].model_copy(update={"requests": found})
    assert seen(told.model_copy(update={"windows": {"hour": window}})).quality == "NoDrift"


def test_an_older_detector_knows_the_profile_by_what_it_reads_of_it() -> None:
    of = KNOWN.model_copy(update={"asked": ASKED, "positive_column": 1})
    assert of.digest() != KNOWN.digest() == of.counted_digest()
    older = look(policy(), asked(report(of=KNOWN), report(of=of), of=of), None, NOW).stable
    assert older is not None
    assert (older.verdict, older.quality) == ("NoDrift", "NoDrift")
    other = KNOWN.model_copy(update={"created_from": "sha256:" + "2" * 64})
    assert look(policy(), asked(report(of=other), of=of), None, NOW).stable.verdict == "Error"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("category", "verdict"),
    [("1", "NoDrift"), ("900000000000207008", "Insufficient"), ("0.00001", "Insufficient")],
)
def test_an_older_detector_is_no_witness_of_numbers_that_it_writes_otherwise(
    category: str, verdict: str
) -> None:
    ward = KNOWN.features[2].model_copy(update={"text": None})
    renamed = ward.model_copy(update={"categories": [category, *ward.categories[1:]]})
    before = KNOWN.model_copy(update={"features": [*KNOWN.features[:2], renamed]})
    of = before.model_copy(update={"asked": ASKED})
    told = report().model_copy(update={"profile_digest": before.digest()})
    windows = {
        name: each.model_copy(update={"profile_digest": before.digest()})
        for name, each in told.windows.items()
    }
    answered = answer(told.model_copy(update={"windows": windows}))
    side = look(policy(), asked(answered, of=of), None, NOW).stable
    assert side is not None
    assert side.verdict == verdict


@pytest.mark.parametrize(
    "change",
    [
        {"kinds": [[500, 0, 0]]},
        {"kinds": [[500, 0], [490, 0], [0, 500]]},
        {"kinds": [[500, 1, 0], [490, 0, 0], [0, 500, 0]]},
        {"reordered": 501},
        {"misnamed": 10**13},
        {"encodings": {"Columns": 499}},
        {"protocols": {"v2": 10**13}, "encodings": {"Columns": 10**13}},
    ],
)
def test_counts_of_requests_that_cannot_be_are_an_error(change: dict[str, object]) -> None:
    side = live(AS_ASKED | change)
    assert side.quality == "Error"
    assert side.verdict == "Error"


def test_what_two_pods_tell_of_requests_adds_up() -> None:
    window = report().windows["hour"]
    one = window.model_copy(update={"requests": RequestSummary.model_validate(AS_ASKED)})
    other = RequestSummary(
        protocols={"v1": 3}, encodings={"Matrix": 3}, reordered=1, misnamed=2, kinds=[[1, 1, 1]] * 3
    )
    both = merge(one, window.model_copy(update={"requests": other})).requests
    assert both == RequestSummary(
        protocols={"v1": 3, "v2": 500},
        encodings={"Columns": 500, "Matrix": 3},
        reordered=1,
        misnamed=2,
        kinds=[[501, 1, 1], [491, 1, 1], [1, 501, 1]],
    )
    assert merge(one, window).requests is None, "what one does not tell is not known of both"


def test_callers_who_name_columns_in_another_order_are_told_from_request_to_finding() -> None:
    of = KNOWN.model_copy(update={"asked": ASKED})
    watched = Watcher(Clock(0.0, 0.0), 0.0)
    given = DetectorConfig(
        revision=STABLE,
        features=FEATURES,
        output=Output(threshold=0.5),
        windows=[Window(name="hour", length="1h")],
    )
    watched.configure(given, 0.0)
    watched.profile(of, 0.0)
    values = rows(1, 500)
    columns = {name: list(values[name]) for name in ("age", "creatinine", "ward")}
    tensors = [
        {"name": name, "shape": [500], "datatype": "BYTES" if name == "ward" else "FP64", "data": x}
        for name, x in columns.items()
    ]
    body = {"parameters": {"content_type": "pd"}, "inputs": tensors}
    happened = event(headers(), json.dumps(body).encode())
    watched.take(happened, watched.decode(happened), 0.0)
    watched.flush(0.0)
    told = report(of=of).model_copy(update={"windows": watched.summaries(0.0)})

    side = look(policy(), asked(told, of=of), None, NOW).stable

    assert side is not None
    assert side.quality == "Drift"
    assert side.quality_worst is not None
    assert (side.quality_worst.of, side.quality_worst.test) == ("request", "order")
    finding = Finding.model_validate(
        {"of": "request", "kind": "Quality", "window": "hour", "test": "order", "effect": 1}
    )
    assert (
        described(finding) == "request not as the evaluation asked (order, effect=1, window hour)"
    )
