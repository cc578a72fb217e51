"""Which standards apply, as heard or as read; and that nobody takes silence for leave."""

import asyncio
from collections.abc import Mapping
from typing import cast

import pytest
from kubernetes.aio.client import Configuration
from structlog.testing import capture_logs

from mlhops.api.base import Json, Manifest
from mlhops.api.conditions import Condition
from mlhops.api.model import ClinicalModel
from mlhops.api.status import ClinicalModelStatus
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import ApiError, Client, NotInstalled
from mlhops.controller.kube.reader import CachedReader, LiveReader
from mlhops.controller.reconcile.standards import standards_of
from mlhops.controller.resources import MODEL, MODELS, NAMESPACES, STANDARDS, Key, Kind
from mlhops.rollout.standards.applying import Standards
from testkit.builders import clinical_model, clinical_standard, with_path

PATIENTS: dict[str, Json] = {
    "spec.appliesTo": {"namespaceSelector": {"matchLabels": {"use": "patients"}}}
}
KNOWN = Condition.model_validate(
    {
        "type": "MeetsStandard",
        "status": "True",
        "reason": "MeetsStandard",
        "lastTransitionTime": "2030-01-01T00:00:00Z",
    }
)


class Server(Client):
    """An API server with standards and one namespace, or with an answer of its own."""

    def __init__(
        self,
        standards: list[Manifest] | Exception,
        labels: Mapping[str, str] | Exception | None = None,
    ) -> None:
        super().__init__(Configuration())
        self._standards = standards
        self._labels = labels

    async def list(
        self, kind: Kind, namespace: str, selector: str = "", fields: str = "", most: int = 0
    ) -> list[Manifest]:
        """Return the standards."""
        del namespace, selector, fields, most
        assert kind == STANDARDS
        if isinstance(self._standards, Exception):
            raise self._standards
        return self._standards

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return the namespace."""
        assert (kind, namespace, name) == (NAMESPACES, "", "ward")
        if isinstance(self._labels, Exception):
            raise self._labels
        if self._labels is None:
            return None
        return {"metadata": {"name": name, "labels": cast(Json, dict(self._labels))}}


def read(
    server: Server, store: Store | None = None, conditions: tuple[Condition, ...] = ()
) -> Standards:
    """The standards of a model of class III in the namespace ward, as both readers have them."""
    manifest = clinical_model({"metadata.namespace": "ward"})
    status = ClinicalModelStatus(conditions=list(conditions))
    model = ClinicalModel.model_validate(manifest).model_copy(update={"status": status})
    known = store or Store()
    heard = asyncio.run(standards_of(CachedReader(known, server), model))
    live = asyncio.run(standards_of(LiveReader(known, server), model))
    assert heard == live
    return live


def names(found: Standards) -> list[str]:
    assert found.unknown == ""
    return [one.metadata.name for one in found.applying]


def test_those_of_the_risk_class_and_the_namespace_apply() -> None:
    standards = [
        clinical_standard(name="of-class"),
        clinical_standard({"spec.appliesTo": {"riskClasses": ["I"]}}, "of-another"),
        clinical_standard(PATIENTS, "of-patients"),
    ]

    assert names(read(Server(standards, {"use": "patients"}))) == ["of-class", "of-patients"]
    assert names(read(Server(standards, {"use": "research"}))) == ["of-class"]
    assert names(read(Server(standards, {}))) == ["of-class"]


def test_a_namespace_is_asked_for_only_where_its_labels_count() -> None:
    other: Manifest = {
        "riskClasses": ["I"],
        **cast(Manifest, PATIENTS["spec.appliesTo"]),
    }
    standards = [clinical_standard(), clinical_standard({"spec.appliesTo": other}, "other")]

    assert names(read(Server(standards, AssertionError("nobody asks")))) == ["high-risk"]


def test_a_cluster_that_never_had_the_kind_has_no_standards_which_is_said_once() -> None:
    with capture_logs() as logs:
        assert read(Server(NotInstalled("clinicalstandards"))) == Standards()

    assert [each["event"] for each in logs] == [
        "ClinicalStandard is not installed: models have no floor but their own gates"
    ]


def test_a_kind_that_was_there_and_is_gone_leaves_nobody_knowing() -> None:
    store = Store()
    store.set_complete(STANDARDS)
    store.doubt(STANDARDS)
    store.forget()

    found = read(Server(NotInstalled("clinicalstandards")), store)
    assert found.applying == ()
    assert "the API server does not know the kind any more: install its definition" in found.unknown


def test_what_an_earlier_operator_knew_stands_in_the_status() -> None:
    found = read(Server(NotInstalled("clinicalstandards")), conditions=(KNOWN,))

    assert "does not know the kind any more" in found.unknown


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (Server(ApiError(403, "Forbidden", "no")), "clinicalstandards.mlhops.io (verb list)"),
        (
            Server([clinical_standard(PATIENTS)], ApiError(403, "Forbidden", "no")),
            "namespaces (verb get)",
        ),
        (Server([clinical_standard(PATIENTS)]), "the labels of namespace ward cannot be read"),
        (
            Server([with_path(clinical_standard(), "spec.outcomes", {"within": "30d"})]),
            "ClinicalStandard high-risk cannot be understood: spec.outcomes",
        ),
        (
            Server([clinical_standard({"spec.rollout": {"maxFirstWeight": "ten"}})]),
            "spec.rollout.maxFirstWeight",
        ),
    ],
)
def test_what_cannot_be_read_or_understood_is_no_leave(server: Server, words: str) -> None:
    found = read(server)

    assert words in found.unknown
    assert found.applying == ()


def test_a_step_that_cannot_be_taken_back_rests_on_the_standards_of_that_moment() -> None:
    store = Store()
    store.set_complete(STANDARDS)  # and none was heard of
    model = ClinicalModel.model_validate(clinical_model())
    server = Server([clinical_standard()])

    assert asyncio.run(standards_of(CachedReader(store, server), model)) == Standards()
    assert names(asyncio.run(standards_of(LiveReader(store, server), model))) == ["high-risk"]


def test_an_api_server_that_is_busy_ends_the_pass_and_nothing_else() -> None:
    with pytest.raises(ApiError, match="busy"):
        read(Server(ApiError(503, "ServiceUnavailable", "busy")))


def heard(hearing: Hearing, kind: Kind, manifest: Manifest, version: int) -> None:
    hearing.hear(kind, with_path(manifest, "metadata.resourceVersion", str(version)))


async def woken(hearing: Hearing) -> set[tuple[str, str]]:
    """Empty the queue."""
    found = set()
    while len(hearing.queue):
        key = await hearing.queue.get()
        hearing.queue.succeeded(key)
        hearing.queue.done(key)
        assert key == Key(MODEL, key.namespace, key.name)
        found.add((key.namespace, key.name))
    return found


def test_an_edit_of_a_standard_wakes_all_models_and_new_labels_those_of_the_namespace() -> None:
    async def run() -> None:
        hearing = Hearing()
        for number, where in enumerate(("ward", "icu"), 1):
            heard(hearing, MODELS, clinical_model({"metadata.namespace": where}), number)
        await woken(hearing)
        everybody = {("ward", "sepsis"), ("icu", "sepsis")}

        heard(hearing, STANDARDS, clinical_standard(), 10)
        assert await woken(hearing) == everybody
        heard(hearing, STANDARDS, clinical_standard({"metadata.labels": {"by": "gitops"}}), 11)
        assert await woken(hearing) == set()
        heard(hearing, STANDARDS, clinical_standard({"spec.data": {"digest": True}}), 12)
        assert await woken(hearing) == everybody
        hearing.hear_gone(
            STANDARDS, with_path(clinical_standard(), "metadata.resourceVersion", "13")
        )
        assert await woken(hearing) == everybody

        ward: Manifest = {"metadata": {"name": "ward", "labels": {"use": "research"}}}
        heard(hearing, NAMESPACES, ward, 20)
        assert await woken(hearing) == set(), "it is as it was when the models were looked at"
        heard(hearing, NAMESPACES, with_path(ward, "metadata.annotations", {"a": "b"}), 21)
        assert await woken(hearing) == set()
        heard(hearing, NAMESPACES, with_path(ward, "metadata.labels", {"use": "patients"}), 22)
        assert await woken(hearing) == {("ward", "sepsis")}

    asyncio.run(run())


def test_of_a_namespace_name_and_labels_are_kept() -> None:
    store = Store()
    ward: Manifest = {
        "metadata": {"name": "ward", "resourceVersion": "1", "labels": {"use": "patients"}},
        "spec": {"finalizers": ["kubernetes"]},
    }
    assert store.hear(NAMESPACES, ward)
    (kept,) = store.all_of(NAMESPACES, "")

    assert kept == {"metadata": ward["metadata"]}
