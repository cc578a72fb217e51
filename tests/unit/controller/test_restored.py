"""What an operator remembers is not joined with an older state of the cluster."""

from datetime import UTC, datetime

from campaign.simulation.client import MemoryClient
from campaign.simulation.server import NAMESPACE, Server
from mlhops.api.base import Manifest
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.operator import Operator
from mlhops.controller.resources import MODEL, MODELS, Key
from mlhops.controller.sidecars import serving
from mlhops.kserve.detector import Detectors
from mlhops.rollout.evaluation.evaluator_pod import EvaluatorImage
from mlhops.rollout.monitoring.drift_snapshot import Look

KEY = Key(MODEL, NAMESPACE, "sepsis")


def operator(hearing: Hearing) -> Operator:
    async def answer(call: object) -> Manifest:
        raise AssertionError(f"nobody is asked: {call}")

    client = MemoryClient(Server(lambda: datetime.now(UTC)), answer, hearing)
    return Operator(client, hearing, EvaluatorImage("evaluator"), Detectors("detector", "alibi"))


def model(version: int) -> Manifest:
    metadata: Manifest = {
        "namespace": NAMESPACE,
        "name": "sepsis",
        "uid": "1",
        "resourceVersion": str(version),
    }
    return {"metadata": metadata}


def test_looks_answers_and_versions_are_forgotten_and_watches_begin_anew() -> None:
    hearing, anew = Hearing(), list[str]()
    one = operator(hearing)
    hearing.restored.subscribe(lambda: anew.append("watches"))
    hearing.hear(MODELS, model(50))
    hearing.store.set_complete(MODELS)
    one.scraper._looks[KEY] = Look(at=datetime.now(UTC), stable=None, candidate=None)
    one.serving._models[KEY] = serving._Model()

    hearing.set_back("as a test has it")

    assert one.scraper._looks == {}
    assert one.serving._models == {}
    assert anew == ["watches"]
    assert not hearing.store.is_complete(MODELS)
    hearing.hear(MODELS, model(40))
    assert hearing.store.seen(MODELS).popitem()[1].version == 40


def test_each_model_is_told_of_once_also_one_that_was_deleted_since_the_backup() -> None:
    hearing = Hearing()
    hearing.hear(MODELS, model(50))
    hearing.store.set_complete(MODELS)
    assert not hearing.take_untold(KEY)
    hearing.forget(KEY)

    hearing.set_back("as a test has it")
    hearing.hear(MODELS, model(40))

    assert [hearing.take_untold(KEY) for _ in range(2)] == [True, False]


def test_one_restore_is_one_whoever_notices_it_first() -> None:
    hearing = Hearing()
    hearing.set_back("a list")
    hearing.lease_set_back("the Lease")
    assert hearing.store.life == 1
