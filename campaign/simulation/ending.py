"""What has to be true when everybody is well and nothing has been written for a long time."""

import json

from campaign.raw_json import accepted, entries, leaves, part, weights_of, whole, word
from campaign.simulation.actors.others import OTHER
from campaign.simulation.actors.stage import MODEL
from campaign.simulation.server import Server
from mlhops.controller.resources import (
    CONFIG_MAPS,
    DECISIONS,
    MODELS,
    POLICIES,
    REVISIONS,
    ROUTES,
    SERVICES,
)


def is_leaving(server: Server) -> bool:
    """Whether the model is being deleted, and somebody holds it."""
    return leaves(part(server.view(MODELS).get(MODEL)))


def problems_while_held(server: Server) -> list[str]:
    """What is wrong with a model that is being deleted and held: its candidate has nothing, and people have answers."""
    model = server.view(MODELS).get(MODEL)
    if model is None:
        return []
    stable = word(model, "status", "stable", "inferenceService")
    route = server.view(ROUTES).get(MODEL)
    if not stable or route is None or not _gateway_is_there(model):
        return _decision_problems(server)
    given = weights_of(part(route))
    problems = [] if given == {stable: 100} else [f"{given} is given while the model leaves"]
    return problems + _decision_problems(server)


def problems_at_rest(server: Server) -> list[str]:
    """What is wrong with a model at rest, whatever it went through."""
    model = server.view(MODELS).get(MODEL)
    if model is None:
        return ["there is no model"]
    status = part(model, "status")
    phase, candidate = word(status, "phase"), part(status, "candidate")
    problems = []
    if whole(status, "observedGeneration") != whole(model, "metadata", "generation"):
        problems.append("the status is about an earlier spec")
    if phase not in ("Healthy", "Paused", "Degraded"):
        problems.append(f"the phase is still {phase}: {word(status, 'message')}")
    told = _is_told(status) or _lost_by_others(server, model)
    if phase == "Degraded" and not told and _gateway_is_there(model):
        problems.append(f"degraded with nothing wrong: {word(status, 'message')}")
    if phase == "Paused" and not part(candidate, "pause"):
        problems.append("paused, and nobody says why")
    stable = word(status, "stable", "inferenceService")
    known = stable and not _lost_by_others(server, model)
    if known and stable not in server.view(SERVICES):
        problems.append(f"stable {stable} is not there")
    elif known and _told(server, stable) != _asked(server, model):
        problems.append(f"{stable} counts {_told(server, stable)}, not {_asked(server, model)}")
    types = {word(condition, "type") for condition in entries(status, "conditions")}
    if "MeetsStandard" in types:
        problems.append("it is held to a standard, and there is none")
    if phase == "Healthy" and candidate:
        problems.append("healthy with a candidate")
    return problems + _route_problems(server, stable, candidate) + _decision_problems(server)


def _is_told(status: object) -> bool:
    """Whether a status says what is wrong: with the candidate, with what serves, or that somebody went back."""
    candidate = part(status, "candidate")
    failed = word(status, "stable", "remeasured", "phase") == "Failed"
    final = part(candidate, "pause").get("final") is True
    return bool(part(candidate, "failure") or part(status, "rolledBack") or failed or final)


def problems_of_last_wish(server: Server) -> list[str]:
    """What keeps a good version, released at rest, from serving."""
    model = server.view(MODELS).get(MODEL, {})
    status = part(model, "status")
    stable, phase = word(status, "stable", "version"), word(status, "phase")
    if phase == "Degraded" and _lost_by_others(server, model):
        return []  # the way out that the message names is back to the version that was lost
    if (stable, phase) != ("5.0.0", "Healthy"):
        message = word(status, "message")
        return [f"the last version is not through: {stable} is stable, {phase}: {message}"]
    services = sorted(server.view(SERVICES))
    expected = [word(status, "stable", "inferenceService")]
    problems = [] if services == expected else [f"{services} are there, {expected} are needed"]
    return problems + problems_at_rest(server)


def _told(server: Server, service: str) -> list[str] | None:
    """The lengths of the windows that a detector is told to count, None where it is told nothing."""
    live = server.view(CONFIG_MAPS).get(f"{service}-detector")
    if live is None:
        return None
    config = json.loads(word(live, "data", "config.json"))
    return [word(window, "length") for window in entries(config, "windows")]


def _asked(server: Server, model: object) -> list[str]:
    """The lengths of the windows that the model's policy asks for."""
    named = word(model, "spec", "monitoring", "policyRef", "name")
    policy = server.view(POLICIES).get(named)
    return [word(window, "length") for window in entries(policy, "spec", "drift", "windows")]


def _lost_by_others(server: Server, model: object) -> bool:
    """Whether somebody else deleted the record of what serves: only people can say what it was."""
    stable = word(model, "status", "stable", "inferenceService")
    return any(
        one.version.deleted
        and one.author == OTHER
        and (one.version.kind, one.version.name) == (REVISIONS.plural, stable)
        for one in server.history
    )


def _gateway_is_there(model: object) -> bool:
    return word(model, "spec", "exposure", "gateway", "name") == "clinical"


def _route_problems(server: Server, stable: str, candidate: object) -> list[str]:
    route = part(server.view(ROUTES).get(MODEL))
    if not stable:
        return []
    share = whole(candidate, "desiredWeight")
    wanted = {stable: 100 - share, word(candidate, "inferenceService"): share}
    wanted = {name: weight for name, weight in wanted.items() if weight}
    if weights_of(route) != wanted:
        return [f"the route gives {weights_of(route)}, the status {wanted}"]
    return [] if accepted(route) else ["the route is not accepted"]


def _decision_problems(server: Server) -> list[str]:
    """Each Decision is answered; only a Promote may wait for evidence."""
    return [
        f"{name} has no answer"
        for name, live in server.view(DECISIONS).items()
        if word(live, "status", "phase") not in ("Honoured", "Ignored")
        and word(live, "spec", "action") != "Promote"
        and not entries(live, "metadata", "finalizers")
    ]
