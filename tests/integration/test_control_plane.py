"""The lab's control plane is a real one, can be had twice, and leaves nothing behind."""

import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from lab.control import ControlPlane
from lab.processes import Processes, ProcessFailed

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example.invalid/web}]}
"""
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
STARTS_AND_WAITS = """
import signal
import time
from lab.control import ControlPlane
# A shell's background job, as a suite may be, has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
plane = ControlPlane.start(controllers=False)
print(plane.root, flush=True)
time.sleep(600)
"""


def eventually(holds: Callable[[], bool], within: float = 20.0) -> bool:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def apply(plane: ControlPlane, folder: Path, namespace: str, text: str) -> None:
    file = folder / "object.yaml"
    file.write_text(text)
    plane.kubectl("apply", "--server-side", "--namespace", namespace, "--filename", file)


def names(plane: ControlPlane, namespace: str, kinds: str) -> list[str]:
    return plane.kubectl("get", kinds, "--namespace", namespace, "--output", "name").split()


def status_of(url: str, context: ssl.SSLContext) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def trusting(plane: ControlPlane) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=plane.root / "certificates" / "cluster.crt")


def test_it_serves_the_kinds_of_this_project_of_kserve_and_of_gateway_api(
    control_plane: ControlPlane,
) -> None:
    kinds = control_plane.kubectl("api-resources", "--output", "name").split()

    assert "clinicalmodels.mlhops.io" in kinds
    assert "inferenceservices.serving.kserve.io" in kinds
    assert "httproutes.gateway.networking.k8s.io" in kinds


def test_kubectl_and_the_server_say_which_kubernetes_it_is(control_plane: ControlPlane) -> None:
    version = json.loads(control_plane.kubectl("version", "--output", "json"))

    assert version["serverVersion"]["gitVersion"] == "v1.36.3"


def test_nobody_in_particular_is_refused(control_plane: ControlPlane) -> None:
    secrets = f"{control_plane.url}/api/v1/secrets"

    assert status_of(secrets, trusting(control_plane)) in {401, 403}


def test_a_client_that_does_not_trust_the_authority_is_not_connected(
    control_plane: ControlPlane,
) -> None:
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        status_of(control_plane.url, ssl.create_default_context())


def test_a_user_may_do_what_a_role_binding_says_and_no_more(
    control_plane: ControlPlane, namespace: str
) -> None:
    kubeconfig = control_plane.kubeconfig_for("ada", ("clinicians",))
    control_plane.kubectl(
        *("create", "rolebinding", "clinicians", "--namespace", namespace),
        *("--clusterrole=view", "--group=clinicians"),
    )

    def ada(*arguments: str) -> str:
        return control_plane.kubectl(*arguments, "--kubeconfig", kubeconfig)

    assert (
        json.loads(ada("auth", "whoami", "--output", "json"))["status"]["userInfo"]["username"]
        == "ada"
    )
    assert eventually(lambda: "yes" in can(ada, "list", "pods", namespace))
    assert "no" in can(ada, "create", "pods", namespace)
    assert "no" in can(ada, "list", "pods", "default")


def can(user: Callable[..., str], verb: str, kind: str, namespace: str) -> str:
    try:
        return user("auth", "can-i", verb, kind, "--namespace", namespace)
    except RuntimeError as refused:  # kubectl exits with 1 when the answer is no
        return f"no: {refused}"


def test_a_deployment_makes_a_replica_set_and_pods(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    apply(control_plane, tmp_path, namespace, DEPLOYMENT)

    assert eventually(lambda: len(names(control_plane, namespace, "pods")) == 2)
    assert len(names(control_plane, namespace, "replicasets")) == 1


def test_a_job_makes_a_pod_with_a_token_of_its_service_account(
    control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.kubectl(
        "create", "job", "once", "--namespace", namespace, "--image=example.invalid/once"
    )

    assert eventually(lambda: len(names(control_plane, namespace, "pods")) == 1)
    token = control_plane.kubectl("create", "token", "default", "--namespace", namespace)
    assert token.count(".") == 2


def test_deleting_a_namespace_empties_it(control_plane: ControlPlane, tmp_path: Path) -> None:
    control_plane.kubectl("create", "namespace", "short-lived")
    apply(control_plane, tmp_path, "short-lived", CONFIG_MAP % "inside")

    control_plane.kubectl("delete", "namespace", "short-lived", "--wait=false")

    assert eventually(
        lambda: "namespace/short-lived" not in names(control_plane, "default", "namespaces")
    )


def test_what_a_custom_object_owns_is_deleted_with_it(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    owner = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "owner"},
        "spec": {"predictor": {"minReplicas": 1}},
    }
    apply(control_plane, tmp_path, namespace, json.dumps(owner))
    get_uid = (
        "get",
        "isvc",
        "owner",
        "--namespace",
        namespace,
        "--output=jsonpath={.metadata.uid}",
    )
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": "owner",
        "uid": control_plane.kubectl(*get_uid),
    }
    metadata = {"name": "owned", "ownerReferences": [reference]}
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    apply(control_plane, tmp_path, namespace, json.dumps(owned))
    assert "configmap/owned" in names(control_plane, namespace, "configmaps")

    control_plane.kubectl("delete", "isvc", "owner", "--namespace", namespace)

    assert eventually(
        lambda: "configmap/owned" not in names(control_plane, namespace, "configmaps"), 10
    )


def test_the_own_definition_of_kserve_refuses_a_field_that_it_does_not_know(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    text = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: typo}
spec: {predictor: {model: {modelFormat: {name: sklearn}, storageURI: "s3://models/one"}}}
"""
    with pytest.raises(RuntimeError, match=r"storageURI"):
        apply(control_plane, tmp_path, namespace, text)


