"""The witness and the operators as processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.operators import Operator
from campaign.witness import read
from lab.cache import REPOSITORY
from mlhops.api.base import Manifest
from mlhops.controller.resources import MODELS
from testkit.api import Api, until
from testkit.builders import clinical_model

NAMESPACE = "default"


@pytest.fixture
def api(plane: Plane) -> Iterator[Api]:
    api = Api(plane.kubeconfig)
    yield api
    api.close()


def test_a_witness_says_what_is_wrong_and_keeps_what_it_saw(
    plane: Plane, api: Api, tmp_path: Path
) -> None:
    """Nobody controls this model: its status is written by hand, and claims a promotion."""
    command = [sys.executable, "-m", "campaign.witness", "--kubeconfig", str(plane.kubeconfig)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
    ) as witness:
        assert witness.stdin is not None
        assert witness.stdout is not None
        assert json.loads(witness.stdout.readline()) == {"ready": True}
        api.create(MODELS, NAMESPACE, clinical_model())
        serving: Manifest = {
            "revision": "a",
            "version": "1.0.0",
            "inferenceService": "sepsis-a",
            "since": "2026-01-01T00:00:00Z",
        }
        api.patch(MODELS, NAMESPACE, "sepsis", {"status": {"stable": serving}}, "status")
        api.delete(MODELS, NAMESPACE, "sepsis")
        kept = tmp_path / "history.jsonl.gz"
        question = {"do": "judge", "namespace": NAMESPACE, "keep": str(kept)}
        witness.stdin.write(json.dumps(question) + "\n")
        witness.stdin.flush()
        said = json.loads(witness.stdout.readline())
        witness.stdin.close()

    seen = read(kept)
    assert said["versions"] == len(seen)
    assert any("the history does not say why" in words for words in said["objections"])
    # Events about what is in no namespace come into this one at any time.
    ours = [version.deleted for version in seen if version.kind == "clinicalmodels"]
    assert ours == [False, False, True]
    again = subprocess.run(
        [sys.executable, "-m", "campaign.witness", "--history", str(kept)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.splitlines() == said["objections"]


def test_what_no_watch_told_is_asked_for(plane: Plane, api: Api) -> None:
    """A recorder that was deaf for a while finds every version of that while, and every deletion."""
    with Recorder(plane.kubeconfig, {"clinicalmodels": MODELS.path("")}) as recorder:
        before = int(api.http.get(MODELS.path(NAMESPACE)).json()["metadata"]["resourceVersion"])
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            if version == "1.0.0":
                api.create(MODELS, NAMESPACE, clinical_model())
            else:
                api.patch(MODELS, NAMESPACE, "sepsis", {"spec": {"version": version}})
        api.delete(MODELS, NAMESPACE, "sepsis")
        until("all was told", lambda: any(v.deleted for v in recorder.history(NAMESPACE)))
        told = recorder.history(NAMESPACE)
        deaf = Recorder(plane.kubeconfig, {"clinicalmodels": MODELS.path("")})
        deaf._fill(api.http, "clinicalmodels", before)

    assert len(told) == 4
    assert [one.at for one in deaf.history(NAMESPACE)] == [one.at for one in told]
    assert deaf.gaps(NAMESPACE) == []


def test_a_gap_that_cannot_be_filled_is_told(plane: Plane, api: Api) -> None:
    deaf = Recorder(plane.kubeconfig, {"clinicalmodels": MODELS.path("")})
    deaf._fill(api.http, "clinicalmodels", -10_000)
    assert deaf.gaps(NAMESPACE)


def test_an_operator_that_is_killed_is_started_again(plane: Plane, tmp_path: Path) -> None:
    operator = Operator(plane.operators, plane.kubeconfig, tmp_path / "log", NAMESPACE)
    operator.start()
    until("the operator is up", lambda: starts(operator) == 1)

    operator.kill()

    until("it is up again", lambda: starts(operator) == 2)
    assert operator.deaths == []
    operator.stop()


def starts(operator: Operator) -> int:
    return operator.log.read_text().count("operator ready") if operator.log.exists() else 0


def test_an_operator_that_ends_by_itself_is_told_with_its_code(
    plane: Plane, tmp_path: Path
) -> None:
    operator = Operator(plane.operators, Path(os.devnull), tmp_path / "log", NAMESPACE)
    operator.start()
    until("it has ended twice", lambda: len(operator.deaths) > 1)
    operator.stop()
    assert set(operator.deaths) == {1}
