"""Good objects: what the server must fill in, and all that it must let through."""

from mlhops.api.base import Json, Manifest
from testkit.builders import (
    DIGEST,
    FURTHER_CARD,
    at_path,
    clinical_model,
    clinical_standard,
    decision,
    evaluation,
    monitoring_policy,
    multiclass_model,
    override,
    regression_model,
    without,
)
from testkit.documents import documented, documented_objects, examples

_INTERFACE: Manifest = {
    "task": "Binary",
    "features": [
        {"name": "age", "type": "Numeric", "required": False},
        {
            "name": "lactate",
            "type": "Numeric",
            "unit": "mmol/L",
            "range": {"min": 0, "max": 30},
            "required": False,
        },
        {"name": "sex", "type": "Categorical", "categories": ["F", "M"], "required": False},
    ],
    "output": {
        "name": "probability",
        "type": "Probability",
        "positiveClass": "1",
        "threshold": 0.4,
    },
    "groups": [
        {"name": "sex", "feature": "sex"},
        {"name": "ageBand", "feature": "age", "bins": [40, 65]},
    ],
}
_DATA: Manifest = {
    "uri": "pvc://held-out/sepsis.parquet",
    "format": "parquet",
    "labelColumn": "sepsis",
}
_GATE: Manifest = {
    "name": "equal-misses",
    "type": "Fairness",
    "metric": "FalseNegativeRate",
    "across": {"groups": ["sex"], "intersections": [["sex", "ageBand"]]},
    "limit": 0.1,
    "assurance": "Proven",
    "confidence": 0.95,
    "minPositives": 20,
    "minNegatives": 20,
    "required": True,
    "primary": False,
}

DEFAULTED: dict[str, tuple[Manifest, Manifest]] = {
    "ClinicalModel": (
        clinical_model(),
        {
            "version": "1.0.0",
            "card": {
                "intendedUse": "Warn of sepsis in adults on general wards",
                "riskClass": "III",
                "owner": "clinical-ml",
                "limitations": [],
                "references": [],
                "stakeholders": [],
                "sensitiveInputs": [],
                "citations": [],
            },
            "predictor": {
                "modelFormat": {"name": "sklearn"},
                "storageUri": "s3://models/sepsis/1",
                "protocolVersion": "v2",
                "args": [],
                "env": [],
                "envFrom": [],
                "imagePullSecrets": [],
                "volumes": [],
                "minReplicas": 1,
                "nodeSelector": {},
                "tolerations": [],
                "labels": {},
                "annotations": {},
            },
            "interface": _INTERFACE,
            "exposure": {
                "mode": "Standard",
                "gateway": {"name": "clinical", "hostnames": ["sepsis.models.example"]},
                "paths": [],
                "responseHeaders": "On",
            },
            "evaluation": {
                "data": _DATA,
                "gates": [_GATE],
                "seed": 20,
                "minCellSize": 10,
                "deadline": "30m",
                "onStableFailure": "Alert",
            },
            "rollout": {
                "steps": [{"setWeight": 10}, {"pause": {}}],
                "progressDeadline": "10m",
                "onFailure": "Rollback",
                "keepPrevious": "7d",
                "paused": False,
                "evidence": {
                    "minRequests": 0,
                    "maxFailureRate": 0.05,
                    "maxLatencyRatio": 3,
                    "wait": "1h",
                },
            },
        },
    ),
    "Evaluation": (
        evaluation(),
        {
            "model": "sepsis",
            "revision": "6b86b273ff",
            "version": "1.0.0",
            "endpoint": "http://sepsis-6b86b273ff-predictor.default.svc.cluster.local",
            "protocolVersion": "v2",
            "interface": _INTERFACE,
            "data": _DATA,
            "gates": [_GATE],
            "seed": 0,
            "minCellSize": 10,
            "profile": False,
            "server": [],
        },
    ),
    "Decision": (
        decision(),
        {
            "model": "sepsis",
            "revision": "6b86b273ff",
            "action": "Approve",
            "reason": "Reviewed with the ward",
            "decidedBy": "ada@hospital.example",
        },
    ),
    "MonitoringPolicy": (
        monitoring_policy({"spec.actions": [{"name": "a", "type": "Notify", "when": ["Drift"]}]}),
        {
            "drift": {
                "engine": "Native",
                "windows": [{"name": "hour", "length": "1h", "mode": "Sliding"}],
                "numeric": ["KS"],
                "categorical": ["ChiSquare"],
                "joint": True,
                "effects": {
                    "KS": 0.1,
                    "CVM": 0.05,
                    "ChiSquare": 0.1,
                    "PSI": 0.2,
                    "JensenShannon": 0.1,
                    "Wasserstein": 0.2,
                    "MMD": 0.05,
                    "Classifier": 0.1,
                },
                "minRows": 100,
                "correction": "Bonferroni",
                "falseAlarms": {"atMost": 1, "per": "30d"},
                "for": {"atLeast": 1, "of": 1},
                "every": "1m",
            },
            "dataQuality": {
                "missing": 0.05,
                "typeErrors": 0.01,
                "outOfRange": 0.05,
                "unseenCategories": 0.01,
                "requests": 0.01,
            },
            "candidate": {
                "scoreShift": 0.2,
                "errorRate": 0.02,
                "latencyRatio": 2.0,
                "minRows": 50,
            },
            "actions": [{"name": "a", "type": "Notify", "when": ["Drift"], "cooldown": "6h"}],
            "privacy": {"minCellSize": 10},
        },
    ),
    "ClinicalStandard": (
        clinical_standard({"spec.gates": [{"name": "g", "type": "Latency", "metrics": ["P99"]}]}),
        {
            "appliesTo": {"riskClasses": ["III", "IV"]},
            "gates": [
                {
                    "name": "g",
                    "type": "Latency",
                    "metrics": ["P99"],
                    "groups": [],
                    "intersections": [],
                    "assurance": "NotRefuted",
                }
            ],
            "data": {"digest": False, "uriPrefixes": []},
            "rollout": {},
            "overrides": {"failed": "Allowed"},
            "monitoring": {"policy": False, "sidecar": False},
            "card": {"required": [], "riskClasses": []},
        },
    ),
}

