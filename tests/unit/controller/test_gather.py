"""Which detector a revision has, and what that is told, as gathered from what the watches have told."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from kubernetes.aio.client import Configuration

from mlhops.api.base import Json, Manifest
from mlhops.api.detector import DetectorConfig
from mlhops.api.model import ClinicalModel
from mlhops.controller.cache.store import WATCHED, Store
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.kube.reader import CachedReader, LiveReader
from mlhops.controller.reconcile.facts import Gathered
from mlhops.controller.reconcile.gather import gather
from mlhops.controller.resources import (
    CLUSTER_RUNTIMES,
    CONFIG_MAPS,
    DECISIONS,
    EVENTS,
    MODELS,
    PODS,
    POLICIES,
    REVISIONS,
    RUNTIMES,
    SERVICES,
    Key,
    Kind,
)
from mlhops.json_access import at, text
from mlhops.kserve import inferenceservice
from mlhops.kserve.detector import Detector, Detectors
from mlhops.kserve.names import owner_reference
from mlhops.rollout.revisions.revision import Served, revision_of, service_name
from mlhops.rollout.revisions.revision_record import RevisionRecord
from testkit.builders import clinical_model, serving_runtime
from testkit.model_pods import hash_of, labels_of, running

IMAGES = Detectors("registry.example/detector:2", "registry.example/detector-alibi:2")
OURS = Detector(image=IMAGES.image)
EARLIER = Detector(image="registry.example/detector:1")
KEY = Key("ClinicalModel", "ward", "sepsis")
ABOUT = "involvedObject.uid=uid-of-own"
NAMED: dict[str, Json] = {"spec.monitoring": {"policyRef": {"name": "strict"}}}


class Told(Client):
    """An API server that has Events and no list of anything else."""

    events: Sequence[Manifest] = ()

    async def list(
        self, kind: Kind, namespace: str, selector: str = "", fields: str = "", most: int = 0
    ) -> list[Manifest]:
        """Return the Events that are asked for."""
        del namespace, selector, most
        about = [each for each in self.events if fields == f"{ABOUT},reason={each['reason']}"]
        return about if kind == EVENTS else []

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return nothing that is not watched."""
        del kind, namespace, name
        return None


class Ward:
    """What was heard of one model and of what it has around it."""

    def __init__(self, changes: dict[str, Json] | None = None) -> None:
        self._store = Store()
        self._version = 0
        manifest = clinical_model({"metadata.uid": "uid-1", **(changes or {})})
        cast(Manifest, manifest["metadata"])["namespace"] = "ward"
        self.model = ClinicalModel.model_validate(manifest)
        self.revision = revision_of(self.model.spec)
        self.service = service_name("sepsis", self.revision)
        self.hear(MODELS, "sepsis", manifest)

    def hear(self, kind: Kind, name: str, manifest: Manifest) -> None:
        """Take over an object of the model's."""
        self._version += 1
        given = cast(Manifest, manifest.get("metadata", {}))
        labels: Manifest = {"mlhops.io/model": "sepsis", "mlhops.io/revision": self.revision}
        metadata: Manifest = {
            "namespace": "ward",
            "name": name,
            "uid": f"uid-of-{name}",
            "resourceVersion": str(self._version),
            "labels": labels,
            "ownerReferences": [cast(Json, owner_reference("sepsis", "uid-1"))],
            **given,
        }
        assert self._store.hear(kind, {**manifest, "metadata": metadata})

    def record(self, detector: Detector | None) -> None:
        """The revision is recorded, with a detector or without."""
        record = RevisionRecord.of(Served.of(self.model.spec), detector)
        self.hear(REVISIONS, self.service, {"data": record.to_json()})

    def serve(self, detector: Detector | None) -> None:
        """The revision has an InferenceService that we have applied."""
        meta, predictor = self.model.metadata, self.model.spec.predictor
        live = inferenceservice.render(meta, predictor, self.revision, self.service, detector)
        fields: Manifest = {"f:spec": {"f:predictor": {"f:containers": {}}}} if detector else {}
        entry: Manifest = {"manager": "mlhops", "operation": "Apply", "fieldsV1": fields}
        metadata = cast(Manifest, live["metadata"])
        live["metadata"] = {**metadata, "managedFields": [entry]}
        self.hear(SERVICES, self.service, live)

    def gather(self, forbidden: Kind | None = None, events: Sequence[Manifest] = ()) -> Gathered:
        """Gather what there is, and what Events the API server has."""
        for kind in WATCHED:
            self._store.set_complete(kind)

        async def run() -> Gathered | None:
            client = Told(Configuration())
            client.events = events
            try:
                reader = CachedReader(self._store, client)
                if forbidden is not None:
                    reader = Forbidden(self._store, client, forbidden)
                return await gather(reader, IMAGES, KEY)
            finally:
                await client.close()

        found = asyncio.run(run())
        assert found is not None
        return found

    def configuration(self) -> DetectorConfig:
        """What the revision's detector is to be told."""
        desired = self.gather().configurations[self.revision]
        return DetectorConfig.model_validate_json(text(desired, "data", "config.json"))


