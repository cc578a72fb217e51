"""Lint: what it refuses is what the API server refuses, and what it says beyond that."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
import yaml

from lab.binaries import kubectl as real_kubectl
from lab.cache import REPOSITORY
from mlhops.api.base import Json, Manifest
from mlhops.cli.exits import Exit
from mlhops.cli.lint import admission, functions, kinds, linter, rules
from mlhops.cli.lint.admission import changes
from mlhops.cli.lint.codes import CODES, IMMUTABLE, RULES_UNCHECKED, Level
from mlhops.cli.lint.documents import read
from mlhops.cli.lint.finding import Document, LintView, field_of
from mlhops.cli.lint.linter import Sources, Wanted
from mlhops.cli.lint.planning import least_cases
from mlhops.cli.lint.rules import CelRules
from mlhops.cli.main import main
from testkit.builders import (
    clinical_model,
    decision,
    evaluation,
    monitoring_policy,
    override,
    with_path,
    without,
)
from testkit.refusal import Refusal
from testkit.refusals import REFUSALS
from testkit.samples import ACCEPTED
from tools import everything
from tools.crd import KINDS, spec_of

EXAMPLES = REPOSITORY / "manifests" / "examples"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine() -> CelRules:
    """The engine of rules, which tests always have."""
    return CelRules()


def linted(*manifests: Manifest, engine: CelRules | None, wanted: Wanted | None = None) -> LintView:
    """What is found of manifests, as if each stood in a file of its own."""
    documents = [Document(f"{i}.yaml", each, {}) for i, each in enumerate(manifests)]
    return linter.lint(Sources(len(documents), documents, ()), engine, wanted or Wanted(), NOW)


def codes_of(view: LintView) -> list[str]:
    """The codes that were found."""
    return [each.code for each in view.findings]


def said(view: LintView, code: str) -> str:
    """The one message of a code."""
    (message,) = [each.message for each in view.findings if each.code == code]
    return message


def test_what_the_api_server_refuses_is_an_error_with_the_same_field_and_remedy(
    engine: CelRules,
) -> None:
    """The refusals that tests/integration/test_schema.py holds a real API server to."""
    missed = [each for each in REFUSALS if not refuses(each, engine)]

    assert missed == []


def refuses(refusal: Refusal, engine: CelRules) -> bool:
    """Whether lint refuses a manifest with the field and the remedy of the table."""
    return any(
        fault.code.level is Level.ERROR
        and field_of(fault.path) == refusal.path
        and refusal.remedy in fault.message
        for fault in admission.faults(refusal.manifest, engine)
    )


def test_what_the_api_server_accepts_has_no_error(engine: CelRules) -> None:
    found = {
        what: errors
        for what, manifest in ACCEPTED.items()
        if (errors := [f for f in admission.faults(manifest, engine) if f.code != RULES_UNCHECKED])
    }

    assert len(ACCEPTED) > 50
    assert found == {}


def test_each_rule_of_each_kind_compiles(engine: CelRules) -> None:
    def all_rules(value: Json) -> list[str]:
        if isinstance(value, list):
            return [rule for each in value for rule in all_rules(each)]
        if not isinstance(value, dict):
            return []
        own = cast("list[dict[str, str]]", value.get("x-kubernetes-validations", []))
        return [each["rule"] for each in own] + [
            rule for each in value.values() for rule in all_rules(each)
        ]

    found = {rule for schema in kinds.schemas().values() for rule in all_rules(schema)}

    assert len(found) > 100
    for rule in found:
        engine.compiled(rule)


def test_a_rule_that_takes_too_many_steps_is_told_to_be_unchecked_and_is_no_error(
    engine: CelRules,
) -> None:
    view = linted(ACCEPTED["as much as is allowed"], engine=engine)

    assert view.errors == 0
    assert view.unchecked > 0
    assert "MLH005" in codes_of(view)


def test_rules_are_asked_where_what_they_read_is_whole_and_nowhere_else(engine: CelRules) -> None:
    broken = clinical_model(
        {"spec.version": 7, "spec.card.riskClass": "IIa", "spec.interface.output": {}}
    )

    found = {field_of(each.path) for each in admission.faults(broken, engine)}

    assert found == {"spec.version", "spec.card.riskClass", "spec.interface.output.threshold"}


@pytest.mark.parametrize(
    ("manifest", "place", "words"),
    [
        (clinical_model({"metadata.labels": {"a b": "c"}}), "metadata.labels[a b]", "only letters"),
        (clinical_model({"metadata.labels": {"a": "c d"}}), "metadata.labels.a", "label's value"),
        (clinical_model({"metadata.labels": {"a": 7}}), "metadata.labels.a", "quotes"),
        (clinical_model({"metadata.namespace": "A"}), "metadata.namespace", "RFC 1123"),
        (clinical_model({"metadata.nmae": "a"}), "metadata.nmae", "did you mean name?"),
        (without(decision(), "metadata.name"), "metadata.name", "generateName"),
        (decision(name="A"), "metadata.name", "RFC 1123"),
    ],
)
def test_metadata_are_checked_as_the_api_server_does(
    manifest: Manifest, place: str, words: str, engine: CelRules
) -> None:
    found = {field_of(each.path): each.message for each in admission.faults(manifest, engine)}

    assert words in found[place]


def test_a_name_that_the_server_makes_is_a_good_one(engine: CelRules) -> None:
    manifest = with_path(without(clinical_model(), "metadata.name"), "metadata.generateName", "a-")

    assert list(admission.faults(manifest, engine)) == []


def test_kinds_and_versions_that_are_not_there_are_told() -> None:
    wrong = [
        {**clinical_model(), "kind": "ClinicalModels"},
        {**clinical_model(), "apiVersion": "mlhops.io/v1"},
    ]

    view = linted(*wrong, engine=None)

    assert codes_of(view)[:3].count("MLH003") == 2
    assert "it has ClinicalModel, ClinicalStandard, Decision" in " ".join(
        each.message for each in view.findings
    )


def test_with_what_was_before_a_record_may_not_change_and_a_model_may(engine: CelRules) -> None:
    pairs = [
        (decision(), decision({"spec.reason": "On second thoughts"})),
        (evaluation(), evaluation({"spec.seed": 7})),
        (clinical_model(), clinical_model({"spec.version": "2.0.0"})),
        (decision(), decision({"metadata.labels": {"reviewed": "yes"}})),
    ]

    found = [[each.code for each in changes(new, old, engine)] for old, new in pairs]

    assert found == [[IMMUTABLE], [IMMUTABLE], [], []]


# YAML as kubectl reads it

SCALARS = """y, Y, n, N, yes, on, off, No, true, TRUE, tRUE, ~, null, "", "N", 'null', 010, 0o10, 08, 0x1F, 0x, 0b11,
1_000, 1__0, _1, 1:30, 1e3, 1.5e3, 1e-3, .5, +.5, -.5e2, 5., .e1, +1, -0, 0.0, 1.0, 2020-01-01, 2020-01-01T00:00:00Z,
9223372036854775808, 12345678901234567890123, 0123abc, 1.2.3, =, "<<", 1e999, !!str 1, !!int "1", sha256:ab, é"""


def test_plain_words_are_read_as_kubectl_reads_them(tmp_path: Path) -> None:
    manifest = f"apiVersion: v1\nkind: X\nmetadata: {{name: a}}\n1: k\nyes: k\nspec: [{SCALARS}]\n"
    (tmp_path / "a.yaml").write_text(manifest)
    arguments = ["annotate", "--local", "-f", str(tmp_path / "a.yaml"), "-o", "json", "x=y"]
    said = subprocess.run(
        [real_kubectl(), *arguments], capture_output=True, text=True, check=True
    ).stdout
    theirs = json.loads(said, parse_int=lambda text: int(text) if len(text) < 17 else float(text))

    ((document,), ()) = read(manifest, "a.yaml")

    ours = cast("list[Json]", document.manifest["spec"])
    for mine, their in zip(ours, theirs["spec"], strict=True):
        assert mine == their
        assert isinstance(mine, str | bool | None) == isinstance(their, str | bool | None)
    assert document.manifest.keys() == theirs.keys()


def test_a_word_that_yaml_takes_for_a_boolean_is_told_with_the_way_out(engine: CelRules) -> None:
    text = yaml.safe_dump(clinical_model()).replace(
        "feature: sex", "feature: sex\n      values: [N, Y]"
    )
    documents, _ = read(text, "a.yaml")

    (fault, _) = admission.faults(documents[0].manifest, engine)

    assert field_of(fault.path) == "spec.interface.groups[0].values[0]"
    assert "put the word into quotes" in fault.message


def test_each_finding_has_the_line_of_its_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "# a comment\n---\n---\n" + yaml.safe_dump(clinical_model({"spec.version": 7}))
    (tmp_path / "a.yaml").write_text(text)
    lines = text.splitlines()

    main(["lint", str(tmp_path / "a.yaml"), "-o", "json"])

    found = json.loads(capsys.readouterr().out)["findings"]
    (error,) = [each for each in found if each["level"] == "Error"]
    assert lines[error["line"] - 1].strip() == "version: 7"
    assert error["column"] == lines[error["line"] - 1].index("version") + 1
    assert error["field"] == "spec.version"


def test_objects_of_lists_and_of_json_are_read_one_by_one() -> None:
    nested = {"kind": "List", "apiVersion": "v1", "items": [clinical_model(), decision()]}
    whole = {"kind": "List", "apiVersion": "v1", "items": [nested, evaluation()]}

    documents, faults = read(json.dumps(whole), "a.json")

    assert [each.manifest["kind"] for each in documents] == [
        "ClinicalModel",
        "Decision",
        "Evaluation",
    ]
    assert faults == []
    assert all(each.marks[("spec",)][0] == 1 for each in documents)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "no YAML"),
        ("{{- if .Values.x }}\na: 1", "no YAML"),
        ("a: .nan", "no number that JSON has"),
        ("? [a]\n: b", "a key is a text"),
        ("&a [*a]", "too large or too deep"),
        ("<<: 3", "<< takes a mapping"),
        ("[" * 5000, "no YAML"),
    ],
)
def test_what_is_no_manifest_is_one_finding_with_its_place(text: str, words: str) -> None:
    documents, faults = read(text, "a.yaml")

    assert [fault.code.number for _, fault in faults] == ["MLH001"]
    assert words in faults[0][1].message
    assert documents == []


def test_a_bomb_of_aliases_ends_as_a_finding() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]

    _, faults = read("\n".join(rows), "a.yaml")

    assert [fault.message for _, fault in faults] == ["it is too large or too deep for a manifest"]


def test_a_key_that_stands_twice_is_told_and_a_merged_one_is_not() -> None:
    documents, faults = read("a: &a {b: 1}\nc: {<<: *a, b: 2}\nd: 1\nd: 2\n", "a.yaml")

    assert [field_of(fault.path) for _, fault in faults] == ["d"]
    assert documents[0].value == {"a": {"b": 1}, "c": {"b": 2}, "d": 2}


# Across objects


def test_a_model_of_a_high_class_without_the_fields_that_people_rely_on_is_warned_of() -> None:
    high = clinical_model({"spec.card.riskClass": "IV"})
    low = clinical_model({"spec.card.riskClass": "II"})

    assert "clinicalOwner" in said(linted(high, engine=None), "MLH208")
    assert "MLH208" not in codes_of(linted(low, engine=None))


def watched(name: str) -> Manifest:
    """A model that names a policy."""
    return clinical_model({"spec.monitoring": {"policyRef": {"name": name}}})


def test_a_policy_that_no_model_names_and_a_model_that_names_none_are_told() -> None:
    view = linted(watched("wards"), monitoring_policy(name="ward"), engine=None)

    assert "there is ward" in said(view, "MLH203")
    assert "MLH204" in codes_of(view)
    assert "MLH202" in codes_of(linted(clinical_model(), engine=None))
    alone = codes_of(linted(watched("ward"), engine=None))
    assert "MLH203" not in alone, "the policy may be in the cluster"


def test_names_match_within_a_namespace_alone() -> None:
    policy = with_path(monitoring_policy(), "metadata.namespace", "icu")

    assert "MLH204" in codes_of(linted(watched("ward"), policy, engine=None))


def test_decisions_and_evaluations_of_other_models_and_gates_are_told() -> None:
    others = [
        decision({"spec.model": "sepsi"}),
        evaluation({"spec.model": "sepsi"}),
        override({"spec.gates": ["equal-mises"], "spec.expires": "2026-12-05T12:00:00Z"}),
    ]

    found = codes_of(linted(clinical_model(), *others, engine=None))

    assert found.count("MLH205") == 2
    assert found.count("MLH206") == 1


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ("2030-01-31T12:00:00Z", "30 days after it was made"),
        ("2026-11-30T12:00:00Z", "ended already"),
        ("2026-12-05T12:00:00Z", ""),
        ("9999-12-31T23:59:59-10:00", "30 days after it was made"),
        ("soon", ""),
    ],
)
def test_an_override_that_ends_too_late_or_has_ended_is_told(ends: str, words: str) -> None:
    view = linted(override({"spec.expires": ends}), engine=None)

    assert words in " ".join(each.message for each in view.findings if each.code == "MLH207")
    assert ("MLH207" in codes_of(view)) == bool(words)


def test_secrets_that_are_not_there_are_told_unless_they_may_be_missing() -> None:
    data = {"spec.evaluation.data.uri": "s3://a/b", "spec.evaluation.data.secretName": "reader"}
    optional: Json = [{"secretRef": {"name": "site", "optional": True}}]
    model = clinical_model({**data, "spec.predictor.envFrom": optional})
    secret: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "reader"}}

    assert "reader" in said(linted(model, engine=None), "MLH210")
    assert "MLH210" not in codes_of(linted(model, secret, engine=None))


def test_the_same_object_twice_is_told() -> None:
    assert "0.yaml:1" in said(linted(clinical_model(), clinical_model(), engine=None), "MLH201")


def test_a_gate_that_so_few_positives_cannot_decide_is_told() -> None:
    gate = "spec.evaluation.gates.0"
    few = clinical_model({f"{gate}.minPositives": 20})
    many = clinical_model({f"{gate}.minPositives": 500})

    assert "fewer than about" in said(linted(few, engine=None), "MLH212")
    assert "MLH212" not in codes_of(linted(many, engine=None))


def test_the_least_number_of_cases_is_not_more_than_the_evaluator_asks_for() -> None:
    """Two groups of which each has the same rate: the evaluator's own plan, and the least that any data need."""
    import numpy as np

    from mlhops.small_cells import SmallCells
    from mlhops.statistics.inference.planning import People, Rates, bounds, plan
    from mlhops.statistics.inference.question import Question
    from mlhops.statistics.inference.rates import Trials

    members = np.eye(2, dtype=bool)
    for limit in (0.05, 0.1, 0.15):
        trials = np.array([20, 20_000])
        counts = Trials((trials * 0.1).astype(np.int64), trials, members)
        question = Question([1, 2], "Difference", "Rest", None, None, "Lower", 0.95)
        who = People(trials.astype(float), members, np.ones(2))
        found = plan([Rates(counts, question, bounds("Difference", limit), SmallCells(1))], who)

        assert found is not None
        least = least_cases(limit, 0.95, 1)
        assert 0.6 * found.each <= least <= 1.2 * found.each


