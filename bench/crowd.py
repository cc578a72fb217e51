"""What very many Evaluations and Decisions of one model cost: `python -m bench --only decisions`.

The operator is started anew each time, once without them and once with them, so that what is measured is also what a
restart costs. The world plays everybody else.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench.fleet import Fleet, change_of, each
from bench.plane import OwnPlane
from bench.results import Result, percentile
from bench.usage import peak, resident
from bench.watching import Change, Watch
from lab.client import Client, Object, Resource
from lab.informer import Key
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import DECISIONS, MODELS, ROUTES
from mlhops.json_access import at, items, text
from mlhops.kserve.names import MODEL_LABEL
from testkit.api import until
from testkit.builders import decision
from testkit.fake_controllers import Hands

MANY_EVALUATIONS = 5_000
MANY_DECISIONS = 10_000
OTHERS = 9
CHANGES = 20
_APART = 1.0
"""Seconds from one change to the next: a model that changes without rest gets one pass a second."""
_PATIENCE = 300.0
_REST = 10.0
_EVALUATIONS = Resource("mlhops.io", "v1alpha1", "evaluations", "Evaluation")
_DECISIONS = Resource("mlhops.io", "v1alpha1", "decisions", "Decision")
_MOST_MEMORY = 60.0
_MOST_RATIO = 3.0
_NO_PERSON: list[Json] = [{"setWeight": 10}]
_APPROVAL: list[Json] = [*_NO_PERSON, {"approve": {}}]


@dataclass(frozen=True)
class Crowd:
    """How an operator that was just started does."""

    start: float
    """Seconds from the process' start until it watches what it must."""
    abort: float
    """Seconds from an Abort, made right then, until no request goes to the candidate by the route."""
    crowded: list[float]
    """Seconds from a new version of the crowded model to the operator's first write for it."""
    others: list[float]
    """The same of the others."""
    highest: float
    """MiB of RSS at its highest."""
    rss: float
    """MiB of RSS some seconds later."""


class Ward:
    """Ten models, of which one is to get a crowd."""

    def __init__(self, plane: OwnPlane, hands: Hands) -> None:
        self._plane, self._hands = plane, hands
        self.crowded = Key(hands.namespace, "crowded")
        self.others = [Key(hands.namespace, f"model-{number}") for number in range(OTHERS)]
        self._major = 1

    def begin(self) -> None:
        """Create all, and bring each to where it serves."""
        with self._plane.operator():
            self._plane.wait_for_operator(_PATIENCE)
            asyncio.run(_deploy(self._plane.kubeconfig, [self.crowded, *self.others]))

    def measure(self) -> Crowd:
        """Start the operator, and see how it does."""
        self._wait_for_person()
        routes = Watch(self._plane.kubeconfig, ROUTES, self._hands.namespace)
        models = Watch(self._plane.kubeconfig, MODELS, self._hands.namespace)
        began = time.perf_counter()
        with self._plane.operator() as process:
            self._plane.wait_for_operator(_PATIENCE)
            start = time.perf_counter() - began
            abort = self._abort(routes)
            crowded = self._change(models, [self.crowded])
            others = self._change(models, self.others)
            time.sleep(_REST)
            return Crowd(start, abort, crowded, others, peak(process.pid), resident(process.pid))

    def _wait_for_person(self) -> None:
        """Bring the crowded model to where its candidate waits for a person's approval, at 10 %."""
        self._major += 1
        version = f"{self._major}.0.0"
        with self._plane.operator():
            self._plane.wait_for_operator(_PATIENCE)
            self._apply(self.crowded, version)

            def waits() -> bool:
                live = self._hands.api.get(MODELS, *self.crowded)
                named = text(live, "status", "candidate", "version") == version
                return named and text(live, "status", "phase") == "Paused"

            until("the step that needs a person", waits, _PATIENCE)

    def _abort(self, routes: Watch) -> float:
        live = self._hands.api.get(MODELS, *self.crowded)
        revision = text(live, "status", "candidate", "revision")
        spec: dict[str, Json] = {
            "spec.model": self.crowded.name,
            "spec.revision": revision,
            "spec.action": "Abort",
        }
        manifest = decision(spec, f"stop-{revision}")
        self._hands.api.create(DECISIONS, self._hands.namespace, manifest)
        made = time.perf_counter()
        return routes.first(lambda seen: self._is_back(seen, revision), _PATIENCE).at - made

    def _is_back(self, seen: Change, revision: str) -> bool:
        """Whether a route gives a revision nothing."""
        backends = [
            backend
            for rule in items(seen.item, "spec", "rules")
            for backend in items(rule, "backendRefs")
        ]
        to_it = [one for one in backends if revision in text(one, "name")]
        return seen.name == self.crowded.name and not any(at(one, "weight") != 0 for one in to_it)

    def _change(self, models: Watch, keys: Sequence[Key]) -> list[float]:
        """Give a model after the other a new version, and wait for the operator's first write each time."""
        taken = []
        self._major += 1
        for number in range(CHANGES):
            key, version = keys[number % len(keys)], f"{self._major}.{number}.0"
            self._apply(key, version)
            asked = time.perf_counter()
            taken.append(models.first(_names(key, version), _PATIENCE).at - asked)
            time.sleep(_APART)
        return taken

    def _apply(self, key: Key, version: str) -> None:
        # A first version would wait for a person as well, so only those after it are asked to.
        spec: Manifest = {**change_of(key, version), "rollout": {"steps": _APPROVAL}}
        self._hands.api.patch(MODELS, *key, {"spec": spec})


