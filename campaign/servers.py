"""What answers for a revision, and whether that was measured."""

from campaign.raw_json import Object, entries, leaves, owner, part, word
from campaign.world_state import Scene


def unmeasured(scene: Scene, holder: Object) -> list[str]:
    """The images that ready pods of a revision run and its proof does not name; none where it names nothing."""
    named = part(holder, "proof").get("server")
    measured = set(named) if isinstance(named, list) else set()
    if not measured:
        return []
    service = word(holder, "inferenceService")
    pods = [pod for pod in scene.of_kind("pods").values() if _answers(pod, service)]
    running = {
        f"{word(status, 'name')}={word(status, 'imageID').rpartition('@')[2]}"
        for pod in pods
        for status in entries(pod, "status", "containerStatuses")
    }
    return sorted(running - measured)


def ready_pods(scene: Scene, service: str) -> int:
    """How many pods of an InferenceService answer."""
    return sum(_answers(pod, service) for pod in scene.of_kind("pods").values())


def _answers(pod: Object, service: str) -> bool:
    """Whether a pod of the model server's own is ready."""
    name, _ = owner(pod, "ReplicaSet")
    conditions = entries(pod, "status", "conditions")
    ready = any((one.get("type"), one.get("status")) == ("Ready", "True") for one in conditions)
    return name.startswith(f"{service}-predictor-") and ready and not leaves(pod)
