"""The kinds of object that the operator reads and writes, and where the API server keeps them."""

from dataclasses import dataclass

from mlhops.api import GROUP, VERSION
from mlhops.kserve.kind import Kind
from mlhops.routing.gateway_api import GATEWAYS, ROUTES

__all__ = [
    "CLUSTER_RUNTIMES",
    "CONFIG_MAPS",
    "DECISIONS",
    "EVALUATION",
    "EVALUATIONS",
    "EVENTS",
    "GATEWAYS",
    "JOBS",
    "LEASES",
    "MODEL",
    "MODELS",
    "NAMESPACES",
    "PODS",
    "POLICIES",
    "POLICY",
    "REVISIONS",
    "ROUTES",
    "RUNTIMES",
    "SERVICES",
    "STANDARDS",
    "Key",
    "Kind",
]

MODELS = Kind(GROUP, VERSION, "clinicalmodels")
EVALUATIONS = Kind(GROUP, VERSION, "evaluations")
DECISIONS = Kind(GROUP, VERSION, "decisions")
POLICIES = Kind(GROUP, VERSION, "monitoringpolicies")
STANDARDS = Kind(GROUP, VERSION, "clinicalstandards", cluster=True)
SERVICES = Kind("serving.kserve.io", "v1beta1", "inferenceservices")
RUNTIMES = Kind("serving.kserve.io", "v1alpha1", "servingruntimes")
CLUSTER_RUNTIMES = Kind("serving.kserve.io", "v1alpha1", "clusterservingruntimes", cluster=True)
JOBS = Kind("batch", "v1", "jobs")
PODS = Kind("", "v1", "pods")
CONFIG_MAPS = Kind("", "v1", "configmaps")
NAMESPACES = Kind("", "v1", "namespaces", cluster=True)
EVENTS = Kind("", "v1", "events")
REVISIONS = Kind("apps", "v1", "controllerrevisions")
LEASES = Kind("coordination.k8s.io", "v1", "leases")

MODEL, EVALUATION, POLICY = "ClinicalModel", "Evaluation", "MonitoringPolicy"
"""The kinds of ours that passes are about."""


@dataclass(frozen=True)
class Key:
    """Names one object of ours."""

    kind: str
    namespace: str
    name: str
