"""Which record counts as what a revision was: the one whose content has the digest that the status knows."""

import asyncio
from datetime import UTC, datetime
from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.controller.kube.client import Client
from mlhops.controller.kube.events import Recorder
from mlhops.controller.outbound.sinks import Sinks
from mlhops.controller.reconcile.apply import Applier
from mlhops.controller.reconcile.facts import Gathered
from mlhops.controller.resources import MODELS, REVISIONS, Kind
from mlhops.json_access import text
from mlhops.rollout.intents import Plan, ReleaseRecord
from mlhops.rollout.revisions.revision import Served, name_of
from mlhops.rollout.revisions.revision_record import RevisionRecord
from testkit.builders import clinical_model
from tests.unit.controller.test_gather import LEAVING, OURS, Ward

EVIL: Manifest = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://attacker/unproven"}
OTHER = "0" * 64
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def serving(ward: Ward, revision: str, digest: str | None) -> None:
    """The model's status names a revision that serves."""
    stable: Manifest = {
        "revision": revision,
        "version": "1.0.0",
        "inferenceService": f"sepsis-{revision}",
        "since": "2030-01-01T08:00:00Z",
    }
    model = clinical_model({"metadata.uid": "uid-1"})
    model["status"] = {"stable": {**stable, **({"digest": digest} if digest else {})}}
    ward.hear(MODELS, "sepsis", model)


def keep(ward: Ward, revision: str, data: Manifest) -> Gathered:
    """A ControllerRevision of that name holds these data."""
    labels: Manifest = {"mlhops.io/model": "sepsis", "mlhops.io/revision": revision}
    metadata: Manifest = {"labels": labels}
    ward.hear(REVISIONS, f"sepsis-{revision}", {"metadata": metadata, "data": data})
    return ward.gather()


def test_a_record_says_in_full_what_is_served() -> None:
    ward = Ward()
    served = Served.of(ward.model.spec)
    record = RevisionRecord.of(served, OURS)
    assert record.digest == served.digest
    assert keep(ward, ward.revision, record.to_json()).seen.recorded == {
        ward.revision: served.digest
    }


def test_a_record_whose_content_was_changed_is_no_record() -> None:
    ward = Ward()
    served = Served.of(ward.model.spec)
    serving(ward, ward.revision, served.digest)
    data = {**RevisionRecord.of(served, OURS).to_json(), "predictor": cast(Json, EVIL)}
    gathered = keep(ward, ward.revision, data)
    assert gathered.seen.recorded == {ward.revision: ""}
    assert gathered.seen.stale == {ward.revision}
    wanted = gathered.records[ward.revision].predictor.storage_uri
    assert wanted == ward.model.spec.predictor.storage_uri, "the spec has the digest that serves"


def test_a_record_of_something_else_than_what_serves_under_that_name_is_no_record() -> None:
    ward = Ward()
    serving(ward, ward.revision, OTHER)
    record = RevisionRecord.of(Served.of(ward.model.spec), OURS)
    gathered = keep(ward, ward.revision, record.to_json())
    assert gathered.seen.recorded == {ward.revision: ""}
    assert ward.revision not in gathered.records, "nor is it made from the spec, which is another"


def test_a_lost_record_is_not_made_of_a_spec_that_has_the_name_and_not_the_content() -> None:
    ward = Ward()
    serving(ward, ward.revision, OTHER)
    assert ward.gather().records == {}


def test_what_an_earlier_operator_recorded_is_known_by_its_content_and_keeps_its_name() -> None:
    ward = Ward()
    served = Served.of(ward.model.spec)
    data: Manifest = {
        "predictor": served.predictor.to_json(),
        "interface": served.interface.to_json(),
        "detector": OURS.to_json(),
    }
    serving(ward, served.first_name, None)
    gathered = keep(ward, served.first_name, data)
    assert served.first_name != name_of(served.digest)
    assert gathered.seen.recorded == {served.first_name: served.digest}
    assert gathered.seen.stale == frozenset(), "it is not written again"
    assert set(gathered.records) == {served.first_name}, "the spec asks for nothing new"


def test_what_an_earlier_operator_recorded_counts_for_nothing_if_it_does_not_make_its_name() -> (
    None
):
    ward = Ward()
    served = Served.of(ward.model.spec)
    data: Manifest = {"predictor": EVIL, "interface": served.interface.to_json()}
    serving(ward, served.first_name, None)
    gathered = keep(ward, served.first_name, data)
    assert gathered.seen.recorded == {served.first_name: ""}
    assert set(gathered.records) == {name_of(served.digest)}, "the spec goes through the gates"


class Writes:
    """Takes deletions and new objects, and notes their names."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.made: list[str] = []

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str = "") -> None:
        """Note what goes."""
        del kind, namespace, uid
        self.deleted.append(name)

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Note what comes."""
        del kind
        self.made.append(text(manifest, "metadata", "name"))
        return manifest


def test_a_record_that_says_nothing_keeps_no_other_from_outliving_the_model() -> None:
    ward = Ward({**LEAVING, "metadata.finalizers": ["orphan"]})
    ward.record(OURS)
    gathered = keep(ward, "bbbbbbbbbb", {"predictor": EVIL})
    assert gathered.seen.owned_records == {"bbbbbbbbbb", ward.revision}

    writes = Writes()
    client = cast(Client, writes)
    recorder = Recorder(client, lambda: NOON)
    applier = Applier(client, recorder, cast(Sinks, None))
    release = tuple(ReleaseRecord(each) for each in sorted(gathered.seen.owned_records))
    asyncio.run(applier.apply(gathered, Plan((), None, release, (), None)))

    assert writes.deleted == ["sepsis-bbbbbbbbbb", ward.service]
    assert writes.made == [ward.service]


def test_a_record_keeps_the_card_with_which_its_revision_was_put_forward() -> None:
    ward = Ward({"spec.card.limitations": ["Not tested in pregnancy"]})
    record = ward.gather().records[ward.revision]
    assert record.card == ward.model.spec.card.given()
    assert record.card is not None
    assert record.card["limitations"] == ["Not tested in pregnancy"]

    ward.hear(REVISIONS, ward.service, {"data": record.to_json()})
    edited = {"spec.card.owner": "somebody-else", "metadata.uid": "uid-1"}
    ward.hear(MODELS, "sepsis", clinical_model(edited))
    gathered = ward.gather()

    assert gathered.records[ward.revision].card == record.card
    assert gathered.seen.stale == frozenset(), "an edit of the card disturbs no rollout"


def test_a_damaged_card_damages_no_record() -> None:
    ward = Ward()
    served = Served.of(ward.model.spec)
    broken: Manifest = {"riskClass": 7}
    data: Manifest = {**RevisionRecord.of(served, OURS).to_json(), "card": broken}
    assert keep(ward, ward.revision, data).seen.recorded == {ward.revision: served.digest}
