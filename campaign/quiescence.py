"""What must hold when all is at rest: nothing is left over, nobody waits, and the routes are what the status says."""

from collections import Counter

from campaign.raw_json import (
    FINISHED,
    Object,
    accepted,
    entries,
    leaves,
    owner,
    part,
    shares_of,
    whole,
    word,
)
from campaign.world_state import MODEL, Scene

_OURS = "mlhops.io/model"
_KINDS = (
    "inferenceservices",
    "httproutes",
    "evaluations",
    "controllerrevisions",
    "configmaps",
    "jobs",
)
_DETECTOR, _PROFILE = "-detector", "-profile"
"""What the names of a revision's ConfigMaps end with."""
_TOLD = 10
"""How often the same may be told of one object by Events, if people have not changed it more often: more is a loop."""


def judge_rest(scene: Scene) -> None:
    """Object to what is left."""
    _owners(scene)
    for model in scene.of_kind("clinicalmodels").values():
        _services(scene, model)
        _detectors(scene, model)
        _evaluations(scene, model)
        _routes(scene, model)
    _decisions(scene)
    _events(scene)


def _owners(scene: Scene) -> None:
    uids = {word(of, "metadata", "uid") for kind in scene.now.values() for of in kind.values()}
    for kind, objects in scene.now.items():
        for name, of in objects.items():
            for reference in entries(of, "metadata", "ownerReferences"):
                if word(reference, "uid") not in uids and reference.get("kind") != "ReplicaSet":
                    scene.object_to(f"{kind}/{name} is left without its owner")
            ours = kind in _KINDS and part(of, "metadata", "labels").get(_OURS)
            if ours and not entries(of, "metadata", "ownerReferences"):
                scene.object_to(f"{kind}/{name} says that it is a model's, and no model owns it")


def _needed(scene: Scene, model: Object) -> set[str]:
    """The InferenceServices that a model has a use for."""
    status = part(model, "status")
    roles = ["stable", "previous"]
    candidate = part(status, "candidate")
    removes = part(scene.spec_of(model), "rollout").get("onFailure") == "Rollback"
    sure = all(accepted(route) for route in scene.routes_of(model))
    if not (part(candidate, "failure") and removes and sure):
        roles.append("candidate")
    return {word(status, role, "inferenceService") for role in roles} - {""}


def _services(scene: Scene, model: Object) -> None:
    needed = _needed(scene, model)
    recorded = needed | {word(model, "status", "candidate", "inferenceService")}
    uid = word(model, "metadata", "uid")
    if not part(model, "status"):
        return
    told = {f"{name}{end}" for name in recorded for end in (_DETECTOR, _PROFILE)}
    kinds = (
        ("inferenceservices", needed),
        ("controllerrevisions", recorded),
        ("configmaps", told),
    )
    for kind, kept in kinds:
        for name, of in scene.of_kind(kind).items():
            if owner(of, MODEL)[1] == uid and not leaves(of) and name not in kept:
                scene.object_to(f"{kind}/{name} is left, and nothing needs it")


def _detectors(scene: Scene, model: Object) -> None:
    """Each detector that stands beside a model server is told what to count.

    Of a revision whose record somebody has taken away nobody knows any more what its features are, once the spec
    asks for another.
    """
    for name in _needed(scene, model) - scene.gone("controllerrevisions"):
        live = scene.of_kind("inferenceservices").get(name, {})
        beside = [word(one, "name") for one in entries(live, "spec", "predictor", "containers")]
        told = scene.of_kind("configmaps").get(f"{name}{_DETECTOR}", {})
        if "drift-detector" in beside and not word(told, "data", "config.json"):
            scene.object_to(f"the detector of {name} is not told what to count")


def _evaluations(scene: Scene, model: Object) -> None:
    candidate = part(model, "status", "candidate")
    awaited = "" if part(candidate, "failure") else word(candidate, "revision")
    measuring = word(model, "status", "stable", "measuring", "evaluation")
    for name, of in scene.of_kind("evaluations").items():
        over = word(of, "status", "phase") in FINISHED
        mine = scene.model_of(of) is model
        wanted = name == measuring or word(of, "spec", "revision") == awaited
        if mine and not over and not leaves(of) and not wanted:
            scene.object_to(f"evaluations/{name} is left, and nobody waits for its verdict")


def _routes(scene: Scene, model: Object) -> None:
    candidate = part(model, "status", "candidate")
    over = bool(part(candidate, "failure")) or leaves(model)
    desired = 0 if over else whole(candidate, "desiredWeight")
    most = {word(candidate, "inferenceService"): desired}
    most |= {word(model, "status", "stable", "inferenceService"): 100}
    for route in scene.routes_of(model):
        if scene.model_of(route) is not model:
            continue  # somebody else has that name
        for service, share in shares_of(route).items():
            if share > most.get(service, 0):
                scene.object_to(
                    f"{service} is left with {share}, and may have {most.get(service, 0)}"
                )


def _decisions(scene: Scene) -> None:
    for name, of in scene.of_kind("decisions").items():
        ends = word(of, "spec", "action") in ("Abort", "Reject")
        if ends and not word(of, "status", "phase"):
            scene.object_to(f"Decision {name} was never answered")


def _events(scene: Scene) -> None:
    told: Counter[tuple[str, ...]] = Counter()
    for of in scene.of_kind("events").values():
        about = part(of, "involvedObject")
        # By uid as well: what was deleted and made again is told of anew.
        key = (word(about, "name"), word(about, "uid"), word(of, "reason"), word(of, "message"))
        told[key] += 1
    models = scene.of_kind("clinicalmodels")
    for (name, _, reason, _), times in told.items():
        changes = whole(models.get(name, {}), "metadata", "generation")
        if times > max(_TOLD, changes) and reason:
            scene.object_to(f"{name}: {reason} was told {times} times in the same words")
