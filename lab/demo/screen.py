"""What a user would see: the table of models as it changes, the verdicts, the Events."""

import json
import time
from collections.abc import Callable
from typing import cast

from lab.cluster import Cluster
from mlhops.api.base import Manifest
from mlhops.api.conditions import ConditionType, find
from mlhops.api.evaluation import Evaluation, GateResult
from mlhops.api.model import ClinicalModel

NAMESPACE, MODEL = "demo", "mortality"
POLL = 0.4


class Failed(Exception):
    """Something that the demo promises did not happen."""


class Screen:
    """Prints, and reads what it prints from the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._seen = ""
        self._started = time.monotonic()

    def title(self, text: str) -> None:
        """Begin a part of the story."""
        print(f"\n=== {text}  [{time.monotonic() - self._started:.0f} s]", flush=True)

    def command(self, *arguments: str) -> str:
        """Show a kubectl command and what it prints."""
        print(f"\n$ kubectl {' '.join(arguments)}")
        output = self._cluster.kubectl(*arguments)
        print(output.rstrip(), flush=True)
        return output

    def model(self) -> ClinicalModel:
        """The model as it is now."""
        return ClinicalModel.model_validate(self._get(f"clinicalmodel/{MODEL}"))

    def watch(self, done: Callable[[ClinicalModel], bool], what: str, seconds: float) -> None:
        """Print the table of models whenever it changes, until the model is as wanted.

        Raises:
            Failed: it took too long.
        """
        deadline = time.monotonic() + seconds
        while True:
            self._print_table()
            model = self.model()
            if done(model):
                self._print_table()
                return
            if time.monotonic() > deadline:
                raise Failed(f"not within {seconds:.0f} s: {what} (now: {model.status.message})")
            time.sleep(POLL)

    def wait(self, done: Callable[[], object], what: str, seconds: float) -> None:
        """Wait for something beside the model.

        Raises:
            Failed: it took too long.
        """
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise Failed(f"not within {seconds:.0f} s: {what}")
            time.sleep(POLL)

    def verdict(self, name: str) -> Evaluation:
        """Print what an Evaluation measured, group by group."""
        evaluation = Evaluation.model_validate(self._get(f"evaluation/{name}"))
        status = evaluation.status
        print(f"\nEvaluation {name}: {status.phase}, {status.rows} people")
        for gate in status.gates:
            _print_gate(gate)
        return evaluation

    def weights(self) -> dict[str, int]:
        """The weights in the HTTPRoute by backend."""
        route = self._get(f"httproute/{MODEL}")
        rules = cast(Manifest, route["spec"])["rules"]
        backends = cast(list[Manifest], cast(list[Manifest], rules)[0]["backendRefs"])
        return {str(backend["name"]): int(str(backend["weight"])) for backend in backends}

    def _get(self, name: str) -> Manifest:
        output = self._cluster.kubectl("get", "--namespace", NAMESPACE, name, "--output=json")
        return cast(Manifest, json.loads(output))

    def _print_table(self) -> None:
        table = self._cluster.kubectl("get", "--namespace", NAMESPACE, "clinicalmodels").rstrip()
        model = self.model()
        watched = model.status.monitoring and model.status.monitoring.verdict
        seen = repr((model.status.phase, model.status.candidate, model.status.message, watched))
        if seen != self._seen and model.status.phase is not None:
            self._seen = seen
            print(f"\n{table}\n  {model.status.message}", flush=True)


def ready(model: ClinicalModel) -> bool:
    """Whether the spec that stands now serves."""
    condition = find(model.status.conditions, ConditionType.READY)
    return (
        condition is not None
        and condition.status == "True"
        and condition.observed_generation == model.metadata.generation
    )


def _print_gate(gate: GateResult) -> None:
    kind = "" if gate.required else " (advisory)"
    print(f"  {gate.name}{kind}: {gate.phase}")
    print(f"    {gate.message}")
    for group in gate.groups:
        if group.gap is None or group.lower is None or group.upper is None:
            continue
        print(
            f"      {group.group:<22} rate {group.rate:.2f}, everybody else {group.rest:.2f}, "
            f"gap {group.gap:.2f} [{group.lower:.2f}, {group.upper:.2f}]  {group.phase}"
        )