EVERYTHING = clinical_model(
    {
        "spec.card": {
            "intendedUse": "Warn of sepsis",
            "users": "Nurses",
            "population": "Adults",
            "outOfScope": "Children",
            "riskClass": "IV",
            "owner": "clinical-ml",
            "clinicalOwner": "Dr Ada",
            "label": {"definition": "Sepsis-3 within 24 h", "proxy": True},
            "trainingData": "2015 to 2020, two hospitals",
            "limitations": ["Few people over 90"],
            "references": ["doi:10.1000/1"],
            "regulatory": {"status": "Cleared", "pccpReference": "PCCP-7"},
            **FURTHER_CARD,
        },
        "spec.predictor": {
            "modelFormat": {"name": "sklearn", "version": "1"},
            "storageUri": "s3://models/sepsis/1",
            "runtime": "kserve-sklearnserver",
            "protocolVersion": "v1",
            "digest": DIGEST,
            "args": ["--workers=2"],
            "env": [
                {"name": "OMP_NUM_THREADS", "value": "1"},
                {"name": "my.option-1"},
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "terms", "key": "a.b_c"}}},
                {
                    "name": "B",
                    "valueFrom": {
                        "configMapKeyRef": {"name": "site", "key": "b", "optional": True}
                    },
                },
            ],
            "envFrom": [
                {"prefix": "T_", "secretRef": {"name": "terms", "optional": False}},
                {"configMapRef": {"name": "site"}},
            ],
            "imagePullSecrets": [{"name": "registry"}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 0,
                "runAsGroup": 2**31 - 1,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": False,
                "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
                "seccompProfile": {"type": "Localhost", "localhostProfile": "a/b.json"},
            },
            "podSecurityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "runAsGroup": 1000,
                "fsGroup": 1000,
                "fsGroupChangePolicy": "OnRootMismatch",
                "supplementalGroups": [1, 2],
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": [
                {
                    "name": "terms",
                    "mountPath": "/etc/terms",
                    "subPath": "a/..b",
                    "configMap": {"name": "terms"},
                },
                {"name": "keys", "mountPath": "/keys", "secret": {"secretName": "keys"}},
                {
                    "name": "atlas",
                    "mountPath": "/mnt/atlas.v1",
                    "persistentVolumeClaim": {"claimName": "atlas"},
                },
            ],
            "runtimeClassName": "nvidia",
            "priorityClassName": "clinical",
            "affinity": {"nodeAffinity": {}, "podAffinity": {"a": [1]}, "podAntiAffinity": {}},
            "resources": {
                "requests": {"cpu": "500m", "memory": "1Gi", "nvidia.com/gpu": "1"},
                "limits": {"cpu": 1, "memory": "1024Mi", "nvidia.com/gpu": 1, "hugepages-2Mi": 0},
            },
            "serviceAccountName": "artefact-reader",
            "minReplicas": 2,
            "maxReplicas": 2,
            "scaleMetric": "memory",
            "scaleTarget": 2**31 - 1,
            "nodeSelector": {"kubernetes.io/arch": "amd64"},
            "tolerations": [
                {"operator": "Exists"},
                {"key": "gpu", "operator": "Equal", "value": "a100", "effect": "NoSchedule"},
                {"key": "gpu", "effect": "NoExecute", "tolerationSeconds": 60},
            ],
            "labels": {"ward": "", "example.com/team": "Clinical_ML.1"},
            "annotations": {
                "Example.com/Note": "free text: / any",
                "sidecar.istio.io/inject": "no",
            },
        },
        "spec.interface.features.0": {
            "name": "age",
            "type": "Numeric",
            "unit": "a",
            "range": {"min": -0.5, "max": 130},
            "required": True,
            "description": "In years",
            "datatype": "FP32",
        },
        "spec.interface.request": {
            "encoding": "Matrix",
            "name": "serving_default_x:0",
            "datatype": "FP32",
        },
        "spec.interface.output": {
            "type": "Probability",
            "positiveClass": "died",
            "classes": ["alive", "died"],
            "datatype": "FP64",
            "threshold": 0.4,
        },
        "spec.interface.groups.-": {"name": "race", "header": "X-Race", "values": ["a", "b"]},
        "spec.exposure": {
            "mode": "Standard",
            "gateway": {
                "name": "clinical",
                "namespace": "gateways",
                "hostnames": ["sepsis.models.example", "*.hospital.example"],
            },
            "paths": [
                {
                    "type": "Exact",
                    "value": "/v2/models/sepsis/versions/1.0/infer",
                    "method": "POST",
                },
                {"type": "PathPrefix", "value": "/v2/health"},
                {"value": "/a~b/%C3%A4!$&()*+,;=:@...d"},
                {"type": "PathPrefix", "value": "/"},
            ],
            "responseHeaders": "Off",
        },
        "spec.evaluation.data": {
            "uri": "s3://bucket/a folder/sepsis.csv",
            "endpoint": "https://minio.example:9000",
            "region": "eu-central-1",
            "secretName": "held-out-reader",
            "format": "csv",
            "csv": {"delimiter": "\t", "decimal": ",", "encoding": "Windows-1252", "comment": "//"},
            "labelColumn": "died within 30 d",
            "idColumn": "id",
            "digest": DIGEST,
        },
        "spec.evaluation.gates": [
            {
                "name": "equal-misses",
                "type": "Fairness",
                "metric": "FalseNegativeRate",
                "across": {"groups": ["sex"], "intersections": [["sex", "ageBand"]]},
                "comparison": "Ratio",
                "against": "Reference",
                "reference": [
                    {"group": "sex", "value": "M"},
                    {"group": "ageBand", "value": "40-65"},
                ],
                "limit": 0.8,
                "primary": True,
            },
            {
                "name": "ranks-well",
                "type": "Performance",
                "metric": "AUROC",
                "across": {"groups": ["sex"]},
                "limit": 1,
                "nonInferiority": {"margin": 0.02},
                "assurance": "NotRefuted",
                "confidence": 0.5,
                "minPositives": 1,
                "minNegatives": 10**9,
                "required": False,
            },
            {"name": "quick", "type": "Latency", "metric": "P99", "limit": 3600},
        ],
        "spec.evaluation.seed": 2**31 - 1,
        "spec.evaluation.minCellSize": 1,
        "spec.evaluation.deadline": "1h30m",
        "spec.evaluation.serviceAccountName": "reader",
        "spec.evaluation.resources": {"limits": {"memory": "2e9"}},
        "spec.evaluation.report": {
            "uri": "s3://reports/sepsis",
            "endpoint": "http://minio.example",
            "region": "us-east-1",
            "secretName": "report-writer",
        },
        "spec.rollout": {
            "steps": [
                {"setWeight": 0},
                {"pause": {"duration": "90s"}},
                {"setWeight": 10},
                {"evaluate": {}},
                {"approve": {}},
                {"setWeight": 10},
                {"pause": {}},
                {"setWeight": 100},
            ],
            "progressDeadline": "1s",
            "onFailure": "Pause",
            "keepPrevious": "0s",
            "paused": True,
        },
        "spec.monitoring": {"policyRef": {"name": "ward"}},
    }
)


