"""The spec of an Evaluation in the environment of its evaluator."""

import base64
import os
import random
import string
import subprocess
import sys

import pytest

from mlhops.api.base import Json
from mlhops.api.evaluation import Evaluation, EvaluationSpec
from mlhops.api.given import VARIABLE, TooLargeError, unpacked, variables
from testkit.builders import evaluation

LONGEST = 128 * 1024
"""The longest variable that Linux takes, with its name."""


def a_spec(features: int, description: str = "", category: str = "") -> EvaluationSpec:
    declared: list[Json] = [
        {
            "name": f"lab_{number}",
            "type": "Categorical",
            "categories": [f"{category}{number}-{each}"[-63:] for each in range(40)],
            "description": description,
        }
        for number in range(features)
    ]
    return Evaluation.model_validate(evaluation({"spec.interface.features": declared})).spec


def noise(letters: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=letters))


def test_a_small_spec_is_one_variable_of_json_that_people_can_read() -> None:
    spec = a_spec(2)
    given = variables(spec)
    assert given == {VARIABLE: spec.model_dump_json(by_alias=True, exclude_none=True)}
    assert EvaluationSpec.model_validate(unpacked(given)) == spec


def test_a_spec_of_a_megabyte_arrives_in_a_process_without_what_nobody_reads() -> None:
    spec = a_spec(500, description=noise(1000, 1), category=noise(40, 2))
    assert len(spec.model_dump_json()) > 1_000_000
    given = variables(spec)
    assert max(len(f"{name}={value}") for name, value in given.items()) < LONGEST
    code = "import os; from mlhops.api.given import unpacked; print(len(unpacked(os.environ)['interface']['features']))"
    path = os.pathsep.join(sys.path)
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**given, "PYTHONPATH": path},
        capture_output=True,
        check=True,
    )
    assert told.stdout.strip() == b"500"
    found = EvaluationSpec.model_validate(unpacked(given))
    assert {each.description for each in found.interface.features} == {None}
    assert [each.categories for each in found.interface.features] == [
        each.categories for each in spec.interface.features
    ]


def test_the_kubelet_reads_no_reference_to_another_variable_in_a_spec() -> None:
    spec = a_spec(1, category="$(MLHOPS_EVALUATION_NAME)$$")
    given = variables(spec)
    assert not any("$" in value for value in given.values())
    assert EvaluationSpec.model_validate(unpacked(given)).interface == spec.interface.model_copy(
        update={
            "features": [
                f.model_copy(update={"description": None}) for f in spec.interface.features
            ]
        }
    )


def test_a_spec_that_no_job_can_hold_is_refused_with_the_field_to_shorten() -> None:
    spec = a_spec(1)
    feature = spec.interface.features[0]
    many = [
        feature.model_copy(
            update={
                "name": f"f{n}",
                "categories": [noise(63, 256 * n + each) for each in range(256)],
            }
        )
        for n in range(100)
    ]
    interface = spec.interface.model_copy(update={"features": many})
    with pytest.raises(TooLargeError, match=r"shorter categories in spec\.interface\.features"):
        variables(spec.model_copy(update={"interface": interface}))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({VARIABLE: ""}, "is empty"),
        ({f"{VARIABLE}_2": ""}, f"lacks {VARIABLE}_2"),
        ({f"{VARIABLE}_1": "!"}, "its parts are of no one spec"),
        ({f"{VARIABLE}_2": base64.b64encode(b"other").decode()}, "damaged"),
        ({VARIABLE: "zlib:1"}, "cut off"),
        ({VARIABLE: "{"}, "is not JSON"),
    ],
)
def test_a_damaged_spec_is_never_taken_for_one(damage: dict[str, str], told: str) -> None:
    many = [noise(60, n) for n in range(2500)]
    spec = a_spec(1)
    feature = spec.interface.features[0].model_copy(update={"categories": many})
    interface = spec.interface.model_copy(update={"features": [feature]})
    whole = variables(spec.model_copy(update={"interface": interface}))
    assert whole[VARIABLE] == "zlib:2"
    with pytest.raises(ValueError, match=told):
        unpacked({**whole, **damage})