def test_warnings_can_be_left_out_and_errors_cannot(engine: CelRules) -> None:
    model = with_path(
        clinical_model({"spec.version": 7}),
        "metadata.annotations",
        {linter.IGNORE: "MLH211, MLH102"},
    )

    view = linted(model, engine=engine, wanted=Wanted({"MLH202", "MLH102"}))

    assert not {"MLH202", "MLH211"} & {*codes_of(view)}
    assert "MLH102" in codes_of(view)
    assert view.suppressed == 3


# The command


def run(tmp_path: Path, manifests: Sequence[Manifest], *options: str) -> int:
    """Lint some manifests as one file."""
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all(manifests))
    return main(["lint", str(tmp_path / "a.yaml"), *options])


def test_exit_codes_are_the_same_for_every_output(tmp_path: Path) -> None:
    good, bad = [watched("ward"), monitoring_policy()], [clinical_model({"spec.version": 7})]
    good[0] = with_path(good[0], "spec.card.riskClass", "II")
    for form in ("table", "json", "yaml", "sarif", "github"):
        assert run(tmp_path, good, "-o", form) == Exit.WELL
        assert run(tmp_path, bad, "-o", form, "--level", "error") == Exit.BAD
        assert run(tmp_path, [decision({"spec.model": "x"}), *good], "-o", form) == Exit.WELL
        assert run(tmp_path, [decision({"spec.model": "x"}), *good], "--strict", "-o", form) == 1


