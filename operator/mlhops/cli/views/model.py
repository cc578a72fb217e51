"""One model: what serves, what is on its way, who is waited for, and what monitoring found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.answer import Answer, answer_of
from mlhops.cli.views.decisions import DecisionView, decision
from mlhops.cli.views.fields import decimal, moment
from mlhops.cli.views.gates import EvaluationView, evaluation, overridden_by
from mlhops.cli.views.steps import StepView, steps
from mlhops.cli.views.waiting import Hindrance, waiting
from mlhops.json_access import at, condition, items, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_SHOWN = 5
"""Decisions that are shown of a model."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ServingView:
    """A revision that serves, or did before."""

    version: str
    revision: str
    since: datetime | None
    kept_until: datetime | None
    evaluation: str
    overridden: tuple[str, ...]
    override_ends: datetime | None
    verdict: str
    """Whether it answers its callers."""
    message: str
    requests: int | None
    failed: int | None
    p50_seconds: float | None
    p99_seconds: float | None


@dataclass(frozen=True)
class CandidateView:
    """A revision on its way."""

    version: str
    revision: str
    attempt: int
    since: datetime | None
    step: str
    weight: int | None
    desired_weight: int | None
    trouble: str
    failure: str
    requests: int | None
    """Live requests at the present step of which it is known what became of them."""
    failed: int | None
    steps: tuple[StepView, ...]


@dataclass(frozen=True)
class FindingView:
    """What monitoring found of one thing that it watches."""

    what: str
    verdict: str
    worst: str
    message: str


@dataclass(frozen=True)
class MonitoringView:
    """What monitoring found last."""

    looked_at: datetime | None
    findings: tuple[FindingView, ...]


@dataclass(frozen=True)
class Notice:
    """What a person should know although nothing waits for it."""

    condition: str
    reason: str
    message: str


@dataclass(frozen=True)
class ModelView:
    """One model."""

    namespace: str
    name: str
    answer: Answer
    phase: str
    message: str
    spec_version: str
    url: str
    available: str
    waiting: Hindrance | None
    notices: tuple[Notice, ...]
    serving: ServingView | None
    candidate: CandidateView | None
    previous: ServingView | None
    evaluation: EvaluationView | None
    """The newest one of the candidate; without a candidate, that on which what serves rests."""
    decisions: tuple[DecisionView, ...]
    """The latest ones, newest first."""
    monitoring: MonitoringView | None


def model_view(
    model: Manifest, evaluations: Sequence[Manifest] = (), decisions: Sequence[Manifest] = ()
) -> ModelView:
    """Return a model with what belongs to it.

    Args:
        model: the ClinicalModel.
        evaluations: of this model, in any order.
        decisions: of this model, in any order.
    """
    status = at(model, "status")
    stable, candidate = at(status, "stable"), at(status, "candidate")
    made = sorted(decisions, key=_created, reverse=True)
    measured = _evaluation(candidate or stable, evaluations)
    wait = waiting(model, _not_passed(measured))
    return ModelView(
        namespace=text(model, "metadata", "namespace"),
        name=text(model, "metadata", "name"),
        answer=answer_of(model),
        phase=text(status, "phase") or "Unknown",
        message=text(status, "message"),
        spec_version=text(model, "spec", "version"),
        url=text(status, "url"),
        available=text(condition(model, "Available"), "status") or "Unknown",
        waiting=wait,
        notices=tuple(_notices(model, wait)),
        serving=_serving(stable, at(status, "serving"), at(status, "override")),
        candidate=_candidate(model, candidate),
        previous=_serving(at(status, "previous")),
        evaluation=measured,
        decisions=tuple(decision(each) for each in made[:_SHOWN]),
        monitoring=_monitoring(at(status, "monitoring")),
    )


def _created(manifest: Manifest) -> datetime:
    return moment(manifest, "metadata", "creationTimestamp") or _LONG_AGO


def _serving(of: Json, counts: Json = None, override: Json = None) -> ServingView | None:
    if not isinstance(of, dict):
        return None
    counted = counts if text(counts, "revision") == text(of, "revision") else None
    return ServingView(
        version=text(of, "version"),
        revision=text(of, "revision"),
        since=moment(of, "since"),
        kept_until=moment(of, "keptUntil"),
        evaluation=text(of, "remeasured", "evaluation") or text(of, "proof", "evaluation"),
        overridden=overridden_by(of),
        override_ends=moment(override, "expires"),
        verdict=text(counted, "verdict"),
        message=text(counted, "message"),
        requests=number(counted, "requests"),
        failed=number(counted, "failed"),
        p50_seconds=decimal(counted, "p50Seconds"),
        p99_seconds=decimal(counted, "p99Seconds"),
    )


