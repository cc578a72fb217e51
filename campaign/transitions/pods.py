"""Pods that cannot run, as scheduler and kubelet tell of them."""

from collections.abc import Callable, Iterator
from typing import cast

from campaign.transitions.scripted_environment import Town
from mlhops.api.base import Manifest
from mlhops.controller.resources import PODS
from mlhops.json_access import at, condition, text
from testkit.model_pods import is_running

_CRASHES = 3


def unschedulable(words: str) -> Callable[[Town], None]:
    """A pod of each InferenceService that fails finds no node."""

    def tell(town: Town) -> None:
        for service in _failing(town):
            pod = text(town.pod_of(service), "metadata", "name")
            if condition(town.objects("pods").get(pod, {}), "PodScheduled"):
                continue
            scheduled = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": words,
            }
            patch = cast(Manifest, {"status": {"phase": "Pending", "conditions": [scheduled]}})
            town.api.patch(PODS, town.namespace, pod, patch, "status")

    return tell


def crashing(words: str) -> Callable[[Town], None]:
    """A pod of each InferenceService that fails ends again and again."""

    def tell(town: Town) -> None:
        for service in _failing(town):
            pod = text(town.pod_of(service), "metadata", "name")
            if not is_running(town.objects("pods").get(pod, {})):
                town.crash(service, words, _CRASHES)

    return tell


def _failing(town: Town) -> Iterator[str]:
    for name, live in town.objects("inferenceservices").items():
        if town.fails(live) is not None and at(live, "metadata", "deletionTimestamp") is None:
            yield name
