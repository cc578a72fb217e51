"""The generated CRDs: up to date, small, documented, and no more than Kubernetes can express."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from testkit.builders import at_path
from testkit.refusals import REFUSALS
from tools.crd import KINDS, Kind, crd, files, main, structural

CRDS = Path(__file__).resolve().parents[3] / "crds"

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def schema_of(kind: Kind) -> Manifest:
    return cast(Manifest, at_path(crd(kind), "spec.versions.0.schema.openAPIV3Schema"))


def schemas(schema: Manifest, path: str = "") -> Iterator[tuple[str, Manifest]]:
    """A schema and all below it, each with its path."""
    yield path, schema
    for name, part in cast("dict[str, Manifest]", schema.get("properties", {})).items():
        yield from schemas(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(below := schema.get(key), dict):
            yield from schemas(below, f"{path}[]")


def test_the_files_are_up_to_date() -> None:
    assert {path.name: path.read_text() for path in CRDS.glob("*.yaml")} == files()


@each_kind
def test_a_crd_is_smaller_than_200_kb(kind: Kind) -> None:
    assert len(files()[f"mlhops.io_{kind.plural}.yaml"].encode()) < 200_000
    assert len(json.dumps(crd(kind))) < 200_000


@each_kind
def test_every_field_is_described(kind: Kind) -> None:
    own = [
        path
        for path, schema in schemas(schema_of(kind))
        if not path.endswith("[]") and not path.startswith(".metadata")
        if not schema.get("description")
    ]

    assert own == []


@each_kind
def test_every_field_of_a_spec_that_has_a_default_tells_it(kind: Kind) -> None:
    spec = cast(Manifest, at_path(schema_of(kind), "properties.spec"))
    told = [str(s.get("description")) for path, s in schemas(spec) if path and "default" in s]

    assert [text for text in told if "Default: " not in text] == []
    if kind.name == "ClinicalModel":
        kept = cast(Manifest, at_path(spec, "properties.rollout.properties.keepPrevious"))
        assert str(kept["description"]).endswith(f"Default: {kept['default']}.")


@each_kind
def test_no_field_has_a_name_that_yaml_takes_for_a_boolean(kind: Kind) -> None:
    names = {path.rsplit(".", 1)[-1].lower() for path, _ in schemas(schema_of(kind))}

    assert names.isdisjoint({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@each_kind
def test_every_column_shows_a_field_that_exists(kind: Kind) -> None:
    known = {path for path, _ in schemas(schema_of(kind))} | {".metadata.creationTimestamp"}

    for column in kind.columns:
        assert re.sub(r"\[\?\(.*?\)\]", "[]", column.path) in known


@each_kind
def test_nothing_is_left_that_a_structural_schema_cannot_have(kind: Kind) -> None:
    for path, schema in schemas(schema_of(kind)):
        assert {"$ref", "$defs", "anyOf", "const", "title"}.isdisjoint(schema), path
        assert "type" in schema or schema.get("x-kubernetes-int-or-string"), path
        assert schema.get("type") != "null", path
        assert "null" not in json.dumps(schema.get("default", "")), path


@each_kind
def test_every_list_and_text_that_people_write_is_bounded(kind: Kind) -> None:
    spec = cast(Manifest, at_path(schema_of(kind), "properties.spec"))
    for path, schema in schemas(spec):
        if schema.get("type") == "array":
            assert "maxItems" in schema, path
        if schema.get("type") == "string":
            assert "maxLength" in schema or "enum" in schema, path
        if "additionalProperties" in schema:
            assert "maxProperties" in schema, path


def test_every_rule_has_an_object_that_breaks_it() -> None:
    messages = {
        str(rule["message"])
        for kind in KINDS
        for _, schema in schemas(schema_of(kind))
        for rule in cast("list[Manifest]", schema.get("x-kubernetes-validations", []))
        if "oldSelf" not in str(rule["rule"])  # what must not be edited has tests of its own
    }

    untried = {
        message
        for message in messages
        if not any(refusal.remedy in message for refusal in REFUSALS)
    }
    assert untried == set()


@each_kind
def test_only_the_records_cannot_be_edited(kind: Kind) -> None:
    assert ("cannot be changed: create a new" in json.dumps(schema_of(kind))) == (
        kind.name in {"Evaluation", "Decision"}
    )


def test_a_reference_is_inlined_and_what_stands_beside_it_wins() -> None:
    definitions: Manifest = {"A": {"type": "object", "title": "A", "description": "all As"}}
    schema: Manifest = {"$ref": "#/$defs/A", "description": "this A"}

    assert structural(schema, definitions) == {"type": "object", "description": "this A"}


def test_an_optional_field_loses_its_null_and_a_default_of_null() -> None:
    schema: Manifest = {
        "anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}],
        "default": None,
    }

    assert structural(schema, {}) == {"type": "string", "maxLength": 3}


def test_a_default_loses_the_fields_that_are_absent() -> None:
    schema: Manifest = {"type": "array", "default": [{"a": None, "b": {"c": None}}]}

    assert structural(schema, {}) == {"type": "array", "default": [{"b": {}}]}


def test_a_field_named_like_a_keyword_stays() -> None:
    properties: dict[str, Json] = {"title": {"type": "string"}, "default": {"type": "string"}}

    assert structural({"type": "object", "properties": properties}, {}) == {
        "type": "object",
        "properties": properties,
    }


def test_other_alternatives_are_refused_at_generation() -> None:
    with pytest.raises(ValueError, match="cannot express"):
        structural({"anyOf": [{"type": "string"}, {"type": "boolean"}]}, {})


def test_check_names_the_stale_file_and_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    stale = tmp_path / "mlhops.io_decisions.yaml"
    stale.write_text("edited by hand")
    capsys.readouterr()

    assert main(["--check", str(tmp_path)]) == 1

    assert f"{stale} is out of date: run `make crds`" in capsys.readouterr().err
    assert stale.read_text() == "edited by hand"


def test_writing_repairs_only_what_is_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(tmp_path)])
    stale = tmp_path / "mlhops.io_decisions.yaml"
    stale.write_text("edited by hand")
    capsys.readouterr()

    assert main([str(tmp_path)]) == 0

    assert capsys.readouterr().out == f"wrote {stale}\n"
    assert main(["--check", str(tmp_path)]) == 0
