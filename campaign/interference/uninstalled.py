"""KServe, and then Gateway API, are uninstalled under a serving model, and installed again.

That takes the InferenceServices and the HTTPRoutes of the whole cluster with it, so it has a control plane of
its own, and the operator watches the whole cluster, as it does where it is installed for all.
"""

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.interference.begins import serving_second
from campaign.interference.play import Played
from campaign.judge import judge
from campaign.operators import Operator
from campaign.run import start_plane
from campaign.world import World
from lab.control import gateway_api_crds, kserve_crds
from testkit.api import Api

UNINSTALLED = "kinds: KServe and Gateway API uninstalled and installed again"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_PATIENCE = 120.0
_CALM, _WINDOW = 5.0, 10.0
_MOST_VERSIONS = 2
_MOST_RESTARTS = 4
"""kopf ends it when a kind that was just installed is not served yet at the moment of the first watch."""
_EXCUSED = (
    "is stable, and is deleted",
    "is deleted while it may have traffic",
    "is deleted while there is no route",
)
_NAMESPACE = "default"


def uninstall() -> Played:
    """Take both away, one after the other, and give them back."""
    played = Played()
    with ExitStack() as undo:
        plane = undo.enter_context(start_plane())
        recorder = undo.enter_context(Recorder(plane.kubeconfig))
        api = Api(plane.kubeconfig)
        undo.callback(api.close)
        log = plane.root / "operator.log"
        operator = Operator(plane.operators, plane.kubeconfig, log)
        operator.start()
        undo.callback(operator.stop)
        world = World(api, _NAMESPACE, recorder)
        world.patience = _PATIENCE
        try:
            world.make_gateway()
            serving_second(world)
            _without(plane, world, "inferenceservices.serving.kserve.io", kserve_crds, played)
            _without(plane, world, "httproutes.gateway.networking.k8s.io", gateway_api_crds, played)
        except AssertionError as error:
            said = f"{world.status('phase')}: {world.status('message')}"
            played.complaints.append(f"{error} ({said})")
        objections = judge(recorder.history(_NAMESPACE))
        played.complaints += [
            one for one in objections if not any(re.search(e, one) for e in _EXCUSED)
        ]
        if len(operator.deaths) > _MOST_RESTARTS:
            played.complaints.append(f"the operator ended by itself {len(operator.deaths)} times")
        played.log = log.read_text()
    return played


_WORDS = {
    "inferenceservices.serving.kserve.io": ("KServe is not installed", "install it"),
    "httproutes.gateway.networking.k8s.io": ("Gateway API is not installed", "install it"),
}


def _without(
    plane: Plane, world: World, name: str, crds: Callable[[], Path], played: Played
) -> None:
    world.api.http.delete(f"{_DEFINITIONS}/{name}").raise_for_status()

    def told() -> bool:
        said = world.status("message")
        return world.status("phase") == "Degraded" and all(w in said for w in _WORDS[name])

    world.until(f"word of {name}", told)
    time.sleep(_CALM)
    before = len(world.recorder.history(world.namespace))
    time.sleep(_WINDOW)
    versions = len(world.recorder.history(world.namespace)) - before
    played.writes = max(played.writes, round(versions * 60 / _WINDOW))
    if versions > _MOST_VERSIONS:
        played.complaints.append(f"{name}: {versions} objects were written in {_WINDOW:.0f} s")
    assert told(), "people were told, and are told no more"
    plane.install(crds())
    world.until("it serves again", lambda: world.serves("2.0.0"))
    world.until("so does what is kept", lambda: world.versions() == {"1.0.0", "2.0.0"})
