"""In what a spec is below a standard: each field with what stands there, what is asked, and the way out."""

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.api.standard import ClinicalStandard
from mlhops.rollout.standards.applying import in_namespace, of_class
from mlhops.rollout.standards.shortfalls import shortfalls
from testkit.builders import DIGEST, clinical_model, clinical_standard, with_path
from testkit.samples import STANDARD

FAIR: Manifest = {
    "name": "fair",
    "type": "Fairness",
    "metrics": ["FalseNegativeRate", "EqualizedOdds"],
    "comparison": "Difference",
}
RANKS: Manifest = {"name": "ranks", "type": "Performance", "metrics": ["AUROC"]}
AUROC: Manifest = {"name": "auroc", "type": "Performance", "metric": "AUROC", "limit": 0.7}


def standard(changes: dict[str, Json], name: str = "board") -> ClinicalStandard:
    return ClinicalStandard.model_validate(clinical_standard(changes, name))


def told(asked: dict[str, Json], has: dict[str, Json] | None = None) -> list[tuple[str, str]]:
    """The fields of a model that are below a standard, and what is asked of each."""
    model = ClinicalModel.model_validate(clinical_model(has))
    return [(one.field, one.floor) for one in shortfalls([standard(asked)], model.spec)]


def gate(changes: Manifest, has: dict[str, Json] | None = None) -> list[tuple[str, str]]:
    """The same for one gate that is required."""
    base = RANKS if "metrics" in changes or changes.get("type") == "Performance" else FAIR
    return told({"spec.gates": [{**base, **changes}]}, has)


def test_a_standard_that_asks_for_nothing_is_met() -> None:
    assert told({}) == []


@pytest.mark.parametrize(
    ("asked", "field", "floor"),
    [
        ({"limit": 0.05}, "limit", "0.05 or less"),
        ({"groups": ["sex", "ageBand"]}, "across.groups", "group ageBand"),
        ({"intersections": [["sex", "site"]]}, "across.intersections", "sex and site together"),
        ({"comparison": "Ratio"}, "comparison", "Ratio"),
        ({"against": "Best"}, "against", "Best"),
        ({"confidence": 0.99}, "confidence", "0.99 or more"),
        ({"minPositives": 30}, "minPositives", "30 or more"),
        ({"minNegatives": 30}, "minNegatives", "30 or more"),
    ],
)
def test_a_gate_is_below_what_is_asked_of_it(asked: Manifest, field: str, floor: str) -> None:
    assert gate(asked) == [(f"spec.evaluation.gates[equal-misses].{field}", floor)]


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0.1},
        {"groups": ["sex"]},
        {"intersections": [["ageBand", "sex"]]},
        {"against": "Rest"},
        {"confidence": 0.95, "minPositives": 20, "minNegatives": 20},
        {"assurance": "Proven"},
    ],
)
def test_a_gate_that_is_as_strict_as_asked_is_enough(asked: Manifest) -> None:
    assert gate(asked) == []


@pytest.mark.parametrize(
    ("given", "least", "below"),
    [(1, 40, True), (50, 40, False), (None, 40, False), (None, 41, True)],
)
def test_a_gate_on_numbers_has_to_be_about_as_many_rows_as_asked(
    given: int | None, least: int, *, below: bool
) -> None:
    close: Manifest = {"name": "close", "type": "Performance", "metric": "MAE", "limit": 5}
    close |= {"minRows": given} if given is not None else {}
    asked: Manifest = {"metrics": ["MAE"], "minRows": least}
    field = ("spec.evaluation.gates[close].minRows", f"{least} or more")

    assert gate(asked, {"spec.evaluation.gates.-": close}) == ([field] if below else [])


def test_rows_are_not_asked_for_where_cases_count() -> None:
    assert gate({"minRows": 1000, "limit": 0.1}) == []


def test_a_gate_has_to_be_proven_where_that_is_asked() -> None:
    lax: dict[str, Json] = {"spec.evaluation.gates.0.assurance": "NotRefuted"}

    assert gate({"assurance": "Proven"}, lax) == [
        ("spec.evaluation.gates[equal-misses].assurance", "Proven")
    ]


