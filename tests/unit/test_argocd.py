"""Argo CD's view of our objects: its Lua, run by the Lua version that it uses, on statuses of the planner.

It stands twice: in a ConfigMap for an Argo CD of today, and as files in the layout that Argo CD's own repository has.
"""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import yaml
from lupa.lua51 import LuaRuntime

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.json_access import items, text
from testkit.builders import with_path
from testkit.images import REPOSITORY
from tests.unit.rollout.standings import (
    begun,
    failed,
    failing,
    impossible,
    inconclusive,
    paused,
    rolled_back,
    serving,
    stalled,
    unready,
    unseen,
)
from tests.unit.rollout.world import World

CUSTOMIZATIONS = cast(
    "dict[str, str]",
    yaml.safe_load((REPOSITORY / "manifests/argocd/argocd-cm.yaml").read_text())["data"],
)
PREFIX = "resource.customizations"
UPSTREAM = REPOSITORY / "manifests/argocd/resource_customizations/mlhops.io"
MODEL = UPSTREAM / "ClinicalModel"
STANDINGS = {
    each.__name__: each
    for each in (
        *(unseen, begun, serving, paused, inconclusive, failed, impossible, rolled_back, failing),
        *(stalled, unready),
    )
}


def lua(program: str, obj: Manifest) -> Manifest:
    """Run a program on an object, as Argo CD does: with nothing of the machine in reach."""
    runtime = LuaRuntime(unpack_returned_tuples=True, register_eval=False)
    runtime.globals().obj = _table(runtime, obj)
    return cast(Manifest, _plain(runtime.execute(program)))


def _table(runtime: LuaRuntime, value: Json) -> object:
    if isinstance(value, dict):
        return runtime.table_from({key: _table(runtime, each) for key, each in value.items()})
    if isinstance(value, list):
        return runtime.table_from([_table(runtime, each) for each in value])
    return value


def _plain(value: object) -> object:
    if hasattr(value, "items"):
        return {key: _plain(each) for key, each in value.items()}
    return value


def health(obj: Manifest, kind: str = "ClinicalModel") -> tuple[str, str]:
    found = lua(CUSTOMIZATIONS[f"{PREFIX}.health.mlhops.io_{kind}"], obj)
    assert set(found) == {"status", "message"}
    return str(found["status"]), str(found["message"])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (unseen, "Progressing"),
        (begun, "Progressing"),
        (serving, "Healthy"),
        (paused, "Suspended"),
        (inconclusive, "Suspended"),
        (failed, "Degraded"),
        (impossible, "Degraded"),
        (rolled_back, "Degraded"),
        (failing, "Degraded"),
        (stalled, "Degraded"),
        (unready, "Degraded"),
    ],
)
def test_argo_cd_shows_where_a_model_stands(made: Callable[[], World], expected: str) -> None:
    world = made()
    assert health(world.manifest)[0] == expected
    if world.status.message:
        assert health(world.manifest)[1] == world.status.message


@pytest.mark.parametrize("made", [serving, paused, failed])
def test_what_was_said_of_an_earlier_generation_does_not_count(made: Callable[[], World]) -> None:
    world = made()
    world.release("9.0.0")
    assert health(world.manifest) == (
        "Progressing",
        "waiting for the operator to see the latest change",
    )


def test_a_phase_without_its_condition_is_not_believed() -> None:
    manifest = with_path(serving().manifest, "status.conditions", [])
    assert health(manifest)[0] == "Progressing"


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (EvaluationPhase.PENDING, "Progressing"),
        (EvaluationPhase.RUNNING, "Progressing"),
        (EvaluationPhase.SUCCESSFUL, "Healthy"),
        (EvaluationPhase.FAILED, "Degraded"),
        (EvaluationPhase.ERROR, "Degraded"),
        (EvaluationPhase.INCONCLUSIVE, "Suspended"),
    ],
)
def test_argo_cd_shows_what_became_of_an_evaluation(phase: str, expected: str) -> None:
    assert health({"status": {"phase": phase, "message": "why"}}, "Evaluation") == (expected, "why")


def test_a_model_can_be_paused_and_resumed() -> None:
    actions = yaml.safe_load(CUSTOMIZATIONS[f"{PREFIX}.actions.mlhops.io_ClinicalModel"])
    programs = {each["name"]: each["action.lua"] for each in actions["definitions"]}
    model = serving().manifest
    offered = lua(actions["discovery.lua"], model)
    assert offered == {"pause": {"disabled": False}, "resume": {"disabled": True}}
    assert set(offered) == set(programs)

    held = lua(programs["pause"], model)
    assert cast(Manifest, cast(Manifest, held["spec"])["rollout"])["paused"] is True
    assert lua(actions["discovery.lua"], held)["resume"] == {"disabled": False}
    on = lua(programs["resume"], held)
    assert cast(Manifest, cast(Manifest, on["spec"])["rollout"])["paused"] is False


@pytest.mark.parametrize("kind", ["ClinicalModel", "Evaluation"])
def test_the_files_for_argo_cds_repository_have_the_same_health_checks(kind: str) -> None:
    tests = items(read(UPSTREAM / kind / "health_test.yaml"), "tests")
    named = {UPSTREAM / kind / text(each, "inputPath") for each in tests}

    assert named == set((UPSTREAM / kind / "testdata").iterdir())
    assert (UPSTREAM / kind / "health.lua").read_text() == CUSTOMIZATIONS[
        f"{PREFIX}.health.mlhops.io_{kind}"
    ]
    for each in tests:
        shown = read(UPSTREAM / kind / text(each, "inputPath"))
        expected = (text(each, "healthStatus", "status"), text(each, "healthStatus", "message"))
        assert health(shown, kind) == expected


@pytest.mark.parametrize("name", STANDINGS)
def test_the_models_in_these_files_stand_as_the_planner_has_them(name: str) -> None:
    shown, made = read(MODEL / "testdata" / f"{name}.yaml"), STANDINGS[name]().manifest

    for manifest in (shown, made):
        assert text(manifest, "kind") == "ClinicalModel"
    assert told(shown) == told(made)


def told(manifest: Manifest) -> tuple[str, dict[str, str]]:
    """The phase, and the status of each condition."""
    conditions = items(manifest, "status", "conditions")
    return text(manifest, "status", "phase"), {
        text(each, "type"): text(each, "status") for each in conditions
    }


def test_the_files_for_argo_cds_repository_have_the_same_actions() -> None:
    actions = MODEL / "actions"
    there = yaml.safe_load(CUSTOMIZATIONS[f"{PREFIX}.actions.mlhops.io_ClinicalModel"])
    tests = read(actions / "action_test.yaml")
    discovery = (actions / "discovery.lua").read_text()

    assert discovery == there["discovery.lua"]
    for each in there["definitions"]:
        assert (actions / each["name"] / "action.lua").read_text() == each["action.lua"]
    for each in items(tests, "discoveryTests"):
        offered = lua(discovery, read(actions / text(each, "inputPath")))
        expected = items(each, "result")
        assert offered == {text(one, "name"): {"disabled": one["disabled"]} for one in expected}
    for each in items(tests, "actionTests"):
        program = (actions / text(each, "action") / "action.lua").read_text()
        changed = lua(program, read(actions / text(each, "inputPath")))
        assert changed == read(actions / text(each, "expectedOutputPath"))


def read(file: Path) -> Manifest:
    return cast(Manifest, yaml.safe_load(file.read_text()))
