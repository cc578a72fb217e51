"""The model server in KServe's own terms, refused here where KServe would stay silent."""

from typing import Annotated, Literal

from pydantic import Field

from mlhops.api.base import Digest, ObjectName, Resource, list_map, matching, rules
from mlhops.api.pod import (
    Affinity,
    EnvFrom,
    EnvSource,
    PodSecurityContext,
    PullSecret,
    SecurityContext,
    Volumes,
)

_REMOTE = "s3|gs|https?|hdfs|webhdfs|oci|hf"
_VOLUME = r"^pvc://[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[^/]"
_VARIABLE = "^[-._A-Za-z][-._A-Za-z0-9]*$"
_QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|"
    r"([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
_RESERVED_KEYS = (
    "self.all(k, !k.startsWith('mlhops.io/') && !k.startsWith('internal.serving.kserve.io/'))",
    (
        "mlhops.io/ and internal.serving.kserve.io/ belong to the operator and to KServe: remove "
        "such keys"
    ),
)


class ModelFormat(Resource):
    """KServe's model format."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """The format, such as `sklearn`, `xgboost`, `onnx` or `mlflow`."""
    version: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """The format's version, where the runtime asks for one."""


class EnvVar(
    Resource,
    json_schema_extra=rules(
        (
            "!has(self.value) || self.value == '' || !has(self.valueFrom)",
            "a variable has value or valueFrom: remove one of them",
            ".valueFrom",
        ),
    ),
):
    """An environment variable of the model server."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            pattern=_VARIABLE,
            json_schema_extra=matching(
                _VARIABLE,
                (
                    "the name of a variable has only letters, digits, _, - and ., and does not "
                    "begin with a digit"
                ),
            ),
        ),
    ]
    """The variable's name."""
    value: Annotated[str, Field(max_length=4096)] = ""
    """Its value; for what is secret use valueFrom or serviceAccountName."""
    value_from: EnvSource | None = None
    """Where its value comes from, in place of value."""


Quantity = Annotated[
    int | str,
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "maxLength": 32,
            "pattern": _QUANTITY,
        }
    ),
]

Amounts = Annotated[
    dict[str, Quantity],
    Field(
        max_length=16,
        json_schema_extra=rules(
            (
                (
                    "self.all(k, k in ['cpu', 'memory', 'ephemeral-storage'] || "
                    "k.startsWith('hugepages-') "
                    "|| k.matches('^[a-z0-9.-]+/[A-Za-z0-9._-]+$'))"
                ),
                (
                    "a resource is cpu, memory, ephemeral-storage, hugepages-<size> or "
                    "<domain>/<name>, "
                    "such as nvidia.com/gpu"
                ),
            ),
            (
                (
                    "self.all(k, type(self[k]) == int ? self[k] >= 0 : "
                    "(isQuantity(self[k]) && !self[k].startsWith('-')))"
                ),
                (
                    "a quantity is a number of at least 0 with an optional unit: write it like "
                    "500m, 2 or 4Gi"
                ),
            ),
        ),
    ),
]


class Resources(
    Resource,
    json_schema_extra=rules(
        (
            (
                "!has(self.requests) || !has(self.limits) || "
                "self.requests.all(k, !(k in self.limits) || "
                "quantity(string(self.requests[k]))"
                ".compareTo(quantity(string(self.limits[k]))) <= 0)"
            ),
            "requests must not be more than limits: raise the limit or lower the request",
            ".requests",
        ),
        (
            (
                "!has(self.requests) || self.requests.all(k, !k.contains('/') || "
                "(has(self.limits) && k in self.limits && quantity(string(self.requests[k]))"
                ".compareTo(quantity(string(self.limits[k]))) == 0))"
            ),
            (
                "no pod can have a device such as nvidia.com/gpu without a limit that equals the "
                "request: set it in limits, and leave it out of requests"
            ),
            ".requests",
        ),
        (
            (
                "!has(self.limits) || self.limits.all(k, !k.contains('/') || "
                "quantity(string(self.limits[k])).isInteger())"
            ),
            "a device such as nvidia.com/gpu is given whole: write its limit as a whole number",
            ".limits",
        ),
    ),
):
    """Kubernetes' resource requests and limits."""

    requests: Amounts | None = None
    """What is reserved."""
    limits: Amounts | None = None
    """What is the most that can be used."""