@pytest.mark.parametrize(("limit", "below"), [(0.79, True), (0.8, False), (0.9, False)])
def test_a_smaller_ratio_is_more_lenient(limit: float, *, below: bool) -> None:
    has: dict[str, Json] = {
        "spec.evaluation.gates.0.comparison": "Ratio",
        "spec.evaluation.gates.0.limit": limit,
    }
    found = gate({"comparison": "Ratio", "limit": 0.8}, has)

    assert bool(found) is below
    assert all(floor == "0.8 or more" for _, floor in found)


@pytest.mark.parametrize(
    ("metric", "limit", "floor"),
    [("AUROC", 0.65, "0.7 or more"), ("Brier", 0.3, "0.25 or less")],
)
def test_which_limit_is_lenient_depends_on_which_way_is_better(
    metric: str, limit: float, floor: str
) -> None:
    asked = {"AUROC": 0.7, "Brier": 0.25}[metric]
    has: dict[str, Json] = {"spec.evaluation.gates.-": {**AUROC, "metric": metric, "limit": limit}}

    assert gate({"metrics": [metric], "limit": asked}, has) == [
        ("spec.evaluation.gates[auroc].limit", floor)
    ]
    at_floor = {**AUROC, "metric": metric, "limit": asked}
    assert gate({"metrics": [metric], "limit": asked}, {"spec.evaluation.gates.-": at_floor}) == []


def test_a_greater_tolerance_is_more_lenient() -> None:
    within: Manifest = {
        "name": "close",
        "type": "Performance",
        "metric": "WithinTolerance",
        "limit": 0.8,
        "tolerance": 10,
    }
    asked: Manifest = {"metrics": ["WithinTolerance"], "limit": 0.8, "tolerance": 5}

    assert gate(asked, {"spec.evaluation.gates.-": within}) == [
        ("spec.evaluation.gates[close].tolerance", "5 or less")
    ]
    assert gate(asked, {"spec.evaluation.gates.-": {**within, "tolerance": 5}}) == []


def test_a_performance_gate_without_a_limit_has_none_of_the_floor() -> None:
    relative: Json = {
        "name": "no-worse",
        "type": "Performance",
        "metric": "AUROC",
        "nonInferiority": {"margin": 0.05},
    }
    has: dict[str, Json] = {"spec.evaluation.gates.-": relative}

    assert gate({"metrics": ["AUROC"], "limit": 0.7}, has) == [
        ("spec.evaluation.gates[no-worse].limit", "0.7 or more")
    ]
    assert gate({"metrics": ["AUROC"], "margin": 0.02}, has) == [
        ("spec.evaluation.gates[no-worse].nonInferiority.margin", "0.02 or less")
    ]


def test_a_gate_that_is_missing_or_only_informs_is_told() -> None:
    assert gate({"metrics": ["AUROC"]}) == [("spec.evaluation.gates", "gate ranks")]
    advisory: dict[str, Json] = {"spec.evaluation.gates.-": {**AUROC, "required": False}}
    assert gate({"metrics": ["AUROC"]}, advisory) == [
        ("spec.evaluation.gates[auroc].required", "true")
    ]


def test_of_several_gates_one_has_to_meet_all_that_is_asked() -> None:
    lenient = {**AUROC, "name": "lenient", "limit": 0.5}
    first = clinical_model({"spec.evaluation.gates.-": lenient})
    spec = ClinicalModel.model_validate(with_path(first, "spec.evaluation.gates.-", AUROC)).spec
    asked = standard({"spec.gates": [{**RANKS, "limit": 0.7}]})

    assert shortfalls([asked], spec) == ()