def test_a_new_revision_gets_the_detector_that_this_operator_brings() -> None:
    ward = Ward()
    gathered = ward.gather()
    assert gathered.records[ward.revision].detector == OURS
    assert gathered.seen.unconfigured == {ward.revision}


def test_a_new_revision_has_probes_and_its_detector_is_told_how_to_ask() -> None:
    ward = Ward()
    record = ward.gather().records[ward.revision]
    assert record.probed is True
    probe = ward.configuration().probe
    assert probe is not None
    assert (probe.model, probe.protocol) == ("sepsis", ward.model.spec.predictor.protocol_version)


def test_a_revision_that_was_recorded_without_probes_goes_on_without() -> None:
    ward = Ward()
    ward.record(OURS)
    ward.serve(OURS)
    gathered = ward.gather()
    assert gathered.records[ward.revision].probed is None
    assert "probed" not in gathered.records[ward.revision].to_json()
    assert "probe" not in text(gathered.configurations[ward.revision], "data", "config.json")
    assert gathered.seen.services[ward.service].current


def test_a_lost_record_of_a_server_without_probes_is_made_again_without() -> None:
    ward = Ward()
    ward.serve(OURS)
    assert ward.gather().records[ward.revision].probed is None


def test_a_new_revision_gets_alibi_detect_where_its_policy_asks_it_and_keeps_it() -> None:
    for engine in ("AlibiDetect", "Native"):
        ward = Ward(NAMED)
        spec: Manifest = {"drift": {"engine": engine, "every": "2m", "minRows": 200}}
        ward.hear(POLICIES, "strict", {"spec": spec})
        wanted = ward.gather().records[ward.revision].detector
        asked = ward.configuration().engine
        if engine == "Native":
            assert wanted == OURS
            assert asked is None
            continue
        assert wanted == Detector(image=IMAGES.with_engine, engine="AlibiDetect")
        assert asked is not None
        assert [each.type for each in asked.detectors] == ["TabularDrift"]
        assert (asked.rows, asked.min_rows, asked.every) == (1000, 200, 120)
        ward.serve(wanted)
        gathered = ward.gather()
        assert gathered.records[ward.revision].detector == wanted, "its record is lost"
        assert gathered.seen.services[ward.service].current
        assert gathered.seen.services[ward.service].foreign_field == ""


def test_a_policy_that_changes_its_engine_restarts_no_model() -> None:
    ward = Ward(NAMED)
    ward.record(EARLIER)
    ward.serve(EARLIER)
    ward.hear(POLICIES, "strict", {"spec": {"drift": {"engine": "AlibiDetect"}}})
    gathered = ward.gather()
    assert gathered.records[ward.revision].detector == EARLIER
    assert gathered.seen.services[ward.service].current
    assert ward.configuration().engine is not None, "so that its detector can say what it lacks"


def test_a_revision_that_serves_keeps_its_detector_whatever_operator_comes() -> None:
    ward = Ward()
    ward.record(EARLIER)
    ward.serve(EARLIER)
    gathered = ward.gather()
    assert gathered.records[ward.revision].detector == EARLIER
    assert gathered.seen.services[ward.service].current
    assert gathered.seen.services[ward.service].foreign_field == ""


def test_a_revision_of_an_operator_without_detectors_goes_on_without() -> None:
    ward = Ward()
    ward.record(None)
    ward.serve(None)
    gathered = ward.gather()
    assert gathered.records[ward.revision].detector is None
    assert gathered.seen.services[ward.service].current
    assert gathered.configurations == {}
    assert gathered.seen.unconfigured == frozenset()


def test_a_record_that_somebody_took_away_is_made_again_as_it_was() -> None:
    for detector in (EARLIER, None):
        ward = Ward()
        ward.serve(detector)
        gathered = ward.gather()
        assert gathered.records[ward.revision].detector == detector
        assert gathered.seen.services[ward.service].current


def test_replicas_change_in_place_and_the_detector_stays() -> None:
    ward = Ward({"spec.predictor.minReplicas": 3})
    scaled = ward.model.spec.predictor.model_copy(update={"min_replicas": 1})
    record = RevisionRecord.of(Served.of(ward.model.spec), None).scaled_as(scaled)
    ward.hear(REVISIONS, ward.service, {"data": record.to_json()})
    gathered = ward.gather()
    assert gathered.seen.stale == {ward.revision}
    assert gathered.records[ward.revision].detector is None
    assert gathered.records[ward.revision].predictor.min_replicas == 3


