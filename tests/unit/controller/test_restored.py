"""What an operator remembers is not joined with an older state of the cluster."""

from datetime import UTC, datetime

from campaign.simulation.client import MemoryClient
from campaign.simulation.server import NAMESPACE, Server
from mlhops.api.base import Manifest
from mlhops.controller.kube.watch import MODEL
from mlhops.controller.main import Operator
from mlhops.controller.resources import MODELS, Key
from mlhops.controller.sidecars import serving
from mlhops.kserve.detector import Detectors
from mlhops.rollout.drift_snapshot import Look
from mlhops.rollout.evaluator_pod import EvaluatorImage

KEY = Key(MODEL, NAMESPACE, "sepsis")


def operator() -> Operator:
    async def answer(call: object) -> Manifest:
        raise AssertionError(f"nobody is asked: {call}")

    client = MemoryClient(Server(lambda: datetime.now(UTC)), answer)
    return Operator(client, EvaluatorImage("evaluator"), Detectors("detector", "alibi"))


def model(version: int) -> Manifest:
    metadata: Manifest = {
        "namespace": NAMESPACE,
        "name": "sepsis",
        "uid": "1",
        "resourceVersion": str(version),
    }
    return {"metadata": metadata}


def test_looks_answers_and_versions_are_forgotten_and_watches_begin_anew() -> None:
    one, anew = operator(), list[str]()
    one.watch_anew = lambda: anew.append("watches")
    one.hear(MODELS, model(50))
    one._store.set_complete(MODELS)
    one.scraper._looks[KEY] = Look(at=datetime.now(UTC), stable=None, candidate=None)
    one.serving._models[KEY] = serving._Model()

    one.set_back("as a test has it")

    assert one.scraper._looks == {}
    assert one.serving._models == {}
    assert anew == ["watches"]
    assert not one._store.is_complete(MODELS)
    one.hear(MODELS, model(40))
    assert one._store.seen(MODELS).popitem()[1].version == 40


def test_each_model_is_told_of_once_also_one_that_was_deleted_since_the_backup() -> None:
    one = operator()
    one.hear(MODELS, model(50))
    one._store.set_complete(MODELS)
    assert one._untold == set()
    one._known.clear()

    one.set_back("as a test has it")
    one.hear(MODELS, model(40))

    assert one._untold == {KEY}


def test_one_restore_is_one_whoever_notices_it_first() -> None:
    one = operator()
    one.set_back("a list")
    one.lease_set_back("the Lease")
    assert one._store.life == 1