@pytest.mark.parametrize(
    ("asked", "has", "field"),
    [
        ({"spec.data.digest": True}, {"spec.evaluation.data.digest": DIGEST}, "data.digest"),
        (
            {"spec.data.uriPrefixes": ["s3://held-out/"]},
            {"spec.evaluation.data.uri": "s3://held-out/sepsis.parquet"},
            "data.uri",
        ),
        ({"spec.data.minCellSize": 20}, {"spec.evaluation.minCellSize": 20}, "minCellSize"),
        ({"spec.monitoring.evaluateEvery": "7d"}, {"spec.evaluation.every": "168h"}, "every"),
    ],
)
def test_what_evidence_rests_on_is_asked_for(
    asked: dict[str, Json], has: dict[str, Json], field: str
) -> None:
    assert [place for place, _ in told(asked)] == [f"spec.evaluation.{field}"]
    assert told(asked, has) == []


def test_data_beside_the_folder_of_the_board_are_not_in_it() -> None:
    asked: dict[str, Json] = {"spec.data.uriPrefixes": ["s3://held-out/"]}

    assert told(asked, {"spec.evaluation.data.uri": "s3://held-out-of-mine/sepsis.parquet"}) != []


BLOBS = "https://board.blob.core.windows.net/held-out/"


@pytest.mark.parametrize(
    ("prefix", "uri", "endpoint", "field"),
    [
        ("s3://held-out/", "s3://held-out/a.csv", "https://minio.example", "endpoint"),
        (BLOBS, f"{BLOBS}a.csv", "https://blobs.example", "endpoint"),
        ("https://minio.example/held-out/", "s3://held-out/a.csv", "https://minio.example", ""),
        ("http://minio.svc:9000/held-out/", "s3://held-out/a.csv", "http://minio.svc:9000/", ""),
        ("https://blobs.example/held-out/", f"{BLOBS}a.csv", "https://blobs.example", ""),
        ("https://minio.example/held-out/", "s3://mine/a.csv", "https://minio.example", "endpoint"),
        ("https://data.example/held-out/", "https://data.example/held-out/a.csv", None, ""),
        (
            "https://data.example/held-out/",
            "https://data.example/held-out/%2e%2E/a.csv",
            None,
            "uri",
        ),
    ],
)
def test_data_at_another_server_are_not_those_of_the_board(
    prefix: str, uri: str, endpoint: str | None, field: str
) -> None:
    has: dict[str, Json] = {"spec.evaluation.data.uri": uri}
    if endpoint is not None:
        has["spec.evaluation.data.endpoint"] = endpoint
    found = [place for place, _ in told({"spec.data.uriPrefixes": [prefix]}, has)]

    assert found == ([f"spec.evaluation.data.{field}"] if field else [])


@pytest.mark.parametrize(
    ("steps", "fields"),
    [
        ([], ["", "[].pause"]),
        ([{"setWeight": 10}], ["[].pause"]),
        ([{"setWeight": 10}, {"pause": {"duration": "23h59m"}}], ["[].pause"]),
        ([{"setWeight": 10}, {"pause": {"duration": "24h"}}], []),
        ([{"setWeight": 10}, {"pause": {"duration": "12h"}}, {"pause": {"duration": "12h"}}], []),
        ([{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}], []),
        ([{"setWeight": 0}, {"setWeight": 5}, {"pause": {}}], []),
        ([{"setWeight": 10}, {"setWeight": 50}, {"pause": {}}], ["[].pause"]),
        ([{"pause": {}}, {"setWeight": 10}], ["[].pause"]),
        ([{"setWeight": 11}, {"pause": {}}], [""]),
        ([{"setWeight": 100}, {"pause": {}}], [""]),
    ],
)
def test_a_rollout_begins_small_and_pauses_there(steps: Json, fields: list[str]) -> None:
    asked: dict[str, Json] = {"spec.rollout": {"maxFirstWeight": 10, "minPause": "24h"}}

    found = told(asked, {"spec.rollout.steps": steps})
    assert [place for place, _ in found] == [f"spec.rollout.steps{each}" for each in fields]