STANDARD = clinical_standard(
    {
        "spec.appliesTo.namespaceSelector": {
            "matchLabels": {"example.org/use": "patients"},
            "matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["sandbox"]},
                {"key": "team", "operator": "Exists"},
            ],
        },
        "spec.gates": [
            {
                "name": "equal-misses",
                "type": "Fairness",
                "metrics": ["FalseNegativeRate", "EqualizedOdds"],
                "groups": ["sex"],
                "intersections": [["sex", "ageBand"]],
                "comparison": "Difference",
                "against": "Rest",
                "limit": 0.1,
                "assurance": "Proven",
                "confidence": 0.95,
                "minPositives": 30,
                "minNegatives": 30,
            },
            {"name": "ranks", "type": "Performance", "metrics": ["AUROC"], "limit": 0.7},
            {
                "name": "no-worse",
                "type": "Performance",
                "metrics": ["AUROC", "Brier"],
                "groups": ["sex"],
                "margin": 0.02,
            },
            {"name": "in-time", "type": "Latency", "metrics": ["P99"], "limit": 2},
        ],
        "spec.data": {"digest": True, "uriPrefixes": ["pvc://held-out/"], "minCellSize": 10},
        "spec.rollout": {"maxFirstWeight": 10, "minPause": "24h", "minRequests": 100},
        "spec.overrides": {"longest": "7d", "failed": "Refused"},
        "spec.monitoring": {"policy": True, "sidecar": True, "evaluateEvery": "7d"},
        "spec.card": {"required": ["users", "outOfScope"], "riskClasses": ["III", "IV"]},
    }
)


