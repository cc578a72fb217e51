"""A namespace that was lost comes back as backup tools bring it: without status, with new uids, in any order.

docs/backup.md tells what this test holds.
"""

from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import (
    CONFIG_MAPS,
    DECISIONS,
    EVALUATIONS,
    MODELS,
    POLICIES,
    REVISIONS,
    ROUTES,
    SERVICES,
    Kind,
)
from mlhops.json_access import at, items, text
from testkit.api import until
from testkit.builders import monitoring_policy
from testkit.fake_controllers import MODEL, Hands

SAVED = (CONFIG_MAPS, MODELS, REVISIONS, DECISIONS, EVALUATIONS, ROUTES, SERVICES, POLICIES)
ORDERS = {
    "by name": SAVED,
    "the model last": (*(kind for kind in SAVED if kind != MODELS), MODELS),
    "the model first": (MODELS, *(kind for kind in reversed(SAVED) if kind != MODELS)),
}
SECONDS = 30.0
STEPS: Manifest = {"steps": [{"setWeight": 10}, {"pause": {}}], "keepPrevious": "1h"}
OF_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp")


@pytest.fixture
def backup(hands: Hands) -> dict[Kind, list[Manifest]]:
    """1.0.0 serves, 2.0.0 has ten percent by an Override; all of it was saved, and then lost."""
    hands.api.create(POLICIES, hands.namespace, monitoring_policy())
    hands.promote_first(rollout=STEPS, monitoring={"policyRef": {"name": "ward"}})
    hands.apply_model("2.0.0")
    hands.load(until("a second version", hands.candidate_service))
    hands.finish(EvaluationPhase.INCONCLUSIVE)
    hands.wait_for_phase("Paused")
    override: dict[str, object] = {"gates": ["equal-misses"], "expires": "2030-01-31T12:00:00Z"}
    hands.decide("Override", "let-it-pass", **override)
    hands.accept_weight(10)
    saved = {kind: hands.api.list(kind, hands.namespace) for kind in SAVED}
    lose(hands)
    return saved


def lose(hands: Hands) -> None:
    """Delete all that was saved; the garbage collector does the rest."""

    def there() -> list[Manifest]:
        found = [(kind, one) for kind in SAVED for one in hands.api.list(kind, hands.namespace)]
        found = [(kind, one) for kind, one in found if not is_of_cluster(one)]
        for kind, one in found:
            hands.api.delete(kind, hands.namespace, text(one, "metadata", "name"))
        return [one for _, one in found]

    until("nothing", lambda: not there(), SECONDS)


def is_of_cluster(manifest: Manifest) -> bool:
    return text(manifest, "metadata", "name") == "kube-root-ca.crt"


def restore(hands: Hands, saved: dict[Kind, list[Manifest]], order: str, tool: str) -> None:
    """Bring all back as a tool does it, in some order.

    Velero takes owners away and gives the objects the managers that they had; who saves with kubectl and creates
    again has owners that are there no more.
    """
    for kind in ORDERS[order]:
        # Of another's Decision without Velero's label nobody can tell that it was restored: the admission policy
        # mlhops-decided-by refuses it (test_admission.py).
        for one in saved[kind] if kind != DECISIONS or tool == "Velero" else []:
            if is_of_cluster(one):
                continue
            manifest = {key: value for key, value in one.items() if key != "status"}
            metadata = dict(cast(Manifest, one["metadata"]))
            for field in (*OF_SERVER, *(["ownerReferences"] if tool != "kubectl" else [])):
                metadata.pop(field, None)
            if tool == "Velero":
                labels = cast(Manifest, metadata.get("labels", {}))
                metadata["labels"] = {**labels, "velero.io/restore-name": "monday"}
            else:
                del metadata["managedFields"]
            bring(hands, kind, {**manifest, "metadata": metadata})


def bring(hands: Hands, kind: Kind, manifest: Manifest) -> None:
    """Create an object; what the operator was quicker to make stays, as both tools leave it."""
    try:
        hands.api.create(kind, hands.namespace, manifest)
    except RuntimeError as error:
        if '"reason":"AlreadyExists"' not in str(error):
            raise


def given(hands: Hands) -> dict[str, int]:
    """What the route sends to whom."""
    return {name: weight for name, weight in hands.weights().items() if weight > 0}


def owners(hands: Hands) -> dict[str, list[Json]]:
    """The owners of all that serves."""
    kinds = (SERVICES, ROUTES)
    return {
        f"{kind.plural}/{text(one, 'metadata', 'name')}": [
            at(each, "uid") for each in items(one, "metadata", "ownerReferences")
        ]
        for kind in kinds
        for one in hands.api.list(kind, hands.namespace)
    }


@pytest.mark.parametrize(
    ("tool", "order"),
    [
        *(("Velero", order) for order in ORDERS),
        ("kubectl", "by name"),
        ("without owners", "the model last"),
    ],
)
def test_what_comes_back_gets_no_request_before_it_is_evaluated_anew(
    hands: Hands, backup: dict[Kind, list[Manifest]], order: str, tool: str
) -> None:
    restore(hands, backup, order, tool)

    until("a route that sends nobody anything", lambda: not given(hands), SECONDS)
    service = until("the model server", hands.candidate_service, SECONDS)
    hands.load(service)
    evaluation = hands.finish(EvaluationPhase.INCONCLUSIVE)
    hands.wait_for_phase("Paused")
    if tool == "Velero":
        decided = hands.api.get(DECISIONS, hands.namespace, "let-it-pass")
        assert text(decided, "status", "phase") == "Ignored"
    assert given(hands) == {}
    hands.decide("Retry", "again")
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("the route", lambda: given(hands), SECONDS)
    hands.accept_route()
    hands.wait_for_phase("Healthy", SECONDS)

    assert given(hands) == {f"{service}-predictor": 100}
    uid = text(hands.model(), "metadata", "uid")
    # The server of 1.0.0, which the new model never had, is gone; what serves has the new owner.
    wanted = {f"inferenceservices/{service}": [uid], f"httproutes/{MODEL}": [uid]}
    until("the new owner of all that serves", lambda: owners(hands) == wanted, SECONDS)
    measured = hands.api.get(EVALUATIONS, hands.namespace, evaluation)
    assert [at(one, "uid") for one in items(measured, "metadata", "ownerReferences")] == [uid]
