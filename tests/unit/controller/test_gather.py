"""Which detector a revision has, and what that is told, as gathered from what the watches have told."""

import asyncio
from typing import cast

from kubernetes.aio.client import Configuration

from mlhops.api.base import Json, Manifest
from mlhops.api.detector import DetectorConfig
from mlhops.api.model import ClinicalModel
from mlhops.controller.client import Client
from mlhops.controller.gather import Gathered, Key, gather
from mlhops.controller.kinds import CONFIG_MAPS, MODELS, POLICIES, REVISIONS, SERVICES, Kind
from mlhops.controller.reader import Heard
from mlhops.controller.store import WATCHED, Store
from mlhops.kserve import inferenceservice
from mlhops.kserve.detector import Detector, Detectors
from mlhops.kserve.names import owner_reference
from mlhops.kserve.read import text
from mlhops.kserve.route import GatewayRouter
from mlhops.rollout.record import RevisionRecord
from mlhops.rollout.revision import Served, revision_of, service_name
from tests.builders import clinical_model

IMAGES = Detectors("registry.example/detector:2", "registry.example/detector-alibi:2")
OURS = Detector(image=IMAGES.image)
EARLIER = Detector(image="registry.example/detector:1")
KEY = Key("ClinicalModel", "ward", "sepsis")
NAMED: dict[str, Json] = {"spec.monitoring": {"policyRef": {"name": "strict"}}}


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

    def gather(self) -> Gathered:
        """Gather what there is."""
        for kind in WATCHED:
            self._store.set_complete(kind)

        async def run() -> Gathered | None:
            client = Client(Configuration())
            try:
                return await gather(Heard(self._store, client), GatewayRouter(), IMAGES, KEY)
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


def test_a_new_revision_gets_alibi_detect_where_its_policy_asks_it_and_keeps_it() -> None:
    for engine in ("AlibiDetect", "Native"):
        ward = Ward(NAMED)
        spec: Manifest = {"drift": {"engine": engine, "every": "2m", "minRows": 200}}
        ward.hear(POLICIES, "strict", {"spec": spec})
        wanted = ward.gather().records[ward.revision].detector
        asked = ward.configuration().alibi
        if engine == "Native":
            assert wanted == OURS
            assert asked is None
            continue
        assert wanted == Detector(image=IMAGES.alibi, engine="AlibiDetect")
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
    assert ward.configuration().alibi is not None, "so that its detector can say what it lacks"


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
