"""What a policy's actions may do, and what it takes to undo them; and that a profile is the one that was signed.

Times between two Jobs are judged by half: a write may be on its way for long. Of a policy that people have
changed the most lenient words ever count, since the operator may have read any of them.
"""

import hashlib
from collections import defaultdict
from datetime import datetime

from campaign.raw_json import FINISHED, Object, attempt, entries, owner, part, whole, word
from campaign.world_state import MODEL, Scene

_ACTION = "mlhops.io/action"
_BY_POLICY = ("PausedByPolicy", "RolledBackByPolicy")
_START = 900
"""Seconds after which a Job of which no pod is ready is taken for one that does not start."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Watching:
    """Judges what follows from looks at a model."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._cooldown: dict[str, float] = {}
        """The shortest that a policy ever said, by action."""
        self._limit: dict[str, tuple[int, float]] = {}
        """The most Jobs that a policy ever allowed, and in which time."""
        self._jobs: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        """When Jobs were first made by name, of a model's uid and an action."""
        self._ran: set[str] = set()
        """Jobs of which a pod was ready, or that completed, by name."""
        self._failed: set[str] = set()

    def policy(self, live: Object) -> None:
        """Take over what a policy allows."""
        for action in entries(live, "spec", "actions"):
            name, limit = word(action, "name"), part(action, "retrain", "limit")
            cooldown = _seconds(word(action, "cooldown") or "6h")
            self._cooldown[name] = min(cooldown, self._cooldown.get(name, cooldown))
            most = whole(limit, "atMost") or 1
            per = _seconds(word(limit, "per") or "30d")
            known = self._limit.get(name, (most, per))
            self._limit[name] = max(most, known[0]), min(per, known[1])

    def job(self, live: Object) -> None:
        """A Job is there: one that retrains is made seldom. One of the same name is the same start."""
        action, (_, uid) = word(live, "metadata", "labels", _ACTION), owner(live, MODEL)
        name, made = (
            word(live, "metadata", "name"),
            _moment(word(live, "metadata", "creationTimestamp")),
        )
        jobs = self._jobs[uid, action]
        self._ended(live, name)
        if not action or not uid or name in jobs:
            return
        if any(made - before < self._cooldown.get(action, 0) / 2 for before in jobs.values()):
            self._scene.object_to(f"action {action} starts a Job within its cooldown")
        most, per = self._limit.get(action, (1, 0.0))
        counted = [
            before
            for other, before in jobs.items()
            if other not in self._failed and (other in self._ran or made - before < _START)
        ]
        if sum(made - before < per / 2 for before in counted) >= most:
            self._scene.object_to(f"action {action} starts more Jobs than its limit")
        jobs[name] = made

    def _ended(self, live: Object, name: str) -> None:
        """Take note of what a Job has come to; one that failed, or never ran, is none that was allowed."""
        if whole(live, "status", "ready") or whole(live, "status", "succeeded"):
            self._ran.add(name)
        for one in entries(live, "status", "conditions"):
            if one.get("status") == "True" and one.get("type") == "Failed":
                self._failed.add(name)
            elif one.get("status") == "True" and one.get("type") == "Complete":
                self._ran.add(name)

    def evaluation(self, live: Object) -> None:
        """A profile that an Evaluation says is kept is there, and is the one that was signed."""
        status, revision = part(live, "status"), word(live, "spec", "revision")
        digest = word(status, "profile", "digest")
        if word(status, "phase") not in FINISHED or not digest or word(status, "profile", "error"):
            return
        name = f"{word(live, 'spec', 'model')}-{revision}-profile"
        content = word(self._scene.of_kind("configmaps").get(name, {}), "data", "profile.json")
        if digest != f"sha256:{hashlib.sha256(content.encode()).hexdigest()}":
            self._scene.object_to(f"the profile of {revision} is not the one that was signed")

    def status(self, model: Object, new: Object, old: Object) -> None:
        """What a policy did is founded, leads downwards, and only people undo it."""
        now, was = part(new, "candidate"), part(old, "candidate")
        self._founded(new, now, was)
        hold, revision = part(was, "hold"), word(was, "revision")
        if not hold:
            return
        second = word(hold, "at")[:19]
        asked = self._scene.decided(model, revision, "Resume", "Promote", after=second)
        same = attempt(now) == attempt(was)
        promoted = word(new, "stable", "revision") == revision != word(old, "stable", "revision")
        freed = same and not part(now, "hold") and not part(now, "failure")
        if (promoted or freed) and not asked:
            self._scene.object_to(f"{revision} was held by a policy and goes on, unasked")
        more = any(whole(now, it) > whole(was, it) for it in ("desiredWeight", "stepIndex"))
        if same and part(now, "hold") and more:
            self._scene.object_to(f"{revision} goes on while a policy holds it")

    def _founded(self, new: Object, now: Object, was: Object) -> None:
        """A candidate is held or rolled back for something that was found, and gets no more by that."""
        for role, reason in zip(("hold", "failure"), _BY_POLICY, strict=True):
            begins = word(now, role, "reason") == reason != word(was, role, "reason")
            if not begins:
                continue
            seen, revision = part(new, "monitoring"), word(now, "revision")
            verdicts = (word(seen, "verdict"), word(seen, "quality"))
            if "Drift" not in (*verdicts, word(seen, "candidate", "verdict")):
                self._scene.object_to(f"{revision}: {reason}, and nothing was found")
            more = attempt(now) == attempt(was) and (
                whole(now, "desiredWeight") > whole(was, "desiredWeight")
            )
            if more or now.get("promoting") is True:
                self._scene.object_to(f"{revision}: {reason}, and it gets more")


def _seconds(words: str) -> float:
    total, digits = 0.0, ""
    for letter in words:
        if letter in _UNITS:
            total, digits = total + float(digits or 0) * _UNITS[letter], ""
        else:
            digits += letter
    return total


def _moment(words: str) -> float:
    return datetime.fromisoformat(words).timestamp() if words else 0.0
