"""Somebody who wants other weights, and sets them again whenever the operator has set its own."""

import threading
import time
from typing import cast

import httpx

from campaign.control_plane import Plane, Stage, stage
from campaign.history import Recorder
from campaign.interference.begins import candidate_of, climbing, holds, stable_of
from campaign.interference.play import Played
from campaign.world import World
from lab.faults.script import Counted
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import ROUTES
from mlhops.kserve.names import backend
from testkit.api import Api
from testkit.fake_controllers import MODEL

SECONDS = 20.0
MOST_WRITES = 120
"""A minute: the operator sets its weights again, and neither floods the API server nor gives up."""
FIGHTS = {
    "fight: somebody who sets the weights again at once": 0.0,
    "fight: somebody who sets the weights again every second": 1.0,
}
"""How long the other one waits between two looks, in seconds."""
_REST = 0.6
_THEIRS = {"stable": 10, "candidate": 90}


class Fighter:
    """Another field manager, as quick as the API server lets it be."""

    def __init__(self, world: World, api: Api, pause: float) -> None:
        self._world = world
        self._api = api
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._fight, daemon=True)
        self.rounds = 0
        stable, candidate = stable_of(world), candidate_of(world)
        self._weights = {stable: _THEIRS["stable"], candidate: _THEIRS["candidate"]}
        route = cast(Manifest, world.objects("httproutes")[MODEL]["spec"])
        rule = cast("list[Manifest]", route["rules"])[0]
        references: list[Json] = [
            {"name": backend(name), "port": 80, "weight": weight}
            for name, weight in self._weights.items()
        ]
        self._manifest: Manifest = {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": MODEL},
            "spec": {"rules": [{**rule, "backendRefs": references}]},
        }

    def begin(self) -> None:
        """Fight until `cease`."""
        self._thread.start()

    def cease(self) -> None:
        """Give up."""
        self._over.set()
        self._thread.join(10)

    def _fight(self) -> None:
        world = self._world
        while not self._over.is_set():
            seen = world.recorder.last_change(world.namespace)
            if world.weights().get("2.0.0") != _THEIRS["candidate"]:
                self._set()
            world.recorder.wait(world.namespace, seen, 0.5)
            self._over.wait(self._pause)

    def _set(self) -> None:
        path = ROUTES.path(self._world.namespace, MODEL)
        headers = {"Content-Type": "application/apply-patch+yaml"}
        query = {"fieldManager": "theirs", "force": "true"}
        try:
            answer = self._api.http.patch(path, json=self._manifest, headers=headers, params=query)
        except httpx.HTTPError:
            return
        self.rounds += answer.status_code == 200


def fight(plane: Plane, recorder: Recorder, pause: float) -> Played:
    """Let somebody fight over a candidate's weight for a while, and then give up."""
    played = Played()
    with stage(plane, recorder, lambda *_: None) as on:
        api = Api(plane.kubeconfig)
        try:
            _fight(on, api, pause, played)
        except AssertionError as error:
            said = f"{on.world.status('phase')}: {on.world.status('message')}"
            played.complaints.append(f"{error} ({said})")
        api.close()
        objections = plane.hearing.objections(on.world.namespace)
        # Theirs, each time; what the operator writes itself never goes beyond its step.
        played.complaints += [one for one in objections if "gets 90, its step allows 10" not in one]
        played.complaints += [f"the operator ended with {code}" for code in on.operator.deaths]
        recorder.forget(on.world.namespace)
    return played


def _fight(on: Stage, api: Api, pause: float, played: Played) -> None:
    world = on.world
    climbing(world)
    world.until("rest before", lambda: on.at_rest(_REST))
    fighter, begun = Fighter(world, api, pause), time.monotonic()
    fighter.begin()
    try:
        while time.monotonic() - begun < SECONDS:
            world.act()
            time.sleep(0.2)
    finally:
        fighter.cease()
    counted = sum(one.moment >= begun for one in on.proxy.trace(Counted.WRITE))
    played.writes = round(counted * 60 / SECONDS)
    if fighter.rounds < 2:
        played.complaints.append("nobody fought")
    if played.writes > MOST_WRITES:
        played.complaints.append(f"{played.writes} writes a minute, and {MOST_WRITES} may be")
    world.until("our weights again, and rest", lambda: holds(world) and on.at_rest(_REST))
