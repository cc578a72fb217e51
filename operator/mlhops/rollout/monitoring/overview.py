"""The status of a MonitoringPolicy: how many models are under it, and which is worst."""

from collections.abc import Iterable
from dataclasses import dataclass

from mlhops.api.policy import MonitoringPolicy, MonitoringPolicyStatus, WorstModel
from mlhops.api.status import DriftVerdict, Finding


@dataclass(frozen=True)
class Under:
    """One model under a policy, as far as its status can be read."""

    model: str
    verdict: DriftVerdict | None
    finding: Finding | None


def overview(policy: MonitoringPolicy, models: Iterable[Under]) -> MonitoringPolicyStatus:
    """Return the policy's status; a model that says nothing yet is one of which nothing is known."""
    found = list(models)
    verdicts = [each.verdict or "Insufficient" for each in found]
    worst = max(found, key=_badness, default=None)
    if worst is None or worst.verdict != "Drift":
        worst = None
    return policy.status.model_copy(
        update={
            "observed_generation": policy.metadata.generation,
            "models": len(found),
            "drift": verdicts.count("Drift"),
            "no_drift": verdicts.count("NoDrift"),
            "insufficient": verdicts.count("Insufficient"),
            "error": verdicts.count("Error"),
            "worst": worst
            and WorstModel(model=worst.model, verdict="Drift", finding=worst.finding),
        }
    )


def _badness(under: Under) -> tuple[bool, float, float, str]:
    """Order models by drift, by its effect, and by how sure it is; the name makes it the same each time."""
    finding = under.finding
    effect = finding.effect if finding is not None and finding.effect is not None else 0.0
    p = finding.p if finding is not None and finding.p is not None else 1.0
    return (under.verdict == "Drift", effect, -p, under.model)