def test_no_weight_goes_without_the_requests_that_are_asked() -> None:
    asked: dict[str, Json] = {"spec.rollout.minRequests": 100}
    enough: dict[str, Json] = {"spec.rollout.evidence": {"minRequests": 100}}
    at_step: Json = [{"setWeight": 10, "evidence": {"minRequests": 5}}, {"setWeight": 50}]

    assert told(asked) == [("spec.rollout.evidence.minRequests", "100 or more")]
    assert told(asked, enough) == []
    assert told(asked, {**enough, "spec.rollout.steps": at_step}) == [
        ("spec.rollout.steps[0].evidence.minRequests", "100 or more")
    ]


def test_monitoring_and_card_are_asked_for() -> None:
    asked: dict[str, Json] = {
        "spec.monitoring": {"policy": True, "sidecar": True},
        "spec.card": {"required": ["users", "limitations", "outOfScope"], "riskClasses": ["IV"]},
    }
    assert [place for place, _ in told(asked, {"spec.monitoring": {"sidecar": "Off"}})] == [
        "spec.card.riskClass",
        "spec.card.users",
        "spec.card.limitations",
        "spec.card.outOfScope",
        "spec.monitoring.policyRef",
        "spec.monitoring.sidecar",
    ]
    has: dict[str, Json] = {
        "spec.monitoring": {"policyRef": {"name": "ward"}},
        "spec.card.users": "Nurses",
        "spec.card.limitations": ["Few people over 90"],
        "spec.card.outOfScope": "Children",
        "spec.card.riskClass": "IV",
    }
    assert told(asked, has) == []


def test_several_standards_ask_together_for_the_strictest() -> None:
    spec = ClinicalModel.model_validate(clinical_model()).spec
    lenient = standard({"spec.gates": [{**FAIR, "limit": 0.08}]}, "lenient")
    strict = standard({"spec.gates": [{**FAIR, "limit": 0.05}]}, "strict")
    more = standard({"spec.data.digest": True}, "more")

    for order in ([lenient, strict, more], [more, strict, lenient]):
        found = shortfalls(order, spec)
        assert {(one.standard, one.field, one.floor) for one in found} == {
            ("strict", "spec.evaluation.gates[equal-misses].limit", "0.05 or less"),
            ("more", "spec.evaluation.data.digest", "a digest"),
        }


def test_a_shortfall_names_field_value_floor_and_the_way_out() -> None:
    spec = ClinicalModel.model_validate(clinical_model()).spec
    (found,) = shortfalls([standard({"spec.gates": [{**FAIR, "limit": 0.05}]})], spec)

    assert str(found) == (
        "spec.evaluation.gates[equal-misses].limit is 0.1, and ClinicalStandard board asks for 0.05 or less: "
        "set it to 0.05"
    )


def test_each_remedy_of_a_standard_that_says_everything_leads_to_one_shortfall_less() -> None:
    everything = ClinicalStandard.model_validate(STANDARD)
    spec = ClinicalModel.model_validate(clinical_model()).spec
    found = shortfalls([everything], spec)

    assert len(found) == len({one.field + one.floor for one in found}) > 10
    assert all(one.remedy and one.value and one.floor for one in found)


def test_a_standard_is_for_the_risk_classes_that_it_names_or_for_all() -> None:
    some, every = standard({}), standard({"spec.appliesTo": {}}, "all")

    assert of_class([some, every], "IV") == [some, every]
    assert of_class([some, every], "II") == [every]


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        ({}, True),
        ({"matchLabels": {"use": "patients"}}, True),
        ({"matchLabels": {"use": "research"}}, False),
        ({"matchLabels": {"other": ""}}, False),
        ({"matchExpressions": [{"key": "use", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "other", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "use", "operator": "In", "values": ["patients"]}]}, True),
        ({"matchExpressions": [{"key": "other", "operator": "In", "values": ["a"]}]}, False),
        (
            {"matchExpressions": [{"key": "use", "operator": "NotIn", "values": ["patients"]}]},
            False,
        ),
        ({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["a"]}]}, True),
    ],
)
def test_a_selector_chooses_namespaces_as_kubernetes_does(selector: Json, *, meant: bool) -> None:
    asked = standard({"spec.appliesTo": {"namespaceSelector": selector}})

    assert in_namespace(asked.spec.applies_to, {"use": "patients"}) is meant
