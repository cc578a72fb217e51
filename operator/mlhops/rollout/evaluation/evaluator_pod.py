"""The pod of the evaluator: no access to the API, and of data and Secrets only what it must have."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from mlhops.api import given
from mlhops.api.base import Json, Manifest, ObjectMeta
from mlhops.api.data import AZURE_BLOB, DATA_PREFIX, MOST_BYTES, REPORT_PREFIX
from mlhops.api.evaluation import Evaluation, EvaluationSpec
from mlhops.api.model import EvaluationSettings
from mlhops.api.predictor import Resources
from mlhops.api.profile import PORT

CONTAINER = "evaluator"
_TERMINATION_LOG = "/dev/termination-log"
_DATA = "/data"
_REPORT = "/report"
_TMP = "/tmp"  # noqa: S108 a mount point
_PVC = "pvc://"
_REMOTE = ("s3://", "gs://", "https://")
_SPARE = 2**30
_CA = "/etc/mlhops/ca"
_AZURE_IDENTITY = "azure.workload.identity/use"


@dataclass(frozen=True)
class CaBundle:
    """Authorities to trust, in an object of the evaluator's namespace."""

    kind: Literal["configmap", "secret"]
    name: str
    key: str

    def volume(self) -> Manifest:
        """Return the volume; optional, since not every evaluation asks anybody over TLS."""
        if self.kind == "secret":
            return {"name": "ca", "secret": {"secretName": self.name, "optional": True}}
        return {"name": "ca", "configMap": {"name": self.name, "optional": True}}


@dataclass(frozen=True)
class EvaluatorImage:
    """Where the evaluator comes from, and what whoever runs the operator gives each of its pods."""

    image: str
    pull_policy: str = "IfNotPresent"
    arguments: tuple[str, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    """Variables, such as the names of proxies; those that the operator sets itself count before them."""
    ca_bundle: CaBundle | None = None
    resources: Resources | None = None
    """What each may use of a node, as far as its model does not say."""


def pod_labels(evaluation: Evaluation, settings: EvaluationSettings) -> dict[str, str]:
    """Return the label without which Azure's webhook tells no pod who its ServiceAccount is."""
    places = [place for place in (evaluation.spec.data, settings.report) if place is not None]
    asks = any(re.match(AZURE_BLOB, each.uri) and each.secret_name is None for each in places)
    return {_AZURE_IDENTITY: "true"} if asks and settings.service_account_name else {}


def pod_spec(
    evaluation: Evaluation, settings: EvaluationSettings, image: EvaluatorImage
) -> Manifest:
    """Return the spec of the pod that measures an Evaluation.

    Raises:
        TooLargeError: the Evaluation's spec does not fit a pod.
    """
    # Where reports go the model says, and none that somebody has forged an Evaluation for.
    spec = evaluation.spec.model_copy(update={"report": settings.report})
    volumes, mounts = _volumes(spec, image.ca_bundle)
    container = _container(evaluation.metadata, spec, image, mounts)
    if resources := _resources(settings.resources, image.resources):
        container["resources"] = resources
    found: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": volumes,
    }
    if image.pull_secrets:
        found["imagePullSecrets"] = [{"name": name} for name in image.pull_secrets]
    if settings.service_account_name:
        found["serviceAccountName"] = settings.service_account_name
    return found


def _container(
    meta: ObjectMeta, spec: EvaluationSpec, image: EvaluatorImage, mounts: list[Json]
) -> Manifest:
    """Return the evaluator's container, which writes nowhere but to its mounts."""
    container: Manifest = {
        "name": CONTAINER,
        "image": image.image,
        "imagePullPolicy": image.pull_policy,
        "args": [
            f"--termination-log={_TERMINATION_LOG}",
            f"--claim-root={_DATA}",
            f"--report-root={_REPORT}",
            *image.arguments,
        ],
        "env": _env(meta, spec, image),
        "terminationMessagePath": _TERMINATION_LOG,
        "terminationMessagePolicy": "File",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": mounts,
    }
    if secrets := _secrets(spec):
        container["envFrom"] = secrets
    return _handing_over(container, meta.uid) if spec.profile else container


