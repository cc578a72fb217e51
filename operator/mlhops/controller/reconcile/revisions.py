"""What is known of a model's revisions: from their records, and of the one that the spec asks for from the spec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from mlhops.api.base import Manifest
from mlhops.api.model import ClinicalModel
from mlhops.json_access import at, text
from mlhops.kserve.detector import Detector, beside_live
from mlhops.kserve.form import form_of_live
from mlhops.kserve.names import REVISION_LABEL
from mlhops.kserve.runtime import runtime_for
from mlhops.rollout.revisions.identity import Target, target_of
from mlhops.rollout.revisions.revision import Served, service_name
from mlhops.rollout.revisions.revision_record import RevisionRecord


@dataclass(frozen=True)
class Known:
    """What is known of a model's revisions, by their names."""

    records: Mapping[str, RevisionRecord]
    """What each of them is, from which its children are rendered."""
    digests: Mapping[str, str]
    """The digest of each that is recorded; empty where the record is damaged."""
    stale: frozenset[str]
    """Those whose record has to be made anew."""


@dataclass(frozen=True)
class Offered:
    """The runtimes that KServe may choose from."""

    own: Sequence[Manifest] = ()
    """Those of the model's namespace."""
    cluster: Sequence[Manifest] = ()
    """Those of the cluster."""


NOTHING_OFFERED = Offered()


@dataclass(frozen=True)
class Recorded:
    """What a model's ControllerRevisions say."""

    records: Mapping[str, RevisionRecord]
    """Those that are what they say, by revision."""
    digests: Mapping[str, str]
    """The digest of each that there is; empty where the record is damaged."""
    target: Target
    """The revision that the spec asks for."""

    @property
    def has_target(self) -> bool:
        """Whether there is a record of what the spec asks for, so that no runtime has to be chosen."""
        return self.target.name in self.records


def read_records(model: ClinicalModel, revisions: list[Manifest]) -> Recorded:
    """Return what a model's own ControllerRevisions say."""
    records, digests = _recorded(model, revisions)
    return Recorded(records, digests, target_of(model.spec, model.status, digests))


def known_revisions(
    model: ClinicalModel,
    recorded: Recorded,
    services: list[Manifest],
    detector: Detector | None,
    offered: Offered,
) -> Known:
    """Return what is known of a model's revisions.

    Args:
        model: as it is.
        recorded: what its ControllerRevisions say.
        services: its InferenceServices.
        detector: the one that a new revision gets, None for none.
        offered: the runtimes of which a new revision gets one.
    """
    records, digests, target = recorded.records, recorded.digests, recorded.target
    known, stale = dict(records), {name for name in digests if name not in records}
    if not target.clash:
        wanted = _of_target(model, target, records.get(target.name), services, detector, offered)
        known[target.name] = wanted
        if wanted != records.get(target.name):
            stale |= {target.name} & digests.keys()
    return Known(known, digests, frozenset(stale))


def _recorded(
    model: ClinicalModel, revisions: list[Manifest]
) -> tuple[dict[str, RevisionRecord], dict[str, str]]:
    """Return the records that are what they say, and the digest of each that there is, by revision.

    A record that cannot be read, was changed, or is of something else than the status knows under that name is no
    record: its digest is empty.
    """
    found: dict[str, RevisionRecord] = {}
    digests: dict[str, str] = {}
    status = model.status
    in_use = {of.revision: of for of in (status.previous, status.candidate, status.stable) if of}
    for live in revisions:
        revision = text(live, "metadata", "labels", REVISION_LABEL)
        if text(live, "metadata", "name") != service_name(model.metadata.name, revision):
            continue
        of = in_use.get(revision)
        digests[revision] = ""
        try:
            record = RevisionRecord.model_validate(at(live, "data"))
        except ValidationError:
            continue
        digest = record.digest_as(revision, of.version if of is not None else None)
        if digest is not None and (of is None or of.digest in (None, digest)):
            found[revision], digests[revision] = record, digest
    return found, digests


def _of_target(
    model: ClinicalModel,
    target: Target,
    recorded: RevisionRecord | None,
    live: list[Manifest],
    detector: Detector | None,
    offered: Offered,
) -> RevisionRecord:
    """Return what the revision is that the spec asks for: what is recorded, with the replicas of the spec.

    Where it is not recorded the spec says what it is, since its digest is that of the revision.
    """
    spec = model.spec
    if recorded is not None:
        return recorded.scaled_as(spec.predictor)
    name = service_name(model.metadata.name, target.name)
    service = next((one for one in live if text(one, "metadata", "name") == name), None)
    runtime = runtime_for(spec.predictor, offered.own, offered.cluster)
    form = form_of_live(service, spec.predictor, runtime)
    return RevisionRecord.of(Served.of(spec), beside_live(service, detector), form, spec.card)
