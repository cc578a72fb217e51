"""Whatever the schema lets through can be read, and written back the same."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlhops.api.base import Json, Manifest, Resource
from mlhops.api.detector import Window
from mlhops.api.model import ClinicalModel
from mlhops.api.step import Step
from testkit.builders import at_path, clinical_model, with_path
from testkit.samples import ACCEPTED
from tools.crd import KINDS, crd

LETTERS = st.characters(codec="utf-8", exclude_characters="\x00")
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)).map(
    datetime.isoformat
)
DAYS = st.dates().map(lambda day: day.isoformat())
TYPES: dict[str, type[Resource]] = {kind.name: kind.model for kind in KINDS}


def from_schema(schema: Manifest) -> st.SearchStrategy[Json]:
    """Values that a structural schema allows, its rules in CEL aside but for those on texts."""
    if "enum" in schema:
        return st.sampled_from(cast("list[Json]", schema["enum"]))
    if schema.get("x-kubernetes-int-or-string"):
        return st.integers(0, 2**31) | texts(schema)
    makers: dict[str, Callable[[Manifest], st.SearchStrategy[Json]]] = {
        "array": lists,
        "boolean": lambda _: st.booleans(),
        "integer": lambda _: numbers(schema),
        "number": lambda _: floats(schema) | numbers(schema),
        "object": objects,
        "string": texts,
    }
    return makers[str(schema["type"])](schema)


def floats(schema: Manifest) -> st.SearchStrategy[Json]:
    bounds = (cast("float | None", schema.get(key)) for key in ("minimum", "maximum"))
    return st.floats(*bounds, allow_nan=False, allow_infinity=False)


def numbers(schema: Manifest) -> st.SearchStrategy[Json]:
    low = math.ceil(cast(float, schema.get("minimum", -(2**63))))
    return st.integers(low, int(cast(int, schema.get("maximum", 2**63 - 1))))


def texts(schema: Manifest) -> st.SearchStrategy[Json]:
    longest = int(cast(int, schema.get("maxLength", 50)))
    if schema.get("format") == "date-time":
        return MOMENTS
    if one_of := members(schema):
        return st.sampled_from(one_of)
    if "timestamp(" in str(schema.get("x-kubernetes-validations")):
        return DAYS
    if "pattern" in schema:
        pattern = str(schema["pattern"]).replace("$", r"\Z")
        # Go and Rust write a sign by its number in braces.
        pattern = re.sub(r"\\x\{(\w+)\}", lambda sign: chr(int(sign[1], 16)), pattern)
        matching = st.from_regex(pattern, alphabet=LETTERS)
        also = [re.compile(pattern.replace("$", r"\Z")) for pattern in durations(schema)]
        return matching.filter(
            lambda text: len(text) <= longest and all(each.search(text) for each in also)
        )
    shortest = int(cast(int, schema.get("minLength", 0)))
    return st.text(LETTERS, min_size=shortest, max_size=min(longest, 50))


def durations(schema: Manifest) -> list[str]:
    """The patterns that the rules of a duration ask for."""
    rules = cast("list[Manifest]", schema.get("x-kubernetes-validations", []))
    return re.findall(r"self\.matches\('(.*?)'\)", " ".join(str(rule["rule"]) for rule in rules))


def members(schema: Manifest) -> list[str]:
    """The values that a rule allows in the place of an enum."""
    rules = cast("list[Manifest]", schema.get("x-kubernetes-validations", []))
    listed = re.search(r"^self in \[(.*)\]$", " ".join(str(rule["rule"]) for rule in rules))
    return re.findall(r"'(.*?)'", listed[1]) if listed is not None else []


def lists(schema: Manifest) -> st.SearchStrategy[Json]:
    shortest = int(cast(int, schema.get("minItems", 0)))
    parts = from_schema(cast(Manifest, schema["items"]))
    key = cast("list[str]", schema.get("x-kubernetes-list-map-keys", [""]))[0]
    keyed = "x-kubernetes-list-type" in schema
    alike = (lambda part: part[key] if key else repr(part)) if keyed else id
    return st.lists(parts, min_size=shortest, max_size=max(2, shortest), unique_by=alike).map(list)


def objects(schema: Manifest) -> st.SearchStrategy[Json]:
    if "additionalProperties" in schema:
        values = from_schema(cast(Manifest, schema["additionalProperties"]))
        return st.dictionaries(st.text(LETTERS, max_size=9), values, max_size=2)
    properties = cast("dict[str, Manifest]", schema.get("properties", {}))
    required = cast("list[str]", schema.get("required", []))
    # These are moments by a rule in CEL.
    parts = {
        name: MOMENTS if name in ("expires", "candidateSince") else from_schema(part)
        for name, part in properties.items()
    }
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in required},
        optional={name: part for name, part in parts.items() if name not in required},
    )


def whole(name: str) -> st.SearchStrategy[Json]:
    (kind,) = (kind for kind in KINDS if kind.name == name)
    schema = at_path(crd(kind), "spec.versions.0.schema.openAPIV3Schema.properties")
    properties = cast("dict[str, Manifest]", schema)
    parts: dict[str, st.SearchStrategy[Json]] = {
        "metadata": st.just({"name": "sepsis", "generation": 3})
    }
    for part in {"spec", "status"} & properties.keys():
        parts[part] = from_schema(properties[part])
    return st.fixed_dictionaries(parts)


@pytest.mark.thorough
@pytest.mark.parametrize("name", TYPES)
def test_what_the_schema_allows_is_read_and_written_the_same(name: str) -> None:
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(whole(name))
    def holds(manifest: Json) -> None:
        try:
            first = TYPES[name].model_validate(manifest)
        except ValidationError as error:
            # What a rule about several fields forbids, the type of a policy forbids as well.
            assume(not (name == "MonitoringPolicy" and "Value error" in str(error)))
            raise
        written = first.to_json()
        again = TYPES[name].model_validate(written)
        assert again == first
        assert again.to_json() == written

    holds()


@pytest.mark.parametrize("manifest", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_good_object_is_read_and_written_the_same(manifest: Manifest) -> None:
    kind = TYPES[str(manifest["kind"])]

    first = kind.model_validate(manifest)

    assert kind.model_validate(first.to_json()) == first


def test_a_field_of_a_newer_schema_is_passed_over() -> None:
    newer = with_path(clinical_model(), "spec.card.fromTheFuture", {"a": 1})

    assert ClinicalModel.model_validate(newer) == ClinicalModel.model_validate(clinical_model())


def test_what_was_read_cannot_be_changed() -> None:
    model = ClinicalModel.model_validate(clinical_model())

    with pytest.raises(ValidationError, match="frozen"):
        model.spec.version = "2.0.0"  # type: ignore[misc]


def test_nothing_that_was_left_out_is_written() -> None:
    written = ClinicalModel.model_validate(clinical_model()).to_json()

    assert "monitoring" not in cast(Manifest, written["spec"])


@pytest.mark.parametrize(
    ("step", "verb"),
    [
        (Step.model_validate({"setWeight": 0}), "setWeight 0"),
        (Step.model_validate({"pause": {}}), "pause"),
        (Step.model_validate({"pause": {"duration": "10m"}}), "pause 10m"),
        (Step.model_validate({"evaluate": {}}), "evaluate"),
        (Step.model_validate({"approve": {}}), "approve"),
    ],
)
def test_a_step_reads_as_a_person_would_say_it(step: Step, verb: str) -> None:
    assert step.verb == verb


def test_an_error_tells_the_field_and_not_what_stood_in_it() -> None:
    with pytest.raises(ValidationError) as error:
        Window.model_validate({"name": "hour", "length": ["Jane Roe, 1950-02-03"]})
    assert "length" in str(error.value)
    assert "Roe" not in str(error.value)
