"""A Decision before it is made: what it is about, as a person sees it now, and what it will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mlhops.api import API_VERSION
from mlhops.cli.views.gates import EvaluationView
from mlhops.cli.views.model import ModelView, model_view
from mlhops.cli.views.steps import StepState, StepView
from mlhops.json_access import at, items, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

VERBS = {
    "approve": "Approve",
    "reject": "Reject",
    "promote": "Promote",
    "abort": "Abort",
    "retry": "Retry",
    "pause": "Pause",
    "resume": "Resume",
    "override": "Override",
    "evaluate": "Evaluate",
    "rollback": "Rollback",
}
"""The command of each action."""
_BOUND: dict[str, tuple[str, ...]] = {
    "approve": ("digest", "gatesHash", "stepsHash"),
    "promote": ("digest", "gatesHash", "stepsHash"),
    "resume": ("digest", "gatesHash", "stepsHash"),
    "override": ("digest", "gatesHash"),
    "evaluate": ("digest", "gatesHash"),
    "rollback": ("digest",),
    "retry": ("digest",),
}
"""What was seen and is sent along. Abort, Reject and Pause say the revision alone: nothing is to keep them."""
_WAITED_FOR: dict[str, tuple[str, ...]] = {
    "approve": ("ApprovalRequired",),
    "resume": ("PauseStep", "PausedByPerson", "PausedByPolicy"),
}


class Objection(Exception):
    """Why a Decision cannot be made of what there is."""


@dataclass(frozen=True)
class Asked:
    """What a person asks for."""

    verb: str
    revision: str = ""
    """The revision that they mean; what stands there now where it is empty."""
    serving: bool = False
    """Whether an Override is of what serves although a candidate is on its way."""
    gates: tuple[str, ...] = ()
    expires: datetime | None = None
    failed: bool = False
    """Whether an Override lets pass what has Failed."""


@dataclass(frozen=True)
class Proposal:
    """A Decision that could be made."""

    verb: str
    namespace: str
    model: str
    version: str
    revision: str
    consequences: tuple[str, ...]
    """What it will do, in sentences."""
    warnings: tuple[str, ...]
    seen: dict[str, str] = field(default_factory=dict)
    """Hashes of what was looked at."""
    gates: tuple[str, ...] = ()
    expires: datetime | None = None
    failed: bool = False

    def manifest(self, reason: str, decided_by: str) -> Manifest:
        """Return the Decision as it is created."""
        spec: Manifest = {
            "model": self.model,
            "revision": self.revision,
            **self.seen,
            "action": VERBS[self.verb],
            "reason": reason,
            "decidedBy": decided_by,
        }
        if self.gates:
            spec["gates"] = list(self.gates)
        if self.expires is not None:
            spec["expires"] = self.expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.failed:
            spec["failed"] = True
        metadata: Manifest = {
            "generateName": f"{self.model}-{self.verb}-",
            "namespace": self.namespace,
        }
        return {"apiVersion": API_VERSION, "kind": "Decision", "metadata": metadata, "spec": spec}


def propose(asked: Asked, model: Manifest, evaluations: Sequence[Manifest] = ()) -> Proposal:
    """Return the Decision for what a person sees.

    Args:
        asked: what the person wants.
        model: the ClinicalModel as it was shown.
        evaluations: of this model.

    Raises:
        Objection: there is nothing that it could be about, or it would be about another thing than is meant.
    """
    view = model_view(model, evaluations)
    of = _subject(asked, model)
    revision, version = text(of, "revision"), text(of, "version")
    if asked.revision and asked.revision != revision:
        raise Objection(
            f"revision {asked.revision} is not what {VERBS[asked.verb]} is about now, that is {revision} "
            f"({version}): look at the model again"
        )
    seen = {name: text(of, name) for name in _BOUND.get(asked.verb, ()) if text(of, name)}
    found = Proposal(
        verb=asked.verb,
        namespace=view.namespace,
        model=view.name,
        version=version,
        revision=revision,
        consequences=(),
        warnings=tuple(_warnings(asked, view)),
        seen=seen,
    )
    if asked.verb == "override":
        found = _override(found, asked, model, view.evaluation)
    return replace(found, consequences=tuple(_consequences(found, view)))


def _subject(asked: Asked, model: Manifest) -> Json:
    """Return the part of the status that a Decision is about."""
    status = at(model, "status")
    stable, candidate = at(status, "stable"), at(status, "candidate")
    if asked.verb == "rollback":
        return _there(at(status, "previous"), "no version before is kept (rollout.keepPrevious)")
    if asked.verb == "evaluate" or asked.serving:
        return _there(stable, "nothing serves yet")
    if candidate is None and asked.verb == "override":
        return _there(stable, "there is neither a candidate nor anything that serves")
    if candidate is None and asked.verb == "resume" and at(status, "hold") is not None:
        return _there(stable, "nothing serves yet")
    if candidate is None and asked.verb == "retry":
        return _there(
            at(status, "rolledBack"), "no candidate is on its way, and nothing was rolled back"
        )
    phase = text(status, "phase") or "not looked at yet"
    return _there(candidate, f"no candidate is on its way (the model is {phase})")


def _there(of: Json, otherwise: str) -> Json:
    if of is None:
        raise Objection(otherwise)
    return of


def _override(
    found: Proposal, asked: Asked, model: Manifest, evaluation: EvaluationView | None
) -> Proposal:
    """Name the gates of an Override, which must be there, and of which those that Failed must be meant."""
    declared = [text(gate, "name") for gate in items(model, "spec", "evaluation", "gates")]
    phases = {gate.name: gate.phase for gate in evaluation.gates} if evaluation is not None else {}
    open_ = [name for name in declared if phases.get(name) != "Successful"]
    if not asked.gates:
        named = " ".join(f"--gate {name}" for name in open_ or declared)
        raise Objection(f"an Override names each gate that it lets pass: {named}")
    unknown = [name for name in asked.gates if name not in declared]
    if unknown:
        raise Objection(f"no gate {', '.join(unknown)}: one of {', '.join(declared)}")
    failed = [name for name in asked.gates if phases.get(name) == "Failed"]
    if failed and not asked.failed:
        raise Objection(
            f"{', '.join(failed)} has Failed, which is proven to be beyond its limit: "
            "add --failed to let it pass all the same"
        )
    return replace(found, gates=asked.gates, expires=asked.expires, failed=asked.failed)


def _warnings(asked: Asked, view: ModelView) -> list[str]:
    """Return what a person should know before, such as that the operator would ignore it."""
    found = []
    reason = view.waiting.reason if view.waiting is not None else ""
    expected = _WAITED_FOR.get(asked.verb)
    if expected is not None and reason not in expected:
        found.append(f"nothing waits for {VERBS[asked.verb]} now: the operator would ignore it")
    candidate = view.candidate
    if candidate is not None and candidate.failure and asked.verb in ("approve", "promote"):
        found.append("the candidate has failed: only Retry goes on")
    evaluation = view.evaluation
    if asked.verb in ("approve", "promote") and evaluation is not None:
        bad = [gate.name for gate in evaluation.gates if gate.phase != "Successful"]
        if bad:
            found.append(f"not every gate passed: {', '.join(bad)}")
    return found


def _consequences(of: Proposal, view: ModelView) -> list[str]:
    """Return what a Decision will do, in sentences."""
    serves = view.serving.version if view.serving is not None else "nothing"
    ends = f"the attempt of {of.version} ends at weight 0, and {serves} serves"
    following = _following(view)
    told = {
        "approve": [f"{of.version} passes the approve step; then {following}"],
        "resume": [f"{of.version} goes on: {following}"],
        "promote": _promoted(of, view),
        "reject": [ends, "the evidence is rejected, which is recorded"],
        "abort": [ends],
        "pause": [f"{view.name} is held, whatever version comes, until Resume or Promote"],
        "retry": [f"{of.version} begins a new attempt, from weight 0 and through its gates"],
        "evaluate": [f"{of.version}, which serves, is measured again; no weight changes"],
        "rollback": [
            f"{of.version} serves all requests again at once",
            f"{serves} waits until spec asks for another version, or for Retry",
        ],
        "override": _overridden(of),
    }
    return told[of.verb]


def _overridden(of: Proposal) -> list[str]:
    until = f" until {of.expires:%Y-%m-%d %H:%M}Z" if of.expires is not None else " for 30 days"
    what = "although they FAILED" if of.failed else "where they have no verdict"
    return [f"{', '.join(of.gates)} let {of.version} pass{until}, {what}"]


def _promoted(of: Proposal, view: ModelView) -> list[str]:
    steps = view.candidate.steps if view.candidate is not None else ()
    skipped = [each.step for each in steps if each.state in (StepState.NOW, StepState.NEXT)]
    found = [f"{of.version} gets all requests as soon as its gates have passed, never before"]
    return found + ([f"skipped: {', '.join(skipped)}"] if skipped else [])


def _following(view: ModelView) -> str:
    """Return the step after the one under way."""
    steps: tuple[StepView, ...] = view.candidate.steps if view.candidate is not None else ()
    left = [each.step for each in steps if each.state is StepState.NEXT]
    return left[0] if left else "all requests"