def test_a_detector_counts_the_windows_of_the_policy_that_the_model_names() -> None:
    assert Ward().configuration().windows == []
    ward = Ward(NAMED)
    assert ward.configuration().windows == [], "there is no such policy yet"
    ward.hear(
        POLICIES, "strict", {"spec": {"drift": {"windows": [{"name": "shift", "length": "6h"}]}}}
    )
    assert [window.length for window in ward.configuration().windows] == ["6h"]
    ward.hear(POLICIES, "strict", {"spec": {"drift": {"windows": "soon"}}})
    assert ward.configuration().windows == [], "nobody can say what is meant"
    assert ward.configuration().features == ward.model.spec.interface.features


def test_a_policy_that_is_missing_or_makes_no_sense_is_said_to_be() -> None:
    assert Ward().gather().seen.monitored is None
    ward = Ward(NAMED)
    missing = ward.gather().seen.monitored
    assert missing is not None
    assert missing.policy is None
    assert "MonitoringPolicy strict" in missing.problem
    ward.hear(POLICIES, "strict", {"spec": {"drift": {"every": "30s"}}})
    found = ward.gather().seen.monitored
    assert found is not None
    assert found.policy is not None
    assert found.policy.drift.every == "30s"
    ward.hear(POLICIES, "strict", {"spec": {"drift": {"every": "1s"}}})
    damaged = ward.gather().seen.monitored
    assert damaged is not None
    assert damaged.policy is None


def test_only_the_models_own_config_maps_are_its_own() -> None:
    ward = Ward()
    ward.record(OURS)
    ward.serve(OURS)
    desired = ward.gather().configurations[ward.revision]
    ward.hear(CONFIG_MAPS, f"{ward.service}-detector", desired)
    assert ward.gather().seen.unconfigured == frozenset()
    ward.hear(CONFIG_MAPS, f"{ward.service}-profile", {"data": {"profile.json": "{}"}})
    ward.hear(CONFIG_MAPS, "notes", {"data": {"of": "a nurse"}})
    theirs: Manifest = {"ownerReferences": [cast(Json, owner_reference("falls", "uid-2"))]}
    ward.hear(CONFIG_MAPS, f"{ward.service}-detector", {**desired, "metadata": theirs})
    gathered = ward.gather()
    assert gathered.seen.config_maps == {f"{ward.service}-profile": ward.revision}
    assert gathered.seen.unconfigured == {ward.revision}


LEAVING: dict[str, Json] = {"metadata.deletionTimestamp": "2030-01-01T00:00:00Z"}


def test_what_the_garbage_collector_lets_go_of_gets_no_owner_again() -> None:
    for finalizers, strips, orphaned in (
        (["orphan"], False, True),
        (["eve.example/keep"], True, True),
        (["eve.example/keep"], False, False),
    ):
        held: dict[str, Json] = {**LEAVING, "metadata.finalizers": cast(Json, finalizers)}
        ward = Ward(held)
        ward.record(OURS)
        ward.serve(OURS)
        if strips:
            meta, predictor = ward.model.metadata, ward.model.spec.predictor
            live = inferenceservice.render(meta, predictor, ward.revision, ward.service, OURS)
            entry: Manifest = {"manager": "mlhops", "operation": "Apply"}
            stripped: Manifest = {"ownerReferences": [], "managedFields": [entry]}
            live["metadata"] = {**cast(Manifest, live["metadata"]), **stripped}
            ward.hear(SERVICES, ward.service, live)
        seen = ward.gather().seen
        assert seen.model.metadata.orphaned == orphaned
        assert seen.owned_records == ({ward.revision} if orphaned else set())
        assert ward.revision in seen.recorded


class Forbidden(CachedReader):
    """Reads all but some kind, for which the operator has no right."""

    def __init__(self, store: Store, client: Client, forbidden: Kind) -> None:
        super().__init__(store, client)
        self._forbidden = forbidden

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Refuse that kind."""
        if kind == self._forbidden:
            raise ApiError(403, "Forbidden", "no")
        return await super().get(kind, namespace, name)


def own_pod(ward: Ward) -> Manifest:
    """A pod of the revision's model server that is ready."""
    live: Manifest = {"metadata": {"name": ward.service, "labels": {"mlhops.io/model": "sepsis"}}}
    owner: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{ward.service}-predictor-{hash_of(live)}",
        "controller": True,
    }
    metadata: Manifest = {"labels": labels_of(live), "ownerReferences": [owner]}
    pod: Manifest = {"metadata": metadata, "spec": {"containers": [{"name": "kserve-container"}]}}
    return {**pod, "status": running(pod)}


