"""Checks a whole history against what must hold at every moment of it.

It knows the objects that everybody can see, and nothing of how the operator comes to what it writes.
"""

from collections.abc import Sequence
from itertools import pairwise

from campaign.candidates import Candidates
from campaign.evidence import Evidence
from campaign.history import Version
from campaign.quiescence import judge_rest
from campaign.raw_json import Object, attempt, entries, leaves, part, whole, word, written_at
from campaign.routing import Traffic
from campaign.servers import unmeasured
from campaign.watching import Watching
from campaign.world_state import Scene

_PROMOTIONS = ("Promoted", "FastPromoted")
_HISTORY = 20
_ROLES = ("stable", "candidate")


def judge(history: Sequence[Version]) -> list[str]:
    """All that was wrong at any moment, in order; nothing where all was well."""
    court = Judge()
    for version in history:
        court.see(version)
    court.end()
    return court.objections


def judge_so_far(history: Sequence[Version]) -> list[str]:
    """All that was wrong at any moment of something that has not ended."""
    court = Judge()
    for version in history:
        court.see(version)
    return court.objections


class Judge:
    """Sees one version after the other, and remembers what it objects to."""

    def __init__(self) -> None:
        self._scene = Scene()
        self._evidence = Evidence(self._scene)
        self._candidates = Candidates(self._scene, self._evidence)
        self._lawful: set[tuple[str, str]] = set()
        """Revisions that came into service as they should, by the model's uid."""
        self._traffic = Traffic(self._scene, self._candidates, self._lawful)
        self._watching = Watching(self._scene)
        self._digests: dict[tuple[str, str], str] = {}
        """The digest of each revision that a status has named, by the model's uid and its name."""
        self.objections = self._scene.objections

    def see(self, version: Version) -> None:
        """Judge one version on the world as it is at that moment."""
        before = self._scene.take(version)
        if version.kind == "inferenceservices":
            self._traffic.service(version, before)
        elif version.deleted:
            return
        elif version.kind == "clinicalmodels":
            self._model(version.object, before)
        elif version.kind == "httproutes":
            self._traffic.route(version.object, before)
        elif version.kind == "evaluations":
            self._evidence.evaluation(version.object, before)
            self._watching.evaluation(version.object)
            self._traffic.note_measured(version.object)
        elif version.kind == "jobs":
            self._evidence.job(version.object)
            self._watching.job(version.object)
        elif version.kind == "pods":
            self._evidence.pod(version.object)
        elif version.kind == "monitoringpolicies":
            self._watching.policy(version.object)
        elif version.kind == "decisions":
            self._decision(version.object, before)

    def end(self) -> None:
        """Judge what is left when all is at rest."""
        judge_rest(self._scene)

    def _object(self, words: str) -> None:
        self._scene.object_to(words)

    # the model and its status

    def _model(self, live: Object, before: Object) -> None:
        new, old = part(live, "status"), part(before, "status")
        if new == old:
            return
        self._evidence.asked(live)
        self._about(live, new, old)
        self._leaving(before, new, old)
        self._history(new, old)
        self._stable(live, new, old)
        self._candidates.change(live, old)
        self._rolled_back(live, new, old)
        self._hold(live, new, old)
        self._watching.status(live, new, old)
        for route in self._scene.routes_of(live):
            self._traffic.agree(live, route)

    def _about(self, live: Object, new: Object, old: Object) -> None:
        """What is decided is decided on the spec as it is, and each revision keeps its server."""
        said = whole(new, "observedGeneration")
        decided = any(part(new, role) != part(old, role) for role in ("stable", "candidate"))
        if decided and said != whole(live, "metadata", "generation"):
            self._object(f"the status is about generation {said}, which is not the present one")
        for role in ("stable", "candidate", "previous"):
            now, was = part(new, role), part(old, role)
            same = word(now, "revision") == word(was, "revision")
            if same and word(now, "inferenceService") != word(was, "inferenceService"):
                self._object(f"{word(now, 'revision')} has another InferenceService than before")
            self._one_content(live, now)

    def _one_content(self, live: Object, of: Object) -> None:
        """A revision's name stands for one content, for good."""
        key, digest = (word(live, "metadata", "uid"), word(of, "revision")), word(of, "digest")
        if of and self._digests.setdefault(key, digest) != digest:
            self._object(f"{key[1]} has another digest than before")

    def _leaving(self, before: Object, new: Object, old: Object) -> None:
        """Of a model that is being deleted nothing begins, and no candidate gets more than it had."""
        if not leaves(before):
            return
        now, was = part(new, "candidate"), part(old, "candidate")
        if word(now, "revision") not in ("", word(was, "revision")):
            self._object(f"{word(now, 'revision')} becomes the candidate of a model that leaves")
        if whole(now, "desiredWeight") > whole(was, "desiredWeight"):
            self._object(f"{word(now, 'revision')} is to get more while its model leaves")
        if word(part(new, "stable"), "revision") != word(part(old, "stable"), "revision"):
            self._object("another revision is stable, and its model leaves")

    def _history(self, new: Object, old: Object) -> None:
        told, before = entries(new, "history"), entries(old, "history")
        if any(b.get("previousHash") != a.get("hash") for a, b in pairwise(told)):
            self._object("the history is not chained")
        if len(told) > _HISTORY:
            self._object("the history grows without bound")
        kept = [entry for entry in before if entry in told]
        rewritten = before and (kept != before[-len(kept) :] or told[: len(kept)] != kept)
        if rewritten or (len(kept) < len(before) and len(told) < _HISTORY):
            self._object("the history was rewritten")

    def _stable(self, live: Object, new: Object, old: Object) -> None:
        now, was = part(new, "stable"), part(old, "stable")
        revision = word(now, "revision")
        if revision == word(was, "revision"):
            self._measured_again(live, now, was)
            return
        if not revision:
            self._object("what was stable is stable no more, and nothing else is")
            return
        told = entries(new, "history")
        if not told or told == entries(old, "history"):
            self._object("another revision is stable, and the history does not say why")
            return
        last = told[-1]
        if last.get("outcome") == "FastRolledBack":
            self._way_back(live, now, old)
        elif last.get("outcome") in _PROMOTIONS and last.get("revision") == revision:
            self._candidates.promote(live, old, last)
            self._promotion(live, now, old)
        else:
            self._object(f"stable changed with the outcome {last.get('outcome')}")

    def _measured_again(self, live: Object, now: Object, was: Object) -> None:
        """What is said of what serves was measured since it serves, and its proof is not another one."""
        again, proof, before = part(now, "remeasured"), part(now, "proof"), part(was, "proof")
        if again and again != part(was, "remeasured"):
            cited = word(again, "evaluation")
            if not self._evidence.says(cited, live, now, word(again, "phase")):
                self._object(f"{cited} did not say {word(again, 'phase')} of what serves")
        if word(proof, "evaluation") != word(before, "evaluation"):
            self._object(f"{word(now, 'revision')} serves, and has another proof than before")
        longer = word(proof, "expires") > word(before, "expires") != ""
        if longer and not self._scene.decided(live, word(now, "revision"), "Override"):
            self._object("an override of what serves lasts longer, and nobody decided that")

    def _way_back(self, live: Object, now: Object, old: Object) -> None:
        previous, revision = part(old, "previous"), word(now, "revision")
        if word(previous, "revision") != revision:
            self._object("back to a revision that was not the previous one")
        elif word(previous, "keptUntil") <= written_at(live):
            self._object("back to a revision whose time was over")
        else:
            self._open(live, now, previous)
        for image in unmeasured(self._scene, now):
            self._object(f"back to {revision}, and {image} was not measured")

    def _open(self, live: Object, now: Object, previous: Object) -> None:
        """A person may go back to what has served; a spec, or the operator by itself, only to what is proven."""
        revision, spec = word(now, "revision"), self._scene.spec_of(live)
        cited, moment = word(now, "proof", "evaluation"), written_at(live)
        reason = word(live, "status", "rolledBack", "reason")
        if reason == "Restored":
            failed = word(live, "status", "previous", "remeasured", "phase") == "Failed"
            if part(spec, "evaluation").get("onStableFailure") != "Restore" or not failed:
                self._object(f"back to {revision} by itself, with no reason to")
            again = word(now, "remeasured", "evaluation")
            proven = self._evidence.proves(cited, live, now, spec, moment)
            if not proven and not self._evidence.passes_now(again, live, now, spec):
                self._object(f"restored to {revision} without proof by what is asked for now")
        elif reason:
            if not self._scene.decided(live, revision, "Rollback"):
                self._object(f"back to {revision}, which nobody decided")
            if (word(live, "metadata", "uid"), revision) not in self._lawful:
                self._object(f"back to {revision}, which never served lawfully")
        elif previous.get("rejected") is True:
            self._object(f"back at once to {revision}, which was rolled back from")
        elif not self._evidence.proves(cited, live, now, spec, moment, ever=True):
            self._object(f"back to {revision} without proof by what is asked for now")
        else:
            self._candidates.is_lawful(live, now, "serves again")

    def _promotion(self, live: Object, now: Object, old: Object) -> None:
        revision, service = word(now, "revision"), word(now, "inferenceService")
        candidate = part(old, "candidate")
        count = len(self._scene.objections)
        if word(candidate, "revision") != revision:
            self._object(f"{revision} is promoted, and was not the candidate")
        elif self._candidates.has_failed(live, candidate):
            self._object(f"{revision} is promoted after it has failed")
        cited, since = word(now, "proof", "evaluation"), self._candidates.begun(live, candidate)
        spec, moment = self._scene.spec_of(live), written_at(live)
        if not self._evidence.proves(cited, live, now, spec, moment, since):
            self._object(f"{revision} is promoted without proof")
        if len(self._scene.objections) == count:
            self._lawful.add((word(live, "metadata", "uid"), revision))
        for image in unmeasured(self._scene, now):
            self._object(f"{revision} is promoted, and {image} was not measured")
        if part(old, "stable") and not self._traffic.has_everything(live, service):
            self._object(f"{revision} is promoted before the Gateway gave it everything")

    def _rolled_back(self, live: Object, new: Object, old: Object) -> None:
        """What was rolled back from is no candidate again before somebody decides Retry."""
        back, now = part(old, "rolledBack"), part(new, "candidate")
        if not back or not now or part(old, "candidate"):
            return
        same = word(back, "digest") == word(now, "digest")
        second = f"{word(back, 'at')[:19]}Z"
        if same and not self._scene.decided(live, word(now, "revision"), "Retry", after=second):
            self._object(
                f"{word(now, 'revision')} was rolled back from, and is the candidate again"
            )

    def _hold(self, live: Object, new: Object, old: Object) -> None:
        """A person's Pause holds whatever version comes, until a person lifts it."""
        held, now = part(old, "hold"), part(new, "candidate")
        if not held:
            return
        if not part(new, "hold"):
            revisions = {word(part(of, role), "revision") for of in (new, old) for role in _ROLES}
            if not any(self._scene.decided(live, one, "Resume", "Promote") for one in revisions):
                self._object("the model is held no more, and nobody has lifted that")
            return
        was = part(old, "candidate")
        before = whole(was, "desiredWeight") if attempt(was) == attempt(now) else 0
        if whole(now, "desiredWeight") > before:
            self._object(f"{word(now, 'revision')} gets more while a person holds the model")
        promoted = word(part(new, "stable"), "revision") != word(part(old, "stable"), "revision")
        if promoted and entries(new, "history")[-1].get("outcome") in _PROMOTIONS:
            self._object("a revision is promoted while a person holds the model")

    # what people decide

    def _decision(self, live: Object, before: Object) -> None:
        self._evidence.decision(live)
        said, now = word(before, "status", "phase"), word(live, "status", "phase")
        name, revision = word(live, "metadata", "name"), word(live, "spec", "revision")
        if said not in ("", "Pending") and said != now:
            self._object(f"Decision {name} was answered twice")
        ends = word(live, "spec", "action") in ("Abort", "Reject")
        if not ends or said == now or now != "Honoured":
            return
        model = self._scene.of_kind("clinicalmodels").get(word(live, "spec", "model"), {})
        candidate = part(model, "status", "candidate")
        moment = word(live, "metadata", "creationTimestamp")
        retried = moment and self._scene.decided(model, revision, "Retry", after=moment)
        if word(candidate, "revision") == revision and not retried:
            service = word(candidate, "inferenceService")
            if not part(candidate, "failure") or self._scene.share(model, service):
                self._object(f"Decision {name} is honoured, and {revision} goes on")
