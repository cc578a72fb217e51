"""The drift detector beside a model server: its container, what it mounts, and how it hears of requests.

Nothing of this may change for a revision that serves, since its pods would restart. So all that is to differ
from one revision to the next stands in the revision's record, and all that is to change while it serves (which
windows are counted) in a ConfigMap that the detector reads again by itself.
"""

import json
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from mlhops.api.base import Json, Manifest, ObjectMeta, Resource
from mlhops.api.detector import DetectorConfig
from mlhops.api.engine import POD_ENGINE, PodEngine
from mlhops.api.policy import MonitoringPolicySpec
from mlhops.api.profile import MOST_BYTES
from mlhops.json_access import at, items, text
from mlhops.kserve.content import content_hashes, sha256
from mlhops.kserve.manifest_diff import applied_by_us, covers
from mlhops.kserve.names import (
    DETECTOR_KEY,
    MANAGED_BY,
    MODEL_LABEL,
    PROFILE_KEY,
    REVISION_LABEL,
    detector_map,
    owned_by,
    profile_map,
)
from mlhops.kserve.owner import is_ours, owned
from mlhops.kserve.probes import probe

CONTAINER = "drift-detector"
REPORT_PORT = 9501
SINK = "http://localhost:9500/"
"""Where KServe's agent posts what it logs; nobody outside of the pod can."""
_CONFIG, _PROFILE = "mlhops-detector", "mlhops-profile"
_CONFIG_FOLDER, _PROFILE_FOLDER = "/etc/mlhops/detector", "/etc/mlhops/profile"
_TMP, _TMP_FOLDER = "mlhops-tmp", "/tmp"  # noqa: S108 a mount point
_SCRATCH: Json = {"name": _TMP, "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}
"""An engine's libraries do not load where they cannot write; no row is written there."""


class Detector(Resource):
    """What is recorded of the detector of a revision."""

    image: Annotated[str, Field(min_length=1, max_length=1024)]
    """Where it comes from."""
    engine: PodEngine | None = None
    """What else than counting it is for."""
    image_pull_secrets: tuple[str, ...] | None = None
    """Secrets of its namespace with which its pod's images are pulled, besides those that the runtime names."""


@dataclass(frozen=True)
class Detectors:
    """The detectors that new revisions get."""

    image: str
    """Of one that counts."""
    with_engine: str
    """Of one that asks an engine too."""
    pull_secrets: tuple[str, ...] = ()
    """With which both are pulled."""

    def of(self, policy: MonitoringPolicySpec | None) -> Detector:
        """Return the detector for a model that is watched like this, or not at all."""
        secrets = self.pull_secrets or None
        if policy is None or policy.drift.engine == "Native":
            return Detector(image=self.image, image_pull_secrets=secrets)
        return Detector(image=self.with_engine, engine=POD_ENGINE, image_pull_secrets=secrets)


LOGGER: Manifest = {
    "mode": "all",
    "url": SINK,
    # Where the JSON of a binary request ends; the agent passes on no header that is not named.
    "metadataHeaders": ["Inference-Header-Content-Length"],
}


def beside(service: str, detector: Detector, *, probed: bool = False) -> Manifest:
    """Return what an InferenceService's predictor has beside its model, with a readinessProbe where it is probed."""
    secrets: list[Json] = [{"name": name} for name in detector.image_pull_secrets or ()]
    return {
        **({"imagePullSecrets": secrets} if secrets else {}),
        "containers": [_container(detector) | (_READINESS if probed else {})],
        # Optional: a model must not wait for what watches it.
        "volumes": [
            _volume(_CONFIG, detector_map(service)),
            _volume(_PROFILE, profile_map(service)),
            *([_SCRATCH] if detector.engine else []),
        ],
        "logger": dict(LOGGER),
    }


_READINESS: Manifest = {
    # It refuses only while the model answers with nothing of use. A detector that is slow gets 30 s.
    "readinessProbe": probe("/servingz", REPORT_PORT, period=5, timeout=10, failures=3)
}


def _container(detector: Detector) -> Manifest:
    """Return the detector's container.

    By itself it is ready as soon as it runs. It is restarted only when it has not answered for
    two minutes, since the pod gets no requests meanwhile; but then the agent would soon be out of memory.
    """
    mounts: list[Json] = [
        {"name": name, "mountPath": folder, "readOnly": True}
        for name, folder in ((_CONFIG, _CONFIG_FOLDER), (_PROFILE, _PROFILE_FOLDER))
    ]
    scratch: list[Json] = [{"name": _TMP, "mountPath": _TMP_FOLDER}] if detector.engine else []
    return {
        "name": CONTAINER,
        "image": detector.image,
        "args": [
            f"--config={_CONFIG_FOLDER}/{DETECTOR_KEY}",
            f"--profile={_PROFILE_FOLDER}/{PROFILE_KEY}",
        ],
        "env": [{"name": "OPENBLAS_NUM_THREADS", "value": "1"}],
        "ports": [{"name": "drift-report", "containerPort": REPORT_PORT, "protocol": "TCP"}],
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": REPORT_PORT},
            "periodSeconds": 30,
            "timeoutSeconds": 10,
            "failureThreshold": 4,
        },
        "resources": _resources(detector),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [*mounts, *scratch],
    }


