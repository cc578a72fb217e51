"""Which ClinicalStandards apply to a model: by its risk class, and by the labels of its namespace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlhops.api.standard import AppliesTo, ClinicalStandard, LabelRequirement


@dataclass(frozen=True)
class Standards:
    """The ClinicalStandards that apply to a model."""

    applying: tuple[ClinicalStandard, ...] = ()
    unknown: str = ""
    """Why nobody knows which do, with the way out; empty where it is known."""


NO_STANDARDS = Standards()


def of_class(standards: Sequence[ClinicalStandard], risk_class: str) -> list[ClinicalStandard]:
    """Return the standards that may apply to models of a risk class, whatever their namespace."""
    return [
        one
        for one in standards
        if not one.spec.applies_to.risk_classes or risk_class in one.spec.applies_to.risk_classes
    ]


def selects_namespaces(standard: ClinicalStandard) -> bool:
    """Whether the labels of the namespace count."""
    return standard.spec.applies_to.namespace_selector is not None


def in_namespace(applies_to: AppliesTo, labels: Mapping[str, str]) -> bool:
    """Whether a standard is for models of a namespace with these labels."""
    selector = applies_to.namespace_selector
    if selector is None:
        return True
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _is_met(one, labels) for one in selector.match_expressions
    )


def _is_met(requirement: LabelRequirement, labels: Mapping[str, str]) -> bool:
    """Whether a requirement holds; as Kubernetes has it, a label that is not there is NotIn any values."""
    there = requirement.key in labels
    match requirement.operator:
        case "Exists":
            return there
        case "DoesNotExist":
            return not there
        case "In":
            return there and labels[requirement.key] in requirement.values
        case "NotIn":
            return not there or labels[requirement.key] not in requirement.values
