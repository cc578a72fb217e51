"""The judge over a simulated history, with fairness for what no client can know.

No write of Kubernetes can depend on two objects at once. So where somebody else changes an object between the
moment in which the operator read it and the write that follows from it, that write is judged on what was read:
the others' versions of that kind are moved behind it. An objection that does not stand then was a race that
nobody can win, and is counted; one that stands is a finding.
"""

from collections import Counter
from collections.abc import Container, Mapping
from datetime import datetime
from typing import cast

from campaign.history import Version
from campaign.judge import Judge
from campaign.raw_json import Object, leaves, owner, part, weights_of, whole, word
from campaign.simulation.client import Pass
from campaign.simulation.server import Authored, Server, controller_of
from mlhops.controller.resources import (
    CONFIG_MAPS,
    EVALUATIONS,
    MODELS,
    REVISIONS,
    ROUTES,
    SERVICES,
)
from mlhops.kserve.names import FIELD_MANAGER

_CHILDREN = frozenset(
    kind.plural for kind in (SERVICES, ROUTES, EVALUATIONS, REVISIONS, CONFIG_MAPS)
)
_OF_ROUTE = (
    "has weight, and the status gives it none",
    "and the status asks for",
    "is honoured, and",
)
_OF_SERVICE = ("is stable, and what it serves was changed", "is not what was measured")


class Court:
    """Sees every version as it is written."""

    def __init__(
        self, server: Server, successes: Container[str], told: Mapping[tuple[str, str], int]
    ) -> None:
        self._server = server
        self._told = told
        """The most good answers that sidecars told of a step of a revision."""
        self._unasked: set[str] = set()
        """Models, by uid, of which somebody asked no live requests for some time."""
        self._successes = successes
        """Evaluations of which an evaluator of theirs said that they are Successful, by uid."""
        self._judge = Judge()
        self._seen = 0
        self.findings: list[str] = []
        self.races: Counter[str] = Counter()
        """Objections to writes that were right by what was read."""

    def see(self, by: Pass | None, planned: datetime | None = None) -> None:
        """Judge what was written since."""
        history = self._server.history
        while self._seen < len(history):
            index, one = self._seen, history[self._seen]
            self._seen += 1
            told = len(self._judge.objections)
            self._judge.see(one.version)
            self._hear_asked(one.version)
            new = self._judge.objections[told:]
            if one.author != FIELD_MANAGER:
                continue
            self._made_for_nobody(index, one.version, by)
            self._made_up(one.version)
            self._on_silence(index, one.version)
            if not new:
                continue
            stands = _as_read(history[: index + 1], by, planned)
            for objection in new:
                words = objection.partition(": ")[2]
                if self._is_excused(index, words, by):
                    self.races[_kind_of(words)] += 1
                elif words in stands:
                    self.findings.append(objection)
                else:
                    self.races[_kind_of(words)] += 1

    def set_back(self) -> None:
        """What was written after a backup never was: judge on what is left."""
        self._judge = Judge()
        self._unasked.clear()
        for one in self._server.history:
            self._judge.see(one.version)
            self._hear_asked(one.version)
        self._seen = len(self._server.history)

    def _is_excused(self, index: int, words: str, by: Pass | None) -> bool:
        """Whether an objection is about what somebody else did, and the operator could not know or puts right."""
        version = self._server.history[index].version
        if any(part in words for part in _OF_ROUTE):
            return self._excuses_status(version, by)
        if any(part in words for part in _OF_SERVICE):
            return _restores(self._server.history[: index + 1])
        return False

    def _made_for_nobody(self, index: int, version: Version, by: Pass | None) -> None:
        """What is made for a model that was seen to leave is left to the garbage collector, what serves apart."""
        name, uid = owner(version.object, "ClinicalModel")
        if not uid or version.deleted or version.kind not in _CHILDREN:
            return
        if not _is_first(version):
            return
        until = by.read.get(MODELS.plural, index) if by is not None else index
        for one in reversed(self._server.history[: min(until, index)]):
            model = one.version
            if model.kind == MODELS.plural and word(model.object, "metadata", "uid") == uid:
                kept = _is_kept_right(model.object, version)
                if model.deleted or (leaves(model.object) and not kept):
                    words = f"{version.kind}/{version.name} is made for {name}, which leaves"
                    self.findings.append(f"at {version.at}: {words}")
                return

    def _made_up(self, version: Version) -> None:
        """A verdict that lets patients be served by a model is an evaluator's own."""
        if version.kind != EVALUATIONS.plural or version.deleted:
            return
        successful = word(version.object, "status", "phase") == "Successful"
        if successful and word(version.object, "metadata", "uid") not in self._successes:
            words = f"Evaluation {version.name} is Successful, and no evaluator of its own said so"
            self.findings.append(f"at {version.at}: {words}")

    def _hear_asked(self, version: Version) -> None:
        """Where no requests were asked for once, a step may have been passed without any."""
        model = version.object
        if version.kind == MODELS.plural and _least(model) == 0:
            self._unasked.add(word(model, "metadata", "uid"))

    def _on_silence(self, index: int, version: Version) -> None:
        """No weight is raised from one above 0 but by a person, or on answers of live requests."""
        if version.kind != MODELS.plural or version.deleted:
            return
        if word(version.object, "metadata", "uid") in self._unasked:
            return
        earlier = (
            one.version.object
            for one in reversed(self._server.history[:index])
            if (one.version.kind, one.version.name) == (version.kind, version.name)
        )
        was = part(next(earlier, {}), "status", "candidate")
        now = part(version.object, "status", "candidate")
        stable = part(version.object, "status", "stable")
        revision, before = word(was, "revision"), whole(was, "desiredWeight")
        raised = word(now, "revision") == revision and whole(now, "desiredWeight") > before
        if not 0 < before < 100 or not (raised or word(stable, "revision") == revision):
            return
        if was.get("promoting") or now.get("promoting"):
            return
        attempt = f"{whole(was, 'attempt') or 1}/"
        shown = max(
            (
                n
                for (of, step), n in self._told.items()
                if of == revision and step.startswith(attempt)
            ),
            default=0,
        )
        if shown < _least(version.object):
            words = f"{revision} gets more than {before} % on {shown} answers of live requests"
            self.findings.append(f"at {version.at}: {words}")

    def _excuses_status(self, version: Version, by: Pass | None) -> bool:
        """Whether a status is at odds with a route that is not the model's, or that somebody else changed.

        A status that raises nothing may rest on what was heard of the route a moment ago.
        """
        name = word(version.object, "spec", "model") or version.name
        route = self._server.view(ROUTES).get(name, {})
        model = self._server.view(MODELS).get(name, {})
        foreign = controller_of(route) != word(model, "metadata", "uid")
        unread = by is None or ROUTES.plural not in by.read
        return foreign or (unread and self._weigher(name) != FIELD_MANAGER)

    def _weigher(self, name: str) -> str:
        """Who gave a route the weights that it has."""
        weights, author = None, ""
        for one in reversed(self._server.history):
            if (one.version.kind, one.version.name) == (ROUTES.plural, name):
                found = {} if one.version.deleted else weights_of(one.version.object)
                if weights is not None and found != weights:
                    break
                weights, author = found, one.author
        return author

    def end(self) -> None:
        """Judge what is left when all is at rest."""
        told = len(self._judge.objections)
        self._judge.end()
        self.findings += self._judge.objections[told:]