def test_a_second_control_plane_runs_beside_the_first_and_survives_a_killed_api_server(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    with ControlPlane.start(controllers=False) as second:
        root = second.root
        assert second.url != control_plane.url
        apply(second, tmp_path, "default", CONFIG_MAP % "only-here")

        second.kill_apiserver()
        with pytest.raises(RuntimeError, match="refused"):
            second.kubectl("get", "configmaps")
        second.restart_apiserver()

        assert "configmap/only-here" in names(second, "default", "configmaps")
        assert "configmap/only-here" not in names(control_plane, "default", "configmaps")
        children = psutil.Process().children()
    assert not root.exists()
    assert sum(str(root) in " ".join(child.cmdline()) for child in children if alive(child)) == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_process_that_started_it_is_ended(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_AND_WAITS],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.DEVNULL,
    ) as starter:
        assert starter.stdout is not None
        root = Path(starter.stdout.readline().strip())
        children = psutil.Process(starter.pid).children(recursive=True)
        assert len(children) == 3  # etcd, the API server, the guard

        starter.send_signal(number)

    assert eventually(lambda: not any(map(alive, children)), 10)
    assert eventually(lambda: not root.exists(), 5)


def test_a_child_that_ends_unexpectedly_is_reported_with_its_last_words() -> None:
    with Processes(Path(tempfile.mkdtemp())) as processes:
        processes.spawn("fragile", ["/bin/sh", "-c", "echo the disk is full; exit 3"])

        with pytest.raises(
            ProcessFailed, match=r"fragile exited with code 3(.|\n)*the disk is full"
        ):
            processes.wait_until(lambda: False, "nothing", timeout=10)


def test_grandchildren_that_ignore_the_polite_signal_are_ended_too(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; (trap '' TERM; echo $$; sleep 600) & wait"
    with ExitStack() as stack:
        processes = stack.enter_context(Processes(tmp_path / "processes"))
        child = processes.spawn("stubborn", ["/bin/sh", "-c", stubborn])
        assert eventually(lambda: processes.log_tail("stubborn") != "")
        family = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
        assert len(family) >= 2

        processes.stop(grace=0.2)

        assert eventually(lambda: not any(map(alive, family)), 5)
    assert not (tmp_path / "processes").exists()