def test_what_is_asked_for_and_not_there_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint"]) == Exit.USAGE
    assert main(["lint", str(tmp_path / "none.yaml")]) == Exit.USAGE
    assert main(["lint", str(tmp_path)]) == Exit.USAGE
    assert "there is no object in" in capsys.readouterr().err


def test_without_an_engine_the_rest_is_checked_and_the_exit_code_says_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)

    assert rules.engine() is None
    assert run(tmp_path, [watched("ward")]) == Exit.UNDECIDED
    assert "pip install 'mlhops[lint]'" in capsys.readouterr().out
    assert run(tmp_path, [clinical_model({"spec.version": 7})]) == Exit.BAD
    assert run(tmp_path, [watched("ward")], "--strict", "--ignore", "MLH208") == Exit.UNDECIDED


def test_what_helm_or_kustomize_writes_is_read_from_the_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = yaml.safe_dump(clinical_model({"spec.version": 7})).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + text)))

    assert main(["lint", "-"]) == Exit.BAD
    assert "stdin:" in capsys.readouterr().out


def test_a_folder_is_read_as_kubectl_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    below, hidden = tmp_path / "below", tmp_path / ".git"
    below.mkdir()
    hidden.mkdir()
    (hidden / "a.yaml").write_text("a: [")
    (below / "b.json").write_text(json.dumps(clinical_model({"spec.version": 7})))
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(monitoring_policy()))
    (tmp_path / "readme.txt").write_text("a: [")
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]")

    assert main(["lint", str(tmp_path)]) == Exit.WELL
    assert "MLH213" in capsys.readouterr().out
    assert main(["lint", "-R", "-f", str(tmp_path)]) == Exit.BAD
    assert "MLH001" not in capsys.readouterr().out
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe4")
    main(["lint", str(tmp_path), "-o", "json"])
    assert "no UTF-8" in capsys.readouterr().out