def _is_kept_right(model: Object, version: Version) -> bool:
    """Whether something is what serves of a model that only somebody else's finalizer holds."""
    found = part(model, "metadata").get("finalizers")
    finalizers = found if isinstance(found, list) else []
    if not finalizers or {"foregroundDeletion", "orphan"} & set(finalizers):
        return False
    stable = word(model, "status", "stable", "inferenceService")
    names = {stable, f"{stable}-detector"}
    route = version.kind == ROUTES.plural and version.name == word(model, "metadata", "name")
    return bool(stable) and (route or version.name in names)


def _is_first(version: Version) -> bool:
    """Whether this is an object's first version."""
    entries = part(version.object, "metadata").get("managedFields")
    generation = part(version.object, "metadata").get("generation")
    return generation == 1 and isinstance(entries, list) and len(entries) == 1


def _restores(history: list[Authored]) -> bool:
    """Whether the latest version serves what the operator had it serve before somebody else changed it."""
    latest = history[-1].version
    served = part(latest.object, "spec", "predictor", "model")
    return any(
        one.author == FIELD_MANAGER
        and (one.version.kind, one.version.name) == (latest.kind, latest.name)
        and part(one.version.object, "spec", "predictor", "model") == served
        for one in history[:-1]
    )


def _as_read(history: list[Authored], by: Pass | None, planned: datetime | None) -> set[str]:
    """What is objected to the latest version if others' writes that were not read came after it."""
    read = by.read if by is not None else {}
    latest = len(history) - 1
    known = [
        one.version
        for index, one in enumerate(history)
        if index == latest
        or one.author == FIELD_MANAGER
        or index < read.get(one.version.kind, latest)
    ]
    known[-1] = _written_when_planned(known[-1], planned)
    judge = Judge()
    for version in known[:-1]:
        judge.see(version)
    told = len(judge.objections)
    judge.see(known[-1])
    return {objection.partition(": ")[2] for objection in judge.objections[told:]}


def _written_when_planned(version: Version, planned: datetime | None) -> Version:
    """The version as if no time had passed between plan and write."""
    metadata = cast(Object, version.object["metadata"])
    entries = metadata.get("managedFields")
    if planned is None or not isinstance(entries, list):
        return version
    moment = planned.strftime("%Y-%m-%dT%H:%M:%SZ")
    times = [{**entry, "time": min(str(entry["time"]), moment)} for entry in entries]
    of = {**version.object, "metadata": {**metadata, "managedFields": times}}
    return Version(version.at, version.kind, version.namespace, version.name, of, version.deleted)


def _kind_of(words: str) -> str:
    """An objection without names and numbers."""
    plain = [w for w in words.split() if not any(c.isdigit() for c in w) and "-" not in w]
    return " ".join(plain)


def _least(model: Object) -> int:
    """Return how many requests a model asks of a candidate at each weight."""
    asked = part(model, "spec", "rollout", "evidence").get("minRequests", 100)
    return asked if isinstance(asked, int) else 100
