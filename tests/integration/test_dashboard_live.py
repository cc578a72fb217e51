"""kubectl mlhops dashboard on a real API server through a real kubectl: rights, changes as they come, a browser."""

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from itertools import islice
from pathlib import Path

import httpx
import pytest

from lab.binaries import kubectl as real_kubectl
from lab.control import ControlPlane
from lab.node import BROWSER, browser_tools
from mlhops.api.base import Manifest
from mlhops.cli.dashboard.app import PARTS
from mlhops.controller.resources import EVALUATIONS, MODELS
from mlhops.json_access import items, text
from testkit.api import Api
from testkit.dashboard_process import running
from testkit.standings import STANDINGS, an_evaluation

MODEL = "inconclusive"


@pytest.fixture
def standing(api: Api, namespace: str) -> str:
    """A model whose gates are not decided, with their Evaluation; its name."""
    shown, measured = STANDINGS[MODEL](), an_evaluation()
    api.create(MODELS, namespace, {**shown, "metadata": {"name": MODEL}})
    api.patch(MODELS, namespace, MODEL, {"status": shown["status"]}, "status")
    name = text(measured, "metadata", "name")
    spec = {**_object(measured["spec"]), "model": MODEL}
    api.create(EVALUATIONS, namespace, {**measured, "metadata": {"name": name}, "spec": spec})
    api.patch(EVALUATIONS, namespace, name, {"status": measured["status"]}, "status")
    return MODEL


def _object(value: object) -> Manifest:
    assert isinstance(value, dict)
    return value


def make_well(api: Api, namespace: str) -> None:
    """End the rollout."""
    well: Manifest = {"phase": "Healthy", "candidate": None, "message": "all is well"}
    api.patch(MODELS, namespace, MODEL, {"status": well}, "status")


def test_a_page_is_told_of_a_change_and_shows_it_then(
    control_plane: ControlPlane, api: Api, namespace: str, standing: str
) -> None:
    with (
        running(control_plane.kubeconfig, "-n", namespace) as dashboard,
        dashboard.browser() as tab,
    ):
        fleet = tab.get("/models.json").json()
        assert [text(row, "name") for row in items(fleet, "models")] == [MODEL]
        page = tab.get(f"/models/{namespace}/{MODEL}").text
        assert "0.14 [0.05, 0.23]" in page
        assert "--gate equal-misses" in page
        for part in PARTS:
            assert tab.get(f"/models/{namespace}/{MODEL}/{part}").status_code == 200

        found = re.search(r'data-stream="([^"]+)"', page)
        assert found is not None
        with tab.stream("GET", unescape(found[1])) as changes:
            lines = changes.iter_lines()
            assert next(lines).startswith("retry:")
            make_well(api, namespace)
            told = next(line for line in lines if line.startswith("data:"))
        assert json.loads(told.removeprefix("data:")) == {
            "type": "MODIFIED",
            "namespace": namespace,
            "name": MODEL,
            "phase": "Healthy",
        }
        assert "all is well" in tab.get(f"/models/{namespace}/{MODEL}").text

        of_model = f"/stream?namespace={namespace}&name={MODEL}&version=1"
        with tab.stream("GET", of_model) as changes:
            assert "stale" in changes.read().decode()
        with tab.stream("GET", f"/stream?namespace={namespace}&version=1") as changes:
            assert "event: change" in list(islice(changes.iter_lines(), 5))
        assert dashboard.interrupt() == 130


def test_a_page_shows_what_the_caller_may_see_and_no_more(
    control_plane: ControlPlane, namespace: str, standing: str
) -> None:
    eve = control_plane.kubeconfig_for("eve@hospital.example")
    with running(eve) as dashboard, dashboard.browser() as tab:
        answer = tab.get("/models")
        assert answer.status_code == 403
        assert "ClusterRole mlhops-view" in answer.text
        assert tab.get(f"/models/{namespace}/{MODEL}.json").status_code == 403
        assert httpx.get(f"{dashboard.origin}/models").status_code == 401
        assert tab.post("/models").status_code == 405
        assert tab.get("/models", headers={"Host": "evil.example"}).status_code == 421


def test_a_dashboard_says_what_is_wrong_before_it_opens(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlhops.cli", "dashboard", "--kubeconfig", "nowhere"]
    environment = {**os.environ, "PATH": f"{Path(real_kubectl()).parent}:/usr/bin:/bin"}

    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "kubectl config get-contexts" in done.stderr


@pytest.mark.program("chromium")
def test_a_browser_shows_changes_by_itself_on_a_phone_and_a_desk_light_and_dark(
    control_plane: ControlPlane, api: Api, namespace: str, standing: str
) -> None:
    node, modules = browser_tools()
    name = text(an_evaluation(), "metadata", "name")
    model = f"/models/{namespace}/{MODEL}"
    addresses = ["/models", model, *(f"{model}/{part}" for part in PARTS)]
    with running(control_plane.kubeconfig, "-n", namespace) as dashboard:
        pages = [
            dashboard.origin + each for each in (*addresses, f"/evaluations/{namespace}/{name}")
        ]
        asked = {
            "browser": shutil.which("chromium"),
            "link": dashboard.link,
            "pages": pages,
            "expect": {"url": pages[1], "now": "GatesInconclusive", "then": "all is well"},
        }
        with subprocess.Popen(
            [node, BROWSER / "visit.cjs"],
            env={**os.environ, "NODE_PATH": str(modules)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as visit:
            assert visit.stdin is not None
            assert visit.stderr is not None
            assert visit.stdout is not None
            visit.stdin.write(json.dumps(asked))
            visit.stdin.close()
            said = visit.stderr.readline()
            assert said == "waiting\n", said + visit.stderr.read()
            make_well(api, namespace)
            found = json.loads(visit.stdout.read())

    assert found == {
        "violations": [],
        "foreign": [],
        "errors": [],
        "wide": [],
        "live": True,
        "loads": 1,
    }
