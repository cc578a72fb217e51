"""The kinds of object that the operator reads and writes, and where the API server keeps them."""

from dataclasses import dataclass

from mlhops.api import GROUP, VERSION


@dataclass(frozen=True)
class Kind:
    """A kind of object."""

    group: str
    version: str
    plural: str
    cluster: bool = False
    """Whether its objects are in no namespace."""

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the URL path of an object or of a list; of all namespaces where none is named."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = ["namespaces", namespace] if namespace else []
        parts = [root, *within, self.plural, name, subresource]
        return "/".join(part for part in parts if part)


MODELS = Kind(GROUP, VERSION, "clinicalmodels")
EVALUATIONS = Kind(GROUP, VERSION, "evaluations")
DECISIONS = Kind(GROUP, VERSION, "decisions")
POLICIES = Kind(GROUP, VERSION, "monitoringpolicies")
SERVICES = Kind("serving.kserve.io", "v1beta1", "inferenceservices")
RUNTIMES = Kind("serving.kserve.io", "v1alpha1", "servingruntimes")
CLUSTER_RUNTIMES = Kind("serving.kserve.io", "v1alpha1", "clusterservingruntimes", cluster=True)
ROUTES = Kind("gateway.networking.k8s.io", "v1", "httproutes")
GATEWAYS = Kind("gateway.networking.k8s.io", "v1", "gateways")
JOBS = Kind("batch", "v1", "jobs")
PODS = Kind("", "v1", "pods")
CONFIG_MAPS = Kind("", "v1", "configmaps")
EVENTS = Kind("", "v1", "events")
REVISIONS = Kind("apps", "v1", "controllerrevisions")
LEASES = Kind("coordination.k8s.io", "v1", "leases")


@dataclass(frozen=True)
class Key:
    """Names one object of ours."""

    kind: str
    namespace: str
    name: str
