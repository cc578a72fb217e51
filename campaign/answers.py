"""What each attempt at a revision was given, in order, and whether the list of its steps asks for more."""

from collections.abc import Iterable

from campaign.raw_json import FINISHED, Object, attempt, entries, part, whole, word
from campaign.world_state import Scene

_Attempt = tuple[str, str, str, int]


class Answers:
    """Follows what people and evaluators gave to attempts: an answer counts for one step, and for no later one."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._given: dict[_Attempt, list[str]] = {}
        self._known: dict[_Attempt, set[str]] = {}
        self._weight: dict[_Attempt, int] = {}
        self._waits: dict[_Attempt, dict[str, int]] = {}
        """The answers for which an attempt waits, each with the weight that it had when it began to."""

    def _decided(self, model: Object, candidate: Object, action: str) -> set[str]:
        """The uids of all Decisions that may be about a candidate; a Rollback names what it leads to."""
        if action != "Rollback":
            return self._scene.decided(model, word(candidate, "revision"), action)
        name = word(model, "metadata", "name")
        return {
            word(one, "metadata", "uid")
            for one in self._scene.all_decisions()
            if (word(one, "spec", "model"), word(one, "spec", "action")) == (name, action)
        }

    def hear(
        self, model: Object, candidate: Object, deciders: Iterable[Object], held: bool
    ) -> None:
        """Take note of what a status says that the attempt was given."""
        key = _key(model, candidate)
        given, known = self._given.setdefault(key, []), self._known.setdefault(key, set())
        start = f"{word(candidate, 'inferenceService')}-{whole(candidate, 'attempt')}-s"
        for name, live in self._scene.of_kind("evaluations").items():
            over = word(live, "status", "phase") in FINISHED
            if name.startswith(start) and over and name not in known:
                known.add(name)
                given.append("evaluate")
        for one in deciders:
            uid, action = word(one, "uid"), word(one, "action")
            if uid in known or whole(one, "attempt") != whole(candidate, "attempt"):
                continue
            known.add(uid)
            if uid not in self._decided(model, candidate, action):
                self._scene.object_to(f"{word(candidate, 'revision')} has an {action} of nobody")
            if not (held and action == "Resume"):
                given.append(action)
                self._waits.get(key, {}).pop(action, None)
        if whole(candidate, "desiredWeight") != self._weight.get(key, 0):
            self._weight[key] = whole(candidate, "desiredWeight")
            given.append(f"weight {self._weight[key]}")

    def passed(self, model: Object, candidate: Object, steps: Iterable[Object]) -> None:
        """Object to steps of the present list that are passed without answers of their own."""
        first = not part(model, "status", "stable")
        left = iter(self._given.get(_key(model, candidate), []))
        for asked in _asks(steps, first=first):
            if not any(one == asked for one in left):
                revision = word(candidate, "revision")
                self._scene.object_to(f"{revision} passes a step without its own answer: {asked}")
                return

    def waits(self, model: Object, candidate: Object) -> None:
        """Object to more weight while an answer that was waited for was not given, whatever the list says now."""
        waits = self._waits.setdefault(_key(model, candidate), {})
        weight, revision = whole(candidate, "desiredWeight"), word(candidate, "revision")
        for action, most in waits.items():
            if weight > most:
                self._scene.object_to(
                    f"{revision} gets {weight} without the {action} it waited for"
                )
        reason, said = word(candidate, "pause", "reason"), word(candidate, "pause", "message")
        if reason == "ApprovalRequired":
            waits.setdefault("Approve", weight)
        elif reason == "PauseStep" and said.startswith("waits for a Decision"):
            waits.setdefault("Resume", weight)

    def promoted(self, model: Object, candidate: Object) -> None:
        """Object to a promotion that an answer was still waited for."""
        waits = self._waits.get(_key(model, candidate))
        if waits:
            asked = ", ".join(sorted(waits))
            revision = word(candidate, "revision")
            self._scene.object_to(f"{revision} is promoted without the {asked} it waited for")
        self.passed(model, candidate, entries(self._scene.spec_of(model), "rollout", "steps"))


def _asks(steps: Iterable[Object], *, first: bool) -> list[str]:
    """What steps ask for, in their order; a first revision has no weights and no pauses."""
    found, share = list[str](), 0
    for step in steps:
        pause = step.get("pause")
        if "approve" in step:
            found.append("Approve")
        elif "evaluate" in step:
            found.append("evaluate")
        elif isinstance(pause, dict) and not pause.get("duration") and not first:
            found.append("Resume")
        elif "setWeight" in step and whole(step, "setWeight") != share and not first:
            share = whole(step, "setWeight")
            found.append(f"weight {share}")
    return found


def _key(model: Object, candidate: Object) -> _Attempt:
    return (word(model, "metadata", "uid"), *attempt(candidate))
