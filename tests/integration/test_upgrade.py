"""An upgrade in the middle of a rollout: no weight moves, nothing that serves is written, and it goes on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from mlhops import __version__
from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import (
    CONFIG_MAPS,
    DECISIONS,
    EVALUATIONS,
    JOBS,
    PODS,
    POLICIES,
    REVISIONS,
    ROUTES,
    SERVICES,
)
from mlhops.json_access import at, text
from testkit.api import Api, until
from testkit.builders import monitoring_policy
from testkit.fake_controllers import Hands
from testkit.helm import Helm
from testkit.installed import CHART, LABELLED, NAMESPACE, REPOSITORY, USER, kubeconfig_of_operator

RELEASE = "mlhops"
STEPS = {"steps": [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}], "keepPrevious": "1h"}
LASTING = (SERVICES, ROUTES, EVALUATIONS, REVISIONS, CONFIG_MAPS)
OF_OTHERS = (JOBS, PODS)
"""What the Job controller still writes; it must not be made anew."""
NEXT = "9.9.9"


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane.start(install=(kserve_crds(), gateway_api_crds()), audited=[USER]) as plane:
        yield plane


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """The chart and the code of the commit before; in a checkout without history, those of this one."""
    folder = tmp_path / "previous"
    folder.mkdir()
    git = ("git", "-C", str(REPOSITORY))
    archive = subprocess.run(
        (*git, "archive", "HEAD~1", "charts/mlhops/Chart.yaml", "charts", "operator"),
        capture_output=True,
        check=False,
    )
    if archive.returncode == 0:
        subprocess.run(("tar", "-x", "-C", folder), input=archive.stdout, check=True)
    else:
        print(f"no commit before this one: {archive.stderr.decode()}")
        for part in ("charts", "operator"):
            shutil.copytree(REPOSITORY / part, folder / part)
    return folder


@pytest.fixture
def following(tmp_path: Path) -> Path:
    """The chart of this commit, as another version."""
    folder = tmp_path / "following" / "mlhops"
    shutil.copytree(CHART, folder)
    file = folder / "Chart.yaml"
    file.write_text(file.read_text().replace(__version__, NEXT))
    return folder


@contextmanager
def operator(code: Path, version: str, kubeconfig: Path, log: Path) -> Iterator[None]:
    """The operator of some code, told what a chart of some version tells it; it ends well."""
    path = os.pathsep.join((str(code), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": path}
    images = [f"--{name}-image=mlhops/{name}:{version}" for name in ("evaluator", "detector")]
    command = [sys.executable, "-m", "mlhops.controller", *images]
    with log.open("ab") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        until("the operator", lambda: "operator ready" in log.read_text(), 60)
        yield
    finally:
        process.terminate()
        code_ = process.wait(timeout=20)
        print(log.read_text()[-6000:])
    assert code_ == 0


def standing(hands: Hands) -> dict[str, Json]:
    """The version of each object that serves, routes, proves or records, and which Jobs and pods there are."""
    kinds = dict.fromkeys(LASTING, "resourceVersion") | dict.fromkeys(OF_OTHERS, "uid")
    return {
        f"{kind.plural}/{text(each, 'metadata', 'name')}": at(each, "metadata", field)
        for kind, field in kinds.items()
        for each in hands.api.list(kind, hands.namespace)
    }


def answer(hands: Hands, decision: str) -> str:
    """What became of a Decision."""
    return text(hands.api.get(DECISIONS, hands.namespace, decision), "status", "phase")


def test_a_rollout_stands_still_through_an_upgrade_and_then_goes_on(
    plane: ControlPlane, previous: Path, following: Path, tmp_path: Path
) -> None:
    helm = Helm(plane.kubeconfig, NAMESPACE)
    helm.install(previous / "charts" / "mlhops", RELEASE)
    kubeconfig = kubeconfig_of_operator(plane, tmp_path)
    api = Api(plane.kubeconfig)
    hands = Hands(api, "default")
    hands.make_gateway()
    with operator(previous / "operator", __version__, kubeconfig, tmp_path / "previous.log"):
        api.create(POLICIES, hands.namespace, monitoring_policy())
        hands.promote_first(rollout=STEPS, monitoring={"policyRef": {"name": "ward"}})
        hands.apply_model("2.0.0")
        second = until("a second version", hands.candidate_service)
        hands.load(second)
        hands.finish(EvaluationPhase.SUCCESSFUL)
        hands.accept_weight(10)
        hands.wait_for_phase("Paused")
        before, weights = standing(hands), hands.weights()
        assert weights[f"{second}-predictor"] == 10
        helm.upgrade(following, RELEASE)

    with operator(REPOSITORY / "operator", NEXT, kubeconfig, tmp_path / "following.log"):
        # It has looked at the model when it answers a Decision on it.
        hands.decide("Retry", "what-for", decidedBy="lab-admin")
        until("an answer", lambda: answer(hands, "what-for") == "Ignored")
        assert hands.weights() == weights
        assert standing(hands) == before
        assert any(name.startswith("configmaps/") for name in before)
        hands.decide("Resume", "go-on", decidedBy="lab-admin")
        for weight in (50, 100):
            hands.accept_weight(weight)
        hands.wait_for_phase("Healthy")
    versions = plane.kubectl(
        *("get", "crd", "--selector", LABELLED, "--output"),
        r"jsonpath={.items[*].metadata.labels.app\.kubernetes\.io/version}",
    )
    assert set(versions.split()) == {NEXT}
    api.close()
