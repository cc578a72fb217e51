"""What a person with kubectl sees of the kinds: columns, names, explanations, refusals."""

import json
import math
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.control import ControlPlane
from mlhops.api.base import Manifest
from testkit.builders import (
    DIGEST,
    clinical_model,
    clinical_standard,
    decision,
    evaluation,
    monitoring_policy,
    with_path,
)
from testkit.operators import Server
from tools.crd import KINDS, Kind

NOW = "2026-05-01T12:00:00.000000Z"
GOOD = (clinical_model(), evaluation(), decision(), monitoring_policy())
COLUMNS = {
    "clm": "NAME PHASE VERSION CANDIDATE STEP WEIGHT GATES SERVING DRIFT AVAILABLE READY AGE",
    "eval": "NAME MODEL VERSION PHASE PASSED PRIMARY ROWS AGE",
    "dec": "NAME MODEL REVISION ACTION BY PHASE GATES UNTIL AGE MESSAGE",
    "monpol": "NAME MODELS DRIFT INSUFFICIENT WORST OF AGE",
    "std": "NAME CLASSES DIGEST FIRST WEIGHT PAUSE OVERRIDE AGE",
}
WIDE = {
    "clm": "MESSAGE URL OVERRIDDEN OVERRIDE ENDS",
    "eval": "MESSAGE SEED DIGEST",
    "dec": "",
    "monpol": "",
    "std": "",
}
CONDITION: Manifest = {
    "type": "Ready",
    "status": "True",
    "lastTransitionTime": NOW,
    "reason": "Promoted",
}
STATUS: Manifest = {
    "phase": "Progressing",
    "message": "waits for a person",
    "url": "http://sepsis.models.example",
    "stable": {
        "revision": "a1",
        "version": "1.0.0",
        "inferenceService": "sepsis-a1",
        "since": NOW,
        "proof": {
            "evaluation": "sepsis-a1-1",
            "phase": "Inconclusive",
            "gatesHash": "c0ffee",
            "overridden": ["equal-misses"],
        },
    },
    "candidate": {
        "revision": "b2",
        "version": "2.0.0",
        "inferenceService": "sepsis-b2",
        "createdAt": NOW,
        "startedAt": NOW,
        "step": "2/5",
        "weight": 10,
    },
    "monitoring": {"verdict": "NoDrift"},
    "serving": {"verdict": "Silent"},
    "override": {"gates": ["equal-misses"], "expires": NOW},
    "conditions": [
        CONDITION,
        {**CONDITION, "type": "Available"},
        {**CONDITION, "type": "GatesPassed", "reason": "AllPassed"},
    ],
}

MEASURED: Manifest = {
    "phase": "Failed",
    "message": "misses more women",
    "passed": "1/2",
    "primary": "sex=F 0.34, limit 0.15",
    "rows": 4724,
    "seed": 20,
    "dataDigest": DIGEST,
}


