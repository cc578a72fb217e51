"""No field of a ClinicalModel's spec is forgotten: told by the types, from which the schema is made."""

import types
import typing
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, WithJsonSchema

from campaign.transitions.base import base, is_numeric
from campaign.transitions.changes import (
    REMOVALS,
    SAMPLES,
    UNCHANGEABLE,
    changed_specs,
    makes_revision,
    other_values,
    removed_specs,
)
from campaign.transitions.leaves import Leaf, all_leaves, spots
from campaign.transitions.places import spot_of, with_value
from mlhops.api.base import Json
from mlhops.api.model import ClinicalModelSpec

LEAVES = all_leaves()


def walk(type_: object, path: str = "") -> Iterator[str]:
    """The leaves below a type: an independent way to what the schema says."""
    origin, inner = typing.get_origin(type_), typing.get_args(type_)
    if origin is typing.Annotated:
        whole = any(isinstance(each, WithJsonSchema) for each in inner)
        yield from [path] if whole else walk(inner[0], path)
    elif origin in (typing.Union, types.UnionType):
        options = [one for one in inner if one is not type(None)]
        if len(options) == 1:
            yield from walk(options[0], path)
        else:
            yield path
    elif origin is list:
        yield from walk(inner[0], f"{path}[]")
    elif origin is dict:
        yield from walk(inner[1], f"{path}{{}}")
    elif isinstance(type_, type) and issubclass(type_, BaseModel) and type_.model_fields:
        for name, field in type_.model_fields.items():
            below = f"{path}.{field.alias or name}".lstrip(".")
            yield from walk(field.annotation, below)
    else:
        yield path


def test_the_schema_has_the_leaves_that_the_types_have() -> None:
    assert sorted(str(leaf) for leaf in LEAVES) == sorted(walk(ClinicalModelSpec))
    assert len(LEAVES) > 80


@pytest.mark.parametrize("leaf", LEAVES, ids=str)
def test_every_leaf_has_a_value_to_begin_with_and_another_or_a_reason(leaf: Leaf) -> None:
    spec = base(steps=True, numeric=is_numeric(str(leaf)))
    assert list(spots(spec, leaf.path))
    changes = list(changed_specs(leaf, spec))
    assert all(changed != spec for changed in changes)
    assert bool(changes) or str(leaf) in UNCHANGEABLE
    assert all(removed != spec for removed in removed_specs(leaf, spec))


def test_the_tables_speak_of_leaves_that_there_are() -> None:
    names = {str(leaf) for leaf in LEAVES}
    assert {*SAMPLES, *REMOVALS, *UNCHANGEABLE} <= names


@pytest.mark.parametrize(
    ("schema", "present", "expected"),
    [
        ({"type": "boolean"}, True, [False]),
        ({"type": "string", "enum": ["a", "b", "c"]}, "b", ["a", "c"]),
        ({"type": "integer", "minimum": 1, "maximum": 5}, 5, [4]),
        ({"type": "integer", "minimum": 5}, 5, [6]),
        ({"type": "string", "pattern": "^([0-9]+(s|m))+$"}, "10m", ["11m"]),
        (
            {"type": "string", "pattern": "^sha256:[0-9a-f]{2}$"},
            "sha256:0a",
            ["sha256:1a", "sha256:00"],
        ),
    ],
)
def test_other_values_follow_from_the_schema(
    schema: dict[str, Json], present: Json, expected: list[Json]
) -> None:
    found = list(other_values(schema, present))
    assert present not in found
    assert found[: len(expected)] == expected or found == expected


def test_replicas_make_no_revision_and_scaling_or_not_does() -> None:
    spec = base(steps=False)
    assert not makes_revision(spec, with_value(spec, spot_of("predictor.minReplicas"), 3))
    assert not makes_revision(spec, with_value(spec, spot_of("card.owner"), "others"))
    assert makes_revision(spec, with_value(spec, spot_of("predictor.args"), ["--x"]))
    leaf = next(leaf for leaf in LEAVES if str(leaf) == "predictor.maxReplicas")
    assert makes_revision(spec, next(removed_specs(leaf, spec)))
