"""What people decide and edit, on a real API server: an answer is about what was seen, and stays about that."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from lab.control import ControlPlane
from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec
from mlhops.api.gate import primary_of
from mlhops.api.result import encode
from mlhops.controller.kube.decisions import AT_ONCE, FEW
from mlhops.controller.resources import DECISIONS, EVALUATIONS, MODELS
from mlhops.json_access import at, items, text
from testkit import last_words
from testkit.api import Api, until
from testkit.fake_controllers import MODEL, Hands, OperatorProcess

FAILED, INCONCLUSIVE = EvaluationPhase.FAILED, EvaluationPhase.INCONCLUSIVE
SUCCESSFUL = EvaluationPhase.SUCCESSFUL
_AHEAD = """
import datetime, functools, sys
import mlhops.controller.main as process
from mlhops.controller.operator import now
ahead = lambda: now() + datetime.timedelta(minutes=10)
process.Operator = functools.partial(process.Operator, clock=ahead)
sys.exit(process.main(sys.argv[1:]))
"""


def begin(hands: Hands, *steps: Json) -> None:
    """A second version is proven, and its steps begin."""
    hands.promote_first(rollout={"steps": []})
    hands.apply_model("2.0.0", rollout={"steps": list(steps)})
    hands.load(hands.candidate_service())
    hands.finish(SUCCESSFUL)


def waits(hands: Hands, reason: str) -> None:
    """Wait until the rollout waits for that."""
    until(reason, lambda: text(hands.candidate(), "pause", "reason") == reason)


def edit(hands: Hands, **spec: object) -> None:
    """Change the model's spec, and wait until the operator has seen it."""
    hands.api.patch(MODELS, hands.namespace, MODEL, {"spec": cast(Manifest, spec)})
    generation = at(hands.model(), "metadata", "generation")
    until("an answer", lambda: at(hands.model(), "status", "observedGeneration") == generation)


def answered(hands: Hands, name: str) -> str:
    """What became of a Decision."""

    def look() -> str:
        found = text(hands.api.get(DECISIONS, hands.namespace, name), "status", "phase")
        return found if found in ("Honoured", "Ignored") else ""

    return until("the answer", look)


def test_an_approval_does_not_count_for_the_next_one_when_the_list_is_cut(hands: Hands) -> None:
    begin(hands, {"setWeight": 10}, {"approve": {}}, {"setWeight": 50}, {"approve": {}})
    hands.accept_weight(10)
    waits(hands, "ApprovalRequired")
    hands.decide("Approve", "first")
    hands.accept_weight(50)
    waits(hands, "ApprovalRequired")

    edit(hands, rollout={"steps": [{"setWeight": 50}, {"approve": {}}]})
    waits(hands, "ApprovalRequired")
    edit(hands, rollout={"steps": []})

    waits(hands, "ApprovalRequired")
    assert "taken off the list" in hands.status("message")
    assert len(hands.weights()) == 2
    hands.decide("Approve", "second")
    hands.accept_weight(100)
    hands.wait_for_phase("Healthy")


def test_a_hold_goes_on_for_the_next_version(hands: Hands) -> None:
    begin(hands, {"setWeight": 10}, {"pause": {}})
    hands.accept_weight(10)
    waits(hands, "PauseStep")
    hands.decide("Pause", "wait", reason="two wrong calls on ward 3")
    waits(hands, "PausedByPerson")

    hands.apply_model("2.0.0-1", rollout={"steps": []})
    until("the next", lambda: text(hands.candidate(), "version") == "2.0.0-1")
    hands.load(hands.candidate_service())
    hands.accept_route()
    hands.finish(SUCCESSFUL)

    waits(hands, "PausedByPerson")
    assert len(hands.weights()) == 1
    assert "two wrong calls on ward 3" in hands.status("message")


def test_an_override_does_not_move_to_a_gate_that_gets_its_name(hands: Hands) -> None:
    gates = items(hands.manifest("1.0.0"), "spec", "evaluation", "gates")
    slow: Manifest = {"name": "slow", "type": "Latency", "metric": "P99", "limit": 0.1}
    hands.apply_model("1.0.0", rollout={"steps": [{"approve": {}}]})
    edit(hands, evaluation={"gates": [*gates, slow]})
    hands.load(hands.candidate_service())
    _end(hands, {text(gates[0], "name"): SUCCESSFUL, "slow": INCONCLUSIVE})
    waits(hands, "GatesInconclusive")
    hands.decide("Override", "slow-is-fine", gates=["slow"], expires="2099-01-01T00:00:00Z")
    assert answered(hands, "slow-is-fine") == "Honoured"
    waits(hands, "ApprovalRequired")

    renamed: Manifest = {**gates[0], "name": "slow"}
    edit(
        hands,
        evaluation={"gates": [renamed, {**slow, "name": "latency"}]},
        rollout={"steps": []},
    )
    _end(hands, {"slow": FAILED, "latency": SUCCESSFUL})

    hands.wait_for_phase("Degraded")
    assert text(hands.candidate(), "failure", "reason") == "GatesFailed"
    assert hands.weights() == {}


def _end(hands: Hands, verdicts: dict[str, EvaluationPhase]) -> None:
    """The evaluator ends with these verdicts."""
    phases = set(verdicts.values())
    phase = FAILED if FAILED in phases else INCONCLUSIVE if INCONCLUSIVE in phases else SUCCESSFUL
    name = hands.running_evaluation()
    found = hands.api.get(EVALUATIONS, hands.namespace, name)
    spec = EvaluationSpec.model_validate(at(found, "spec"))
    primary = primary_of(spec.gates)
    gates = [
        last_words.of_gate(gate, verdicts[gate.name], primary=gate.name == primary)
        for gate in spec.gates
    ]
    result = last_words.said(spec, phase, gates=gates)
    hands.end_evaluator(name, encode(result), 0)


@pytest.fixture
def early_hands(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path
) -> Iterator[Hands]:
    """Hands beside an operator whose clock is ten minutes ahead of the API server's."""
    log = tmp_path / "early.log"
    process = OperatorProcess(control_plane.kubeconfig, namespace, log, program=("-c", _AHEAD))
    process.start()
    hands = Hands(api, namespace)
    hands.make_gateway()
    yield hands
    process.stop()


def test_a_clock_that_is_ahead_ignores_no_approval(early_hands: Hands) -> None:
    hands = early_hands
    begin(hands, {"setWeight": 10}, {"approve": {}})
    hands.accept_weight(10)
    waits(hands, "ApprovalRequired")

    hands.decide("Approve", "go")

    assert answered(hands, "go") == "Honoured"


def test_an_abort_is_heard_before_all_that_was_decided_earlier(
    hands: Hands, operator: OperatorProcess
) -> None:
    begin(hands, {"setWeight": 10}, {"pause": {}})
    hands.accept_weight(10)
    waits(hands, "PauseStep")
    operator.signal(signal.SIGSTOP)
    for number in range(FEW + 10):
        hands.decide("Approve", f"flood-{number:03}")
    hands.decide("Abort", "stop")

    operator.signal(signal.SIGCONT)

    assert answered(hands, "stop") == "Honoured"
    assert len(hands.weights()) == 1
    told = [text(one, "status", "phase") for one in hands.api.list(DECISIONS, hands.namespace)]
    assert told.count("") + told.count("Pending") >= FEW - AT_ONCE
    assert answered(hands, "flood-059") == "Ignored"
