"""What was measured, by whom, and what that lets a revision have."""

import base64
import json
import re
import zlib
from datetime import datetime, timedelta

from campaign.raw_json import (
    FINISHED,
    Object,
    entries,
    owner,
    part,
    required_gates,
    same_question,
    whole,
    word,
)
from campaign.world_state import MODEL, Scene

_WORDS = "mlhops.io/evaluation.v1:"
_LABEL = "mlhops.io/evaluation"
_MEASURED_AGAIN = re.compile(r"-r[0-9]+$")
"""The name of an Evaluation of what serves, which lets no candidate have anything."""


class Evidence:
    """Every finished Evaluation that ever was; records may go, what they proved stays."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._finished: dict[str, Object] = {}
        self._begun: dict[str, int] = {}
        """When each Evaluation was first there, by uid."""
        self._words: dict[str, list[Object]] = {}
        """What evaluators' pods said last, by the uid of the Job."""
        self._asked: dict[str, tuple[dict[str, Object], Object]] = {}
        """The gates by name, and their data, by the hash that a status gives them."""
        self._overrides: dict[str, Object] = {}
        """Overrides as they were noted, by uid; one that is withdrawn covers no more."""
        self._jobs: dict[str, str] = {}
        """The uid of each Job by that of the Evaluation that owns it."""

    def asked(self, model: Object) -> None:
        """A status says what the gates of the present spec are known by."""
        known = word(model, "status", "candidate", "gatesHash")
        same = whole(model, "status", "observedGeneration") == whole(
            model, "metadata", "generation"
        )
        if known and same:
            settings = part(self._scene.spec_of(model), "evaluation")
            gates = {word(gate, "name"): gate for gate in entries(settings, "gates")}
            self._asked.setdefault(known, (gates, part(settings, "data")))

    def decision(self, live: Object) -> None:
        """A Decision is there, or was answered."""
        if part(live, "status", "noted") and word(live, "spec", "action") == "Override":
            uid = word(live, "metadata", "uid")
            first = self._overrides.setdefault(uid, part(live, "status", "noted"))
            if part(live, "status", "noted") != first:
                self._scene.object_to("an Override is about something else than before")

    def job(self, live: Object) -> None:
        """A Job is there."""
        _, uid = owner(live, "Evaluation")
        if uid:
            self._jobs[uid] = word(live, "metadata", "uid")

    def pod(self, live: Object) -> None:
        """A pod is there; an evaluator's may have said its last words."""
        _, job = owner(live, "Job")
        if not job or not part(live, "metadata", "labels").get(_LABEL):
            return
        for container in entries(live, "status", "containerStatuses"):
            ended = part(container, "state", "terminated")
            if ended and ended.get("exitCode", 0) == 0:
                said = self._words.setdefault(job, [])
                words = _decode(word(ended, "message"))
                if words not in said:
                    said.append(words)

    def evaluation(self, live: Object, before: Object) -> None:
        """An Evaluation is there, or has changed."""
        name, uid = word(live, "metadata", "name"), word(live, "metadata", "uid")
        self._begun.setdefault(uid, self._scene.at)
        if before and live.get("spec") != before.get("spec"):
            self._scene.object_to(f"Evaluation {name} asks something else than before")
        over = word(before, "status", "phase") in FINISHED
        if over and live.get("status") != before.get("status"):
            self._scene.object_to(f"Evaluation {name} was over, and its verdict was changed")
        if word(live, "status", "phase") not in FINISHED or over:
            return
        earlier = self._finished.get(name, {})
        same_model = owner(earlier, MODEL) == owner(live, MODEL)
        if same_model and word(earlier, "status", "phase") == "Failed":
            self._scene.object_to(f"Evaluation {name} had failed, and was measured again")
        if word(live, "status", "phase") in ("Successful", "Inconclusive") and not self._said(live):
            self._scene.object_to(f"Evaluation {name} has a verdict that no evaluator gave")
        # Who puts another one in its place, which is an Error, takes back nothing that was said of that model.
        if word(live, "status", "phase") != "Error" or not self._is_there(earlier):
            self._finished[name] = live

    def _is_there(self, made: Object) -> bool:
        """Whether the model is still there that an Evaluation was about."""
        _, uid = owner(made, MODEL)
        return any(
            word(each, "metadata", "uid") == uid
            for each in self._scene.of_kind("clinicalmodels").values()
        )

    def of(self, model: Object, revision: str, since: int) -> list[str]:
        """The finished Evaluations of a revision that began after a moment."""
        name = word(model, "metadata", "name")
        return [
            key
            for key, made in self._finished.items()
            if (word(made, "spec", "model"), word(made, "spec", "revision")) == (name, revision)
            and self._begun.get(word(made, "metadata", "uid"), 0) >= since
        ]

    def says(self, cited: str, model: Object, holder: Object, phase: str) -> bool:
        """Whether an Evaluation of a revision's own server came to that; a success that says too little is none."""
        made = self._finished.get(cited)
        if made is None:
            return False
        about = (word(made, "spec", "revision"), word(made, "spec", "digest"))
        same = about == (word(holder, "revision"), word(holder, "digest"))
        there = f"//{word(holder, 'inferenceService')}-" in word(made, "spec", "endpoint")
        mine = owner(made, MODEL)[1] == word(model, "metadata", "uid")
        return same and there and mine and phase in (word(made, "status", "phase"), "Inconclusive")

    def passes_now(self, cited: str, model: Object, holder: Object, spec: Object) -> bool:
        """Whether a measurement of what serves passed by what a spec asks for."""
        said = self.says(cited, model, holder, "Successful")
        return said and same_question(self._finished[cited], spec)

    def proves(
        self,
        cited: str,
        model: Object,
        holder: Object,
        spec: Object,
        moment: str,
        since: int = 0,
        *,
        ever: bool = False,
    ) -> bool:
        """Whether an Evaluation lets a candidate, or what serves, have traffic under a spec.

        It has to be of that model and not of a namesake, of that revision and its own server, of which the
        proof names images and runtime as well, begun after the attempt (`since`), about the same gates on the
        same data, and passed or overridden; where `ever` is set, by an Override that may have ended since.
        """
        made = self._finished.get(cited)
        if made is None:
            return False
        about = (word(made, "spec", "model"), word(made, "spec", "revision"))
        named = (word(model, "metadata", "name"), word(holder, "revision"))
        uid = word(made, "metadata", "uid")
        digests = {
            word(each, "digest") for each in (holder, part(holder, "proof"), part(made, "spec"))
        }
        return (
            about == named
            and len(digests) == 1
            and owner(made, MODEL)[1] == word(model, "metadata", "uid")
            and f"//{word(holder, 'inferenceService')}-" in word(made, "spec", "endpoint")
            and self._begun.get(uid, 0) >= since
            and same_question(made, spec)
            and _same_server(made, holder)
            and not _MEASURED_AGAIN.search(cited)
            and self.passes(cited, "" if ever else moment)
        )

    def passes(self, cited: str, moment: str) -> bool:
        """Whether every required gate passed, or is overridden at that moment."""
        evaluation = self._finished[cited]
        said: dict[str, set[str]] = {}
        for gate in entries(evaluation, "status", "gates"):
            said.setdefault(word(gate, "name"), set()).add(word(gate, "phase"))
        required = required_gates(part(evaluation, "spec"))
        unmet = {name for name in required if said.get(name) != {"Successful"}}
        phase = word(evaluation, "status", "phase")
        explained = bool(unmet)
        if phase != "Successful" and not unmet:
            unmet = required
        failed = {name for name in unmet if "Failed" in said.get(name, set())}
        if phase == "Failed" and not (explained and failed):
            failed = unmet
        return bool(required) and unmet <= self._overridden(evaluation, moment, failed)

    def _overridden(self, evaluation: Object, moment: str, failed: set[str]) -> set[str]:
        """The gates that Overrides let pass: as they were defined then, on those data, and no longer than they may."""
        gates: set[str] = set()
        about = tuple(word(evaluation, "spec", key) for key in ("model", "revision"))
        asked = {word(gate, "name"): gate for gate in entries(evaluation, "spec", "gates")}
        there = self._scene.of_kind("decisions").values() if moment else self._scene.all_decisions()
        for made in there:
            spec, noted = part(made, "spec"), self._overrides.get(word(made, "metadata", "uid"), {})
            same = (word(spec, "model"), word(spec, "revision")) == about
            if spec.get("action") != "Override" or not same or not _holds(made, moment):
                continue
            known, data = self._asked.get(word(noted, "gatesHash"), ({}, {}))
            named = spec.get("gates")
            gates |= {
                name
                for name in map(str, named if isinstance(named, list) else ())
                if name in known
                and known[name] == asked.get(name)
                and data == part(evaluation, "spec", "data")
                and (spec.get("failed") is True or name not in failed)
            }
        return gates

    def _said(self, live: Object) -> bool:
        """Whether a pod of the Evaluation's own Job said that, and the same of every gate that is told."""
        job = self._jobs.get(word(live, "metadata", "uid"), "")
        status = part(live, "status")
        return any(
            word(said, "phase") == word(status, "phase") and _gates(status) <= _gates(said)
            for said in self._words.get(job, [])
        )


def _same_server(made: Object, holder: Object) -> bool:
    """Whether a proof names what the Evaluation measured; one of an earlier operator does not say."""
    measured = part(made, "spec").get("server")
    return not measured or part(holder, "proof").get("server") == measured


def _holds(override: Object, moment: str) -> bool:
    """Whether an Override holds: until it says, and 30 days at the most."""
    ends = [word(override, "spec", "expires")] if word(override, "spec", "expires") else []
    made = word(override, "metadata", "creationTimestamp")
    if made:
        latest = datetime.fromisoformat(made) + timedelta(days=30)
        ends.append(latest.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return bool(ends) and min(ends) > moment


def _gates(of: Object) -> set[tuple[str, str]]:
    return {(word(gate, "name"), word(gate, "phase")) for gate in entries(of, "gates")}


def _decode(message: str) -> Object:
    """The verdict in a pod's last words, empty where they cannot be read."""
    try:
        packed = base64.b85decode(message.removeprefix(_WORDS).strip())
        found = json.loads(zlib.decompress(packed))
    except (ValueError, zlib.error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
