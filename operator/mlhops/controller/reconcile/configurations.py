"""What the detector beside a model server is told: one ConfigMap for each revision that has a detector."""

from collections.abc import Mapping

from mlhops.api.base import Manifest
from mlhops.api.detector import DetectorConfig, ProbeSettings, Window
from mlhops.api.model import ClinicalModel
from mlhops.api.policy import MonitoringPolicy
from mlhops.kserve.detector import config_map
from mlhops.rollout.revisions.revision import service_name
from mlhops.rollout.revisions.revision_record import RevisionRecord


def configurations(
    model: ClinicalModel, records: Mapping[str, RevisionRecord], policy: MonitoringPolicy | None
) -> dict[str, Manifest]:
    """Return the ConfigMap for each revision that has a detector."""
    windows = _windows(policy)
    asked = policy.spec.drift.asked_of_pods if policy is not None else None
    found: dict[str, Manifest] = {}
    for revision, record in records.items():
        if record.detector is not None and record.interface is not None:
            config = DetectorConfig(
                revision=revision,
                features=record.interface.features,
                output=record.interface.output,
                # Left out where it always was, so that no ConfigMap of today's changes.
                task=None if record.interface.task == "Binary" else record.interface.task,
                windows=windows,
                engine=asked,
                probe=_probe(model, record),
            )
            service = service_name(model.metadata.name, revision)
            found[revision] = config_map(model.metadata, service, config)
    return found


def _windows(policy: MonitoringPolicy | None) -> list[Window]:
    """Return the windows that a detector counts; none that nobody looks at."""
    return [] if policy is None else list(policy.spec.drift.windows)


def _probe(model: ClinicalModel, record: RevisionRecord) -> ProbeSettings | None:
    """Return how a revision's detector asks its model; one from before there were probes does not."""
    if record.probed is None or record.interface is None:
        return None
    return ProbeSettings(
        model=model.metadata.name,
        protocol=record.predictor.protocol_version,
        request=record.interface.request,
    )
