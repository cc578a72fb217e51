"""From an empty cluster: the chart, and the examples as they are. The operator runs as the pod that the chart makes."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cluster import Cluster
from lab.images import detector, program
from mlhops.json_access import items
from testkit.helm import Helm
from testkit.installed import CHART, MANIFESTS, NAMESPACE, OPERATOR, USER, forbidden, granted, used

EXAMPLES = MANIFESTS / "examples"
WARD = "clinical-example"
GATEWAY = """
apiVersion: v1
kind: Namespace
metadata: {name: kserve}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: lab}
spec: {controllerName: lab.gateway/controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: kserve-ingress-gateway, namespace: kserve}
spec:
  gatewayClassName: lab
  listeners:
    - {name: http, port: 8080, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
"""


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A lab in which nothing of this project is installed."""
    # What an image has as `python3`.
    monkeypatch.setenv(
        "PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    )
    root = tmp_path / "cluster"
    root.mkdir()
    images = {
        "mlhops/operator": program("testkit.in_cluster", str(root)),
        "mlhops/evaluator": program("mlhops.evaluator"),
        "mlhops/detector": detector("mlhops.detector"),
    }
    with Cluster.start(images=images, root=root, backoff_base=0.3, audited=[USER]) as running:
        yield running


def test_a_newcomer_installs_the_chart_applies_the_examples_and_is_served(
    empty: Cluster, tmp_path: Path
) -> None:
    gateway = tmp_path / "gateway.yaml"
    gateway.write_text(GATEWAY)
    empty.kubectl("apply", "--server-side", "--filename", gateway)
    Helm(empty.kubeconfig, NAMESPACE).install(CHART, "mlhops")
    available = ("wait", f"deployment/{OPERATOR}", "--for=condition=Available", "--timeout=60s")
    empty.kubectl(*available, "--namespace", NAMESPACE)

    empty.kubectl("apply", "--server-side", "--kustomize", EXAMPLES / "prepare")
    empty.kubectl(
        *("wait", "job/prepare", "--for=condition=Complete", "--timeout=60s"),
        *("--namespace", WARD),
    )
    empty.kubectl("apply", "--server-side", "--kustomize", EXAMPLES / "model")
    empty.kubectl("apply", "--server-side", "--kustomize", EXAMPLES / "regression")
    empty.kubectl("apply", "--server-side", "--kustomize", EXAMPLES / "multiclass")
    names = ("kidney-injury", "length-of-stay", "triage-level")
    examples = [f"clinicalmodel/{name}" for name in names]
    try:
        empty.kubectl(
            *("wait", *examples, "--for=condition=Ready", "--timeout=150s"),
            *("--namespace", WARD),
        )
    except RuntimeError:
        print(empty.kubectl("get", "clm", "--namespace", WARD, "--output=yaml"))
        raise
    shown = empty.kubectl("get", "clm", "kidney-injury", "--namespace", WARD, "--no-headers")
    assert shown.split()[:3] == ["kidney-injury", "Healthy", "1.0.0"]
    assert forbidden(empty.control.audit_log) == []
    lease = ("get", "role", f"{OPERATOR}-lease", "--namespace", NAMESPACE, "--output=json")
    rules = items(json.loads(empty.kubectl(*lease)), "rules")
    assert granted(rules) - used(empty.control.audit_log) == set()