def test_with_against_a_changed_record_is_bad(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(decision()))
    changed = decision({"spec.reason": "On second thoughts"})

    assert run(tmp_path, [changed]) == Exit.WELL
    assert run(tmp_path, [changed], "--against", str(tmp_path / "old.yaml")) == Exit.BAD
    (tmp_path / "old.yaml").write_text("a: [")
    assert run(tmp_path, [changed], "--against", str(tmp_path / "old.yaml")) == Exit.BAD


def test_annotations_of_a_hostile_manifest_stay_one_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = clinical_model({"spec.card": {"x\n::error::y%": 1}})

    run(tmp_path, [hostile], "-o", "github", "--level", "error")

    lines = capsys.readouterr().out.splitlines()
    assert all(each.startswith("::error file=") for each in lines)
    assert any("x%0A::error::y%25" in each for each in lines)


def test_text_of_a_hostile_manifest_moves_no_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, [clinical_model({"spec.card": {"\x1b[2J\r": 1}})])

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\r" not in out


def test_a_sarif_log_has_what_the_standard_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The parts of SARIF 2.1.0 that are required (sections 3.13, 3.14, 3.19, 3.27, 3.30, 3.49)."""
    run(
        tmp_path,
        [clinical_model({"spec.version": 7}), decision({"spec.model": "x"})],
        "-o",
        "sarif",
    )

    log = json.loads(capsys.readouterr().out)
    (ran,) = log["runs"]
    named = [each["id"] for each in ran["tool"]["driver"]["rules"]]
    assert log["version"] == "2.1.0"
    assert ran["tool"]["driver"]["name"]
    assert named == sorted(set(named))
    assert {each["level"] for each in ran["results"]} == {"error", "warning", "note"}
    for each in ran["results"]:
        place = each["locations"][0]["physicalLocation"]
        assert named[each["ruleIndex"]] == each["ruleId"]
        assert each["message"]["text"]
        assert place["region"]["startLine"] >= 1
        assert place["artifactLocation"]["uri"].endswith("a.yaml")


def test_codes_are_unique_and_say_what_helps() -> None:
    assert len({each.name for each in CODES.values()}) == len(CODES)
    assert all(number == each.number for number, each in CODES.items())
    assert all(each.meaning.endswith(".") and each.remedy for each in CODES.values())


# Kubernetes' functions


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [
        *(
            ("1", "1000m", 0),
            ("1Ki", "1024", 0),
            ("1Gi", "1G", 1),
            ("-1", "0", -1),
            ("1E", "1e18", 0),
        ),
        *((".5", "500m", 0), ("5.", "5", 0), ("1n", "1u", -1), ("1e3", "1k", 0)),
    ],
)
def test_quantities_are_compared_by_amount(one: str, other: str, order: int) -> None:
    assert functions.compare(one, other) == order


def test_what_is_no_quantity_is_none() -> None:
    assert not any(functions.is_quantity(each) for each in ("", "1kk", "1 Gi", "1ki", "e3", "NaN"))


# Examples


def objects(path: Path) -> list[Manifest]:
    """The objects of a file that are ours."""
    documents, faults = read(path.read_text(), str(path))
    assert faults == []
    return [each.manifest for each in documents if admission.is_ours(each.manifest)]


FILES = sorted(path for path in EXAMPLES.rglob("*.yaml") if objects(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_example_is_without_errors(path: Path) -> None:
    assert main(["lint", str(path)]) == Exit.WELL


def test_each_example_of_a_model_has_its_policy_beside_it_and_nothing_to_be_warned_of() -> None:
    files = sorted((EXAMPLES / "models").glob("*.yaml"))

    assert len(files) >= 4
    for path in files:
        assert [each["kind"] for each in objects(path)] == ["MonitoringPolicy", "ClinicalModel"]
        assert main(["lint", "--strict", str(path)]) == Exit.WELL


def test_the_folders_of_examples_are_well_together() -> None:
    assert main(["lint", "--strict", str(EXAMPLES / "model")]) == Exit.WELL
    assert main(["lint", "--strict", str(EXAMPLES / "models")]) == Exit.WELL


def test_objects_that_the_documentation_shows_are_without_errors(engine: CelRules) -> None:
    shown = {
        f"{page.name} block {number}": each.manifest
        for page in sorted((REPOSITORY / "docs").glob("*.md"))
        for number, block in enumerate(BLOCK.findall(page.read_text()), 1)
        for each in read(block, page.name)[0]
        if admission.is_ours(each.manifest)
        and "..." not in block  # which stands for what is left out
    }

    wrong = {name: found for name, m in shown.items() if (found := [*admission.faults(m, engine)])}

    assert len(shown) >= 4
    assert wrong == {}


BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def test_the_full_example_is_up_to_date_and_has_every_field_of_what_people_write() -> None:
    shown = objects(EXAMPLES / "everything.yaml")

    assert everything.main([str(REPOSITORY), "--check"]) == 0
    for kind in KINDS:
        own = [given(each["spec"]) for each in shown if each["kind"] == kind.name]
        if kind.name != "Evaluation":  # the operator alone writes them
            assert fields(spec_of(kind)) - set().union(*own) == set()


def fields(schema: Manifest, path: str = "") -> set[str]:
    """The paths of all fields below a schema."""
    found: set[str] = set()
    for name, part in cast("dict[str, Manifest]", schema.get("properties", {})).items():
        found |= {f"{path}.{name}"} | fields(part, f"{path}.{name}")
    items = schema.get("items")
    return found | (fields(items, f"{path}[]") if isinstance(items, dict) else set())


def given(value: Json, path: str = "") -> set[str]:
    """The paths of all fields that a value has."""
    if isinstance(value, list):
        return {each for item in value for each in given(item, f"{path}[]")}
    if not isinstance(value, dict):
        return set()
    below = {each for name, part in value.items() for each in given(part, f"{path}.{name}")}
    return {f"{path}.{name}" for name in value} | below
