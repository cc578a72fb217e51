"""The model card: what is told, where it comes from, and that no format hides or runs what people write."""

import base64
import json
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import cast
from xml.etree import ElementTree as Tree

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from markdown_it import MarkdownIt

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.cli.card.assemble import model_card
from mlhops.cli.card.chai import NAMESPACE, chai
from mlhops.cli.card.cyclonedx import cyclonedx
from mlhops.cli.card.entries import NOT_STATED, ModelCard, Source, not_stated
from mlhops.cli.card.fhir import fhir
from mlhops.cli.card.findings import goal
from mlhops.cli.card.formats import FORMATS, gaps, rendered
from mlhops.cli.card.hti1 import ATTRIBUTES, answer, hti1
from mlhops.cli.card.markdown import markdown
from mlhops.cli.card.page import page
from mlhops.cli.card.subject import subject
from mlhops.cli.card.wording import NONE
from mlhops.cli.output import document
from testkit.builders import multiclass_model, regression_model
from testkit.samples import EVERYTHING
from testkit.standings import NEW, OLD, STANDINGS, an_evaluation

HOSTILE = (
    "<script>alert(1)</script> [x](javascript:alert(2)) ![y](http://evil.example/z.png) | cell | "
    "]]> & `code` --- \u202egnp.exe\x07 {{ 7*7 }} <img src=x onerror=alert(3)>\n\n# heading\n=1+1"
)
# The order of elements in version 0.2 of the schema; those after a question mark may be left out.
ORDER: dict[str, str] = {
    "AppliedModelCard": "BasicInfo ReleaseInfo ModelSummary UsesAndDirections Warnings TrustIngredients KeyMetrics "
    "Resources Bibliography",
    "BasicInfo": "ModelName ModelDeveloper DeveloperContact",
    "ReleaseInfo": "ReleaseStage ReleaseDate ReleaseVersion GlobalAvailability ?EHRCompatibility ?RegulatoryApproval",
    "ModelSummary": "Summary Keywords",
    "UsesAndDirections": "IntendedUseAndWorkflow PrimaryIntendedUsers HowToUse TargetedPatientPopulation "
    "CautionedOutOfScopeSettings",
    "Warnings": "KnownRisksAndLimitations KnownBiasesOrEthicalConsiderations ClinicalRiskLevel",
    "TrustIngredients": "AISystemFacts TransparencyInformation",
    "AISystemFacts": "OutcomesAndOutputs ModelType ?FoundationModels InputDataSource OutputAndInputDataTypes "
    "DevelopmentDataCharacterization BiasMitigationApproaches OngoingMaintenance ?Security ?Transparency",
    "TransparencyInformation": "FundingSource ?ThirdPartyInformation StakeholdersConsulted",
    "KeyMetrics": "UsefulnessUsabilityEfficacy FairnessEquity SafetyReliability",
    "UsefulnessUsabilityEfficacy": "MetricGoal Results Interpretation TestType TestingDataDescription "
    "ValidationProcessAndJustification",
    "MetricResult": "Label ValueJson",
    "Resources": "?EvaluationReferences ?ClinicalTrial PeerReviewedPublications ?ReimbursementStatus "
    "PatientConsentOrDisclosure",
}
ORDER["FairnessEquity"] = ORDER["SafetyReliability"] = ORDER["UsefulnessUsabilityEfficacy"]
REPEATED = {"Keywords": "Keyword", "Results": "MetricResult"}


def healthy(card: Json = None) -> Manifest:
    """A model whose first version serves, with a card that says all or as given."""
    model = STANDINGS["healthy"]()
    full = cast(Manifest, EVERYTHING["spec"])["card"]
    cast(Manifest, model["spec"])["card"] = full if card is None else card
    return model


def carded(
    model: Manifest,
    named: str = "",
    records: Sequence[Manifest] = (),
    phase: EvaluationPhase = EvaluationPhase.SUCCESSFUL,
) -> ModelCard:
    """The card of a revision with Evaluations of both."""
    both = [an_evaluation(OLD, phase), an_evaluation(NEW, phase)]
    found = subject(model, named, records, both)
    assert found is not None
    return model_card(found)


