"""Which last words of an evaluator can be an answer to what its Evaluation asks."""

import base64
import json
import random
import zlib
from collections.abc import Mapping
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.base import Json, Manifest
from mlhops.api.data import StoredReport
from mlhops.api.evaluation import Evaluation, EvaluationPhase, EvaluationSpec
from mlhops.api.result import PREFIX, decode, encode
from mlhops.rollout.evaluation.evaluator_job import next_status
from mlhops.rollout.evaluation.last_words import problem
from testkit.builders import DIGEST, evaluation, with_path, without
from testkit.last_words import said

from .test_evaluator_job import JOB, after, ended

ACROSS = {"groups": ["sex"]}
GATES: list[Mapping[str, Json]] = [
    {
        "name": "gap",
        "type": "Fairness",
        "metric": "FalseNegativeRate",
        "limit": 0.1,
        "primary": True,
    },
    {"name": "odds", "type": "Fairness", "metric": "EqualizedOdds", "limit": 0.2},
    {
        "name": "ratio",
        "type": "Fairness",
        "metric": "SelectionRate",
        "limit": 0.8,
        "comparison": "Ratio",
        "assurance": "NotRefuted",
    },
    {"name": "floor", "type": "Performance", "metric": "AUROC", "limit": 0.7},
    {"name": "ceiling", "type": "Performance", "metric": "Brier", "limit": 0.123456},
    {
        "name": "paired",
        "type": "Performance",
        "metric": "Sensitivity",
        "nonInferiority": {"margin": 0.05},
    },
    {
        "name": "both",
        "type": "Performance",
        "metric": "Sensitivity",
        "limit": 0.6,
        "nonInferiority": {"margin": 0.05},
        "across": {"groups": ["sex"]},
    },
    {"name": "slow", "type": "Latency", "metric": "P99", "limit": 0.5, "assurance": "NotRefuted"},
    {"name": "advice", "type": "Performance", "metric": "PPV", "limit": 0.3, "required": False},
]
WHOLE = cast(
    "list[Json]",
    [{**({"across": ACROSS} if gate["type"] == "Fairness" else {}), **gate} for gate in GATES],
)
STABLE: Json = {"revision": "bcdfg", "version": "0.9.0", "endpoint": "http://stable"}
ASKED = EvaluationSpec.model_validate(
    evaluation(
        {"spec.gates": WHOLE, "spec.stable": STABLE, "spec.seed": 7, "spec.data.digest": DIGEST}
    )["spec"]
)
GOOD = said(ASKED, EvaluationPhase.SUCCESSFUL).to_json()
AT = {cast(str, gate["name"]): f"gates.{i}" for i, gate in enumerate(GATES)}


def of(words: Manifest, asked: EvaluationSpec = ASKED) -> str:
    """Return what is wrong with a result as it comes from a pod."""
    packed = base64.b85encode(zlib.compress(json.dumps(words).encode())).decode()
    try:
        return problem(asked, decode(PREFIX + packed))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("phase", ["Successful", "Failed", "Inconclusive", "Error"])
@pytest.mark.parametrize("stable", [True, False])
def test_an_answer_to_what_was_asked_makes_sense(phase: str, stable: bool) -> None:
    asked = ASKED if stable else ASKED.model_copy(update={"stable": None})
    result = said(asked, EvaluationPhase(phase))
    assert problem(asked, result) == ""
    assert problem(asked, decode(encode(result))) == ""


GROUP: Json = {
    "group": "sex=F",
    "rows": 9,
    "positives": 4,
    "negatives": 5,
    "phase": "Successful",
    "rate": 0.1,
    "rest": 0.1,
    "gap": 0.0,
    "lower": 0.0,
    "upper": 0.05,
}


def group(**update: Json) -> Json:
    return [{**cast(Manifest, GROUP), **update}]


def test_groups_and_what_is_needed_make_sense() -> None:
    assert of(with_path(GOOD, f"{AT['gap']}.groups", group())) == ""
    few: Json = {"group": "sex=F,ageBand=<40", "more": 120, "cases": "positives"}
    assert (
        of(
            with_path(
                said(ASKED, EvaluationPhase.INCONCLUSIVE).to_json(), f"{AT['gap']}.needed", few
            )
        )
        == ""
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("rows", 10**30),
        ("rows", -1),
        ("seed", 8),
        ("dataDigest", "sha256:" + "0" * 64),
        ("dataDigest", "none"),
        ("evaluator", "1\u001b[31m"),
        ("message", "fine\u202e"),
        ("message", "two\nlines"),
        ("message", "\ud800"),
        ("phase", "Failed"),
        ("report", {"uri": "s3://reports/\u0000"}),
        (f"{AT['gap']}.name", "another"),
        (f"{AT['gap']}.name", "odds"),
        (f"{AT['gap']}.phase", "Running"),
        (f"{AT['gap']}.phase", "Failed"),
        (f"{AT['gap']}.metric", "AUROC"),
        (f"{AT['gap']}.required", False),
        (f"{AT['gap']}.primary", False),
        (f"{AT['odds']}.primary", True),
        (f"{AT['advice']}.required", True),
        (f"{AT['gap']}.limit", 99),
        (f"{AT['ceiling']}.limit", 0.1236),
        (f"{AT['gap']}.estimate", 1e308),
        (f"{AT['gap']}.lower", 0.09),
        (f"{AT['gap']}.upper", 0.11),
        (f"{AT['odds']}.upper", 0.21),
        (f"{AT['floor']}.lower", 0.69),
        (f"{AT['ceiling']}.upper", 0.1236),
        (f"{AT['paired']}.upper", 0.06),
        (f"{AT['both']}.lower", 0.59),
        (f"{AT['gap']}.message", "x" * 5000),
        (f"{AT['gap']}.worstGroup", "g" * 60_000),
        (f"{AT['gap']}.needed", {"more": 10**400, "cases": "rows"}),
        (f"{AT['gap']}.needed", {"more": 1, "cases": "\u2066"}),
        (f"{AT['gap']}.groups", group(positives=-5)),
        (f"{AT['gap']}.groups", group(rows=901)),
        (f"{AT['gap']}.groups", group(rows=8)),
        (f"{AT['gap']}.groups", group(group="g" * 60_000)),
        (f"{AT['gap']}.groups", group(phase="Failed")),
        (f"{AT['gap']}.groups", group(phase="Pending")),
        (f"{AT['gap']}.groups", group(phase="Inconclusive")),
        (f"{AT['paired']}.groups", group(phase="Inconclusive")),
        (f"{AT['gap']}.groups", group(upper=0.11)),
        (f"{AT['gap']}.groups", group(lower=0.01)),
        (f"{AT['both']}.groups", group(upper=0.06)),
    ],
)
def test_what_no_evaluator_says_of_gates_that_passed_makes_no_sense(
    place: str, value: Json
) -> None:
    assert of(GOOD) == ""
    assert of(with_path(GOOD, place, value)) != ""