def _env(meta: ObjectMeta, spec: EvaluationSpec, image: EvaluatorImage) -> list[Json]:
    """Return the variables: the operator's own last, since of two of a name the last counts."""
    ca = image.ca_bundle
    return [
        *_variables(dict(image.env)),
        *_variables({"SSL_CERT_FILE": f"{_CA}/{ca.key}"} if ca is not None else {}),
        *_variables(given.variables(spec)),
        # For its log. No pass' id is told: two renders of one Job are to be the same.
        *_variables(
            {
                "MLHOPS_EVALUATION_NAME": meta.name,
                "MLHOPS_EVALUATION_NAMESPACE": meta.namespace,
            }
        ),
    ]


def _resources(asked: Resources | None, default: Resources | None) -> Manifest:
    """Return what a model asks for; of a resource that it does not name the default's request and limit count."""
    own, usual = asked or Resources(), default or Resources()
    named = {*(own.requests or {}), *(own.limits or {})}
    both = (("requests", usual.requests, own.requests), ("limits", usual.limits, own.limits))
    found: Manifest = {}
    for kind, offered, stated in both:
        left = {name: amount for name, amount in (offered or {}).items() if name not in named}
        if amounts := {**left, **(stated or {})}:
            found[kind] = cast(Json, amounts)
    return found


def _variables(values: Mapping[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _handing_over(container: Manifest, uid: str) -> Manifest:
    """Return a container that hands a profile over at its pod's address; it is ready once it does."""
    pod_ip: Json = {"fieldRef": {"fieldPath": "status.podIP"}}
    return {
        **container,
        "args": [*cast(list[Json], container["args"]), "--profile-host=$(POD_IP)"],
        "env": [
            *cast(list[Json], container["env"]),
            {"name": "MLHOPS_EVALUATION_UID", "value": uid},
            {"name": "POD_IP", "valueFrom": pod_ip},
        ],
        "ports": [{"name": "profile", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": PORT}, "periodSeconds": 2},
    }


def _volumes(spec: EvaluationSpec, ca: CaBundle | None) -> tuple[list[Json], list[Json]]:
    """Return the pod's volumes and where they are mounted: only a report's claim can be written."""
    remote = spec.data.uri.startswith(_REMOTE)
    # The evaluator itself refuses what is larger, with a message; the limit is for its mistakes.
    scratch: Manifest = {"sizeLimit": str(MOST_BYTES + _SPARE)} if remote else {}
    volumes: list[Json] = [{"name": "tmp", "emptyDir": scratch}]
    mounts: list[Json] = [{"name": "tmp", "mountPath": _TMP}]
    data = _claim(spec.data.uri)
    report = _claim(spec.report.uri) if spec.report else None
    if data:
        volumes.append(_volume("data", data, read_only=data != report))
        mounts.append({"name": "data", "mountPath": _DATA, "readOnly": True})
    if report:
        # One claim twice in a pod would be mounted in two ways, which some drivers refuse.
        name = "data" if report == data else "report"
        if name == "report":
            volumes.append(_volume(name, report, read_only=False))
        mounts.append({"name": name, "mountPath": _REPORT})
    if ca is not None:
        volumes.append(ca.volume())
        mounts.append({"name": "ca", "mountPath": _CA, "readOnly": True})
    return volumes, mounts


def _volume(name: str, claim: str, *, read_only: bool) -> Json:
    source: Manifest = {"claimName": claim}
    return {
        "name": name,
        "persistentVolumeClaim": {**source, "readOnly": True} if read_only else source,
    }


def _claim(uri: str) -> str | None:
    return uri.removeprefix(_PVC).split("/", 1)[0] if uri.startswith(_PVC) else None


def _secrets(spec: EvaluationSpec) -> list[Json]:
    """Return where the credentials come from.

    The prefix keeps reading and writing apart, and a Secret from setting what Python or the linker
    read from the environment.
    """
    report = spec.report.secret_name if spec.report else None
    named = ((DATA_PREFIX, spec.data.secret_name), (REPORT_PREFIX, report))
    return [
        cast(Json, {"prefix": prefix, "secretRef": {"name": name, "optional": False}})
        for prefix, name in named
        if name
    ]