POLICY = monitoring_policy(
    {
        "spec.drift": {
            "windows": [
                {"name": "hour", "length": "1h"},
                {"name": "week", "length": "7d", "mode": "Cumulative"},
            ],
            "numeric": ["KS", "Wasserstein"],
            "categorical": ["ChiSquare", "PSI"],
            "joint": False,
            "effects": {"KS": 0.15, "PSI": 0.25},
            "minRows": 200,
            "correction": "BenjaminiHochberg",
            "falseAlarms": {"atMost": 2, "per": "90d"},
            "for": {"atLeast": 2, "of": 3},
            "every": "10s",
        },
        "spec.dataQuality": {"missing": 0.1, "typeErrors": 0, "outOfRange": 1, "requests": 0.2},
        "spec.candidate": {"scoreShift": 0.1, "errorRate": 0.01, "latencyRatio": 1.5},
        "spec.privacy.minCellSize": 20,
        "spec.actions": [
            {
                "name": "tell",
                "type": "Notify",
                "when": ["Drift", "DataQuality", "Candidate"],
                "cooldown": "1h",
                "notify": {"sink": "https://alerts.example:8443/mlhops?ward=7"},
            },
            {"name": "hold", "type": "PauseRollout", "when": ["Drift", "DataQuality"]},
            {"name": "back", "type": "Rollback", "when": ["Candidate"]},
            {
                "name": "retrain",
                "type": "Retrain",
                "when": ["Drift"],
                "cooldown": "7d",
                "retrain": {
                    "template": {
                        "backoffLimit": 1,
                        "template": {
                            "metadata": {"labels": {"team": "ml"}},
                            "spec": {
                                "restartPolicy": "Never",
                                "containers": [{"name": "train", "image": "trainer:1"}],
                            },
                        },
                    },
                    "limit": {"atMost": 2, "per": "60d"},
                },
            },
        ],
    }
)


