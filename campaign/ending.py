"""The state in which a story ends, without what may differ from run to run: times and uids."""

from typing import TypeAlias

from campaign.raw_json import Object, accepted, entries, part, weights_of, whole, word
from campaign.world import World

Ending: TypeAlias = dict[str, object]


def ending(world: World) -> Ending:
    """What there is at the end, in the order in which people would ask."""
    models = world.objects("clinicalmodels").values()
    kinds = ("inferenceservices", "controllerrevisions", "configmaps", "evaluations", "jobs")
    return {
        "models": [_model(dict(model)) for model in models],
        "routes": {
            name: [sorted(weights_of(dict(route)).values()), accepted(dict(route))]
            for name, route in world.objects("httproutes").items()
        },
        "weights": world.weights(),
        "versions": sorted(world.versions()),
        "objects": {kind: sorted(world.objects(kind)) for kind in kinds},
        "verdicts": sorted(
            (word(one, "spec", "version"), word(one, "status", "phase"))
            for one in world.objects("evaluations").values()
        ),
        "decisions": {
            name: [word(one, "status", "phase"), word(one, "status", "message")]
            for name, one in world.objects("decisions").items()
        },
    }


def _model(model: Object) -> Ending:
    status = part(model, "status")
    candidate = part(status, "candidate")
    return {
        "generation": [
            whole(model, "metadata", "generation"),
            whole(status, "observedGeneration"),
        ],
        "phase": word(status, "phase"),
        "message": word(status, "message"),
        "url": word(status, "url"),
        "conditions": {
            word(one, "type"): [
                word(one, "status"),
                word(one, "reason"),
                word(one, "message"),
            ]
            for one in entries(status, "conditions")
        },
        "stable": _serving(part(status, "stable")),
        "previous": _serving(part(status, "previous")),
        "candidate": {
            "version": word(candidate, "version"),
            "attempt": whole(candidate, "attempt"),
            "step": whole(candidate, "stepIndex"),
            "weights": [whole(candidate, "desiredWeight"), whole(candidate, "weight")],
            "pause": word(candidate, "pause", "reason"),
            "failure": word(candidate, "failure", "reason"),
        },
        "history": [
            {
                "version": word(entry, "version"),
                "outcome": word(entry, "outcome"),
                "attempt": whole(entry, "attempt"),
                "overridden": entry.get("overridden") or [],
                "deciders": [word(one, "decision") for one in entries(entry, "deciders")],
            }
            for entry in entries(status, "history")
        ],
    }


def _serving(serving: Object) -> Ending:
    return {
        "version": word(serving, "version"),
        "proof": word(serving, "proof", "evaluation"),
        "overridden": part(serving, "proof").get("overridden") or [],
    }
