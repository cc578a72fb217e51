"""Checks a whole history against what must hold at every moment of it.

It knows the objects that everybody can see, and nothing of how the operator comes to what it writes.
"""

from collections.abc import Sequence
from itertools import pairwise

from campaign.facts import (
    FINISHED,
    Object,
    accepted,
    attempt,
    entries,
    leaves,
    most,
    owner,
    part,
    required_gates,
    same_question,
    weights_of,
    whole,
    word,
    written_at,
)
from campaign.history import Version

MODEL = "ClinicalModel"
_PROMOTIONS = ("Promoted", "FastPromoted")


def judge(history: Sequence[Version]) -> list[str]:
    """All that was wrong at any moment, in order; nothing where all was well."""
    court = Judge()
    for version in history:
        court.see(version)
    court.end()
    return court.objections


class Judge:
    """Sees one version after the other, and remembers what it objects to."""

    def __init__(self) -> None:
        self.objections: list[str] = []
        self._now: dict[str, dict[str, Object]] = {}
        self._at = 0
        self._evidence: dict[str, Object] = {}
        """Every finished Evaluation that ever was, by name; records may go, what they proved stays."""
        self._specs: dict[tuple[str, int], Object] = {}
        """What people asked for, by the model's uid and generation."""

    def see(self, version: Version) -> None:
        """Judge one version on the world as it is at that moment."""
        self._at = version.at
        objects = self._now.setdefault(version.kind, {})
        before = objects.get(version.name, {})
        if word(before, "metadata", "uid") != word(version.object, "metadata", "uid"):
            before = {}
        if version.deleted:
            objects.pop(version.name, None)
        else:
            objects[version.name] = version.object
        if version.kind == "inferenceservices":
            self._service(version, before)
        elif version.deleted:
            return
        elif version.kind == "clinicalmodels":
            self._model(version.object, before)
        elif version.kind == "httproutes":
            self._route(version.object, before)
        elif version.kind == "evaluations":
            self._evaluation(version.object, before)
        elif version.kind == "decisions":
            self._decision(version.object, before)

    def end(self) -> None:
        """Judge what is left when all is at rest: every object has somebody who needs it."""
        uids = {word(of, "metadata", "uid") for kind in self._now.values() for of in kind.values()}
        for kind, objects in self._now.items():
            for name, of in objects.items():
                for reference in entries(of, "metadata", "ownerReferences"):
                    if word(reference, "uid") not in uids and reference.get("kind") != "ReplicaSet":
                        self._object(f"{kind}/{name} is left without its owner")
        for kind in ("inferenceservices", "controllerrevisions"):
            for name, of in self._now.get(kind, {}).items():
                status = part(self._owner(of), "status")
                if not leaves(of) and status and name not in _services(status):
                    self._object(f"{kind}/{name} is left, and nothing needs it")

    def _object(self, words: str) -> None:
        self.objections.append(f"at {self._at}: {words}")

    def _owner(self, of: Object) -> Object:
        name, uid = owner(of, MODEL)
        live = self._now.get("clinicalmodels", {}).get(name, {})
        return live if word(live, "metadata", "uid") == uid else {}

    def _proofs(self, model: str, revision: str, asked: Object | None, moment: str) -> set[str]:
        """The Evaluations that let a revision have traffic, by the gates that are asked for."""
        return {
            name
            for name, made in self._evidence.items()
            if word(made, "spec", "model") == model
            and word(made, "spec", "revision") == revision
            and (asked is None or same_question(made, asked))
            and self._passes(made, moment)
        }

    def _passes(self, evaluation: Object, moment: str) -> bool:
        said: dict[str, set[str]] = {}
        for gate in entries(evaluation, "status", "gates"):
            said.setdefault(word(gate, "name"), set()).add(word(gate, "phase"))
        required = required_gates(part(evaluation, "spec"))
        unmet = {name for name in required if said.get(name) != {"Successful"}}
        if word(evaluation, "status", "phase") != "Successful" and not unmet:
            unmet = required
        return bool(required) and unmet <= self._overridden(evaluation, moment)

    def _overridden(self, evaluation: Object, moment: str) -> set[str]:
        gates: set[str] = set()
        for made in self._now.get("decisions", {}).values():
            spec = part(made, "spec")
            about = ("Override", word(evaluation, "spec", "revision"))
            if (spec.get("action"), spec.get("revision")) == about:
                named = spec.get("gates")
                if word(spec, "expires") > moment and isinstance(named, list):
                    gates.update(str(gate) for gate in named)
        return gates

    # the model and its status

    def _model(self, live: Object, before: Object) -> None:
        uid = word(live, "metadata", "uid")
        self._specs[uid, whole(live, "metadata", "generation")] = part(live, "spec")
        new, old = part(live, "status"), part(before, "status")
        if new == old:
            return
        self._history(new, old)
        self._stable(live, new, old)
        self._candidate(live, part(new, "candidate"), part(old, "candidate"))
        route = self._now.get("httproutes", {}).get(word(live, "metadata", "name"), {})
        for service in weights_of(route):
            if service not in _may_serve(new):
                self._object(f"{service} has weight, and the status gives it none")

    def _spec_of(self, live: Object) -> Object:
        """The spec that the status is about."""
        key = (word(live, "metadata", "uid"), whole(live, "status", "observedGeneration"))
        return self._specs.get(key, {})

    def _history(self, new: Object, old: Object) -> None:
        told, before = entries(new, "history"), entries(old, "history")
        if any(b.get("previousHash") != a.get("hash") for a, b in pairwise(told)):
            self._object("the history is not chained")
        if len(told) > 20:
            self._object("the history grows without bound")
        kept = [entry for entry in before if entry in told]
        if before and (kept != before[-len(kept) :] or told[: len(kept)] != kept):
            self._object("the history was rewritten")

    def _stable(self, live: Object, new: Object, old: Object) -> None:
        now, was = part(new, "stable"), part(old, "stable")
        revision = word(now, "revision")
        if revision == word(was, "revision"):
            return
        if not revision:
            self._object("what was stable is stable no more, and nothing else is")
            return
        told = entries(new, "history")
        if len(told) == len(entries(old, "history")) and told == entries(old, "history"):
            self._object("another revision is stable, and the history does not say why")
            return
        last = told[-1]
        if last.get("outcome") == "FastRolledBack":
            self._way_back(live, revision, old)
        elif last.get("outcome") in _PROMOTIONS and last.get("revision") == revision:
            self._promotion(live, now, was)
        else:
            self._object(f"stable changed with the outcome {last.get('outcome')}")

    def _way_back(self, live: Object, revision: str, old: Object) -> None:
        previous = part(old, "previous")
        if word(previous, "revision") != revision:
            self._object("back to a revision that was not the previous one")
        elif word(previous, "keptUntil") <= written_at(live):
            self._object("back to a revision whose time was over")

    def _promotion(self, live: Object, now: Object, was: Object) -> None:
        name, revision = word(live, "metadata", "name"), word(now, "revision")
        asked = part(self._spec_of(live), "evaluation")
        proofs = self._proofs(name, revision, asked, written_at(live))
        if word(now, "proof", "evaluation") not in proofs:
            self._object(f"{revision} is promoted without proof")
        if was:
            route = self._now.get("httproutes", {}).get(name, {})
            if weights_of(route) != {word(now, "inferenceService"): 100} or not accepted(route):
                self._object(f"{revision} is promoted before the Gateway gave it everything")

    def _candidate(self, live: Object, new: Object, old: Object) -> None:
        if not new:
            return
        spec, name = self._spec_of(live), word(live, "metadata", "name")
        desired, revision = whole(new, "desiredWeight"), word(new, "revision")
        failed = bool(part(new, "failure"))
        if desired > 0:
            asked = part(spec, "evaluation")
            proofs = self._proofs(name, revision, asked, written_at(live))
            if word(new, "proof", "evaluation") not in proofs:
                self._object(f"{revision} is to have weight {desired} without proof")
            if failed:
                self._object(f"{revision} has failed and is to have weight {desired}")
            allowed = 100 if new.get("promoting") else most(spec, whole(new, "stepIndex"))
            if desired > allowed:
                self._object(f"{revision} is to have {desired}, its step allows {allowed}")
        if attempt(new) == attempt(old):
            if part(old, "failure") and not failed:
                self._object(f"{revision} had failed, and in the same attempt has not")
        elif desired > 0:
            self._object(f"{revision} begins an attempt with weight {desired}")

    # the objects around it

    def _route(self, live: Object, before: Object) -> None:
        model = self._owner(live)
        if not model:
            return
        old = weights_of(before)
        status, spec = part(model, "status"), self._spec_of(model)
        stable, candidate = part(status, "stable"), part(status, "candidate")
        name, moment = word(model, "metadata", "name"), written_at(live)
        for service, weight in weights_of(live).items():
            if weight <= old.get(service, 0):
                continue
            if service == word(stable, "inferenceService"):
                if not self._proofs(name, word(stable, "revision"), None, moment):
                    self._object(f"{service} gets {weight} without any proof")
            elif service == word(candidate, "inferenceService"):
                asked = part(spec, "evaluation")
                self._raise(candidate, weight, spec)
                if not self._proofs(name, word(candidate, "revision"), asked, moment):
                    self._object(f"{service} gets {weight} without proof")
            else:
                self._object(f"{service} gets {weight}, and the status does not know it")

    def _raise(self, candidate: Object, weight: int, spec: Object) -> None:
        service = word(candidate, "inferenceService")
        step = whole(candidate, "stepIndex")
        allowed = 100 if candidate.get("promoting") else most(spec, step)
        if part(candidate, "failure"):
            self._object(f"{service} gets {weight} after it has failed")
        if weight > allowed:
            self._object(f"{service} gets {weight}, its step allows {allowed}")

    def _service(self, version: Version, before: Object) -> None:
        name, live = version.name, version.object
        model = self._owner(live)
        if not model or leaves(model):
            return
        status = part(model, "status")
        is_stable = name == word(status, "stable", "inferenceService")
        goes = (version.deleted or leaves(live)) and not leaves(before)
        if goes:
            route = self._now.get("httproutes", {}).get(word(model, "metadata", "name"))
            if is_stable:
                self._object(f"{name} is stable, and is deleted")
            if route is None and part(status, "stable"):
                self._object(f"{name} is deleted while there is no route to say what it gets")
            if route is not None and (weights_of(route).get(name, 0) or not accepted(route)):
                self._object(f"{name} is deleted while it may have traffic")
        served = part(live, "spec", "predictor", "model")
        if is_stable and before and served != part(before, "spec", "predictor", "model"):
            self._object(f"{name} is stable, and what it serves was changed")

    def _evaluation(self, live: Object, before: Object) -> None:
        name = word(live, "metadata", "name")
        if before and live.get("spec") != before.get("spec"):
            self._object(f"Evaluation {name} asks something else than before")
        over = word(before, "status", "phase") in FINISHED
        if over and live.get("status") != before.get("status"):
            self._object(f"Evaluation {name} was over, and its verdict was changed")
        if word(live, "status", "phase") in FINISHED:
            self._evidence[name] = live

    def _decision(self, live: Object, before: Object) -> None:
        said = word(before, "status", "phase")
        if said not in ("", "Pending") and said != word(live, "status", "phase"):
            self._object(f"Decision {word(live, 'metadata', 'name')} was answered twice")


def _services(status: Object) -> set[str]:
    roles = ("stable", "previous", "candidate")
    return {word(status, role, "inferenceService") for role in roles} - {""}


def _may_serve(status: Object) -> set[str]:
    """Who may have weight by a status: a candidate only with a proof and without a failure."""
    candidate = part(status, "candidate")
    served = _services({**status, "candidate": {}})
    if part(candidate, "proof") and not part(candidate, "failure"):
        served.add(word(candidate, "inferenceService"))
    return served