class Toleration(
    Resource,
    json_schema_extra=rules(
        (
            "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
            "operator Exists takes no value: remove value, or set operator to Equal",
            ".value",
        ),
        (
            "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
            "without key all taints are tolerated: say so with operator Exists, or set key",
            ".key",
        ),
        (
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds is for effect NoExecute: set that, or remove tolerationSeconds",
            ".tolerationSeconds",
        ),
    ),
):
    """Kubernetes' toleration."""

    key: Annotated[str, Field(min_length=1, max_length=316)] | None = None
    """The taint's key; any where it is left out."""
    operator: Literal["Exists", "Equal"] | None = None
    """Equal, the default, compares the value as well."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """The taint's value."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; any where it is left out."""
    toleration_seconds: int | None = None
    """How long a NoExecute taint is tolerated; for ever where it is left out."""


_LABELS = (
    (
        "self.all(k, !format.qualifiedName().validate(k).hasValue() && "
        "!format.labelValue().validate(self[k]).hasValue())"
    ),
    (
        "a label is [<domain>/]<name>: <value>, each of letters, digits, -, _ and ., "
        "at most 63 of them"
    ),
)
PodLabels = Annotated[
    dict[str, Annotated[str, Field(max_length=63)]],
    Field(
        max_length=32,
        json_schema_extra=rules(
            _LABELS,
            _RESERVED_KEYS,
        ),
    ),
]
PodAnnotations = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]],
    Field(
        max_length=32,
        json_schema_extra=rules(
            (
                "self.all(k, !format.qualifiedName().validate(k.lowerAscii()).hasValue())",
                (
                    "the key of an annotation is [<domain>/]<name>, each of letters, digits, -, _ "
                    "and ."
                ),
            ),
            _RESERVED_KEYS,
        ),
    ),
]
NodeLabels = Annotated[
    dict[str, Annotated[str, Field(max_length=63)]],
    Field(
        max_length=32,
        json_schema_extra=rules(
            _LABELS,
        ),
    ),
]


