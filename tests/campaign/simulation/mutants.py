"""Operators that are broken on purpose, each in one place, as a careless change might break them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from unittest.mock import patch

from mlhops.api.base import Manifest
from mlhops.api.status import ClinicalModelStatus
from mlhops.controller.apply import Applier
from mlhops.controller.gather import Gathered
from mlhops.controller.kinds import MODELS
from mlhops.rollout.draft import Draft
from mlhops.rollout.intents import Intent, Plan, SetWeights
from mlhops.rollout.observed import Observed
from mlhops.rollout.plan import plan

Mutant = Callable[[], AbstractContextManager[object]]


def _without_version(self: Applier, gathered: Gathered, status: ClinicalModelStatus) -> object:
    """The status is written whatever the model has become."""
    meta = gathered.seen.model.metadata
    manifest: Manifest = {
        "metadata": {"name": meta.name, "namespace": meta.namespace},
        "status": status.to_json(),
    }
    return self._client.apply(MODELS, manifest, "status")


def _early(decided: Plan) -> Plan:
    """Weights are raised before the status says so."""
    raised = tuple(i for i in decided.after if isinstance(i, SetWeights))
    rest: tuple[Intent, ...] = tuple(i for i in decided.after if not isinstance(i, SetWeights))
    return replace(decided, before=(*decided.before, *raised), after=rest)


def _late(decided: Plan) -> Plan:
    """Weights are lowered after the status says so."""
    lowered = tuple(i for i in decided.before if isinstance(i, SetWeights))
    rest: tuple[Intent, ...] = tuple(i for i in decided.before if not isinstance(i, SetWeights))
    return replace(decided, before=rest, after=(*lowered, *decided.after))


def _planned(change: Callable[[Plan], Plan]) -> Mutant:
    def planning(seen: Observed, now: datetime) -> Plan:
        return change(plan(seen, now))

    return lambda: patch("mlhops.controller.models.plan", planning)


def _for_the_dying(seen: Observed, now: datetime) -> Plan:
    metadata = seen.model.metadata.model_copy(update={"deletion_timestamp": None})
    return plan(replace(seen, model=seen.model.model_copy(update={"metadata": metadata})), now)


def _asked(draft: Draft, service: str) -> int | None:
    """The weight that was asked for, whatever the Gateway says."""
    return None if draft.seen.route is None else draft.seen.route.weights.get(service, 0)


def _nothing(*_: object) -> None:
    """Somebody thought that this was not needed."""


MUTANTS: Mapping[str, Mutant] = {
    "a weight is raised before the status": _planned(_early),
    "a weight is lowered after the status": _planned(_late),
    "the status is written on any version": lambda: patch.object(
        Applier, "_write_status", _without_version
    ),
    "a model that leaves is served": lambda: patch("mlhops.controller.models.plan", _for_the_dying),
    "every gate has passed": lambda: patch(
        "mlhops.rollout.gates.passed_gates",
        lambda evaluation: {gate.name for gate in evaluation.spec.gates},
    ),
    "anybody's pod is evidence": lambda: patch(
        "mlhops.controller.evaluations.owned", lambda *_: True
    ),
    "the Gateway is not waited for": lambda: patch.object(Draft, "actual", _asked),
    "what is retired stays": lambda: patch("mlhops.rollout.plan.remove_retired", _nothing),
    "a detector is told only once": lambda: patch(
        "mlhops.rollout.plan.configure_detectors", _nothing
    ),
    "what a detector was told stays": lambda: patch(
        "mlhops.controller.gather._config_maps", lambda *_: {}
    ),
}