def record(revision: str, card: Json) -> Manifest:
    """A ControllerRevision as the operator keeps it."""
    spec = cast(Manifest, healthy()["spec"])
    data: Manifest = {"predictor": spec["predictor"], "interface": spec["interface"], "card": card}
    owners: Json = [{"uid": "uid-sepsis"}]
    metadata: Manifest = {"name": f"sepsis-{revision}", "ownerReferences": owners}
    return {"metadata": metadata, "data": data}


def test_each_value_says_whether_it_was_asked_measured_or_derived() -> None:
    card = carded(healthy())

    assert card.entry("users").source is Source.ASKED
    assert card.entry("users").origin == "spec.card.users"
    assert card.entry("verdict").source is Source.MEASURED
    assert card.entry("verdict").origin == f"Evaluation sepsis-{OLD}-1"
    assert card.entry("output").source is Source.DERIVED
    assert "called positive from" in card.entry("output").text
    assert not_stated(card) == ()


def test_what_nobody_stated_says_so_in_every_format() -> None:
    card = carded(healthy({"intendedUse": "Warn of sepsis", "riskClass": "III", "owner": "ml"}))

    assert card.entry("funding").text == NOT_STATED
    for form in FORMATS[:-1]:
        told = rendered(card, form)
        if form == "fhir":
            first = json.loads(told)["entry"][1]["resource"]["content"][0]["attachment"]["data"]
            told = base64.b64decode(first).decode()
        assert NOT_STATED in told, form
        assert any("unding" in each for each in gaps(card, form)), form
    assert json.dumps(document("Card", card)).count('"not stated"') >= len(not_stated(card))
    assert all(element.text for element in leaves(Tree.fromstring(chai(card))))


def leaves(root: Tree.Element) -> list[Tree.Element]:
    """Elements that hold no other."""
    return [each for each in root.iter() if len(each) == 0]


def test_the_same_objects_render_the_same_bytes() -> None:
    for form in FORMATS[:-1]:
        assert rendered(carded(healthy()), form) == rendered(carded(healthy()), form)


def test_an_earlier_revision_has_the_card_with_which_it_was_put_forward() -> None:
    model = STANDINGS["approval"]()  # the spec asks for the candidate
    kept: Json = {"intendedUse": "What was told then", "riskClass": "II", "owner": "ml"}

    before = carded(model, records=[record(OLD, kept)])
    now = carded(model, "candidate", records=[record(OLD, kept)])

    assert (before.revision, before.role) == (OLD, "serves")
    assert before.entry("intendedUse").text == "What was told then"
    assert before.entry("intendedUse").origin == f"ControllerRevision sepsis-{OLD}.intendedUse"
    assert any("the spec has moved on" in note for note in before.notes)
    assert (now.revision, now.role) == (NEW, "candidate")
    assert now.entry("intendedUse").origin == "spec.card.intendedUse"


def test_a_card_that_is_kept_nowhere_is_never_taken_from_another_revision() -> None:
    card = carded(STANDINGS["approval"]())

    assert not card.entry("intendedUse").stated
    assert card.told_by == ""
    assert any("not on record any more" in note for note in card.notes)
    assert card.findings, "what was measured is there all the same"


def test_the_record_of_another_model_of_that_name_is_not_read() -> None:
    theirs = record(OLD, {"intendedUse": "Something else", "riskClass": "I", "owner": "x"})
    cast(Manifest, theirs["metadata"])["ownerReferences"] = [{"uid": "another"}]

    assert carded(STANDINGS["approval"](), records=[theirs]).told_by == ""


def test_a_spec_at_which_the_operator_has_not_looked_speaks_for_no_other_version() -> None:
    model = healthy()
    cast(Manifest, model["metadata"])["generation"] = 99
    cast(Manifest, model["spec"])["version"] = "2.0.0"

    assert carded(model).told_by == ""


def test_an_edit_since_is_told() -> None:
    kept: Json = {"intendedUse": "What was told then", "riskClass": "II", "owner": "ml"}
    same = cast(Manifest, healthy()["spec"])["card"]

    assert any(
        "was edited since" in n for n in carded(healthy(), records=[record(OLD, kept)]).notes
    )
    assert carded(healthy(), records=[record(OLD, same)]).notes == ()


def test_a_revision_is_found_by_its_version_and_an_unknown_one_is_none() -> None:
    assert carded(STANDINGS["approval"](), "2.0.0").revision == NEW
    assert subject(healthy(), "9.9.9", [], []) is None


