"""What must hold of a candidate in a model's status, and from one status to the next."""

from campaign.answers import Answers
from campaign.evidence import Evidence
from campaign.raw_json import (
    Object,
    accepted,
    attempt,
    entries,
    most,
    part,
    shares_of,
    whole,
    word,
    written_at,
)
from campaign.servers import ready_pods, unmeasured
from campaign.world_state import Scene

_Attempt = tuple[str, str, str, int]


class Candidates:
    """Follows every attempt at every revision; what has failed is not forgotten when the status forgets it."""

    def __init__(self, scene: Scene, evidence: Evidence) -> None:
        self._scene = scene
        self._evidence = evidence
        self._begun: dict[_Attempt, int] = {}
        self._failed: set[_Attempt] = set()
        self._generation: dict[tuple[str, str], int] = {}
        """The model's generation at the failure of a revision that nobody has tried again since."""
        self._heard: set[str] = set()
        """Decisions to retry that have led to an attempt, by uid."""
        self._step: dict[_Attempt, tuple[int, bool]] = {}
        """The step of an attempt, and whether it could be begun."""
        self._reached: dict[_Attempt, int] = {}
        """When that step was begun."""
        self._answers = Answers(scene)
        self._in_force: dict[_Attempt, set[int]] = {}
        """The shares that a Gateway has accepted in an attempt."""

    def has_failed(self, model: Object, candidate: Object) -> bool:
        """Whether that attempt has ever failed."""
        return _key(model, candidate) in self._failed

    def begun(self, model: Object, candidate: Object) -> int:
        """When that attempt was first in a status."""
        return self._begun.get(_key(model, candidate), self._scene.at)

    def note_share(self, model: Object, route: Object) -> None:
        """Remember what a Gateway gives the candidate."""
        candidate = part(model, "status", "candidate")
        if candidate and accepted(route):
            share = shares_of(route).get(word(candidate, "inferenceService"), 0)
            self._in_force.setdefault(_key(model, candidate), set()).add(share)

    def change(self, model: Object, before: Object) -> None:
        """Judge the candidate of a status by the status before."""
        new, old = part(model, "status", "candidate"), part(before, "candidate")
        if not new:
            return
        held = bool(part(before, "hold"))
        self._answers.hear(model, new, entries(new, "deciders"), held)
        if not part(new, "failure") and new.get("promoting") is not True:
            steps = entries(self._scene.spec_of(model), "rollout", "steps")
            self._answers.passed(model, new, steps[: whole(new, "stepIndex")])
            self._answers.waits(model, new)
        for route in self._scene.routes_of(model):
            self.note_share(model, route)
        self._begin(model, new)
        self._failure(model, new)
        self._weight(model, new, old)
        self._steps(model, new, old)

    def promote(self, model: Object, before: Object, entry: Object) -> None:
        """Judge a promotion by what the candidate was given."""
        candidate = part(before, "candidate")
        held = bool(part(before, "hold"))
        if not part(before, "stable"):
            self.counts(model, candidate)
            self.is_lawful(model, candidate, "is promoted")
        self._answers.hear(model, candidate, entries(entry, "deciders"), held)
        if word(entry, "outcome") == "Promoted":
            # By the list that it was promoted under: somebody may have edited it since the status before.
            about = {"observedGeneration": whole(model, "status", "observedGeneration")}
            self._answers.promoted({**model, "status": {**before, **about}}, candidate)

    def _begin(self, model: Object, new: Object) -> None:
        key, revision = _key(model, new), word(new, "revision")
        if key in self._begun:
            return
        self._begun[key] = self._scene.at
        if whole(new, "desiredWeight") > 0:
            weight = whole(new, "desiredWeight")
            self._scene.object_to(f"{revision} begins an attempt with weight {weight}")
        retries = self._scene.decided(model, revision, "Retry") - self._heard
        self._heard |= set(sorted(retries)[:1])
        failed_at = self._generation.pop((key[0], revision), None)
        same_wish = failed_at == whole(model, "metadata", "generation")
        if same_wish and not retries:
            self._scene.object_to(f"{revision} is tried again after its failure, unasked")

    def _failure(self, model: Object, new: Object) -> None:
        key, revision = _key(model, new), word(new, "revision")
        if part(new, "failure"):
            if key not in self._failed:
                self._failed.add(key)
                generation = whole(model, "metadata", "generation")
                self._generation[key[0], revision] = generation
        elif key in self._failed:
            self._scene.object_to(f"{revision} had failed, and in the same attempt has not")

    def _weight(self, model: Object, new: Object, old: Object) -> None:
        """Every weight in the status has its proof and its step, and the route does not have more."""
        spec, revision = self._scene.spec_of(model), word(new, "revision")
        desired = whole(new, "desiredWeight")
        share = self._scene.given(model, word(new, "inferenceService"))
        if share > desired:
            self._scene.object_to(f"{revision} has {share}, and the status asks for {desired}")
        if desired <= 0:
            return
        if not self.is_proven(model, new):
            self._scene.object_to(f"{revision} is to have weight {desired} without proof")
        if self.has_failed(model, new):
            self._scene.object_to(f"{revision} has failed and is to have weight {desired}")
        allowed = self.allowed(model, new)
        if desired > allowed:
            self._scene.object_to(f"{revision} is to have {desired}, its step allows {allowed}")
        more = attempt(new) == attempt(old) and desired > whole(old, "desiredWeight")
        if more and part(spec, "rollout").get("paused") is True:
            self._scene.object_to(f"{revision} is to have {desired} while the rollout is paused")
        if more and desired >= 100:
            self.counts(model, new)
        if more:
            self.is_lawful(model, new, f"is to have {desired}")
        for image in unmeasured(self._scene, new) if more else ():
            self._scene.object_to(f"{revision} is to have {desired}, and {image} was not measured")

    def counts(self, model: Object, candidate: Object) -> None:
        """All requests come only to as many pods as the spec asks for at least."""
        asked = whole(self._scene.spec_of(model), "predictor", "minReplicas") or 1
        ready = ready_pods(self._scene, word(candidate, "inferenceService"))
        if ready < asked:
            revision = word(candidate, "revision")
            words = f"{revision} is to have all requests with {ready} of {asked} replicas"
            self._scene.object_to(words)

    def is_lawful(self, model: Object, candidate: Object, what: str) -> None:
        """Nobody gets more below the floor of a safety board."""
        found = self._scene.below_standard(model)
        if found:
            self._scene.object_to(f"{word(candidate, 'revision')} {what} {found}")

    def is_proven(self, model: Object, candidate: Object) -> bool:
        """Whether the proof that a candidate cites is one, now."""
        cited = word(candidate, "proof", "evaluation")
        spec, moment = self._scene.spec_of(model), written_at(model)
        since = self.begun(model, candidate)
        return self._evidence.proves(cited, model, candidate, spec, moment, since)

    def allowed(self, model: Object, candidate: Object) -> int:
        """The most that a candidate's step allows."""
        if candidate.get("promoting") is True:
            return 100
        spec = self._scene.spec_of(model)
        return most(spec, whole(candidate, "stepIndex")) if spec else 0

    def _steps(self, model: Object, new: Object, old: Object) -> None:
        """No step is passed without what it asks for."""
        key, revision = _key(model, new), word(new, "revision")
        same = attempt(new) == attempt(old)
        first, last = (whole(old, "stepIndex") if same else 0), whole(new, "stepIndex")
        if new.get("promoting") is True:
            if not self._scene.decided(model, revision, "Promote"):
                self._scene.object_to(f"{revision} skips its steps, and nobody decided that")
        else:
            steps = entries(self._scene.spec_of(model), "rollout", "steps")
            for step in steps[first:last]:
                missing = self._missing(model, new, step)
                if missing:
                    self._scene.object_to(f"{revision} passes a step {missing}")
        present = (last, bool(part(new, "proof")))
        if self._step.get(key) != present:
            self._step[key], self._reached[key] = present, self._scene.at

    def _missing(self, model: Object, new: Object, step: Object) -> str:
        """What a step asks for that there was not; a first deployment has no weights and no pauses."""
        key, revision = _key(model, new), word(new, "revision")
        beside = bool(part(model, "status", "stable"))
        weight = step.get("setWeight")
        if beside and isinstance(weight, int) and weight not in self._in_force.get(key, {0}) | {0}:
            return f"before the Gateway gave it {weight}"
        pause = step.get("pause")
        endless = isinstance(pause, dict) and not pause.get("duration")
        if beside and endless and not self._scene.decided(model, revision, "Resume", "Promote"):
            return "that waits for a person"
        if "approve" in step and not self._scene.decided(model, revision, "Approve"):
            return "that nobody approved"
        if "evaluate" in step:
            live = self._evidence.of(model, revision, self._reached.get(key, 0))
            if not any(self._evidence.passes(name, written_at(model)) for name in live):
                return "without the evidence that it asks for"
        return ""


def _key(model: Object, candidate: Object) -> _Attempt:
    return (word(model, "metadata", "uid"), *attempt(candidate))
