"""An API server that tells of an older state than before is noticed, and nothing that was seen since counts."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.cache.older import Before
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import ApiError, Client, Page
from mlhops.controller.kube.relist import Relist
from mlhops.controller.resources import MODELS, PODS, Kind

WARD, SEPSIS = "ward", Name("ward", "sepsis")


def manifest(version: int, name: str = "sepsis", uid: str = "") -> Manifest:
    metadata: Manifest = {
        "namespace": WARD,
        "name": name,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
    }
    return {"metadata": metadata}


class Noting(Hearing):
    """Notes how it was told that all is older."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def set_back(self, how: str) -> None:
        """Forget all."""
        self.told.append(how)
        super().set_back(how)


class Cluster(Client):
    """Lists models, as many and as old as it is told."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self.at = 100
        self.models: list[Manifest] = [manifest(50)]
        self.meanwhile: Callable[[], object] = lambda: None

    async def pages(
        self,
        kind: Kind,
        namespace: str,
        selector: str = "",
        *,
        only_metadata: bool = False,
    ) -> AsyncIterator[Page]:
        """Tell what there is as of the moment in which it was asked."""
        answer = (list(self.models) if kind == MODELS else []), self.at
        if kind == MODELS:
            self.meanwhile()
        yield answer

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Tell of a model."""
        self._hear(kind, self.models[0])
        return self.models[0]


class Ward:
    """A store and what compares it with a cluster."""

    def __init__(self) -> None:
        hearing = Noting()
        self.store, self.told = hearing.store, hearing.told
        self.client = Cluster(hearing)
        self.relist = Relist(self.client, hearing, installed=lambda: None)
        self.look()

    def look(self) -> None:
        asyncio.run(self.relist._look())

    def knows(self) -> int:
        seen = self.store.known(MODELS, SEPSIS)
        return 0 if seen is None else seen.version


def test_a_list_below_what_was_told_is_noticed_and_all_is_listed_anew() -> None:
    ward = Ward()
    ward.store.hear(MODELS, manifest(130))
    ward.client.at, ward.client.models = 120, [manifest(50)]

    ward.look()
    assert ward.told == [
        "clinicalmodels are listed at resourceVersion 120, and 130 was told before"
    ]
    assert ward.knows() == 0
    assert not ward.store.is_complete(MODELS)

    ward.look()
    assert (len(ward.told), ward.knows()) == (1, 50)
    assert ward.store.is_complete(MODELS)


def test_a_cluster_that_has_overtaken_what_was_told_is_noticed_by_an_older_object() -> None:
    ward = Ward()
    ward.store.hear(MODELS, manifest(130))
    ward.client.at, ward.client.models = 9000, [manifest(50)]

    ward.look()

    assert ward.told == [
        "clinicalmodels ward/sepsis has resourceVersion 50, and 130 was told before"
    ]


def test_what_was_deleted_and_is_back_in_an_older_version_is_noticed() -> None:
    ward = Ward()
    ward.store.hear_gone(MODELS, SEPSIS, 140)
    ward.client.at = 9000

    ward.look()

    assert ward.told == [
        "clinicalmodels ward/sepsis has resourceVersion 50, and its deletion at 140 was told before"
    ]


def test_what_a_watch_tells_while_a_list_is_on_its_way_proves_nothing() -> None:
    ward = Ward()
    ward.client.meanwhile = lambda: ward.store.hear(MODELS, manifest(150))

    ward.look()

    assert ward.told == []
    assert ward.knows() == 150


def test_an_object_that_was_made_again_is_another_one() -> None:
    ward = Ward()
    ward.client.at, ward.client.models = 160, [manifest(155, uid="another")]

    ward.look()

    assert (ward.told, ward.knows()) == ([], 155)


def test_all_that_is_told_of_one_restore_counts_once() -> None:
    store = Store()
    store.hear(MODELS, manifest(130))
    before, seen = Before(store, MODELS), store.known(MODELS, SEPSIS)
    assert before.of_list(120)

    store.forget()

    assert before.of_list(120) == before.of_object(manifest(50), seen) == ""


def test_a_look_that_was_under_way_when_all_was_forgotten_makes_nothing_known() -> None:
    ward = Ward()
    ward.client.at = 170
    ward.client.meanwhile = ward.store.forget

    ward.look()

    assert not ward.store.is_complete(MODELS)
    assert ward.store.is_complete(PODS)  # which was listed after that


class Answering(Client):
    """Answers with a list of no pods, and with one model."""

    def __init__(self, hearing: Hearing) -> None:
        self._limits = {}
        self._hearing = hearing

    async def _call(self, method: str, path: str, *_: object, **__: object) -> Manifest:
        del method
        if path.endswith("sepsis"):
            return manifest(50)
        return {"metadata": {"resourceVersion": "120"}, "items": []}


@pytest.mark.parametrize("one", [True, False], ids=["an object", "a list"])
def test_a_pass_that_reads_what_is_older_ends(one: bool) -> None:
    hearing = Noting()
    hearing.hear(MODELS, manifest(130))
    hearing.hear(PODS, manifest(130))
    client = Answering(hearing)

    with pytest.raises(ApiError) as error:
        asyncio.run(client.get(MODELS, *SEPSIS) if one else client.list(PODS, WARD))

    assert error.value.status == 409
    assert len(hearing.told) == 1
