"""People: they release, edit, decide, delete and start over, whenever they like."""

from functools import lru_cache
from typing import cast

from campaign.simulation.actors.stage import GATEWAY, MODEL, Stage, name_of
from mlhops.api.base import Json, Manifest
from mlhops.api.gate import Gate
from mlhops.api.model import ClinicalModel
from mlhops.controller.resources import DECISIONS, MODELS, POLICIES, SERVICES
from mlhops.json_access import at, items, text
from mlhops.kserve.names import REVISION_LABEL
from testkit.builders import clinical_model

USER = "user"
VERSIONS = ("1.0.0", "2.0.0", "3.0.0", "4.0.0")
POLICY = "strict"
_HELD = "example.org/backup"
_STEPS: tuple[list[Json], ...] = (
    [],
    [{"setWeight": 10}, {"setWeight": 50}],
    [{"setWeight": 5}, {"pause": {}}, {"setWeight": 100}],
    [{"setWeight": 0}, {"setWeight": 20}, {"pause": {"duration": "90s"}}],
    [{"setWeight": 10}, {"evaluate": {}}, {"setWeight": 40}, {"evaluate": {}}],
    [{"approve": {}}, {"setWeight": 30}],
    [{"pause": {"duration": "10s"}}, {"setWeight": 60}, {"approve": {}}, {"setWeight": 90}],
    [{"setWeight": 10}, {"approve": {}}, {"setWeight": 50}, {"approve": {}}],
    [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}],
)
_EDITS = ("cut", "cut", "remove", "remove", "insert", "double", "end")
_ACTIONS = (
    *("Approve", "Reject", "Promote", "Abort", "Retry", "Pause", "Resume", "Override"),
    *("Evaluate", "Rollback"),
)
_ROLES = {"Evaluate": "stable", "Rollback": "previous"}
"""What a decision is about that is not about the candidate."""
GATE = "equal-misses"
_WAITS = ("PauseStep", "ApprovalRequired")
_WAYS_ON = {
    "PauseStep": "Resume",
    "PausedByPerson": "Resume",
    "PausedByPolicy": "Resume",
    "ApprovalRequired": "Approve",
    "GatesInconclusive": "Override",
    "EvaluationError": "Retry",
}


_TRAINER: Manifest = {
    "template": {"spec": {"containers": [{"name": "train", "image": "trainer:1"}]}}
}
_RULES: tuple[Json, ...] = ({}, {"atLeast": 2, "of": 3})
_LIMITS: tuple[Json, ...] = ({"atMost": 1, "per": "2h"}, {"atMost": 2, "per": "1h"})
_ANSWERS: tuple[tuple[str, Json], ...] = (
    ("Notify", ["Drift", "DataQuality", "Candidate"]),
    ("PauseRollout", ["Drift", "DataQuality"]),
    ("PauseRollout", ["Candidate"]),
    ("Rollback", ["Candidate"]),
    ("Rollback", ["Drift", "Candidate"]),
    ("Retrain", ["Drift"]),
    ("Retrain", ["Drift", "DataQuality"]),
)
"""What actions do, and when."""
_ONE_CPU = ("1", "1000m", "1e0", "1000000u")
"""One amount in several notations: what is served is the same."""