def _candidate(model: Manifest, of: Json) -> CandidateView | None:
    if not isinstance(of, dict):
        return None
    counts = at(model, "status", "serving", "candidate")
    counted = counts if text(counts, "revision") == text(of, "revision") else None
    return CandidateView(
        version=text(of, "version"),
        revision=text(of, "revision"),
        attempt=number(of, "attempt") or 1,
        since=moment(of, "startedAt"),
        step=text(of, "step"),
        weight=number(of, "weight"),
        desired_weight=number(of, "desiredWeight"),
        trouble=text(of, "trouble"),
        failure=text(of, "failure", "message"),
        requests=number(counted, "requests"),
        failed=number(counted, "failed"),
        steps=steps(model),
    )


def _evaluation(of: Json, evaluations: Sequence[Manifest]) -> EvaluationView | None:
    """Return the newest Evaluation of a revision; one that it names is of this life of it, whatever else there is."""
    named = text(of, "remeasured", "evaluation") or text(of, "evaluation")
    named = named or text(of, "proof", "evaluation")
    cited = [each for each in evaluations if text(each, "metadata", "name") == named]
    since = max((_created(each) for each in cited), default=_LONG_AGO)
    revision = text(of, "revision")
    later = [
        each
        for each in evaluations
        if text(each, "spec", "revision") == revision and _created(each) > since and cited
    ]
    newest = max([*cited, *later], key=_created, default=None)
    return evaluation(newest, overridden_by(of)) if newest is not None else None


def _not_passed(of: EvaluationView | None) -> tuple[str, ...]:
    """Return the required gates that have not passed."""
    gates = of.gates if of is not None else ()
    return tuple(each.name for each in gates if each.required and each.phase != "Successful")


_WARN: dict[str, tuple[str, ...]] = {
    "GatesPassed": ("GatesChanged", "OverrideExpired", "Inconclusive", "Failed"),
    "DriftDetected": ("DriftDetected", "Drift", "MonitoringError"),
    "DataQualityDegraded": ("DataQualityDegraded", "MonitoringError"),
    "ServerMeasured": ("ServerChanged", "RuntimeChanged"),
    "MeetsStandard": ("BelowStandard", "StandardUnknown"),
}


def _notices(model: Manifest, wait: Hindrance | None) -> list[Notice]:
    """Return the conditions that a person should know of, beside what the model waits for."""
    waits_for = wait.reason if wait is not None else ""
    on_its_way = at(model, "status", "candidate") is not None
    found = []
    for each in items(model, "status", "conditions"):
        type_, reason, said = text(each, "type"), text(each, "reason"), text(each, "status")
        bad = type_ in ("DriftDetected", "DataQualityDegraded") and said == "True"
        lost = type_ in ("Available", "ServerMeasured") and said == "False"
        of_candidate = on_its_way and type_ == "GatesPassed"
        if reason == waits_for or reason == "NothingServes" or of_candidate:
            continue
        if bad or lost or reason in _WARN.get(type_, ()):
            found.append(Notice(type_, reason, text(each, "message")))
    if text(model, "status", "override", "phase") == "Ending":
        gates = ", ".join(overridden_by(at(model, "status", "stable")))
        found.append(Notice("Override", "OverrideEnds", f"the Override of {gates} ends soon"))
    return found


def _monitoring(of: Json) -> MonitoringView | None:
    if not isinstance(of, dict):
        return None
    message = text(of, "message")
    findings = [
        FindingView("drift", text(of, "verdict"), _worst(at(of, "worst")), message),
        FindingView("data quality", text(of, "quality"), _worst(at(of, "qualityWorst")), ""),
    ]
    beside = at(of, "candidate")
    if beside is not None:
        worst = _worst(at(beside, "worst"))
        findings.append(FindingView("candidate", text(beside, "verdict"), worst, ""))
    told = tuple(each for each in findings if each.verdict)
    return MonitoringView(moment(of, "lookedAt"), told)


def _worst(finding: Json) -> str:
    if not isinstance(finding, dict):
        return ""
    effect, window = decimal(finding, "effect"), text(finding, "window")
    parts = [text(finding, "of"), f"effect {effect:.2g}" if effect is not None else ""]
    return ", ".join(filter(None, [*parts, f"window {window}" if window else ""]))