@pytest.fixture(scope="module")
def filled(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace with one object of each kind, and a standard for it alone."""
    namespace = f"columns-{secrets.token_hex(4)}"
    control_plane.kubectl("create", "namespace", namespace)
    server = Server(control_plane.kubeconfig, namespace)
    made = [server.create(manifest) for manifest in GOOD]
    server.create(_standard(namespace))
    by_kind = {str(one["kind"]): one for one in made}
    server.replace_status(with_path(by_kind["ClinicalModel"], "status", STATUS))
    server.replace_status(with_path(by_kind["Evaluation"], "status", MEASURED))
    yield namespace
    control_plane.kubectl("delete", "std", "columns")
    control_plane.kubectl("delete", "namespace", namespace, "--wait=false")


def _standard(namespace: str) -> Manifest:
    labels: Manifest = {"kubernetes.io/metadata.name": namespace}
    asked: Manifest = {
        "appliesTo": {"riskClasses": ["III"], "namespaceSelector": {"matchLabels": labels}},
        "data": {"digest": True},
        "rollout": {"maxFirstWeight": 10, "minPause": "24h"},
        "overrides": {"longest": "7d"},
    }
    return clinical_standard({"spec": asked}, "columns")


def test_the_columns_of_a_standard_tell_what_it_asks(
    control_plane: ControlPlane, filled: str
) -> None:
    del filled
    table = control_plane.kubectl("get", "std")

    assert " ".join(table.splitlines()[1].split()).startswith('columns ["III"] true 10 24h 7d ')


@pytest.mark.parametrize("short", COLUMNS)
def test_a_short_name_shows_the_columns(
    control_plane: ControlPlane, filled: str, short: str
) -> None:
    table = control_plane.kubectl("get", short, "--namespace", filled)

    assert table.splitlines()[0].split() == COLUMNS[short].split()
    assert len(table.splitlines()) == 2


@pytest.mark.parametrize("short", COLUMNS)
def test_wide_shows_more_columns(control_plane: ControlPlane, filled: str, short: str) -> None:
    table = control_plane.kubectl("get", short, "--namespace", filled, "--output", "wide")

    assert table.splitlines()[0].split() == (COLUMNS[short] + " " + WIDE[short]).split()


def test_the_columns_are_filled_from_the_status(control_plane: ControlPlane, filled: str) -> None:
    table = control_plane.kubectl("get", "clm", "--namespace", filled, "--output", "wide")

    cells = " ".join(table.splitlines()[1].split())
    assert cells.startswith(
        "sepsis Progressing 1.0.0 2.0.0 2/5 10 AllPassed Silent NoDrift True True "
    )
    assert cells.endswith(
        ' waits for a person http://sepsis.models.example ["equal-misses"] ' + NOW
    )


def test_the_columns_of_an_evaluation_tell_the_story(
    control_plane: ControlPlane, filled: str
) -> None:
    table = control_plane.kubectl("get", "eval", "--namespace", filled, "--output", "wide")

    cells = " ".join(table.splitlines()[1].split())
    assert " sepsis 1.0.0 Failed 1/2 sex=F 0.34, limit 0.15 4724 " in cells
    assert cells.endswith(f" misses more women 20 {DIGEST}")


def test_the_category_lists_all_kinds(control_plane: ControlPlane, filled: str) -> None:
    listed = control_plane.kubectl("get", "mlhops", "--namespace", filled, "--output", "name")

    assert sorted(line.split("/")[0] for line in listed.splitlines()) == sorted(
        f"{kind.name.lower()}.mlhops.io" for kind in KINDS
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_long_names_work_too(control_plane: ControlPlane, filled: str, kind: Kind) -> None:
    for name in (kind.plural, kind.name.lower(), kind.name):
        listed = control_plane.kubectl("get", name, "--namespace", filled, "--output", "json")
        assert [item["kind"] for item in json.loads(listed)["items"]] == [kind.name]


def test_explain_tells_what_a_rollout_is(control_plane: ControlPlane) -> None:
    text = " ".join(control_plane.kubectl("explain", "clm.spec.rollout").split())

    assert "How a new revision takes over." in text
    assert "Rollback removes a failed candidate" in text
    assert "enum: Rollback, Pause" in text


def test_explain_tells_what_a_standard_asks(control_plane: ControlPlane) -> None:
    text = " ".join(control_plane.kubectl("explain", "std.spec.rollout").split())

    assert "How carefully a new revision must take over." in text
    assert "The largest first weight above 0, in percent." in text


def test_explain_tells_what_a_gate_demands(control_plane: ControlPlane) -> None:
    text = " ".join(control_plane.kubectl("explain", "clm.spec.evaluation.gates.limit").split())

    assert "the largest acceptable difference, or the smallest acceptable ratio" in text


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("rollot: {}", r'unknown field "spec\.rollot"'),
        ("version: 1.0", r"spec\.version in body must be of type string"),
    ],
)
def test_kubectl_apply_refuses_a_slip_of_the_pen(
    control_plane: ControlPlane, filled: str, tmp_path: Path, text: str, remedy: str
) -> None:
    manifest = clinical_model(name="slip")
    spec = manifest.pop("spec")
    assert isinstance(spec, dict)
    rest = ", ".join(f"{key}: {json.dumps(spec[key])}" for key in spec if key not in text)
    file = tmp_path / "slip.yaml"
    file.write_text(f"{json.dumps(manifest)[:-1]}, spec: {{{text}, {rest}}}}}")

    with pytest.raises(RuntimeError, match=remedy):
        control_plane.kubectl("apply", "--namespace", filled, "--filename", file)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_no_number_never_arrives(
    control_plane: ControlPlane, filled: str, tmp_path: Path, number: float
) -> None:
    manifest = clinical_model({"spec.evaluation.gates.0.limit": number}, name="no-number")
    file = tmp_path / "no-number.yaml"
    file.write_text(yaml.safe_dump(manifest))

    with pytest.raises(RuntimeError, match=r"unsupported value: (NaN|[+-]Inf)"):
        control_plane.kubectl("apply", "--namespace", filled, "--filename", file)


def test_the_same_manifest_can_be_applied_twice(
    control_plane: ControlPlane, filled: str, tmp_path: Path
) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(monitoring_policy(name="twice")))
    apply = ("apply", "--server-side", "--namespace", filled, "--filename", file)
    get = ("get", "monpol", "twice", "--namespace", filled, "--output=jsonpath={.metadata}")
    control_plane.kubectl(*apply)
    # The first write after creation stores the status that the server puts in; mostly it is the operator's.
    control_plane.kubectl(*apply)
    before = json.loads(control_plane.kubectl(*get))

    control_plane.kubectl(*apply)

    after = json.loads(control_plane.kubectl(*get))
    assert after["resourceVersion"] == before["resourceVersion"]
    control_plane.kubectl("delete", "monpol", "twice", "--namespace", filled)
