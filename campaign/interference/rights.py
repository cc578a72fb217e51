"""The operator loses one of its permissions in the middle of its work, and gets it back."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from campaign.control_plane import Plane, stage
from campaign.history import Recorder
from campaign.interference.begins import serving
from campaign.interference.play import Played
from campaign.world import World
from testkit.fake_controllers import OperatorProcess

_READS = ("get", "list", "watch")
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_ALLOWED: Sequence[tuple[str, Sequence[str]]] = (
    ("mlhops.io", ("clinicalmodels", "clinicalmodels/status", "evaluations")),
    ("mlhops.io", ("evaluations/status", "decisions", "decisions/status")),
    ("mlhops.io", ("monitoringpolicies", "monitoringpolicies/status", "clinicalstandards")),
    ("serving.kserve.io", ("clusterservingruntimes", "inferenceservices", "servingruntimes")),
    ("gateway.networking.k8s.io", ("gateways", "httproutes")),
    ("batch", ("jobs",)),
    ("apps", ("controllerrevisions",)),
    ("", ("pods", "configmaps", "events", "namespaces")),
)
_CALM = 4.0
_WINDOW = 8.0


@dataclass(frozen=True)
class Right:
    """One permission that is taken away while a second version is to come."""

    resource: str
    left: tuple[str, ...]
    """The verbs that the operator may still use."""
    says: tuple[str, ...]
    """What people are told; nothing where that very right is needed to tell them."""
    served: str
    """The version that serves while the right is missing."""


RIGHTS: tuple[Right, ...] = (
    Right("httproutes", _READS, ("httproutes", "forbidden"), "1.0.0"),
    Right("controllerrevisions", _READS, ("controllerrevisions", "forbidden"), "1.0.0"),
    Right("configmaps", _READS, ("configmaps", "forbidden"), "1.0.0"),
    Right("evaluations", _READS, ("evaluations", "forbidden"), "1.0.0"),
    Right("jobs", _READS, ("the evaluator cannot start", "jobs", "forbidden"), "1.0.0"),
    Right("pods", ("watch",), ("the operator may not read what it needs", "pods"), "1.0.0"),
    Right("clinicalmodels/status", _READS, (), "1.0.0"),
    Right("clinicalstandards", (), ("may not read clinicalstandards",), "1.0.0"),
    Right("events", (), (), "2.0.0"),
    Right("gateways", ("list", "watch"), (), "2.0.0"),
)
MOST_TRIES = 40
"""Refused writes a minute, in the first seconds; each try waits longer than the one before."""


def take(plane: Plane, recorder: Recorder, right: Right) -> Played:
    """Take a right away, ask for a second version, look at what is said, and give the right back."""
    played = Played()
    with stage(plane, recorder, lambda *_: None) as on:
        world = on.world
        user = f"restricted-{right.resource.replace('/', '-')}-{world.namespace}"
        try:
            serving(world)
            on.operator.stop()
            _grant(world, user, {right.resource: right.left})
            log = plane.root / f"{user}.log"
            restricted = OperatorProcess(plane.kubeconfig_for(user), world.namespace, log)
            restricted.start()
            try:
                _take(world, user, right, log, played)
            finally:
                code = restricted.stop()
            if code != 0:
                played.complaints.append(f"the operator ended with code {code}")
        except AssertionError as error:
            said = f"{world.status('phase')}: {world.status('message')}"
            played.complaints.append(f"{error} ({said})")
        played.complaints += plane.hearing.objections(world.namespace)
        recorder.forget(world.namespace)
    return played


def _take(world: World, user: str, right: Right, log: Path, played: Played) -> None:
    world.apply_model("2.0.0")
    if right.served == "2.0.0":
        world.until("2.0.0 serves all the same", lambda: world.serves("2.0.0"))
    elif right.says:
        world.until("word of it", lambda: _says(world, right))
    _let_be(world, _CALM)
    before = _refusals(log)
    _let_be(world, _WINDOW)
    played.writes = round((_refusals(log) - before) * 60 / _WINDOW)
    if played.writes > MOST_TRIES:
        played.complaints.append(f"{played.writes} tries a minute, and {MOST_TRIES} may be")
    if right.says and not _says(world, right):
        played.complaints.append("people were told, and are told no more")
    if right.served == "1.0.0" and world.weights() != {"1.0.0": 100}:
        played.complaints.append(f"the weights are {world.weights()}")
    _grant(world, user, {})
    world.until("2.0.0 serves", lambda: world.serves("2.0.0"))


def _says(world: World, right: Right) -> bool:
    return all(words in world.status("message") for words in right.says)


def _let_be(world: World, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        world.act()
        time.sleep(0.2)


def _refusals(log: Path) -> int:
    """How many passes the API server has refused so far, by the operator's own log."""
    return log.read_text().count('"pass refused"')


def _grant(world: World, user: str, left: dict[str, tuple[str, ...]]) -> None:
    """Let a user do what the operator does, but for some resources only what is left to it."""
    rules = [
        {
            "apiGroups": [group],
            "resources": [resource],
            "verbs": list(left.get(resource, ("*",))),
        }
        for group, resources in _ALLOWED
        for resource in resources
        if left.get(resource, ("*",))
    ]
    http = world.api.http
    role = {"metadata": {"name": user}, "rules": rules}
    answer = http.put(f"{_RBAC}/clusterroles/{user}", json=role)
    if answer.status_code == 404:
        answer = http.post(f"{_RBAC}/clusterroles", json=role)
    answer.raise_for_status()
    binding = {
        "metadata": {"name": user},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    bound = http.post(f"{_RBAC}/clusterrolebindings", json=binding)
    assert bound.status_code in (201, 409), bound.text
    time.sleep(0.5)  # the authorizer learns of it from a watch of its own


def right_name(right: Right) -> str:
    """The name by which the case is replayed."""
    return f"permission: {right.resource}"