def _largest(width: int) -> Manifest:
    """As many of everything as the schema allows: the rules must not run out of their budget."""
    features: list[Json] = [
        {"name": f"f{n}".ljust(253, "ü"), "datatype": "UINT16"} for n in range(width)
    ]
    classes: list[Json] = [*(f"{n}".rjust(63, "c") for n in range(63)), "c" * 63]
    groups: list[Json] = [
        {"name": f"g{n}".ljust(63, "x"), "feature": "f".ljust(253, "ü"), "bins": [*range(32)]}
        for n in range(16)
    ]
    names = [f"g{n}".ljust(63, "x") for n in range(16)]
    across: Manifest = {
        "groups": [*names],
        "intersections": [[names[(n + k) % 16] for k in range(4)] for n in range(16)],
    }
    gate = at_path(clinical_model(), "spec.evaluation.gates.0")
    assert isinstance(gate, dict)
    most: Manifest = {
        "across": across,
        "against": "Reference",
        "reference": [{"group": name, "value": "v" * 63} for name in names],
    }
    gates: list[Json] = [{**gate, **most, "name": f"g{n}", "primary": n == 31} for n in range(32)]
    pairs: dict[str, Json] = {f"example.com/{n}".ljust(60, "x"): "v" * 63 for n in range(32)}
    return clinical_model(
        {
            "spec.card.limitations": ["x" * 4096] * 32,
            "spec.predictor.storageUri": "s3://models/".ljust(1024, "x"),
            "spec.predictor.env": [
                {"name": f"A{n}".ljust(253, "x"), "value": "v" * 4096} for n in range(64)
            ],
            "spec.predictor.envFrom": [
                {"prefix": "P" * 63, "secretRef": {"name": "s" * 253}} for _ in range(16)
            ],
            "spec.predictor.volumes": [
                {
                    "name": f"v{n}".ljust(63, "x"),
                    "mountPath": "/etc".ljust(512, "x"),
                    "subPath": "s" * 512,
                    "configMap": {"name": "c" * 253},
                }
                for n in range(16)
            ],
            "spec.predictor.args": ["x" * 1024] * 64,
            "spec.predictor.labels": pairs,
            "spec.predictor.annotations": dict.fromkeys(pairs, "v" * 4096),
            "spec.predictor.nodeSelector": pairs,
            "spec.predictor.tolerations": [{"key": "k" * 316, "value": "v" * 63}] * 32,
            "spec.interface.features": features,
            "spec.interface.request": {
                "encoding": "Matrix",
                "name": "x" * 63,
                "datatype": "UINT16",
            },
            "spec.interface.output": {
                "threshold": 0.5,
                "positiveClass": "c" * 63,
                "classes": classes,
            },
            "spec.interface.groups": groups,
            "spec.evaluation.gates": gates,
            "spec.exposure.gateway.hostnames": [
                f"h{n}." + "x" * 60 + ".example" for n in range(16)
            ],
            "spec.exposure.paths": [{"value": f"/{n}".ljust(1024, "x")} for n in range(32)],
            "spec.rollout.steps": [{"setWeight": n} for n in range(32)],
        }
    )


def _all(path: str, values: tuple[Json, ...]) -> dict[str, Manifest]:
    return {f"{path} {value}": clinical_model({path: value}) for value in values}


