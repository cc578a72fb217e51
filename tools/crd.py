"""Generates `crds/` from the pydantic types: `python -m tools.crd [--check] crds/`.

Pydantic writes JSON Schema with references and `null` alternatives; Kubernetes wants a structural
schema without either. Everything else (bounds, enums, defaults, CEL rules) passes through as the
types state it.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from mlhops.api import GROUP, VERSION
from mlhops.api.base import Json, Manifest, Resource
from mlhops.api.decision import Decision
from mlhops.api.evaluation import Evaluation
from mlhops.api.model import ClinicalModel
from mlhops.api.policy import MonitoringPolicy
from mlhops.api.standard import ClinicalStandard
from mlhops.measures.measure import MEASURES, Share
from tools import generated

_DROPPED = frozenset({"title", "$defs", "discriminator"})


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; priority 1 shows with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


@dataclass(frozen=True)
class Kind:
    """A kind, with what the types cannot say about it."""

    model: type[Resource]
    plural: str
    short: str
    columns: tuple[Column, ...]
    immutable: bool = False
    cluster: bool = False
    """Whether it belongs to no namespace."""
    selectable: tuple[str, ...] = ()
    """Fields by which the API server can be asked for some objects only."""

    @property
    def name(self) -> str:
        """The kind's name."""
        return self.model.__name__

    @property
    def has_status(self) -> bool:
        """Whether the operator tells something of its objects in them."""
        return "status" in self.model.model_fields


def _ready(type_: str) -> str:
    return f'.status.conditions[?(@.type=="{type_}")].status'


_AGE = Column("Age", ".metadata.creationTimestamp", "date")

KINDS = (
    Kind(
        ClinicalModel,
        "clinicalmodels",
        "clm",
        (
            Column("Phase", ".status.phase"),
            Column("Version", ".status.stable.version"),
            Column("Candidate", ".status.candidate.version"),
            Column("Step", ".status.candidate.step"),
            Column("Weight", ".status.candidate.weight", "integer"),
            Column("Gates", '.status.conditions[?(@.type=="GatesPassed")].reason'),
            Column("Serving", ".status.serving.verdict"),
            Column("Drift", ".status.monitoring.verdict"),
            Column("Available", _ready("Available")),
            Column("Ready", _ready("Ready")),
            _AGE,
            Column("Message", ".status.message", priority=1),
            Column("URL", ".status.url", priority=1),
            Column("Overridden", ".status.override.gates", priority=1),
            Column("Override ends", ".status.override.expires", priority=1),
        ),
    ),
    Kind(
        MonitoringPolicy,
        "monitoringpolicies",
        "monpol",
        (
            Column("Models", ".status.models", "integer"),
            Column("Drift", ".status.drift", "integer"),
            Column("Insufficient", ".status.insufficient", "integer"),
            Column("Worst", ".status.worst.model"),
            Column("Of", ".status.worst.finding.of"),
            _AGE,
        ),
    ),
    Kind(
        Evaluation,
        "evaluations",
        "eval",
        (
            Column("Model", ".spec.model"),
            Column("Version", ".spec.version"),
            Column("Phase", ".status.phase"),
            Column("Passed", ".status.passed"),
            Column("Primary", ".status.primary"),
            Column("Rows", ".status.rows", "integer"),
            _AGE,
            Column("Message", ".status.message", priority=1),
            Column("Seed", ".status.seed", "integer", priority=1),
            Column("Digest", ".status.dataDigest", priority=1),
        ),
        immutable=True,
        selectable=(".spec.model",),
    ),
    Kind(
        Decision,
        "decisions",
        "dec",
        (
            Column("Model", ".spec.model"),
            Column("Revision", ".spec.revision"),
            Column("Action", ".spec.action"),
            Column("By", ".spec.decidedBy"),
            Column("Phase", ".status.phase"),
            Column("Gates", ".spec.gates"),
            Column("Until", ".status.noted.expires"),
            _AGE,
            Column("Message", ".status.message"),
        ),
        immutable=True,
        selectable=(".spec.model", ".spec.revision", ".spec.action", ".status.phase"),
    ),
    Kind(
        ClinicalStandard,
        "clinicalstandards",
        "std",
        (
            Column("Classes", ".spec.appliesTo.riskClasses"),
            Column("Digest", ".spec.data.digest", "boolean"),
            Column("First weight", ".spec.rollout.maxFirstWeight", "integer"),
            Column("Pause", ".spec.rollout.minPause"),
            Column("Override", ".spec.overrides.longest"),
            _AGE,
        ),
        cluster=True,
    ),
)


