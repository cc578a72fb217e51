"""Pods that cannot run, as scheduler and kubelet tell of them."""

from collections.abc import Callable, Iterator
from typing import cast

from campaign.transitions.town import Town, create
from mlhops.api.base import Manifest
from mlhops.controller.kinds import PODS
from mlhops.kserve.read import at
from tests.integration.hands import MODEL

_CRASHES = 3


def unschedulable(words: str) -> Callable[[Town], None]:
    """A pod of each InferenceService that fails finds no node."""

    def tell(town: Town) -> None:
        for service in _failing(town):
            pod = f"{service}-predictor-0"
            if pod in town.objects("pods"):
                continue
            labels = {"mlhops.io/model": MODEL, "serving.kserve.io/inferenceservice": service}
            manifest = {
                "metadata": {"name": pod, "labels": labels},
                "spec": {"containers": [{"name": "kserve-container", "image": "none"}]},
            }
            create(town.api, PODS, town.namespace, cast(Manifest, manifest))
            scheduled = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": words,
            }
            patch = cast(Manifest, {"status": {"phase": "Pending", "conditions": [scheduled]}})
            town.api.patch(PODS, town.namespace, pod, patch, "status")
        _remove_others(town)

    return tell


def crashing(words: str) -> Callable[[Town], None]:
    """A pod of each InferenceService that fails ends again and again."""

    def tell(town: Town) -> None:
        for service in _failing(town):
            if f"{service}-predictor-0" not in town.objects("pods"):
                town.crash(service, words, _CRASHES)
        _remove_others(town)

    return tell


def _failing(town: Town) -> Iterator[str]:
    for name, live in town.objects("inferenceservices").items():
        if town.fails(live) is not None and at(live, "metadata", "deletionTimestamp") is None:
            yield name


def _remove_others(town: Town) -> None:
    """Pods of InferenceServices that are gone go as well, as the garbage collector would have it."""
    services = town.objects("inferenceservices")
    for name in list(town.objects("pods")):
        service = name.removesuffix("-predictor-0")
        if service != name and service not in services:
            town.api.delete(PODS, town.namespace, name)
