"""Specs in which every field of the schema has a value, so that every one can be changed and removed.

Most have one in `BASE`; what only a model of a number has is in a spec of such a model.

Where the schema has a default, the value is another one: a removal is then a change as well.
"""

import copy
from typing import cast

from mlhops.api.base import Json, Manifest
from testkit.builders import DIGEST, FURTHER_CARD

SHARED, ELSEWHERE = "default", "campaign-elsewhere"
"""Namespaces with Gateways that all models may name."""
GATEWAYS = ("clinical", "clinicalx")
RUNTIMES = ("kserve-sklearnserver", "kserve-sklearnserverx")
"""The ClusterServingRuntimes that a model may name: there before it, since its record says how they name models."""
POLICIES = {"ward": "2h", "wardx": "6h"}
"""The windows of the MonitoringPolicies that a model may name, by their names."""

STEPS: list[Json] = [
    {
        "setWeight": 10,
        "evidence": {"minRequests": 0, "maxFailureRate": 0.1, "maxLatencyRatio": 4, "wait": "2h"},
    },
    {"pause": {"duration": "1s"}},
    {"evaluate": {}},
    {"approve": {}},
    {"observe": {"requests": 1, "duration": "1s"}},
]

_CARD: Manifest = {
    "intendedUse": "Warn of sepsis in adults on general wards",
    "users": "Nurses and doctors of the ward",
    "population": "Adults on general wards",
    "outOfScope": "Children and intensive care",
    "riskClass": "III",
    "owner": "clinical-ml",
    "clinicalOwner": "Head of infectious diseases",
    "label": {"definition": "Sepsis-3 within 24 hours", "proxy": True},
    "trainingData": "Admissions of five years",
    "limitations": ["Not tested in pregnancy"],
    "references": ["Internal report 12"],
    "regulatory": {"status": "Research use only", "pccpReference": "PCCP-1"},
    **FURTHER_CARD,
}

_PREDICTOR: Manifest = {
    "modelFormat": {"name": "sklearn", "version": "1"},
    "storageUri": "s3://models/sepsis/1.0.0",
    "runtime": RUNTIMES[0],
    "protocolVersion": "v1",
    "digest": DIGEST,
    "args": ["--workers=1"],
    "env": [
        {"name": "TZ", "value": "UTC"},
        {
            "name": "TOKEN",
            "valueFrom": {"secretKeyRef": {"name": "terms", "key": "token", "optional": True}},
        },
        {
            "name": "REGION",
            "valueFrom": {"configMapKeyRef": {"name": "site", "key": "region", "optional": True}},
        },
    ],
    "envFrom": [
        {"prefix": "TERMS_", "secretRef": {"name": "terms", "optional": True}},
        {"configMapRef": {"name": "site", "optional": True}},
    ],
    "imagePullSecrets": [{"name": "registry"}],
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
        "seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/model.json"},
    },
    "podSecurityContext": {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 2000,
        "fsGroupChangePolicy": "OnRootMismatch",
        "supplementalGroups": [3000],
        "seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/pod.json"},
    },
    "volumes": [
        {
            "name": "terms",
            "mountPath": "/etc/terms",
            "subPath": "icd",
            "configMap": {"name": "terms"},
        },
        {"name": "keys", "mountPath": "/etc/keys", "secret": {"secretName": "keys"}},
        {
            "name": "atlas",
            "mountPath": "/atlas",
            "persistentVolumeClaim": {"claimName": "atlas"},
        },
    ],
    "runtimeClassName": "nvidia",
    "priorityClassName": "clinical",
    "affinity": {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "preference": {
                        "matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]
                    },
                }
            ]
        },
        "podAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {}},
                }
            ]
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {"topologyKey": "host", "labelSelector": {}},
                }
            ]
        },
    },
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": 2}},
    "serviceAccountName": "reader",
    "minReplicas": 2,
    "maxReplicas": 3,
    "scaleMetric": "cpu",
    "scaleTarget": 70,
    "nodeSelector": {"pool": "models"},
    "tolerations": [
        {
            "key": "models",
            "operator": "Equal",
            "value": "only",
            "effect": "NoExecute",
            "tolerationSeconds": 60,
        },
        {"key": "spot", "operator": "Exists", "effect": "NoSchedule"},
    ],
    "labels": {"ward": "general"},
    "annotations": {"example.org/note": "first"},
}

_INTERFACE: Manifest = {
    "features": [
        {
            "name": "age",
            "type": "Numeric",
            "unit": "a",
            "range": {"min": 18, "max": 120},
            "required": True,
            "description": "Age at admission",
            "datatype": "FP32",
        },
        {"name": "lactate", "unit": "mmol/L"},
        {"name": "sex", "type": "Categorical", "categories": ["F", "M"]},
        {
            "name": "admitted",
            "date": {"since": "2020-01-01", "unit": "Days", "sentAs": "Number"},
        },
    ],
    "request": {"encoding": "Matrix", "name": "float_input", "datatype": "FP32"},
    "output": {
        "name": "risk",
        "type": "Score",
        "positiveClass": "yes",
        "classes": ["no", "yes"],
        "datatype": "FP64",
        "threshold": 0.4,
    },
    "groups": [
        {"name": "sex", "feature": "sex", "values": ["F", "M"]},
        {"name": "ageBand", "feature": "age", "bins": [40, 65]},
        {"name": "era", "feature": "admitted", "dateBins": ["2021-01-01", "2023-01-01"]},
        {"name": "site", "header": "X-Site"},
    ],
}