def structural(schema: Manifest, definitions: Manifest) -> Manifest:
    """Return a structural schema: references inlined, `null` alternatives and titles gone."""
    if "$ref" in schema:
        target = cast(Manifest, definitions[str(schema["$ref"]).rsplit("/", 1)[-1]])
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        return structural({**target, **siblings}, definitions)
    if "anyOf" in schema:
        return _without_alternatives(schema, definitions)
    result: Manifest = {}
    for key, value in schema.items():
        if key in _DROPPED or (key == "default" and value is None):
            continue
        if key == "additionalProperties" and value is False:
            continue  # a structural schema refuses what it does not name anyway
        if key == "properties":
            result[key] = {
                name: structural(cast(Manifest, part), definitions)
                for name, part in cast(Manifest, value).items()
            }
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            result[key] = structural(value, definitions)
        elif key == "const":
            result["enum"] = [value]
        elif key == "description":
            result[key] = " ".join(str(value).split())
        elif key == "default":
            result[key] = _without_nulls(value)
        else:
            result[key] = value
    return result


def _without_nulls(value: Json) -> Json:
    """Return a default without its absent fields, which a structural schema takes for wrong
    types."""
    if isinstance(value, dict):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list) else value


def _without_alternatives(schema: Manifest, definitions: Manifest) -> Manifest:
    """Return an optional field's schema; only `X | None` and integer-or-string are
    representable."""
    siblings = {key: value for key, value in schema.items() if key != "anyOf"}
    options = [o for o in cast(list[Manifest], schema["anyOf"]) if o.get("type") != "null"]
    if siblings.get("x-kubernetes-int-or-string"):
        return structural(siblings, definitions)
    if len(options) != 1:
        raise ValueError(f"{schema} has alternatives that a structural schema cannot express")
    return structural({**options[0], **siblings}, definitions)


def _tell_defaults(schema: Manifest) -> None:
    """Let the description of each field below a schema end with its default, which `kubectl explain` leaves out."""
    for field in cast("dict[str, Manifest]", schema.get("properties", {})).values():
        if "default" in field:
            sentences = f"{field.get('description', '')} Default: {_told(field['default'])}."
            field["description"] = sentences.strip()
        _tell_defaults(field)
    for below in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(below, dict):
            _tell_defaults(below)


def _told(default: Json) -> str:
    """Return a default as people would write it; that of an object is what its fields tell."""
    if isinstance(default, dict):
        return "as its fields say" if default else "none"
    if default in ("", []):
        return "none"
    return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)


def _part(kind: Kind, field: str) -> Manifest:
    """Return the schema of a kind's spec or status."""
    part = cast(type[Resource], kind.model.model_fields[field].annotation)
    raw = cast(Manifest, part.model_json_schema(by_alias=True))
    schema = structural(raw, cast(Manifest, raw.get("$defs", {})))
    if field == "spec" and "required" not in schema:
        # Where nothing has to be said, the server takes an empty spec for none the second time.
        schema["default"] = part().to_json()
    if field == "status" and not kind.immutable:
        # Without a status kstatus takes an object for done, before the operator has seen it; and with the
        # fields' own defaults people would read that no model is under a policy, where nobody has counted.
        for field_ in cast("dict[str, Manifest]", schema["properties"]).values():
            field_.pop("default", None)
        schema["default"] = {"observedGeneration": -1}
    if field == "spec":
        _tell_defaults(schema)
    if kind.immutable and field == "spec":
        rules = cast("list[Json]", schema.setdefault("x-kubernetes-validations", []))
        rule: Manifest = {
            "rule": "self == oldSelf",
            "message": f"the spec of {kind.name} cannot be changed: "
            f"create a new {kind.name} instead",
        }
        schema["x-kubernetes-validations"] = [*rules, rule]
    return schema


def spec_of(kind: Kind) -> Manifest:
    """Return the schema of a kind's spec."""
    return _part(kind, "spec")


