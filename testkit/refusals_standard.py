"""What is refused of ClinicalStandards."""

from mlhops.api.base import Json, Manifest
from testkit.builders import clinical_standard
from testkit.refusal import Refusal, given


def _standard(what: str, change: str, value: Json, remedy: str, below: str = "") -> Refusal:
    return given(what, clinical_standard({change: value}), f"{change}{below}", remedy)


def _gate(what: str, changes: Manifest, remedy: str, below: str = "") -> Refusal:
    gate: Manifest = {"name": "g", "type": "Performance", "metrics": ["AUROC"], **changes}
    return _standard(what, "spec.gates", [gate], remedy, f"[0]{below}")


def _label(what: str, requirement: Manifest, remedy: str, below: str) -> Refusal:
    asked: Manifest = {"matchExpressions": [{"key": "team", "operator": "Exists", **requirement}]}
    place = "spec.appliesTo.namespaceSelector"
    return _standard(what, place, asked, remedy, f".matchExpressions[0]{below}")


STANDARDS = (
    given(
        "a field that no standard has",
        clinical_standard({"spec.fairness": []}),
        "spec.fairness",
        "unknown field",
    ),
    _standard("a risk class of the MDR", "spec.appliesTo.riskClasses", ["IIa"], "IMDRF", "[0]"),
    _label("In without values", {"operator": "In"}, "In and NotIn need values", ".values"),
    _label("a value for Exists", {"values": ["a"]}, "take none", ".values"),
    _label("a label that is none", {"key": "a b"}, "a label is a name like team", ".key"),
    _label(
        "a value that is none",
        {"operator": "In", "values": ["-"]},
        "the value of a label has letters",
        ".values[0]",
    ),
    _gate(
        "a Fairness gate of a Performance metric",
        {"type": "Fairness", "metrics": ["P99"]},
        "metrics of a Fairness gate must be among",
        ".metrics",
    ),
    _gate(
        "a Performance gate of a Fairness metric",
        {"metrics": ["EqualizedOdds"]},
        "metrics of a Performance gate must be among",
        ".metrics",
    ),
    _gate(
        "a Latency gate of a Performance metric",
        {"type": "Latency"},
        "metrics of a Latency gate must be among",
        ".metrics",
    ),
    _gate(
        "one limit for metrics of both ways",
        {"metrics": ["AUROC", "Brier"], "limit": 0.8},
        "a limit is the largest value of some metrics and the smallest of others",
        ".metrics",
    ),
    _gate("groups of a plain gate", {"groups": ["sex"]}, "for a margin: remove them", ".groups"),
    _gate(
        "a plain gate that compares",
        {"comparison": "Ratio"},
        "comparison and against are for Fairness gates",
    ),
    _gate(
        "a Fairness gate with a margin",
        {"type": "Fairness", "metrics": ["FalseNegativeRate"], "margin": 0.1},
        "margin is of nonInferiority",
        ".margin",
    ),
    _gate("a limit beyond 1", {"limit": 1.5}, "limit must be between 0 and 1", ".limit"),
    _gate(
        "a limit of neither a difference nor a ratio",
        {"type": "Fairness", "metrics": ["FalseNegativeRate"], "limit": 0.1},
        "set comparison to Difference or to Ratio",
        ".comparison",
    ),
    _standard(
        "a prefix that another folder may have",
        "spec.data.uriPrefixes",
        ["s3://held-out"],
        "a prefix is the beginning of a uri up to a /",
        "[0]",
    ),
)
