"""Codes of lint: stable numbers for kinds of findings, with their level and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How grave a finding is."""

    ERROR = "Error"
    """The API server refuses the object, or would read something else than is written there."""
    WARNING = "Warning"
    """It is accepted, and probably not what is meant."""
    INFO = "Info"
    """Worth knowing; nothing needs to be done."""


@dataclass(frozen=True)
class LintCode:
    """A kind of finding; its number is never given to another one."""

    number: str
    level: Level
    name: str
    meaning: str
    remedy: str


UNREADABLE = LintCode(
    "MLH001",
    Level.ERROR,
    "unreadable",
    "The file cannot be read, or is no YAML or JSON.",
    "mend what the message names; render a template first, and lint what comes out: `helm template ... | kubectl "
    "mlhops lint -`",
)
NO_OBJECT = LintCode(
    "MLH002",
    Level.ERROR,
    "no-object",
    "A document is no Kubernetes object.",
    "give it apiVersion and kind, or leave the file out; of a Kustomization lint what `kubectl kustomize` writes",
)
UNKNOWN_KIND = LintCode(
    "MLH003",
    Level.ERROR,
    "unknown-kind",
    "The group mlhops.io has no such kind, or not in that version.",
    "write apiVersion mlhops.io/v1alpha1 and one of its kinds",
)
REPEATED_KEY = LintCode(
    "MLH004",
    Level.ERROR,
    "repeated-key",
    "A key stands twice in one mapping, so that kubectl reads the last value and drops the other.",
    "remove one of them",
)
RULES_UNCHECKED = LintCode(
    "MLH005",
    Level.WARNING,
    "rules-unchecked",
    "Rules (CEL) were not checked: no engine for them is installed, or it gave up. Everything else was checked.",
    "install the engine: `pip install 'mlhops[lint]'`; where there is no wheel of it, `kubectl apply --dry-run=server "
    "-f FILE` asks the API server itself",
)
UNKNOWN_FIELD = LintCode(
    "MLH101",
    Level.ERROR,
    "unknown-field",
    "There is no such field.",
    "correct the name or the indentation: `kubectl explain` and docs/reference.md list the fields",
)
WRONG_TYPE = LintCode(
    "MLH102",
    Level.ERROR,
    "wrong-type",
    "A value is of another type than its field.",
    "write it as that type; a text that YAML takes for a number, a boolean or nothing needs quotes",
)
REQUIRED = LintCode(
    "MLH103",
    Level.ERROR,
    "required",
    "A field that has no default is missing.",
    "add it",
)
NOT_AN_OPTION = LintCode(
    "MLH104", Level.ERROR, "not-an-option", "A value is none of the field's.", "write one of them"
)
NO_MATCH = LintCode(
    "MLH105",
    Level.ERROR,
    "no-match",
    "A text does not have the form of its field.",
    "write it in that form; a rule on the same field mostly says it in words",
)
OUT_OF_BOUNDS = LintCode(
    "MLH106",
    Level.ERROR,
    "out-of-bounds",
    "A number is too small or too large.",
    "write one within the bounds",
)
TOO_LONG = LintCode(
    "MLH107",
    Level.ERROR,
    "too-long",
    "A text, list or map is too long.",
    "shorten it, or split it where that is possible",
)
TOO_SHORT = LintCode(
    "MLH113",
    Level.ERROR,
    "too-short",
    "A text or a list is too short, mostly empty.",
    "write what belongs there, or leave the field out where it is optional",
)
DUPLICATE = LintCode(
    "MLH108",
    Level.ERROR,
    "duplicate",
    "An item of a list is there twice, or two have the same key.",
    "remove or rename one of them",
)
METADATA = LintCode(
    "MLH109",
    Level.ERROR,
    "metadata",
    "A name, namespace, label or annotation is not of the form that Kubernetes asks for.",
    "write it in that form",
)
RULE = LintCode(
    "MLH110",
    Level.ERROR,
    "rule",
    "A rule of the kind does not hold; the message is the rule's own.",
    "do what the message says; docs/reference.md lists the rules of each field",
)
RULE_FAILED = LintCode(
    "MLH111",
    Level.ERROR,
    "rule-failed",
    "A rule cannot be evaluated on these values, which the API server takes for a refusal.",
    "correct the values that it reads",
)
IMMUTABLE = LintCode(
    "MLH112",
    Level.ERROR,
    "immutable",
    "With --against: a field differs that cannot be changed once it is there.",
    "create a new object under another name",
)
TWICE = LintCode(
    "MLH201",
    Level.WARNING,
    "twice",
    "An object of that kind and name is there twice; the one that is applied last counts.",
    "remove or rename one of them",
)
NO_POLICY = LintCode(
    "MLH202",
    Level.WARNING,
    "no-policy",
    "A model names no MonitoringPolicy: nobody looks for drift, and nothing follows from it.",
    "name one in spec.monitoring.policyRef",
)
POLICY_MISSING = LintCode(
    "MLH203",
    Level.WARNING,
    "policy-missing",
    "A model names a MonitoringPolicy that is not among the policies of its namespace here.",
    "correct the name, or lint the policy together with the model",
)
POLICY_UNUSED = LintCode(
    "MLH204",
    Level.INFO,
    "policy-unused",
    "No model here names the MonitoringPolicy.",
    "name it in spec.monitoring.policyRef of the models that it is for",
)
MODEL_MISSING = LintCode(
    "MLH205",
    Level.WARNING,
    "model-missing",
    "A Decision or an Evaluation is about a model that is not among the models of its namespace here.",
    "correct spec.model, or the namespace",
)
GATE_MISSING = LintCode(
    "MLH206",
    Level.WARNING,
    "gate-missing",
    "An Override names a gate that the model does not have; such a Decision is Ignored.",
    "write a name from spec.evaluation.gates of the model",
)
OVERRIDE_LONG = LintCode(
    "MLH207",
    Level.WARNING,
    "override-long",
    "An Override ends 30 days after it was made at the latest; this one says it ends later, or has ended already.",
    "let it end as soon as what it bridges can be mended",
)
CARD_INCOMPLETE = LintCode(
    "MLH208",
    Level.WARNING,
    "card-incomplete",
    "The card of a model of class III or IV lacks what whoever relies on the model has to know.",
    "fill in the fields of spec.card that the message names",
)
GROUP_UNKNOWN = LintCode(
    "MLH209",
    Level.INFO,
    "group-not-sent",
    "People are grouped by a column that is no feature: it has to be in the held-out data, and live requests lack it.",
    "nothing where that is meant; otherwise correct spec.interface.groups[].feature",
)
SECRET_MISSING = LintCode(
    "MLH210",
    Level.INFO,
    "secret-missing",
    "A Secret is referred to that is not among the manifests; it has to be in the namespace when the model starts.",
    "create it there; a Secret itself does not belong into a repository",
)
NO_DIGEST = LintCode(
    "MLH211",
    Level.INFO,
    "no-digest",
    "The model or its held-out data has no digest, so that nobody notices when the file is another one.",
    "write the file's sha256 into predictor.digest, and evaluation.data.digest",
)
FEW_CASES = LintCode(
    "MLH212",
    Level.INFO,
    "few-cases",
    "A Fairness gate judges groups of fewer cases than decide it, even where groups do not differ at all.",
    "bring so many cases of each group into the held-out data, or set a limit that so few can show",
)
KUSTOMIZATION = LintCode(
    "MLH213",
    Level.INFO,
    "kustomization",
    "The folder is a Kustomization: its files may be patches, and its objects get names and a namespace from it.",
    "lint what comes out: `kubectl kustomize FOLDER | kubectl mlhops lint -`",
)

CODES: dict[str, LintCode] = {
    each.number: each
    for each in (
        *(UNREADABLE, NO_OBJECT, UNKNOWN_KIND, REPEATED_KEY, RULES_UNCHECKED),
        *(UNKNOWN_FIELD, WRONG_TYPE, REQUIRED, NOT_AN_OPTION, NO_MATCH, OUT_OF_BOUNDS, TOO_LONG),
        *(DUPLICATE, METADATA, RULE, RULE_FAILED, IMMUTABLE, TOO_SHORT),
        *(TWICE, NO_POLICY, POLICY_MISSING, POLICY_UNUSED, MODEL_MISSING, GATE_MISSING),
        *(OVERRIDE_LONG, CARD_INCOMPLETE, GROUP_UNKNOWN, SECRET_MISSING, NO_DIGEST, FEW_CASES),
        KUSTOMIZATION,
    )
}
"""All codes by their number."""