class Predictor(
    Resource,
    json_schema_extra=rules(
        (
            "!has(self.maxReplicas) || self.maxReplicas >= self.minReplicas",
            "maxReplicas must be at least minReplicas: raise it or lower minReplicas",
            ".maxReplicas",
        ),
        (
            "!has(self.scaleTarget) || has(self.scaleMetric)",
            "scaleTarget needs scaleMetric: say what is scaled on",
            ".scaleMetric",
        ),
        (
            "!has(self.scaleMetric) || self.scaleMetric in ['cpu', 'memory']",
            (
                "in mode Standard KServe scales on cpu or memory, and on cpu at 80 % in place of "
                "anything else: set scaleMetric to cpu or memory"
            ),
            ".scaleMetric",
        ),
        (
            "!has(self.scaleMetric) || self.scaleMetric != 'memory' || has(self.scaleTarget)",
            (
                "scaleMetric memory needs scaleTarget: without it KServe scales on cpu at 80 %, so "
                "set it"
            ),
            ".scaleTarget",
        ),
        (
            "!has(self.env) || self.env.all(e, e.name != 'PYTHONPATH')",
            "env must not set PYTHONPATH: KServe refuses it, so remove it",
            ".env",
        ),
        (
            "!has(self.env) || self.env.all(e, e.name != 'MLSERVER_MODEL_NAME')",
            (
                "env must not set MLSERVER_MODEL_NAME: the operator sets it to the model's name "
                "where the server takes it, so remove it"
            ),
            ".env",
        ),
        (
            "!has(self.args) || !self.args.exists(a, a.matches('^--(model[_-]n|http)'))",
            (
                "args must not set --model_name or --http_port: the operator and KServe set them, "
                "so remove them"
            ),
            ".args",
        ),
    ),
):
    """The model server, in KServe's own terms."""

    model_format: ModelFormat
    """What kind of artefact it is."""
    storage_uri: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            json_schema_extra=rules(
                (
                    f"self.startsWith('pvc://') || self.matches('^({_REMOTE})://[^/]')",
                    (
                        "storageUri must begin with s3://, gs://, pvc://, https://, http://, "
                        "hdfs://, "
                        "webhdfs://, oci:// or hf://: KServe reports no error for a scheme "
                        "that it does "
                        "not know"
                    ),
                ),
                (
                    (
                        "!self.startsWith('pvc://') || "
                        f"(self.matches(r'{_VOLUME}') && self.matches('^pvc://[^/]{{1,253}}/'))"
                    ),
                    (
                        "an artefact on a volume is pvc://<claim>/<path>, and the name of a claim "
                        "has only a-z, 0-9, - and .: write it like pvc://models/sepsis/1"
                    ),
                ),
                (
                    "!self.matches(r'[\\s[:cntrl:]]')",
                    (
                        "storageUri must not have blanks or control characters: write them "
                        "percent-encoded"
                    ),
                ),
            ),
        ),
    ]
    """Where the artefact lies; a scheme that KServe supports."""
    runtime: ObjectName | None = None
    """The ServingRuntime or ClusterServingRuntime; without it the one that KServe would choose, which
    is named in the InferenceService."""
    protocol_version: Literal["v1", "v2"] = "v2"
    """KServe's inference protocol."""
    digest: Digest | None = None
    """The artefact's sha256. A new digest is a new revision; fetching and verifying is the
    storage's part."""
    args: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=64)] = []
    """Arguments for the model server, after those of its runtime."""
    env: Annotated[
        list[EnvVar], Field(max_length=64, json_schema_extra=list_map("name", "env"))
    ] = []
    """Environment variables for the model server."""
    env_from: Annotated[list[EnvFrom], Field(max_length=16)] = []
    """Objects whose keys are environment variables of the model server."""
    resources: Resources | None = None
    """What the model server may use of a node."""
    service_account_name: ObjectName | None = None
    """The ServiceAccount whose credentials fetch the artefact."""
    min_replicas: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            json_schema_extra=rules(
                (
                    "self >= 1",
                    "minReplicas must be at least 1: the model has to answer at any time",
                )
            ),
        ),
    ] = 1
    """The least number of pods. A new revision gets all requests only when so many of its pods are ready."""
    max_replicas: (
        Annotated[
            int,
            Field(
                ge=1,
                le=1000,
                json_schema_extra=rules(
                    (
                        "self >= 1",
                        "maxReplicas must be at least 1: raise it, or leave it out",
                    )
                ),
            ),
        ]
        | None
    ) = None
    """The greatest number of pods, where the model is scaled."""
    scale_metric: Literal["cpu", "memory", "concurrency", "rps"] | None = None
    """What is scaled on: `cpu` or `memory`. In mode Standard nothing else can be."""
    scale_target: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """The value of scaleMetric for each pod that scaling aims at."""
    image_pull_secrets: Annotated[
        list[PullSecret],
        Field(max_length=16, json_schema_extra=list_map("name", "imagePullSecrets")),
    ] = []
    """Secrets with which the pods' images are pulled, besides those of the runtime and of the operator."""
    security_context: SecurityContext | None = None
    """What the model server's container may do; what is left out is as its runtime has it."""
    pod_security_context: PodSecurityContext | None = None
    """What the pods may do."""
    volumes: Volumes = []
    """Files that the model server may read, besides its artefact."""
    runtime_class_name: ObjectName | None = None
    """The RuntimeClass of the pods, such as that of GPU nodes."""
    priority_class_name: ObjectName | None = None
    """The PriorityClass of the pods."""
    affinity: Affinity | None = None
    """Where the pods may run."""
    node_selector: NodeLabels = {}
    """Labels of the nodes on which the pods may run."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = []
    """Taints of nodes that the pods tolerate."""
    labels: PodLabels = {}
    """Labels of the model's pods."""
    annotations: PodAnnotations = {}
    """Annotations of the model's pods."""