def _names(key: Key, version: str) -> Callable[[Change], bool]:
    """Return whether a change of a model names a candidate of that version."""
    return lambda seen: (
        seen.name == key.name and text(seen.item, "status", "candidate", "version") == version
    )


async def _deploy(kubeconfig: Path, keys: list[Key]) -> None:
    async with Fleet.followed(kubeconfig, keys, steps=_NO_PERSON, keepPrevious="0s") as fleet:
        arrival = await fleet.deploy("1.0.0", _PATIENCE)
        if arrival.arrived < len(keys):
            raise RuntimeError(f"only {arrival.arrived} of {len(keys)} models were ever healthy")


Add: TypeAlias = Callable[[Client, Ward], Awaitable[None]]


def evaluations(many: int = MANY_EVALUATIONS) -> list[Result]:
    """Measure with Evaluations that passed, which are kept for good."""

    async def add(client: Client, ward: Ward) -> None:
        found = await client.list(_EVALUATIONS, ward.crowded.namespace)
        pattern = next(
            one
            for one in found["items"]
            if text(one, "spec", "model") == ward.crowded.name
            and text(one, "status", "phase") == "Successful"
        )
        await each(_names_of(ward.crowded, "past", many), lambda key: _past(client, pattern, key))

    return _results(many, "Evaluations of one model", add)


def decisions(many: int = MANY_DECISIONS) -> list[Result]:
    """Measure with Decisions on what never was, none of which is answered yet."""

    async def add(client: Client, ward: Ward) -> None:
        async def ask(key: Key) -> None:
            spec: dict[str, Json] = {"spec.model": ward.crowded.name, "spec.revision": "never-was"}
            await client.create(_DECISIONS, decision(spec, key.name), namespace=key.namespace)

        await each(_names_of(ward.crowded, "nonsense", many), ask)

    return _results(many, "pending Decisions on one model", add)


def _names_of(model: Key, prefix: str, many: int) -> Iterable[Key]:
    return (Key(model.namespace, f"{prefix}-{number:05d}") for number in range(many))


async def _past(client: Client, pattern: Object, key: Key) -> None:
    """Create an Evaluation that ended as another did, of an earlier revision."""
    metadata = pattern["metadata"]
    revision = f"r{key.name[-5:]}"
    made: Object = {
        "apiVersion": pattern["apiVersion"],
        "kind": pattern["kind"],
        "metadata": {
            "name": key.name,
            "labels": {**metadata["labels"], MODEL_LABEL: pattern["spec"]["model"]},
            "ownerReferences": metadata["ownerReferences"],
        },
        "spec": {**pattern["spec"], "revision": revision},
    }
    await client.create(_EVALUATIONS, made, namespace=key.namespace)
    body: Object = {"status": pattern["status"]}
    await client.patch(_EVALUATIONS, key.namespace, key.name, body, sub="status")


def _results(many: int, what: str, add: Add) -> list[Result]:
    """Measure without and with them, on a control plane of its own."""
    with OwnPlane.with_kinds() as plane, plane.namespace() as hands, plane.world():
        ward = Ward(plane, hands)
        ward.begin()
        without = ward.measure()
        asyncio.run(_add(plane.kubeconfig, ward, add))
        among = ward.measure()
        plane.processes.check()
    crowd = f"{many:,} {what}"
    return [
        *_told("without them", without),
        *_told(f"with {crowd}", among),
        Result(f"with {crowd}, RSS", round(among.rss - without.rss, 1), "MiB more", _MOST_MEMORY),
        Result(
            "Abort, with over without",
            round(among.abort / without.abort, 2),
            "times",
            _MOST_RATIO,
        ),
        Result(
            "new version of the crowded model to first write, p50 with over without",
            round(percentile(among.crowded, 50) / percentile(without.crowded, 50), 2),
            "times",
            _MOST_RATIO,
        ),
        Result(
            "new version of another model to first write, p50 with over without",
            round(percentile(among.others, 50) / percentile(without.others, 50), 2),
            "times",
            _MOST_RATIO,
        ),
    ]


async def _add(kubeconfig: Path, ward: Ward, add: Add) -> None:
    async with Client(kubeconfig) as client:
        await add(client, ward)


def _told(where: str, found: Crowd) -> list[Result]:
    return [
        Result(f"{where}, process start until it watches all", round(found.start, 2), "s"),
        Result(f"{where}, Abort made right then, to the route", round(found.abort, 2), "s"),
        *(
            Result(
                f"{where}, new version of {whose} to first write, {told}", round(seconds, 3), "s"
            )
            for whose, taken in (("that model", found.crowded), ("another", found.others))
            for told, seconds in (
                ("p50", percentile(taken, 50)),
                (f"slowest of {len(taken)}", max(taken)),
            )
        ),
        Result(f"{where}, RSS, highest", found.highest, "MiB"),
        Result(f"{where}, RSS, later", found.rss, "MiB"),
    ]