def _resources(detector: Detector) -> Json:
    """Return what a detector may use.

    bench/RESULTS.md: 65 MiB with 20 features; the limit leaves room for 512 of them. An engine takes 280 MiB
    besides (490 with torch), and the rows that it is asked of 64 MiB, in both processes.
    """
    asked, most = ("512Mi", "1Gi") if detector.engine else ("128Mi", "512Mi")
    return {
        "requests": {"cpu": "50m", "memory": asked},
        "limits": {"cpu": "1", "memory": most},
    }


def _volume(name: str, config_map: str) -> Json:
    return {"name": name, "configMap": {"name": config_map, "optional": True}}


def config_map(model: ObjectMeta, service: str, config: DetectorConfig) -> Manifest:
    """Return the ConfigMap that tells the detector of a revision what to count."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": detector_map(service),
            "namespace": model.namespace,
            "labels": {**MANAGED_BY, MODEL_LABEL: model.name, REVISION_LABEL: config.revision},
            **owned_by(model),
        },
        "data": {DETECTOR_KEY: _written(config)},
    }


def _written(config: DetectorConfig) -> str:
    """Return what a detector is told, without blanks and what people read where a ConfigMap would be too small."""
    found = config.to_json()
    wide = json.dumps(found, indent=1, ensure_ascii=False)
    if len(wide.encode()) <= MOST_BYTES:
        return wide
    for feature in items(found, "features"):
        feature.pop("description", None)
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


def is_configured(live: Manifest | None, desired: Manifest, uid: str) -> bool:
    """Whether a ConfigMap is the model's and says what is desired."""
    outlives = at(desired, "metadata", "ownerReferences") is None
    if live is None or not (owned(live, uid) or (outlives and is_ours(live, uid))):
        return False
    labelled = covers(at(live, "metadata", "labels"), at(desired, "metadata", "labels"))
    wanted = sha256(text(desired, "data", DETECTOR_KEY))
    return labelled and content_hashes(live).get(DETECTOR_KEY) == wanted


def beside_live(live: Manifest | None, detector: Detector | None) -> Detector | None:
    """Return the detector of a revision whose record is lost, or was never written: None where it has none.

    A server that runs keeps what it has, as long as that is what the operator has applied.
    """
    if live is None:
        return detector
    place = ("spec", "predictor", "containers")
    for container in items(live, *place):
        if container.get("name") == CONTAINER:
            image = text(container, "image")
            if not image or not applied_by_us(live, *place):
                return detector
            scratch = any(text(one, "name") == _TMP for one in items(container, "volumeMounts"))
            return Detector(
                image=image,
                engine=POD_ENGINE if scratch else None,
                image_pull_secrets=_pull_secrets(live) or None,
            )
    return None


def _pull_secrets(live: Manifest) -> tuple[str, ...]:
    """Return the pull secrets that the operator has applied."""
    place = ("spec", "predictor", "imagePullSecrets")
    if not applied_by_us(live, *place):
        return ()
    return tuple(name for one in items(live, *place) if (name := text(one, "name")))
