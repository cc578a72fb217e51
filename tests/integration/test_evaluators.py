"""The Jobs of evaluators on a real API server: what they are given, and what is told when they are ended."""

import random
import string

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec
from mlhops.api.given import unpacked
from mlhops.controller.resources import EVALUATIONS, PODS
from mlhops.json_access import at, items, text
from testkit.api import until
from testkit.builders import at_path, clinical_model
from testkit.fake_controllers import Hands


def large_interface() -> Manifest:
    """An interface of a megabyte, most of it words that do not repeat."""
    draw = random.Random(7)
    noise = "".join(draw.choices(string.ascii_letters + string.digits, k=1_000_000))
    more: list[Json] = [
        {
            "name": f"lab_{n}",
            "type": "Categorical",
            "categories": [noise[2000 * n + 30 * k :][:30] for k in range(33)],
            "description": noise[2000 * n + 1000 :][:1000],
        }
        for n in range(450)
    ]
    interface = at_path(clinical_model(), "spec.interface")
    assert isinstance(interface, dict)
    return {**interface, "features": [*items(interface, "features"), *more]}


def evaluator_of(hands: Hands, evaluation: str) -> Manifest:
    """Return the container of an Evaluation's pod as the API server has it."""

    def look() -> Manifest | None:
        for pod in hands.api.list(PODS, hands.namespace):
            if text(pod, "metadata", "labels", "mlhops.io/evaluation") == evaluation:
                return items(pod, "spec", "containers")[0]
        return None

    return until("the evaluator's pod", look)


def test_a_model_of_a_megabyte_is_evaluated_as_any_other(hands: Hands) -> None:
    hands.apply_model("1.0.0", interface=large_interface())
    hands.load(hands.candidate_service())
    name = hands.running_evaluation()
    container = evaluator_of(hands, name)
    given = {text(each, "name"): text(each, "value") for each in items(container, "env")}
    assert max(len(f"{key}={value}") for key, value in given.items()) < 128 * 1024
    asked = EvaluationSpec.model_validate(
        at(hands.api.get(EVALUATIONS, hands.namespace, name), "spec")
    )
    told = EvaluationSpec.model_validate(unpacked(given))
    assert len(told.interface.features) == 453
    assert [each.categories for each in told.interface.features] == [
        each.categories for each in asked.interface.features
    ]
    assert told.gates == asked.gates
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("the route", hands.weights)


def test_an_evaluator_that_is_killed_for_memory_is_told_while_the_next_one_is_awaited(
    hands: Hands,
) -> None:
    hands.apply_model("1.0.0")
    hands.load(hands.candidate_service())
    name = hands.running_evaluation()
    limits = at(evaluator_of(hands, name), "resources", "limits")
    assert limits == {"memory": "4Gi"}

    hands.end_evaluator(name, "", 137, "OOMKilled")

    def told() -> bool:
        evaluation = hands.api.get(EVALUATIONS, hands.namespace, name)
        return "evaluation.resources.limits.memory" in text(evaluation, "status", "message")

    until("the field that helps", told)
    assert hands.weights() == {}