def test_what_answers_is_gathered_from_own_pods_and_the_runtime_that_is_named() -> None:
    ward = Ward({"spec.predictor.runtime": "sklearn"})
    ward.serve(None)
    ward.hear(PODS, "own", own_pod(ward))
    ward.hear(RUNTIMES, "sklearn", serving_runtime("ServingRuntime"))
    server = ward.gather().seen.services[ward.service].server
    assert [part.partition("=")[0] for part in server.parts] == [
        "ServingRuntime/sklearn",
        "kserve-container (command)",
        "kserve-container",
    ]


def test_a_server_that_knows_no_model_of_the_name_is_told_by_what_the_kubelet_says() -> None:
    ward = Ward()
    meta, predictor = ward.model.metadata, ward.model.spec.predictor
    made = inferenceservice.render(meta, predictor, ward.revision, ward.service, None)
    cast(Manifest, at(made, "spec", "predictor", "model")).pop("args")  # as for Triton
    ward.hear(SERVICES, ward.service, made)
    pod = own_pod(ward)
    ward.hear(PODS, "own", {**pod, "status": running(pod, ready=False)})
    said = "Startup probe failed: HTTP probe failed with statuscode: 404"
    event: Manifest = {"reason": "Unhealthy", "message": said, "count": 3}
    service = ward.gather(events=[event]).seen.services[ward.service]
    assert (service.trouble or "").startswith("its server answers HTTP 404 for a model sepsis")
    assert ward.gather().seen.services[ward.service].trouble is None


def test_a_pod_that_names_another_model_and_gets_this_ones_requests_is_named() -> None:
    ward = Ward()
    ward.serve(None)
    for label in ("mlhops.io/model", "mlhops.io/evaluation"):
        labels: Manifest = {"app": f"isvc.{ward.service}-predictor", label: "falls"}
        ward.hear(PODS, f"rogue-{label[-5:]}", {"metadata": {"labels": labels}})
    assert ward.gather().seen.services[ward.service].foreign_pod.startswith("rogue-")


def test_a_right_to_runtimes_that_is_missing_is_a_doubt_that_names_it_and_no_more() -> None:
    for kind in (RUNTIMES, CLUSTER_RUNTIMES):
        ward = Ward({"spec.predictor.runtime": "sklearn"})
        ward.serve(None)
        ward.hear(PODS, "own", own_pod(ward))
        service = ward.gather(forbidden=kind).seen.services[ward.service]
        assert service.answering
        name = f"{kind.plural}.serving.kserve.io"
        assert service.server.doubt == f"the operator may not read {name} (verb get)"


def decide(ward: Ward, name: str, made: str, **metadata: Json) -> None:
    """Somebody aborts the candidate."""
    spec: Manifest = {"model": "sepsis", "revision": ward.revision, "action": "Abort"}
    spec |= {"reason": "seen with the ward", "decidedBy": "ada"}
    ward.hear(DECISIONS, name, {"metadata": {"creationTimestamp": made, **metadata}, "spec": spec})


def test_withdrawn_decisions_that_something_holds_keep_nobody_from_being_heard() -> None:
    ward = Ward()
    gone: dict[str, Json] = {"deletionTimestamp": "2030-01-01T08:30:00Z", "finalizers": ["a.b/c"]}
    for number in range(60):
        decide(ward, f"withdrawn-{number}", "2030-01-01T08:00:00Z", **gone)
    decide(ward, "stop", "2030-01-01T09:00:00Z")
    seen = ward.gather().seen
    assert [decision.metadata.name for decision in seen.decisions] == ["stop"]
    assert not seen.more_decisions, "nothing waits for the next pass"


class Kubelets:
    """Answers a list of Events."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def list(
        self, kind: Kind, namespace: str, labels: str = "", fields: str = ""
    ) -> list[Manifest]:
        """Note what is asked; there is one."""
        assert (kind, labels) == (EVENTS, "")
        self.asked.append((namespace, fields))
        return [{"message": "Startup probe failed"}]


@pytest.mark.parametrize("reader", [CachedReader, LiveReader])
def test_what_kubelets_say_of_a_pod_is_read_as_it_is_now(
    reader: type[CachedReader | LiveReader],
) -> None:
    kubelets = Kubelets()
    of_pod = reader(Store(), cast(Client, kubelets)).events_of("ward", "uid-p", "Unhealthy")

    assert asyncio.run(of_pod) == [{"message": "Startup probe failed"}]
    assert kubelets.asked == [("ward", "involvedObject.uid=uid-p,reason=Unhealthy")]