_EVALUATION: Manifest = {
    "data": {
        "uri": "s3://held-out/sepsis.csv",
        "endpoint": "https://minio.storage.svc:9000",
        "region": "eu-central-1",
        "secretName": "reader",
        "format": "csv",
        "csv": {"delimiter": "|", "decimal": ".", "encoding": "ISO-8859-1", "comment": "#"},
        "labelColumn": "sepsis",
        "idColumn": "stay",
        "digest": DIGEST,
    },
    "report": {
        "uri": "s3://reports/sepsis",
        "endpoint": "https://minio.storage.svc:9000",
        "region": "eu-central-1",
        "secretName": "writer",
    },
    "gates": [
        {
            "name": "equal-misses",
            "type": "Fairness",
            "metric": "FalseNegativeRate",
            "across": {"groups": ["sex"], "intersections": [["sex", "ageBand"]]},
            "comparison": "Ratio",
            "against": "Best",
            "limit": 0.1,
            "assurance": "NotRefuted",
            "confidence": 0.9,
            "minPositives": 30,
            "minNegatives": 30,
            "minRows": 50,
            "required": True,
            "primary": True,
        },
        {
            "name": "equal-alarms",
            "type": "Fairness",
            "metric": "FalsePositiveRate",
            "across": {"groups": ["sex", "ageBand"]},
            "against": "Reference",
            "reference": [
                {"group": "sex", "value": "M"},
                {"group": "ageBand", "value": "40-65"},
            ],
            "limit": 0.2,
            "required": False,
        },
        {
            "name": "ranks-well",
            "type": "Performance",
            "metric": "AUROC",
            "limit": 0.7,
            "nonInferiority": {"margin": 0.05},
            "required": False,
        },
    ],
    "seed": 7,
    "minCellSize": 12,
    "deadline": "20m",
    "serviceAccountName": "reader",
    "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}},
    "every": "30d",
    "onStableFailure": "Restore",
}

_EXPOSURE: Manifest = {
    "mode": "Standard",
    "gateway": {
        "name": "clinical",
        "namespace": SHARED,
        "hostnames": ["sepsis.models.example", "sepsis.ward.example"],
    },
    "paths": [{"type": "PathPrefix", "value": "/v2/health", "method": "GET"}],
    "responseHeaders": "Off",
}

_ROLLOUT: Manifest = {
    "steps": STEPS,
    "progressDeadline": "15m",
    "onFailure": "Pause",
    "keepPrevious": "0s",
    "paused": False,
    "evidence": {"minRequests": 0, "maxFailureRate": 0.1, "maxLatencyRatio": 4, "wait": "2h"},
}

BASE: Manifest = {
    "version": "1.0.0",
    "card": _CARD,
    "predictor": _PREDICTOR,
    "interface": _INTERFACE,
    "exposure": _EXPOSURE,
    "evaluation": _EVALUATION,
    "rollout": _ROLLOUT,
    "monitoring": {"policyRef": {"name": "ward"}, "sidecar": "On"},
}


NUMERIC = ("interface.task", "interface.output.unit", "interface.output.range", "tolerance")
"""Beginnings or ends of the leaves that only a model of a number has."""
NUMERIC_OUTPUT: Manifest = {
    "name": "stay",
    "type": "Value",
    "unit": "d",
    "range": {"min": 0, "max": 365},
}
NUMERIC_GATES: list[Json] = [
    {
        "name": "equal-errors",
        "type": "Fairness",
        "metric": "WithinTolerance",
        "tolerance": 2,
        "across": {"groups": ["sex"]},
        "limit": 0.1,
    },
]


def is_numeric(leaf: str) -> bool:
    """Whether only a model of a number has a leaf."""
    return leaf.startswith(NUMERIC) or leaf.endswith(NUMERIC)


def base(*, steps: bool, numeric: bool = False) -> Manifest:
    """The spec to begin with; steps take time, so they are there only where they matter.

    Args:
        steps: whether it has steps.
        numeric: whether it is of a model of a number.
    """
    spec = copy.deepcopy(BASE)
    if numeric:
        interface, evaluation = (
            cast(Manifest, spec["interface"]),
            cast(Manifest, spec["evaluation"]),
        )
        interface |= {"task": "Regression", "output": copy.deepcopy(NUMERIC_OUTPUT)}
        evaluation["gates"] = copy.deepcopy(NUMERIC_GATES)
    if not steps:
        cast(Manifest, spec["rollout"])["steps"] = []
    return spec
