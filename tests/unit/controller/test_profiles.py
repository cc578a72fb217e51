"""Fetching goes on beside the passes: none of them waits for a pod, and none is lost."""

import asyncio
from collections.abc import Mapping
from typing import cast

import pytest

from mlhops.api.base import Manifest
from mlhops.api.evaluation import Evaluation
from mlhops.api.model import ClinicalModel
from mlhops.controller.kube.client import Client
from mlhops.controller.kube.reader import Reader
from mlhops.controller.outbound.pods import HttpPods, PodError
from mlhops.controller.reconcile.profiles import Profiles
from mlhops.controller.resources import MODELS, Key, Kind
from mlhops.json_access import text
from testkit.builders import clinical_model, evaluation
from testkit.evaluator_pod import Answering, own_address, profile_of, send

MODEL = ClinicalModel.model_validate(clinical_model({"metadata.uid": "uid-model"}))
ASKED = evaluation({"spec.profile": True, "metadata.uid": "uid-eval"})
ASKING = Evaluation.model_validate(ASKED)
MADE = profile_of(cast(Manifest, ASKED["spec"]))
KEY = Key("Evaluation", "default", "sepsis-1")
POD: Manifest = {
    "metadata": {"uid": "pod-1"},
    "status": {
        "phase": "Running",
        "podIP": "127.0.0.9",
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


class MapsInMemory:
    """ConfigMaps, as reader and client see them."""

    def __init__(self) -> None:
        self.maps: dict[str, Manifest] = {}
        self.writes: list[str] = []

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        return (
            clinical_model({"metadata.uid": "uid-model"}) if kind == MODELS else self.maps.get(name)
        )

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        self.maps[text(manifest, "metadata", "name")] = manifest
        self.writes.append("create")
        return manifest

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str | None = None) -> None:
        self.maps.pop(name, None)
        self.writes.append("delete")


class PodsInMemory:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: asyncio.Queue[bytes | Exception] = asyncio.Queue()

    async def ask(
        self, method: str, address: str, port: int, path: str, headers: Mapping[str, str], most: int
    ) -> bytes:
        self.asked.append(f"{method} {address}:{port}{path} {headers['Authorization']}")
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """There is nothing to close."""


class Scene:
    """One Evaluation, and passes over it."""

    def __init__(self) -> None:
        self.api, self.pods = MapsInMemory(), PodsInMemory()
        self.woken: list[Key] = []
        self.subject = Profiles(cast(Client, self.api), self.pods, self.woken.append)

    async def passes(self, pod: Manifest = POD) -> str:
        why = await self.subject.take(cast(Reader, self.api), KEY, ASKING, MODEL, [pod])
        await asyncio.sleep(0)
        return why

    async def answered(self, answer: bytes | Exception) -> None:
        self.pods.answers.put_nowait(answer)
        for _ in range(5):
            await asyncio.sleep(0)


def test_a_pass_does_not_wait_and_asks_once() -> None:
    async def story() -> None:
        scene = Scene()
        for _ in range(3):
            assert await asyncio.wait_for(scene.passes(), 1) == ""
        assert scene.pods.asked == ["GET 127.0.0.9:9502/profile Bearer uid-eval"]
        assert scene.woken == []
        await scene.answered(MADE.to_text().encode())
        assert scene.woken == [KEY]
        await scene.passes()
        assert scene.api.writes == ["create"]
        assert scene.pods.asked[1].startswith("DELETE ")
        await scene.subject.close()

    asyncio.run(story())


def test_word_that_was_lost_is_said_again_and_nothing_is_written_again() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.passes()
        await scene.answered(MADE.to_text().encode())
        await scene.passes()
        await scene.answered(PodError("gone"))
        await scene.passes()
        assert [each.split()[0] for each in scene.pods.asked] == ["GET", "DELETE", "DELETE"]
        assert scene.api.writes == ["create"]
        await scene.subject.close()

    asyncio.run(story())


@pytest.mark.parametrize("fault", [PodError("it answered with HTTP 500"), RuntimeError("row 7")])
def test_a_pod_that_fails_is_asked_again_in_a_later_pass(fault: Exception) -> None:
    async def story() -> None:
        scene = Scene()
        await scene.passes()
        await scene.answered(fault)
        why = await scene.passes()
        assert "cannot be fetched" in why
        assert "row 7" not in why
        assert len(scene.pods.asked) == 1
        await scene.passes()
        assert len(scene.pods.asked) == 2
        await scene.subject.close()

    asyncio.run(story())


def test_what_one_pod_handed_over_is_not_taken_for_anothers() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.passes()
        await scene.answered(MADE.to_text().encode())
        other: Manifest = {**POD, "metadata": {"uid": "pod-2"}}
        await scene.passes(other)
        assert scene.api.writes == []
        await scene.answered(MADE.to_text().encode())
        await scene.passes(other)
        assert scene.api.writes == ["create"]
        await scene.answered(b"")
        again: Manifest = {**POD, "metadata": {"uid": "pod-3"}}
        await scene.passes(again)
        await scene.answered(MADE.to_text().encode())
        await scene.passes(again)  # the pod that was tried again has the word
        assert scene.api.writes == ["create", "delete", "create"]
        await scene.subject.close()

    asyncio.run(story())


def test_what_was_fetched_for_an_evaluation_that_is_gone_is_forgotten() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.passes()
        scene.subject.forget(KEY)
        await scene.answered(MADE.to_text().encode())
        assert scene.woken == []
        await scene.passes()
        assert scene.api.writes == []
        assert len(scene.pods.asked) == 2
        await scene.subject.close()

    asyncio.run(story())


def test_no_proxy_of_the_environment_comes_between_the_operator_and_a_pod(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    address = own_address()

    async def story() -> bytes:
        pods = HttpPods(2.0)
        try:
            return await pods.ask("GET", address, 9502, "/profile", {}, 100)
        finally:
            await pods.close()

    with Answering(address, lambda handler: send(handler, b"here")):
        assert asyncio.run(story()) == b"here"


def test_a_pod_that_is_not_there_is_told_without_its_address() -> None:
    async def story() -> None:
        pods = HttpPods(2.0)
        with pytest.raises(PodError, match=r"^it cannot be asked \(ClientConnectorError\)$"):
            await pods.ask("GET", own_address(), 9502, "/profile", {}, 100)
        await pods.close()

    asyncio.run(story())