def test_an_overridden_gate_is_told_as_that_wherever_its_verdict_is() -> None:
    model = healthy()
    status = cast(Manifest, model["status"])
    cast(Manifest, cast(Manifest, status["stable"])["proof"])["overridden"] = ["equal-misses"]
    card = carded(model, phase=EvaluationPhase.FAILED)

    assert "equal-misses" in card.entry("overridden").values
    for form in ("md", "html", "cyclonedx"):
        assert "let pass by a person" in rendered(card, form)
    assert "a person let this gate pass" in chai(card)


def test_counts_of_small_groups_stay_hidden_in_every_format() -> None:
    card = carded(healthy())

    assert card.findings[0].groups[1].rows is None
    for form in FORMATS[:-2]:
        told = rendered(card, form)
        assert form == "hti1" or "hidden" in told, form


class Tags(HTMLParser):
    """The elements of a page, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append(tag)
        self.attributes += [name for name, _ in attrs]


def tags(html: str) -> Tags:
    """The elements of a page."""
    found = Tags()
    found.feed(html)
    return found


def hostile() -> ModelCard:
    """A card in which people, data and gates say what would do harm."""
    given: Json = {"intendedUse": HOSTILE, "riskClass": HOSTILE, "owner": HOSTILE, "users": HOSTILE}
    model = healthy(given)
    evaluation = an_evaluation(OLD, EvaluationPhase.FAILED)
    status = cast(Manifest, evaluation["status"])
    for gate in cast("list[Manifest]", status["gates"]):
        gate |= {"message": HOSTILE, "worstGroup": HOSTILE, "metric": HOSTILE, "name": HOSTILE}
        for group in cast("list[Manifest]", gate.get("groups", [])):
            group["group"] = HOSTILE
    status |= {"message": HOSTILE, "phase": "Failed"}
    found = subject(model, "", [], [evaluation])
    assert found is not None
    return model_card(found)


def test_hostile_words_are_only_ever_text_on_the_page() -> None:
    harmless, found = tags(page(carded(healthy({})))), tags(page(hostile()))

    assert {"script", "img"} & set(found.found) == set()
    assert set(found.found) <= set(harmless.found)
    assert not [each for each in found.attributes if each.startswith("on")]
    assert "\u202e" not in page(hostile())
    assert "49" not in page(hostile()), "nor does a template run what it is given"


@pytest.mark.parametrize("render", [markdown, hti1])
def test_hostile_words_are_only_ever_text_in_markdown(render: Callable[[ModelCard], str]) -> None:
    told = render(hostile())
    body = told.split("\n---\n", 1)[-1]
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    found = tags(html)

    assert {"script", "img", "a"} & set(found.found) == set()
    assert "\x07" not in told


def test_hostile_words_stay_one_value_of_the_front_matter() -> None:
    _, head, _ = markdown(hostile()).split("---\n", 2)
    front = yaml.safe_load(head)

    assert front["model_name"] == "sepsis"
    assert set(front) == {"tags", "model_name", "version", "model-index"}


def test_hostile_words_stay_in_their_cells_of_the_attributes() -> None:
    rows = [line for line in hti1(hostile()).splitlines() if line.startswith("| ")]
    numbered = [row for row in rows if row[2].isdigit()]

    assert len(numbered) == len(ATTRIBUTES) == 31
    assert {row.replace(r"\|", "").count("|") for row in rows} == {5}


def test_each_attribute_stands_in_the_table_and_counts_only_data_of_its_own_origin() -> None:
    card = carded(healthy())  # its held-out data are Local
    fairness = {each.number: answer(card, each) for each in ATTRIBUTES if each.gates == "Fairness"}

    assert [each.number for each in ATTRIBUTES] == list(range(1, 32))
    assert "equal-misses" in fairness[29].values[0]
    assert (fairness[22].stated, fairness[24].stated) == (False, False)
    assert fairness[24].whence == ("spec.card.testData.origin is Local",)


@pytest.mark.parametrize("make", [lambda: carded(healthy()), hostile, lambda: carded(healthy({}))])
def test_the_elements_of_chai_are_those_of_its_schema_in_their_order(
    make: Callable[[], ModelCard],
) -> None:
    root = Tree.fromstring(chai(make()))

    for element in root.iter():
        name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        children = [each.tag.removeprefix(f"{{{NAMESPACE}}}") for each in element]
        if name in REPEATED:
            assert set(children) == {REPEATED[name]}
        elif name in ORDER:
            allowed = ORDER[name].split()
            given = [f"?{each}" if f"?{each}" in allowed else each for each in children]
            required = [each for each in allowed if not each.startswith("?") or each in given]
            assert given == required
        else:
            assert children == [], name


def test_the_interval_of_a_gate_stands_in_chai_as_an_estimate_with_its_level() -> None:
    root = Tree.fromstring(chai(carded(healthy())))
    fairness = next(root.iter(f"{{{NAMESPACE}}}FairnessEquity"))
    values = [json.loads(each.text or "") for each in fairness.iter(f"{{{NAMESPACE}}}ValueJson")]

    assert values[0] == {
        "kind": "estimate_ci",
        "estimate": 0.14,
        "lower": 0.05,
        "upper": 0.23,
        "level": 95.0,
        "unit": "",
    }


@pytest.mark.parametrize("version", ["1.6", "1.7"])
def test_cyclonedx_is_valid_by_the_schema_of_its_version(version: str) -> None:
    validator = JsonStrictValidator(SchemaVersion.from_version(version))

    for card in (carded(healthy()), carded(healthy({})), hostile()):
        assert validator.validate_str(cyclonedx(card, "1.7" if version == "1.7" else "1.6")) is None
    wrong = cyclonedx(carded(healthy())).replace("modelParameters", "parameters")
    assert validator.validate_str(wrong) is not None


def test_the_bundle_of_fhir_holds_a_device_and_the_card_in_both_formats() -> None:
    card = carded(healthy())
    device, text = (each["resource"] for each in json.loads(fhir(card))["entry"])
    attached = [each["attachment"] for each in text["content"]]

    assert device["type"]["coding"][0]["code"] == "Artificial-Intelligence"
    assert device["version"] == [{"value": "1.0.0"}]
    assert [each["contentType"] for each in attached] == ["text/markdown", "application/xml"]
    assert base64.b64decode(attached[0]["data"]).decode() == markdown(card)
    assert base64.b64decode(attached[1]["data"]).decode() == chai(card)


def test_a_model_of_a_number_is_told_in_the_unit_of_its_outcome() -> None:
    model = healthy()
    spec = cast(Manifest, regression_model()["spec"])
    cast(Manifest, model["spec"])["interface"] = spec["interface"]
    evaluation = an_evaluation(OLD, EvaluationPhase.SUCCESSFUL)
    asked = cast(Manifest, spec["evaluation"])["gates"]
    told = {**cast(Manifest, evaluation["spec"]), "interface": spec["interface"], "gates": asked}
    gate = cast("list[Manifest]", cast(Manifest, evaluation["status"])["gates"])[0]
    gate |= {"name": "equal-errors", "metric": "MAE"}
    found = subject(model, "", [], [{**evaluation, "spec": told}])
    assert found is not None
    card = model_card(found)

    assert card.entry("output").text == "stay: a number, in d, from 0"
    assert card.findings[0].unit == "d"
    assert f"| sex=F | 400 | {NONE} | 0.340 d | 0.200 d | 0.140 d |" in markdown(card)
    assert "tabular-regression" in markdown(card)
    bias: Json = {"type": "Performance", "metric": "Bias", "limit": 0.5}
    assert "must be at most 0.5 off 0" in goal(bias)


def test_a_model_of_several_classes_names_them() -> None:
    model = healthy()
    spec = cast(Manifest, multiclass_model()["spec"])
    cast(Manifest, model["spec"])["interface"] = spec["interface"]
    told = cast(Manifest, cast(Manifest, spec["interface"])["output"])
    card = carded(model)

    assert card.task == "Multiclass"
    assert card.entry("output").text.endswith(", ".join(cast("list[str]", told["classes"])))
    assert f"| sex=F | 400 | {NONE} |" in markdown(card)


def test_a_model_at_which_nobody_has_looked_has_a_card_without_results() -> None:
    found = subject(STANDINGS["not looked at"](), "", [], [])
    assert found is not None
    card = model_card(found)

    assert (card.role, card.version) == ("not deployed", "1.0.0")
    assert any("nothing was measured" in note for note in card.notes)
    assert "Nothing was measured." in markdown(card)
