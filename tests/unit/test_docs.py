"""What the documentation shows is what the types take, and what the evaluator sends."""

import json
import re
from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest
import yaml

from mlhops.api.base import Json, Manifest
from mlhops.api.card import Card
from mlhops.api.decision import Decision
from mlhops.api.interface import Feature, Interface, Output
from mlhops.api.model import ClinicalModel
from mlhops.api.policy import MonitoringPolicy
from mlhops.api.standard import ClinicalStandard
from mlhops.evaluator.scoring.features import inputs, payload
from testkit.documents import documented, documented_objects, examples

EXAMPLES = {**documented("docs/data.md"), **documented("docs/gates.md")}


def test_the_example_of_a_policy_says_only_what_there_is() -> None:
    (policy,) = documented_objects("docs/monitoring.md").values()

    assert within(policy["spec"], MonitoringPolicy.model_validate(policy).to_json()["spec"])


STANDARDS = {**documented_objects("docs/standards.md"), **examples("manifests/examples/standards")}


def test_there_are_standards_for_research_class_two_and_the_classes_above() -> None:
    assert [str(cast(Manifest, one["metadata"])["name"]) for one in STANDARDS.values()] == [
        "class-iii-iv",
        "class-ii",
        "class-iii-iv",
        "research",
    ]


@pytest.mark.parametrize("standard", STANDARDS.values(), ids=STANDARDS.keys())
def test_the_examples_of_standards_say_only_what_there_is(standard: Manifest) -> None:
    assert within(standard["spec"], ClinicalStandard.model_validate(standard).to_json()["spec"])


@pytest.mark.parametrize("page", ["docs/decisions.md", "docs/gates.md"])
def test_the_examples_of_decisions_say_only_what_there_is(page: str) -> None:
    for shown in documented_objects(page).values():
        spec = cast(Manifest, shown["spec"])

        read = cast(Manifest, Decision.model_validate(shown).to_json()["spec"])

        assert set(spec) <= set(read)
        hashes = [str(value) for name, value in spec.items() if name == "digest" or "Hash" in name]
        assert all(re.fullmatch("[0-9a-f]{64}", one) for one in hashes)


def test_the_example_of_a_card_says_only_what_there_is() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", Path("docs/card.md").read_text(), re.DOTALL)
    shown = cast(Manifest, yaml.safe_load(block)["card"])
    required: Manifest = {"intendedUse": "a", "riskClass": "I", "owner": "b"}

    read = Card.model_validate({**required, **shown}).to_json()

    assert within(shown, read)
    told = {
        "intendedUse",
        "users",
        "population",
        "outOfScope",
        "riskClass",
        "owner",
        "clinicalOwner",
    }
    told |= {"label", "trainingData", "limitations", "references", "regulatory"}
    fields = {field.alias for field in Card.model_fields.values()}
    assert set(shown) == fields - told


def within(shown: Json, read: Json) -> bool:
    """Whether all that is shown was read, and nothing of it passed over."""
    if isinstance(shown, dict) and isinstance(read, dict):
        return all(key in read and within(part, read[key]) for key, part in shown.items())
    if isinstance(shown, list) and isinstance(read, list):
        return len(shown) == len(read) and all(map(within, shown, read))
    return shown == read


def test_the_examples_are_found() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("manifest", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_an_example_says_only_what_there_is(manifest: Manifest) -> None:
    ours = ClinicalModel.model_validate(manifest).to_json()
    gates = cast(Manifest, cast(Manifest, ours["spec"])["evaluation"])["gates"]
    shown_gates = cast(Manifest, cast(Manifest, manifest["spec"])["evaluation"])["gates"]
    for gate, told in zip(
        cast("list[Manifest]", gates), cast("list[Manifest]", shown_gates), strict=True
    ):
        assert set(told) <= set(gate)
    for field in ("data", "report"):
        shown = cast(Manifest, cast(Manifest, manifest["spec"])["evaluation"]).get(field)
        read = cast(Manifest, cast(Manifest, ours["spec"])["evaluation"]).get(field)
        assert shown is None or cast(Manifest, shown).items() <= cast(Manifest, read).items()


def test_requests_are_those_that_the_evaluator_sends() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/calling.md").read_text()
    blocks = re.findall(r"```(yaml|json)\n(.*?)```", page, re.DOTALL)
    interface, output = (yaml.safe_load(text) for kind, text in blocks if kind == "yaml")
    shown = [json.loads(text) for kind, text in blocks if kind == "json"]
    features = Interface.model_validate(interface["interface"]).features
    batch = {
        "age": pa.array([63.5, None]),
        "triage": pa.array([1, 3]),
        "ward": pa.array(["icu", "er"]),
    }
    columns = inputs(batch, features)
    matrix = inputs(batch, [Feature(name=each.name) for each in features[:2]])

    sent = [payload(each, protocol) for each in (columns, matrix) for protocol in ("v2", "v1")]

    assert sent == shown
    read = Output.model_validate(output["output"])
    assert (read.positive_class, read.classes) == ("died", ["died", "survived"])