def _schema(kind: Kind) -> Manifest:
    schema: Manifest = {
        "type": "object",
        "description": kind.model.__doc__,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "The version of this schema."},
            "kind": {"type": "string", "description": "The kind of the object."},
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
            "spec": _part(kind, "spec"),
            **({"status": _part(kind, "status")} if kind.has_status else {}),
        },
    }
    if kind.model is ClinicalModel:
        schema["x-kubernetes-validations"] = [
            {
                "rule": "size(self.metadata.name) <= 40 && "
                "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                "message": "metadata.name must start with a letter, have only a-z, 0-9 and -, "
                "and at most 40 characters: KServe makes host names of it",
                "fieldPath": ".metadata.name",
            }
        ]
    return schema


def crd(kind: Kind) -> Manifest:
    """Return the CustomResourceDefinition of a kind."""
    selectable: list[Json] = [{"jsonPath": path} for path in kind.selectable]
    columns: list[Json] = []
    for column in kind.columns:
        entry: Manifest = {"name": column.name, "type": column.type, "jsonPath": column.path}
        columns.append({**entry, "priority": column.priority} if column.priority else entry)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Cluster" if kind.cluster else "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": ["mlhops"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    **({"subresources": {"status": {}}} if kind.has_status else {}),
                    "additionalPrinterColumns": columns,
                    **({"selectableFields": selectable} if selectable else {}),
                    "schema": {"openAPIV3Schema": _schema(kind)},
                }
            ],
        },
    }


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, which kubectl reads but people stumble over; lists and maps of words in one line."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True

    def represent_list(self, data: Iterable[object]) -> yaml.SequenceNode:
        """Return a list of words in one line, a list of anything else as usual."""
        plain = all(isinstance(item, str | int | float) for item in data)
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=plain or None)

    def represent_map(self, data: Mapping[str, object]) -> yaml.MappingNode:
        """Return a map of words in one line; any other as usual, and `metadata`, to which the chart adds."""
        plain = all(isinstance(item, str | int | float) for item in data.values())
        plain = plain and set(data) != {"name"}
        return self.represent_mapping("tag:yaml.org,2002:map", data, flow_style=plain or None)


_Dumper.add_representer(list, _Dumper.represent_list)
_Dumper.add_representer(dict, _Dumper.represent_map)


def files() -> dict[str, str]:
    """Return the text of each generated file by its name."""
    head = "# Generated by `make crds` from operator/mlhops/api. Do not edit.\n"
    return {
        f"{GROUP}_{kind.plural}.yaml": head
        + yaml.dump(crd(kind), Dumper=_Dumper, sort_keys=False, width=160)
        for kind in KINDS
    }


_DOCUMENTATION = frozenset({"description", "x-kubernetes-map-type"})


def _bare(schema: Manifest) -> Manifest:
    """Return a schema without its prose, which nothing is checked by."""
    kept = {key: value for key, value in schema.items() if key not in _DOCUMENTATION}
    if isinstance(properties := schema.get("properties"), dict):
        kept["properties"] = {
            name: _bare(cast(Manifest, part)) for name, part in properties.items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(part := schema.get(key), dict):
            kept[key] = _bare(part)
    return kept


def for_lint() -> str:
    """Return what `kubectl mlhops lint` checks by: the schemas, and of which cases each metric is a share."""
    cases: dict[str, Json] = {
        each.name: each.how.cases for each in MEASURES.values() if isinstance(each.how, Share)
    }
    kinds: dict[str, Json] = {kind.name: _bare(_schema(kind)) for kind in KINDS}
    whole: Manifest = {"apiVersion": f"{GROUP}/{VERSION}", "kinds": kinds, "cases": cases}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n"


def _places(folder: Path) -> tuple[Path, ...]:
    """Return a folder, and that of the chart beside it: Helm reads no file outside of a chart."""
    chart = folder.absolute().parent / "charts" / "mlhops" / "files" / "crds"
    return (folder, chart) if chart.is_dir() else (folder,)


def main(argv: list[str] | None = None) -> int:
    """Write the CRDs to a folder, or with --check report the files that are out of date."""
    parser = argparse.ArgumentParser(prog="python -m tools.crd", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    options = parser.parse_args(argv)
    made = files()
    places = {folder / name: made[name] for folder in _places(options.folder) for name in made}
    lint = options.folder.absolute().parent / "operator" / "mlhops" / "cli" / "lint"
    if lint.is_dir():
        places[lint / "schemas.json"] = for_lint()
    return generated.write(places, "crds", check=options.check)


if __name__ == "__main__":
    sys.exit(main())