ACCEPTED: dict[str, Manifest] = {
    "everything set": EVERYTHING,
    **documented("docs/data.md"),
    **documented("docs/gates.md"),
    **documented_objects("docs/monitoring.md"),
    **documented_objects("docs/decisions.md"),
    **documented_objects("docs/gates.md"),
    "as much as is allowed": _largest(512),
    "columns of any type": clinical_model(
        {
            "spec.interface.request": {"encoding": "Columns"},
            "spec.interface.features.-": {
                "name": "triage",
                "type": "Categorical",
                "datatype": "INT64",
            },
        }
    ),
    "a name without a datatype": clinical_model(
        {
            "spec.interface.features.0.datatype": "FP64",
            "spec.interface.request": {"encoding": "Matrix", "name": "x"},
        }
    ),
    "no steps at all": clinical_model({"spec.rollout.steps": []}),
    "a score on a scale of its own": clinical_model(
        {"spec.interface.output": {"type": "Score", "threshold": -250.5}}
    ),
    "a class, which has no threshold": clinical_model({"spec.interface.output": {"type": "Class"}}),
    "thresholds at the ends": clinical_model(
        {"spec.interface.output.threshold": 1, "spec.evaluation.gates.0.limit": 0}
    ),
    "a predicted number": regression_model(),
    "one of several classes": multiclass_model(),
    "one of several classes without probabilities": multiclass_model(
        {"spec.interface.output.type": "Class", "spec.evaluation.gates.0.metric": "Accuracy"}
    ),
    "a predicted number with gates of each kind": regression_model(
        {
            "spec.evaluation.gates": [
                {
                    "name": "equal-errors",
                    "type": "Fairness",
                    "metric": "MAE",
                    "across": {"groups": ["sex"]},
                    "comparison": "Ratio",
                    "limit": 0.8,
                    "minRows": 100,
                },
                {
                    "name": "near-enough",
                    "type": "Performance",
                    "metric": "WithinTolerance",
                    "tolerance": 0,
                    "limit": 0.5,
                },
                {"name": "small", "type": "Performance", "metric": "RMSE", "limit": 1_000_000},
                {
                    "name": "straight",
                    "type": "Performance",
                    "metric": "CalibrationSlope",
                    "limit": 0.2,
                },
                {
                    "name": "no-worse",
                    "type": "Performance",
                    "metric": "MAE",
                    "nonInferiority": {"margin": 10.5},
                },
                {"name": "quick", "type": "Latency", "metric": "P99", "limit": 1},
            ]
        }
    ),
    "a measure against stable alone": clinical_model(
        {
            "spec.evaluation.gates.-": {
                "name": "no-worse",
                "type": "Performance",
                "metric": "Sensitivity",
                "nonInferiority": {"margin": 0.02},
            }
        }
    ),
    "the worth of a call by everybody else and by the best": clinical_model(
        {
            "spec.evaluation.gates.0.metric": "PositivePredictiveValue",
            "spec.evaluation.gates.0.against": "Best",
            "spec.evaluation.gates.0.comparison": "Ratio",
        }
    ),
    "one primary of two required": clinical_model(
        {
            "spec.evaluation.gates.0.primary": True,
            "spec.evaluation.gates.-": {
                "name": "equal-odds",
                "type": "Fairness",
                "metric": "EqualizedOdds",
                "across": {"groups": ["sex"]},
                "limit": 0.1,
            },
        }
    ),
    "a binary feature": clinical_model(
        {
            "spec.interface.features.-": {
                "name": "icu",
                "type": "Binary",
                "categories": ["0", "1"],
            }
        }
    ),
    "dates as features and bins": clinical_model(
        {
            "spec.interface.features.-": {
                "name": "admitted",
                "date": {"since": "1970-01-01T00:00:00Z", "unit": "Seconds"},
            },
            "spec.interface.groups.-": {
                "name": "year",
                "feature": "admitted",
                "dateBins": ["2020-01-01T00:00:00+01:00", "2021-01-01T00:00:00+01:00"],
            },
        }
    ),
    "days as bins": clinical_model(
        {
            "spec.interface.groups.-": {
                "name": "born",
                "feature": "born on",
                "dateBins": [f"{year}-02-28" for year in range(1930, 1962)],
            }
        }
    ),
    "names as data have them": clinical_model(
        {
            "spec.interface.features": [
                {"name": name}
                for name in (
                    *("HbA1c (%)", "mean radius", "Größe/cm", "25-OH vitamin D [ng/mL]", "ηλικία"),
                    *(
                        'Crohn\'s "disease"',
                        "Na+, serum",
                        "$(HOME) \\ `x`",
                        "1650.5",
                        " sex ",
                        "_id",
                    ),
                )
            ],
            "spec.interface.output.name": "dense_1/Softmax:0",
            "spec.interface.groups.-": {"name": "unit", "feature": "Station/Einheit (Aufnahme)"},
            "spec.evaluation.data.labelColumn": "verstorben (30 d)?",
            "spec.evaluation.data.idColumn": "Fall-Nr.",
        }
    ),
    "any script": clinical_model(
        {
            "spec.card.intendedUse": "敗血症の早期警告 🏥",
            "spec.interface.groups.-": {
                "name": "city",
                "feature": "city",
                "values": ["大阪", "Łódź"],
            },
            "spec.evaluation.data.labelColumn": "転帰",
        }
    ),
    "as many letters as allowed, each of four bytes": clinical_model(
        {"spec.card.intendedUse": "🏥" * 4096}
    ),
    "an override": override(),
    "an override until a moment elsewhere": override(
        {"spec.expires": "2030-01-31T12:00:00.123456789+05:30"}
    ),
    "an override of what Failed, without an end": without(
        override({"spec.failed": True}), "spec.expires"
    ),
    "an approval of what was seen": decision(
        {"spec.digest": "0f" * 32, "spec.gatesHash": "1e" * 32, "spec.stepsHash": "2d" * 32}
    ),
    "an evaluation": evaluation(),
    "an evaluation beside what serves": evaluation(
        {
            "spec.stable": {
                "revision": "bcdfghjklm",
                "version": "0.9.0",
                "endpoint": "http://sepsis-bcdfghjklm-predictor.default.svc.cluster.local",
                "protocolVersion": "v1",
                "interface": _INTERFACE,
            }
        }
    ),
    "a policy": monitoring_policy(),
    "a policy that says everything": POLICY,
    "a standard": clinical_standard(),
    **documented_objects("docs/standards.md"),
    **examples("manifests/examples/standards"),
    "a standard that says everything": STANDARD,
    "windows of a minute": monitoring_policy(
        {
            "spec.drift.windows": [
                {"name": f"w{n}", "length": length}
                for n, length in enumerate(("1m", "60s", "0h90s", "007m", "1m30s", "100s", "9d"))
            ]
        }
    ),
    **_all(
        "spec.predictor.storageUri",
        (
            "s3://b/k",
            "gs://b/k",
            "pvc://claim/a/b",
            "pvc://claim-1.x/a",
            f"pvc://{'c' * 253}/a",
            "https://a.example/m.tar.gz",
            "http://10.0.0.1/m",
            "hdfs://a/b",
            "webhdfs://a/b",
            "oci://registry.example/m:1",
            "hf://org/m:main",
        ),
    ),
    **_all(
        "spec.evaluation.data.uri",
        (
            "s3://b/k..v2.parquet",
            "gs://b/k",
            "pvc://claim/a/b",
            "https://a.example/d",
            "https://hospital.blob.core.windows.net/held-out/d.parquet",
            "https://hospital.z12.blob.storage.azure.net/held-out/folder/",
            "file:///data/d.csv",
        ),
    ),
    **_all(
        "spec.evaluation.data",
        (
            {
                "uri": "https://hospital.blob.core.windows.net/held-out/d.csv",
                "endpoint": "http://azurite.storage.svc:10000/hospital",
                "secretName": "held-out-reader",
                "labelColumn": "died",
            },
        ),
    ),
    **_all(
        "spec.evaluation.report.uri",
        (
            "s3://b",
            "s3://b/",
            "gs://b/reports",
            "https://hospital.blob.core.windows.net/reports",
            "https://hospital.blob.core.windows.net/reports/mortality/",
            "pvc://claim",
            "pvc://claim/a/",
            "file:///reports",
        ),
    ),
    **_all(
        "spec.predictor.resources.limits.memory",
        (0, 1, "1", "1.5Gi", ".5Gi", "2e3", "2E", "100k", "128974848000m"),
    ),
    **_all(
        "spec.rollout.keepPrevious",
        ("0s", "1h30m", "7d", "9" * 31 + "d"),
    ),
    **_all("spec.evaluation.every", ("1h", "60m", "7d", "1h30m")),
    **_all("spec.evaluation.onStableFailure", ("Alert", "Restore")),
    **_all("spec.version", ("1", "2024-05-01", "v1.2.3-rc.1+build_5", "a" * 63)),
    **_all("spec.evaluation.gates.0.confidence", (0.5, 0.999)),
    **{
        f"action {action}": decision({"spec.action": action})
        for action in (
            "Approve",
            "Reject",
            "Promote",
            "Abort",
            "Retry",
            "Pause",
            "Resume",
            "Evaluate",
            "Rollback",
        )
    },
}
