"""How soon the operator acts: on a change of a spec, and after its own start."""

import statistics
import time
from functools import partial
from typing import cast

from bench.plane import Plane, settle
from bench.results import Result, milliseconds
from bench.watching import Change, Watch
from mlhops.api.base import Manifest
from mlhops.controller.resources import MODELS, REVISIONS, SERVICES
from mlhops.json_access import at, text
from testkit.builders import clinical_model
from testkit.fake_controllers import MODEL, Hands

FIRST_WRITE = "spec change to first write on an idle operator"
FLOOR = "API server's floor: write to watch event"
START = "operator process start to first write, median"
CHANGES = 40
REST = 5.0
"""Seconds without a write before each change: a model that changes all the time is slowed down on purpose, and the
passes for one change cost as much as some five seconds give."""
STARTS = 5
TARGET_MS = 50.0


def first_write(plane: Plane) -> list[Result]:
    """Change the version of a served model again and again; wait for the status that names the candidate.

    That is the first thing that the operator writes for a new revision.
    """
    taken, floor = [], []
    with plane.namespace() as hands, plane.operator(hands.namespace):
        hands.promote_first(rollout={"steps": [{"setWeight": 10}]})
        watch = Watch(plane.kubeconfig, MODELS, hands.namespace)
        bare = Watch(plane.kubeconfig, REVISIONS, hands.namespace)
        settle(hands, REST)
        for number in range(CHANGES):
            floor.append(_bare_write(hands, bare, f"floor-{number}"))
            hands.apply_model(f"2.0.{number}")
            acknowledged = time.perf_counter()
            change = watch.first(partial(_names_candidate, f"2.0.{number}"))
            taken.append(change.at - acknowledged)
            settle(hands, REST)
            _check_order(hands, change)
    return [*milliseconds(FIRST_WRITE, taken, TARGET_MS), *milliseconds(FLOOR, floor)]


def start(plane: Plane) -> list[Result]:
    """Start the operator beside a model that waits for it."""
    taken = []
    with plane.namespace() as hands:
        watch = Watch(plane.kubeconfig, MODELS, hands.namespace)
        for number in range(STARTS):
            name = f"start-{number}"
            hands.api.create(MODELS, hands.namespace, clinical_model(name=name))
            settle(hands)
            started = time.perf_counter()
            with plane.operator(hands.namespace):
                change = watch.first(partial(_has_candidate, name))
                settle(hands)
            taken.append(change.at - started)
            hands.api.delete(MODELS, hands.namespace, name)
    return [Result(START, round(statistics.median(taken), 3), "s")]


def _has_candidate(name: str, change: Change) -> bool:
    return change.name == name and bool(text(change.item, "status", "candidate", "revision"))


def _names_candidate(version: str, change: Change) -> bool:
    return text(change.item, "status", "candidate", "version") == version


def _bare_write(hands: Hands, watch: Watch, name: str) -> float:
    """Return how long one small write takes to be seen, with no operator in between."""
    manifest: Manifest = {"metadata": {"name": name}, "revision": 1, "data": {}}
    before = time.perf_counter()
    hands.api.create(REVISIONS, hands.namespace, manifest)
    return watch.first(lambda change: change.name == name).at - before


def _check_order(hands: Hands, first: Change) -> None:
    """Whatever else the pass wrote must be younger, or something else was measured."""
    candidate = text(hands.candidate(), "inferenceService")
    service = hands.api.get(SERVICES, hands.namespace, candidate)
    if service is None:
        raise RuntimeError(f"{MODEL}: the candidate's {candidate} is not there")
    if not _version(first.item) < _version(service):
        raise RuntimeError(f"InferenceService {candidate} was written before the status")


def _version(item: Manifest) -> int:
    return int(cast(str, at(item, "metadata", "resourceVersion")))
