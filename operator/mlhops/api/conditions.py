"""Conditions in the form that kstatus reads, and the one way to change them."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Literal

from mlhops.api.base import Resource, Time


class ConditionType(StrEnum):
    """The condition types of a ClinicalModel."""

    READY = "Ready"
    AVAILABLE = "Available"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    PROMOTED = "Promoted"
    GATES_PASSED = "GatesPassed"
    SERVER_MEASURED = "ServerMeasured"
    MEETS_STANDARD = "MeetsStandard"
    DRIFT_DETECTED = "DriftDetected"
    DATA_QUALITY_DEGRADED = "DataQualityDegraded"


Verdict = Literal["True", "False", "Unknown"]


class Condition(Resource):
    """One observation of a resource's state (Kubernetes' metav1.Condition)."""

    type: str
    """What was observed."""
    status: Verdict
    """Whether it is so."""
    observed_generation: int = 0
    """The generation of the spec that this is about."""
    last_transition_time: Time
    """When the status last changed."""
    reason: str
    """Why, in one word for programs."""
    message: str = ""
    """Why, in a sentence for people."""


def find(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """Return the condition of that type, if there is one."""
    return next((condition for condition in conditions if condition.type == type_), None)


def merge(
    old: Iterable[Condition],
    wanted: Iterable[tuple[str, Verdict, str, str]],
    generation: int,
    now: datetime,
) -> list[Condition]:
    """Return the conditions after `wanted` (type, status, reason, message) is laid over `old`.

    The transition time moves only when the status does, so that planning twice changes nothing.
    """
    merged = {condition.type: condition for condition in old}
    for type_, status, reason, message in wanted:
        before = merged.get(type_)
        moved = before is None or before.status != status
        merged[type_] = Condition(
            type=type_,
            status=status,
            observed_generation=generation,
            last_transition_time=now if moved or before is None else before.last_transition_time,
            reason=reason,
            message=message[:1024],
        )
    return list(merged.values())