class Users:
    """Several people who do not talk to each other."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._decided = 0
        self._shown: Manifest = {}
        """The hashes that somebody has on the screen, of now or of some time ago."""

    @property
    def model(self) -> Manifest | None:
        """The model as it is now."""
        return self._stage.server.view(MODELS).get(MODEL)

    def act(self) -> str:
        """Do one thing."""
        live = self.model
        if live is None:
            return self._create()
        if at(live, "status", "previous") and self._stage.chance(0.4):
            back = self._stage.chance(0.5)
            version = text(live, "status", "previous", "version")
            return self._decide(live, "Rollback") if back else self._release(version)
        candidate = at(live, "status", "candidate")
        if at(live, "status", "stable") and not candidate and self._stage.chance(0.5):
            return self._release(self._stage.rng.choice(VERSIONS))
        waits = text(candidate, "pause", "reason") in _WAITS
        if waits and self._stage.chance(0.2):
            return self._edit_steps(live)
        if self._stage.chance(0.4):
            return self.correct() or self._decide(live, self._called_for(live))
        dice = self._stage.rng.random()
        if dice < 0.25:
            return self._decide(live, "")
        if dice < 0.6:
            return self._release(self._stage.rng.choice(VERSIONS))
        if dice < 0.9:
            return self._edit(live)
        if dice < 0.95:
            return self._withdraw()
        return self._delete(live)

    def begin(self) -> str:
        """Make the model where there is none."""
        return self._create() if self.model is None else ""

    def wish(self, version: str, keep_previous: str) -> str:
        """Ask for a version that nobody has seen before, with every reason to go through."""
        spec: Manifest = {
            **_released(version),
            "rollout": {
                "steps": [{"setWeight": 50}],
                "paused": False,
                "keepPrevious": keep_previous,
                "progressDeadline": "10m",
                "onFailure": "Rollback",
                "evidence": {"minRequests": 0},
            },
            "exposure": {"gateway": {"name": GATEWAY}},
        }
        self._stage.server.patch(MODELS, MODEL, {"spec": spec}, USER)
        return f"user asks for {version}, which is good"

    def correct(self) -> str:
        """Name a Gateway that exists, as the message asks."""
        name = text(self.model, "spec", "exposure", "gateway", "name")
        if name in ("", GATEWAY):
            return ""
        patch: Manifest = {"spec": {"exposure": {"gateway": {"name": GATEWAY}}}}
        self._stage.server.patch(MODELS, MODEL, patch, USER)
        return "user names a Gateway that exists"

    def unschedule(self) -> str:
        """Have what serves measured no more by time, so that there is rest."""
        if not at(self.model, "spec", "evaluation", "every"):
            return ""
        patch: Manifest = {"spec": {"evaluation": {"every": None}}}
        self._stage.server.patch(MODELS, MODEL, patch, USER)
        return "user ends the schedule"

    def lift(self) -> str:
        """End a person's hold, as the message asks; a second after it, since a Pause has the last word in its own."""
        live = self.model
        since = text(live, "status", "hold", "at")
        if live is None or not since or since[:19] >= self._stage.later(-1)[:19]:
            return ""
        waits = text(live, "status", "candidate", "pause", "reason") == "PausedByPerson"
        asked = [one for one in self._stage.objects(DECISIONS) if not text(one, "status", "phase")]
        return self._decide(live, "Resume") if waits and not asked else ""

    def let_go(self) -> str:
        """End what holds back the model's deletion."""
        live = self.model
        if live is None or not at(live, "metadata", "deletionTimestamp"):
            return ""
        if _HELD not in _finalizers(live):
            return ""
        left: list[Json] = [one for one in _finalizers(live) if one != _HELD]
        patch: Manifest = {"metadata": {"finalizers": left}}
        self._stage.server.patch(MODELS, MODEL, patch, "backup")
        return "backup lets go of the model"

    def _create(self) -> str:
        rng = self._stage.rng
        manifest = _model()
        spec: Manifest = {
            **cast(Manifest, manifest["spec"]),
            "rollout": self._rollout(),
        }
        if self._stage.chance(0.6):
            self._edit_policy()
            spec["monitoring"] = {"policyRef": {"name": POLICY}}
        version = rng.choice(VERSIONS)
        predictor = {**cast(Manifest, spec["predictor"]), **_uri(version)}
        if self._stage.chance(0.3):
            predictor["minReplicas"] = rng.randint(2, 3)
        spec |= {"version": version, "predictor": predictor}
        metadata: Manifest = {"name": MODEL}
        if self._stage.chance(0.1):
            metadata["finalizers"] = [_HELD]
        self._stage.server.create(MODELS, {"metadata": metadata, "spec": spec}, USER)
        return f"user creates the model at {version}"

    def _rollout(self) -> Manifest:
        rng = self._stage.rng
        return {
            "steps": rng.choice(_STEPS),
            "progressDeadline": rng.choice(("60s", "3m")),
            "onFailure": "Pause" if rng.random() < 0.2 else "Rollback",
            "keepPrevious": rng.choice(("0s", "60s", "1h", "1h")),
            "paused": rng.random() < 0.05,
            "evidence": {"minRequests": rng.choice((0, 0, 50)), "wait": rng.choice(("60s", "1h"))},
        }

    def _release(self, version: str) -> str:
        self._stage.server.patch(MODELS, MODEL, {"spec": _released(version)}, USER)
        return f"user asks for {version}"

    def _edit(self, live: Manifest) -> str:
        rng = self._stage.rng
        match rng.randrange(17):
            case 0 | 1:
                patch: Manifest = {"rollout": self._rollout()}
            case 11 | 12 | 13:
                return self._edit_steps(live)
            case 14:
                asked: Json = {"requests": {"cpu": rng.choice(_ONE_CPU)}}
                patch = {"predictor": {"resources": rng.choice((asked, asked, None))}}
            case 15 | 16:
                every, then = rng.choice((None, "1h", "2h")), rng.choice(("Alert", "Restore"))
                patch = {"evaluation": {"every": every, "onStableFailure": then}}
            case 2:
                patch = {"rollout": {"paused": not at(live, "spec", "rollout", "paused")}}
            case 3:
                patch = {"evaluation": {"gates": self._gates(live)}}
            case 4:
                uri = rng.choice(("pvc://held-out/sepsis.parquet", "pvc://held-out/new.parquet"))
                patch = {"evaluation": {"data": {"uri": uri}}}
            case 5 | 6:
                replicas: tuple[Manifest, ...] = (
                    {"minReplicas": rng.randint(1, 3)},
                    {"maxReplicas": rng.choice((None, 5))},
                )
                patch = {"predictor": rng.choice(replicas)}
            case 7:
                name = rng.choice((GATEWAY, GATEWAY, GATEWAY, GATEWAY, "another"))
                health: Json = {"type": "Exact", "value": "/v2/health/ready"}
                paths = rng.choice(([], [health]))
                headers = rng.choice(("On", "On", "Off"))
                patch = {
                    "exposure": {
                        "gateway": {"name": name},
                        "paths": paths,
                        "responseHeaders": headers,
                    }
                }
            case 8:
                watched: Json = {"policyRef": {"name": POLICY}}
                patch = {"monitoring": rng.choice((watched, watched, None))}
            case 9:
                return self._edit_policy()
            case _:
                patch = {"rollout": {"keepPrevious": rng.choice(("0s", "5m"))}}
        self._stage.server.patch(MODELS, MODEL, {"spec": patch}, USER)
        return f"user edits {patch}"

    def _edit_steps(self, live: Manifest) -> str:
        patch: Manifest = {"rollout": {"steps": self._steps(live)}}
        self._stage.server.patch(MODELS, MODEL, {"spec": patch}, USER)
        return f"user edits {patch}"

    def _steps(self, live: Manifest) -> list[Json]:
        """The present list, edited in some place; weights stay in order, as the schema wants it."""
        rng = self._stage.rng
        steps: list[Json] = [*items(live, "spec", "rollout", "steps")]
        how, place = rng.choice(_EDITS), rng.randrange(len(steps) + 1)
        if how == "cut":
            del steps[:place]
        elif how == "end":
            del steps[place:]
        elif how == "remove":
            del steps[place : place + 1]
        elif how == "double":
            steps[place:place] = steps[place : place + 1]
        else:
            steps.insert(place, rng.choice(rng.choice(_STEPS[1:])))
        steps = steps[:8]
        left = iter(sorted(weight for one in steps if (weight := _weight(one)) is not None))
        return [one if _weight(one) is None else {"setWeight": next(left)} for one in steps]

    def _edit_policy(self) -> str:
        """Make the policy, give it another window and other actions, or take it away."""
        server, rng = self._stage.server, self._stage.rng
        length, rule = rng.choice(("1h", "6h")), rng.choice(_RULES)
        drift: Manifest = {"windows": [{"name": "window", "length": length}], "for": rule}
        spec: Manifest = {"drift": drift, "actions": self._answers()}
        if POLICY not in server.view(POLICIES):
            server.create(POLICIES, {"metadata": {"name": POLICY}, "spec": spec}, USER)
        elif self._stage.chance(0.3):
            server.delete(POLICIES, POLICY, USER)
            return "user deletes the policy"
        else:
            server.patch(POLICIES, POLICY, {"spec": spec}, USER)
        return f"user wants windows of {length}"

    def _answers(self) -> list[Json]:
        """Some actions, each of its own name whatever it does."""
        rng, found = self._stage.rng, list[Json]()
        for number, (type_, when) in enumerate(_ANSWERS):
            if rng.random() < 0.4:
                action: Manifest = {
                    "name": f"{type_.lower()}-{number}",
                    "type": type_,
                    "when": when,
                }
                action["cooldown"] = rng.choice(("10m", "1h"))
                if type_ == "Retrain":
                    action["retrain"] = {"template": _TRAINER, "limit": rng.choice(_LIMITS)}
                found.append(action)
        return found

    def _gates(self, live: Manifest) -> list[Json]:
        gates = cast("list[Manifest]", at(live, "spec", "evaluation", "gates"))
        first: Json = {**gates[0], "limit": self._stage.rng.choice((0.1, 0.2))}
        return [first, _advisory()] if self._stage.chance(0.4) else [first]

    def _decide(self, live: Manifest, action: str) -> str:
        rng = self._stage.rng
        self._decided += 1
        name = f"decision-{self._decided}"
        action = action or rng.choice(_ACTIONS)
        role = _ROLES.get(action, "candidate")
        if action == "Override" and rng.random() < 0.3:
            role = "stable"
        revision = text(live, "status", role, "revision")
        if not revision and action == "Retry":
            revision = text(live, "status", "rolledBack", "revision")
        if not revision or rng.random() < 0.1:
            services = self._stage.objects(SERVICES)
            chosen = self._stage.choose(services)
            revision = text(chosen, "metadata", "labels", REVISION_LABEL) or "unknown"
        spec: Manifest = {
            "model": MODEL,
            "revision": revision,
            "action": action,
            "reason": "seen with the ward",
            "decidedBy": "ada@hospital.example",
        }
        if action == "Override":
            spec["gates"] = [rng.choice((GATE, GATE, GATE, "no-such-gate"))]
            spec["failed"] = rng.random() < 0.3
            if rng.random() < 0.9:
                spec["expires"] = self._stage.later(rng.choice((-5, 30, 120, 500)))
        spec |= self._seen(live)
        self._stage.server.create(DECISIONS, {"metadata": {"name": name}, "spec": spec}, USER)
        return f"user decides {action} on {revision} as {name}"

    def _called_for(self, live: Manifest) -> str:
        """What a person would decide who reads the status and wants to go on."""
        if text(live, "status", "candidate", "failure", "reason"):
            return "Retry"
        if text(live, "status", "override", "phase") == "Ended":
            return "Override"
        if text(live, "status", "rolledBack", "reason"):
            return "Retry"
        if not at(live, "status", "candidate") and at(live, "status", "stable"):
            back = at(live, "status", "previous") and self._stage.chance(0.5)
            return "Rollback" if back else "Evaluate"
        waits = text(live, "status", "candidate", "pause", "reason")
        return _WAYS_ON.get(waits, "Promote")

    def _seen(self, live: Manifest) -> Manifest:
        """What somebody says that they saw; most say nothing, and some looked a while ago."""
        rng, seen = self._stage.rng, self._shown
        names = ("digest", "gatesHash", "stepsHash")
        shown = {name: text(live, "status", "candidate", name) for name in names}
        if rng.random() < 0.8 or not seen:
            self._shown = seen = {name: value for name, value in shown.items() if value}
        return seen if rng.random() < 0.3 else {}

    def _withdraw(self) -> str:
        decision = self._stage.choose(self._stage.objects(DECISIONS))
        if decision is None:
            return ""
        self._stage.server.delete(DECISIONS, name_of(decision), USER)
        return f"user withdraws {name_of(decision)}"

    def _delete(self, live: Manifest) -> str:
        if at(live, "metadata", "deletionTimestamp"):
            return self.let_go()
        if self._stage.chance(0.4) and _HELD not in _finalizers(live):
            held: Manifest = {"metadata": {"finalizers": [*_finalizers(live), _HELD]}}
            self._stage.server.patch(MODELS, MODEL, held, "backup")
        propagation = self._stage.rng.choice(("Background", "Foreground"))
        self._stage.server.delete(MODELS, MODEL, USER, propagation=propagation)
        return f"user deletes the model ({propagation})"


def _weight(step: Json) -> int | None:
    weight = step.get("setWeight") if isinstance(step, dict) else None
    return weight if isinstance(weight, int) else None


@lru_cache(maxsize=1)
def _advisory() -> Json:
    """A gate that is measured and blocks nothing."""
    return Gate(
        name="ranks", type="Performance", metric="AUROC", limit=0.7, required=False
    ).to_json()


@lru_cache(maxsize=1)
def _model() -> Manifest:
    """The model as the API server keeps it: with all defaults."""
    manifest = clinical_model()
    spec = ClinicalModel.model_validate(manifest).spec.to_json()
    return {**manifest, "spec": spec}


def _released(version: str) -> Manifest:
    return {"version": version, "predictor": _uri(version)}


def _uri(version: str) -> Manifest:
    return {"storageUri": f"s3://models/sepsis/{version}"}


def _finalizers(live: Manifest) -> list[Json]:
    return cast("list[Json]", at(live, "metadata", "finalizers") or [])