@pytest.mark.parametrize(
    "place",
    ["rows", "seed", "dataDigest", "gates", "gates.0"]
    + [f"{AT['gap']}.{field}" for field in ("limit", "metric", "estimate", "lower", "upper")]
    + [f"{AT['ratio']}.upper", f"{AT['slow']}.lower", f"{AT['paired']}.estimate"],
)
def test_what_is_missing_is_no_answer(place: str) -> None:
    assert of(without(GOOD, place)) != ""


def test_what_is_only_not_refuted_has_its_other_bound_within_the_limit() -> None:
    wide = with_path(with_path(GOOD, f"{AT['ratio']}.lower", 0.1), f"{AT['slow']}.upper", 9.0)
    assert of(wide) == ""
    assert of(with_path(wide, f"{AT['ratio']}.groups", group(phase="Inconclusive"))) == ""
    for place, value in ((f"{AT['ratio']}", 0.79), (f"{AT['slow']}", 0.51)):
        beyond = GOOD
        for number in ("lower", "estimate", "upper"):
            beyond = with_path(beyond, f"{place}.{number}", value)
        assert "its interval does not say so" in of(beyond)


def test_nothing_to_be_inferior_to_needs_no_interval_on_a_first_deployment_alone() -> None:
    bare = GOOD
    for number in ("lower", "estimate", "upper"):
        bare = without(bare, f"{AT['paired']}.{number}")
    assert "gate paired" in of(bare)
    assert of(bare, ASKED.model_copy(update={"stable": None})) == ""


def test_of_one_class_alone_every_gate_is_inconclusive_also_if_none_is_required() -> None:
    advisory = [
        gate.model_copy(update={"required": False, "primary": False}) for gate in ASKED.gates
    ]
    asked = ASKED.model_copy(update={"gates": advisory})
    result = said(asked, EvaluationPhase.INCONCLUSIVE)
    assert problem(asked, result.model_copy(update={"phase": "Inconclusive"})) == ""


@given(st.text(max_size=2048))
def test_what_an_evaluator_says_is_cleaned_before_it_is_said(message: str) -> None:
    result = said(ASKED, EvaluationPhase.INCONCLUSIVE, message=message)
    gates = [gate.model_copy(update={"message": message * 9}) for gate in result.gates]
    assert problem(ASKED, decode(encode(result.model_copy(update={"gates": gates})))) == ""


def test_where_a_report_lies_changes_no_verdict_however_it_is_written() -> None:
    lies = StoredReport(uri="pvc://reports/\u202bdeaths\u202c/1.html")
    told = decode(encode(said(ASKED, EvaluationPhase.SUCCESSFUL, report=lies)))
    assert problem(ASKED, told) == ""
    assert told.report == StoredReport(uri="pvc://reports/?deaths?/1.html")


def test_names_of_groups_that_do_not_fit_take_no_verdict_with_them() -> None:
    gates = [
        ASKED.gates[0].model_copy(update={"name": f"gap-{n}", "primary": n == 0}) for n in range(32)
    ]
    asked = ASKED.model_copy(update={"gates": gates})
    names = random.Random(0)
    found = [
        gate.model_copy(update={"worst_group": f"sex={names.randbytes(29).hex()}"})
        for gate in said(asked, EvaluationPhase.SUCCESSFUL).gates
    ]
    told = decode(encode(said(asked, EvaluationPhase.SUCCESSFUL, gates=found)))
    assert (told.phase, problem(asked, told)) == ("Successful", "")
    assert all(gate.upper == 0.05 for gate in told.gates)


def test_a_result_that_makes_no_sense_says_why_and_repeats_nothing() -> None:
    subject = Evaluation.model_validate({**evaluation(), "spec": ASKED.to_json()})
    words = with_path(GOOD, f"{AT['gap']}.groups", group(group="Mrs Smith\u202e", positives=-5))
    packed = PREFIX + base64.b85encode(zlib.compress(json.dumps(words).encode())).decode()
    status = next_status(subject, JOB, ended(packed), after(1))
    assert status.phase is EvaluationPhase.ERROR
    assert "gate gap: groups[0]: a count cannot be" in status.message
    assert "Smith" not in json.dumps(status.to_json())
