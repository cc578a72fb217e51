"""The judge on histories that were well, and on one for each way in which they could have been wrong."""

import hashlib

import pytest

from campaign.judge import judge
from tests.campaign.histories import (
    GATES,
    LATER,
    NOW,
    STEPS,
    History,
    climbing,
    digest_of,
    first,
    promoted,
)

FAILURE = {"reason": "Aborted"}
KEPT_A = {"revision": "a", "inferenceService": "sepsis-a"}
SERVED_B = {"revision": "b", "digest": digest_of("b"), "inferenceService": "sepsis-b"}
PROOF_B = {"evaluation": "sepsis-b-1", "digest": digest_of("b")}
AGAIN = {"attempt": 2, "failure": {}, "proof": {}, "stepIndex": 0}
_ALL = {"stepIndex": 2, "desiredWeight": 100, "proof": PROOF_B}
TO_FIFTY: dict[str, object] = {"stepIndex": 1, "desiredWeight": 50}
TO_B = {"stepIndex": 0, "desiredWeight": 10, "proof": PROOF_B}


def _waiting() -> History:
    """`b` is measured: it is the candidate, and has no traffic."""
    return first().service("b").candidate("b")


def _failed() -> History:
    """`b` has failed: first its weight went, then the status said so."""
    return climbing().route(a=100).candidate("b", failure=FAILURE, desiredWeight=0, proof={})


def _removed() -> History:
    """`b` has failed and is gone."""
    return _failed().delete("inferenceservices", "sepsis-b")


def _retried() -> History:
    """`b` has failed, and somebody wants to try it again."""
    return _failed().decide("Retry", "b", "again").candidate("b", **AGAIN)


def _proven_again() -> History:
    """The second attempt at `b` has evidence of its own."""
    proof = PROOF_B | {"evaluation": "sepsis-b-2"}
    again = _retried().evaluation("sepsis-b-2", "b", "Successful", "Successful")
    return again.candidate("b", **TO_B | {"proof": proof}).route(a=90, b=10)


def _overridden(expires: str = LATER, model: str = "sepsis") -> History:
    """`b` has evidence that says too little, and an Override."""
    history = _waiting().proven("b", "Inconclusive").override("b", expires, model)
    return history.candidate("b", **TO_B).route(a=90, b=10)


def _steps(*steps: dict[str, object]) -> History:
    """`a` serves, and these are the steps from now on."""
    history = first().wish(rollout={"steps": list(steps), "onFailure": "Rollback"}).model()
    return history.service("b").candidate("b").proven("b").candidate("b", proof=PROOF_B)


def _decider(action: str, name: str) -> dict[str, object]:
    return {"uid": f"uid-decisions-{name}", "action": action, "attempt": 1}


ONCE, TWICE = _decider("Approve", "once"), _decider("Approve", "twice")
FOUR: list[dict[str, object]] = [
    {"setWeight": 10},
    {"approve": {}},
    {"setWeight": 50},
    {"approve": {}},
]
ASKS = {"reason": "ApprovalRequired", "message": "waits for a Decision with action Approve"}


def _approved_once() -> History:
    """`b` waits for the second of two approvals, at 50 %."""
    return (
        _steps(*FOUR)
        .candidate("b", desiredWeight=10)
        .route(a=90, b=10)
        .candidate("b", stepIndex=1, pause=ASKS)
        .decide("Approve", "b", "once")
        .candidate("b", stepIndex=2, desiredWeight=50, deciders=[ONCE], pause=None)
        .route(a=50, b=50)
        .candidate("b", stepIndex=3, pause=ASKS)
    )


def _approved_twice() -> History:
    return (
        _approved_once()
        .decide("Approve", "b", "twice")
        .candidate("b", stepIndex=4, desiredWeight=100, deciders=[ONCE, TWICE], pause=None)
        .route(b=100)
        .stable("b", previous={**KEPT_A, "digest": digest_of("a"), "keptUntil": LATER})
    )


def _shortened(*steps: dict[str, object]) -> History:
    """Somebody makes the list shorter while `b` waits for the second approval."""
    rollout = {"steps": list(steps), "onFailure": "Rollback"}
    return _approved_once().wish(rollout=rollout)


def _paused() -> History:
    """A person holds the model, with `b` at a tenth."""
    return climbing().decide("Pause", "b", "wait").model(hold={"decision": "wait"})


HOLD = {"reason": "PausedByPolicy", "at": "2026-03-01T12:00:00.250Z"}
DRIFT = {"verdict": "Drift"}
SIGNED = "sha256:" + hashlib.sha256(b"{}").hexdigest()


def _held() -> History:
    """A policy holds `b` where it is, because what serves drifts."""
    return climbing().model(monitoring=DRIFT).candidate("b", hold=HOLD)


def _retrains(*at: str, most: int = 3) -> History:
    """Jobs of an action that may start one every hour, and so many a day."""
    limit = {"limit": {"atMost": most, "per": "1d"}}
    history = first().policy(type="Retrain", cooldown="1h", retrain=limit)
    for number, moment in enumerate(at):
        history.retrained(f"sepsis-train-{number}", moment)
    return history


def _told(entries: int, first_hash: int = 0) -> list[dict[str, object]]:
    numbers = range(first_hash, first_hash + entries)
    return [{"hash": str(n + 1), "previousHash": str(n) if n else ""} for n in numbers]


BACK: dict[str, object] = {"revision": "b", "digest": digest_of("b"), "reason": "RolledBack"}
REJECTED: dict[str, object] = {**SERVED_B, "keptUntil": LATER, "rejected": True}
SERVES_A = {"revision": "a", "digest": digest_of("a"), "inferenceService": "sepsis-a"}


def _rolled_back(reason: str = "RolledBack") -> History:
    """`b` makes room for `a` although the spec asks for `b`."""
    told = {"rolledBack": {**BACK, "reason": reason}, "previous": REJECTED}
    return promoted().stable("a", "FastRolledBack", **told)


def _by_decision() -> History:
    decided = promoted().decide("Rollback", "a", "back")
    return decided.stable("a", "FastRolledBack", rolledBack=BACK, previous=REJECTED)


def _measured_again(phase: str, said: str) -> History:
    """`a` serves, and its status says that it was measured again."""
    history = first().evaluation("sepsis-a-r1", "a", phase, phase)
    proof = {"evaluation": "sepsis-a-1", "digest": digest_of("a")}
    again = {"evaluation": "sepsis-a-r1", "phase": said}
    return history.model(stable={**SERVES_A, "proof": proof, "remeasured": again})


WELL = {
    "somebody puts another Evaluation in the place of one that proved what it is gone back to": (
        promoted()
        .delete("evaluations", "sepsis-a-1")
        .evaluation("sepsis-a-1", "a", "Error", "Error")
        .stable("a", "FastRolledBack", previous=SERVED_B)
    ),
    "nothing yet": History(),
    "a standard that is tightened takes nothing away": (
        climbing().asks(data={"digest": True}).candidate("b", trouble="slow").route(a=90, b=10)
    ),
    "a standard for another risk class": (
        climbing()
        .asks(appliesTo={"riskClasses": ["I"]}, data={"digest": True})
        .candidate("b", **TO_FIFTY)
    ),
    "a way back by a decision below a standard": (
        promoted()
        .asks(data={"digest": True})
        .decide("Rollback", "a", "back")
        .stable("a", "FastRolledBack", rolledBack=BACK, previous=REJECTED)
    ),
    "a first revision": first(),
    "a revision that climbs": climbing(),
    "a deletion that takes from the candidate": (
        climbing()
        .leave()
        .route(a=100)
        .candidate("b", failure={"reason": "ModelDeleted"}, desiredWeight=0, proof={})
    ),
    "a deletion under which what serves is put right": first().leave().route(a=100),
    "two models with host names of their own": (
        first().named("sepsis", "a.example").named("other", "b.example")
    ),
    "a revision with a detector": first().watched("a").configured("a"),
    "a detector of which somebody took all that was known": (
        first().recorded("a").watched("a").delete("controllerrevisions", "sepsis-a")
    ),
    "a path that people asked for": (
        first().wish(exposure={"paths": [{"value": "/v2"}]}).route(a=100, path="/v2")
    ),
    "answers that say nothing on request": (
        first().wish(exposure={"responseHeaders": "Off"}).route(a=100, called="-")
    ),
    "a promotion": promoted(),
    "an override": _overridden(),
    "a failure": _failed(),
    "a candidate removed after its failure": _removed(),
    "a new attempt with new evidence": _proven_again(),
    "a hold that somebody ended": (
        _held().decide("Resume", "b").made("2026-03-01T12:00:00Z").candidate("b", hold=None)
    ),
    "a rollback because of drift": (
        climbing()
        .model(monitoring=DRIFT)
        .route(a=100)
        .candidate("b", failure={"reason": "RolledBackByPolicy"}, desiredWeight=0, proof={})
    ),
    "Jobs now and then": _retrains("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z"),
    "a profile that was signed": _waiting().profile("b", "{}").signed("b", SIGNED),
    "a way back by a decision": _by_decision(),
    "measured again": _measured_again("Failed", "Failed"),
    "a way back": promoted().stable("a", "FastRolledBack", previous=SERVED_B),
    "a candidate superseded": (
        climbing().route(a=100).service("c").candidate("c").delete("inferenceservices", "sepsis-b")
    ),
    "a pause that somebody ended": (
        _steps({"pause": {}}, {"setWeight": 10})
        .decide("Resume", "b", "go-on")
        .candidate("b", stepIndex=1, desiredWeight=10, deciders=[_decider("Resume", "go-on")])
    ),
    "two approvals for two approvals": _approved_twice(),
    "an override of what Failed that says so": (
        _waiting().override("b", failed=True).proven("b", "Failed").candidate("b", **TO_B)
    ),
    "a person's hold that somebody ended": (
        _paused().decide("Resume", "b", "go-on").model(hold=None).candidate("b", stepIndex=1)
    ),
    "steps skipped because somebody said so": (
        climbing().decide("Promote", "b", "now").candidate("b", promoting=True, desiredWeight=100)
    ),
    "an abort": (
        climbing()
        .decide("Abort", "b")
        .route(a=100)
        .candidate("b", failure=FAILURE, desiredWeight=0, proof={})
        .decide("Abort", "b", phase="Honoured")
    ),
    "somebody else's weights, put right": (
        climbing().route(a=10, b=90, by="kubectl").route(a=90, b=10)
    ),
    "somebody else's model, put right": (
        first().service("a", "s3://elsewhere", by="kubectl").service("a")
    ),
    "a history as long as it may be": (
        History().model(history=_told(20)).model(history=_told(20, first_hash=1))
    ),
}


@pytest.mark.parametrize("name", WELL)
def test_it_says_nothing_of_what_is_well(name: str) -> None:
    history = WELL[name]
    assert [said for said in judge(history.versions) if "is left" not in said] == []


@pytest.mark.parametrize(
    "name",
    [
        "a first revision",
        "a revision with a detector",
        "a detector of which somebody took all that was known",
        "a candidate removed after its failure",
    ],
)
def test_nothing_is_left_where_all_is_done(name: str) -> None:
    assert judge(WELL[name].versions) == []


NO_WEIGHT_WITHOUT_PROOF = {
    "is to have weight 10 without proof": _waiting().candidate("b", **TO_B),
    "gets 10 without proof": _waiting().route(a=90, b=10),
    "gets 100 without any proof": (
        History().service("a").proven("a", "Failed").stable("a").route(a=100)
    ),
    "of another revision: without proof": _waiting()
    .evaluation("sepsis-b-1", "other", "Successful", "Successful")
    .candidate("b", **TO_B),
    "of another content: without proof": _waiting()
    .evaluation("sepsis-b-1", "b", "Successful", "Successful", digest=digest_of("other"))
    .candidate("b", **TO_B),
    "proof of another content: without proof": _waiting()
    .proven("b")
    .candidate("b", **TO_B | {"proof": PROOF_B | {"digest": digest_of("other")}}),
    "b has another digest than before": climbing().candidate("b", digest=digest_of("other")),
    "of a namesake: without proof": _waiting()
    .evaluation("sepsis-b-1", "b", "Successful", "Successful", model="other")
    .candidate("b", **TO_B),
    "on other data: without proof": _waiting()
    .evaluation("sepsis-b-1", "b", "Successful", "Successful", data={"uri": "pvc://easy/rows"})
    .candidate("b", **TO_B),
    "by other gates: without proof": _waiting()
    .evaluation("sepsis-b-1", "b", "Successful", "Successful", gates=[{"name": "easy"}])
    .candidate("b", **TO_B),
    "by another threshold: without proof": _waiting()
    .evaluation("sepsis-b-1", "b", "Successful", "Successful", interface={})
    .candidate("b", **TO_B),
    "of another server: without proof": _waiting()
    .evaluation("sepsis-b-1", "b", "Successful", "Successful", endpoint="http://sepsis-a-predictor")
    .candidate("b", **TO_B),
    "of a gate that did not pass: without proof": _waiting()
    .evaluation("sepsis-b-1", "b", "Successful", "Inconclusive")
    .candidate("b", **TO_B),
    "of the attempt before: without proof": _retried().candidate("b", **TO_B),
    "gates edited on the way: without proof": (
        climbing()
        .wish(evaluation={"gates": [*GATES, {"name": "another"}]})
        .candidate("b", desiredWeight=10, trouble="")
    ),
    "the gates edited and not looked at: is not the present one": (
        climbing()
        .wish(evaluation={"gates": [*GATES, {"name": "another"}]})
        .candidate("b", stepIndex=1, desiredWeight=50)
        .model(observedGeneration=1, candidate={"revision": "b", "desiredWeight": 50})
    ),
    "an override that is over: sepsis-b gets 10 without proof": _overridden(expires=NOW),
    "an override of another model: sepsis-b gets 10 without proof": _overridden(model="other"),
    "an override of other gates of that name: without proof": (
        _waiting().override("b", noted="7b" * 32).proven("b", "Inconclusive").candidate("b", **TO_B)
    ),
    "an override that was not noted: without proof": (
        _waiting()
        .decide("Override", "b", gates=["equal-misses"], expires=LATER)
        .proven("b", "Inconclusive")
        .candidate("b", **TO_B)
    ),
    "an override of what Failed: without proof": (
        _waiting().override("b").proven("b", "Failed").candidate("b", **TO_B)
    ),
    "an override of more than 30 days ago: without proof": (
        _waiting()
        .override("b", expires="2099-01-01T00:00:00Z")
        .again("2026-01-20T12:00:00Z")
        .proven("b", "Inconclusive")
        .candidate("b", **TO_B)
    ),
    "an Override is about something else than before": (
        _waiting().override("b").override("b", noted="7b" * 32)
    ),
    "no evaluator: that no evaluator gave": (
        _waiting().evaluation("sepsis-b-1", "b", "Successful", "Successful", said="")
    ),
    "an evaluator that said something else: that no evaluator gave": (
        _waiting().evaluation("sepsis-b-1", "b", "Successful", "Successful", said="Failed")
    ),
    "measured until it passes: had failed, and was measured again": (
        _waiting()
        .proven("b", "Failed")
        .delete("evaluations", "sepsis-b-1")
        .evaluation("sepsis-b-1", "b", "Successful", "Successful")
    ),
    "changed after it was measured: sepsis-b is not what was measured": (
        climbing().service("b", "s3://elsewhere")
    ),
    "has another InferenceService than before": climbing().candidate(
        "b", inferenceService="sepsis-c"
    ),
}

NO_MORE_THAN_THE_STEP = {
    "gets 50, its step allows 10": climbing().route(a=50, b=50),
    "gets 50, the status asks for 10": climbing().route(a=50, b=50),
    "is to have 50, its step allows 10": climbing().candidate("b", desiredWeight=50),
    "ten of eleven: sepsis-b gets 91, its step allows 10": climbing().route(a=1, b=10),
    "all of ten: sepsis-b gets 100, its step allows 10": climbing().route(b=10),
    "has 10, and the status asks for 5": climbing().candidate("b", desiredWeight=5),
    "skips its steps, and nobody decided that": climbing().candidate("b", promoting=True),
    "passes a step before the Gateway gave it 10": (
        _waiting().proven("b").candidate("b", **TO_B).candidate("b", stepIndex=1)
    ),
    "not yet accepted: passes a step before the Gateway gave it 10": (
        _waiting()
        .proven("b")
        .candidate("b", **TO_B)
        .route(a=90, b=10, accepted=False)
        .candidate("b", stepIndex=1)
    ),
    "an earlier approval for a later step: passes a step without its own answer: Approve": (
        _shortened({"setWeight": 50}, {"approve": {}}).candidate("b", stepIndex=2, pause=None)
    ),
    "promoted on it: passes a step without its own answer: Approve": (
        _shortened({"setWeight": 50}, {"approve": {}})
        .candidate("b", stepIndex=1, pause=None)
        .candidate("b", desiredWeight=50)
        .stable("b")
    ),
    "the approval taken off: gets 100 without the Approve it waited for": (
        _shortened({"setWeight": 10}).candidate("b", stepIndex=1, desiredWeight=100, pause=None)
    ),
    "promoted without the Approve it waited for": (
        _shortened({"setWeight": 10}).candidate("b", stepIndex=1, pause=None).stable("b")
    ),
    "an approval that nobody made: b has an Approve of nobody": (
        _approved_once().candidate("b", deciders=[ONCE, TWICE])
    ),
    "b gets more while a person holds the model": (
        _paused().candidate("b", stepIndex=1, desiredWeight=50)
    ),
    "the next one: c gets more while a person holds the model": (
        _paused()
        .route(a=100)
        .service("c")
        .candidate("c")
        .proven("c")
        .candidate("c", proof=PROOF_B | {"evaluation": "sepsis-c-1"}, desiredWeight=10)
    ),
    "a revision is promoted while a person holds the model": (
        climbing()
        .candidate("b", stepIndex=2, desiredWeight=100)
        .route(b=100)
        .model(hold={"decision": "wait"})
        .stable("b")
    ),
    "the model is held no more, and nobody has lifted that": _paused().model(hold=None),
    "passes a step that waits for a person": (
        _steps({"pause": {}}, {"setWeight": 10}).candidate("b", stepIndex=1)
    ),
    "passes a step that nobody approved": (
        _steps({"approve": {}}, {"setWeight": 10}).candidate("b", stepIndex=1)
    ),
    "passes a step without the evidence that it asks for": (
        _steps({"evaluate": {}}, {"setWeight": 10}).candidate("b", stepIndex=1)
    ),
    "is to have 10 while the rollout is paused": (
        _waiting()
        .proven("b")
        .wish(rollout={"steps": STEPS, "paused": True})
        .model()
        .candidate("b", **TO_B)
    ),
    "the status does not know it": first().route(a=90, z=10),
}

NOTHING_PROMOTED_WITHOUT_EVIDENCE = {
    "is promoted without proof": (
        _waiting().proven("b", "Error").candidate("b").route(b=100).stable("b")
    ),
    "before the Gateway gave it everything": climbing().stable("b"),
    "and was not the candidate": first().service("b").proven("b").stable("b"),
    "is promoted after it has failed": _failed().route(b=100).stable("b"),
    "a first revision that failed: is promoted after it has failed": (
        History()
        .service("a")
        .candidate("a")
        .proven("a")
        .candidate("a", failure=FAILURE)
        .stable("a")
    ),
    "back to a without proof by what is asked for now": (
        promoted()
        .wish(evaluation={"gates": [*GATES, {"name": "another"}]})
        .stable("a", "FastRolledBack")
    ),
    "back to a revision that was not the previous one": promoted().stable("c", "FastRolledBack"),
    "back to a revision whose time was over": (
        promoted().model(previous={**KEPT_A, "keptUntil": NOW}).stable("a", "FastRolledBack")
    ),
}

ZERO_AFTER_A_FAILURE = {
    "has weight, and the status gives it none": climbing().candidate("b", failure=FAILURE),
    "has failed and is to have weight 10": _failed().candidate("b", desiredWeight=10),
    "gets 10 after it has failed": _failed().route(a=90, b=10),
    "in the same attempt has not": _failed().candidate("b", failure={}),
    "forgotten and back: in the same attempt has not": (
        _failed().model(candidate={}).candidate("b", failure={})
    ),
    "forgotten, and back with weight: has failed and is to have weight 10": (
        _failed().model(candidate={}).candidate("b", failure={}, **TO_B)
    ),
    "begins an attempt with weight 10": _failed().candidate("b", **AGAIN, desiredWeight=10),
    "is tried again after its failure, unasked": _failed().candidate("b", **AGAIN),
    "a Retry is heard once: is tried again after its failure, unasked": (
        _retried().candidate("b", failure=FAILURE).candidate("b", **AGAIN | {"attempt": 3})
    ),
    "Decision stop is honoured, and b goes on": (
        climbing().decide("Abort", "b").decide("Abort", "b", phase="Honoured")
    ),
    "Decision stop was never answered": climbing().decide("Reject", "b"),
    "sepsis-b is left with 50, and may have 0": _failed().route(a=50, b=50, by="kubectl"),
}

STABLE_UNTOUCHED = {
    "the history does not say why": first().model(
        stable={"revision": "b", "inferenceService": "sepsis-b"}
    ),
    "stable changed with the outcome Superseded": climbing().stable("b", "Superseded"),
    "and nothing else is": first().model(stable={}),
    "another server: has another InferenceService than before": first().model(
        stable={"revision": "a", "inferenceService": "sepsis-z"}
    ),
    "is stable, and is deleted": climbing().candidate("c").delete("inferenceservices", "sepsis-a"),
    "is stable, and what it serves was changed": (
        climbing().candidate("c").service("a", "s3://elsewhere")
    ),
    "nobody gets anything from sepsis": climbing().candidate("c").route(),
    "is deleted while it may have traffic": climbing().delete("inferenceservices", "sepsis-b"),
    "sepsis-b is deleted while it may have traffic": (
        climbing().route(a=100, accepted=False).delete("inferenceservices", "sepsis-b")
    ),
    "while there is no route": (
        _failed().delete("httproutes", "sepsis").delete("inferenceservices", "sepsis-b")
    ),
}

NO_ORPHAN = {
    "inferenceservices/sepsis-b is left, and nothing needs it": first().service("b"),
    "a failed one: inferenceservices/sepsis-b is left, and nothing needs it": _failed(),
    "configmaps/sepsis-b-detector is left, and nothing needs it": first().configured("b"),
    "without a word: the detector of sepsis-a is not told": first().watched("a"),
    "with its record: the detector of sepsis-a is not told": first().recorded("a").watched("a"),
    "is left without its owner": climbing().delete("clinicalmodels", "sepsis"),
    "and nobody waits for its verdict": _removed().evaluation("sepsis-b-2", "b", "", ""),
    "and no model owns it": first().lost("sepsis-z"),
}

RECORDS = {
    "the history is not chained": first().model(
        history=[{"hash": "x", "previousHash": ""}, {"hash": "y", "previousHash": "z"}]
    ),
    "the history was rewritten": promoted().model(history=[{"hash": "x", "previousHash": ""}]),
    "shortened before it is full: the history was rewritten": (
        History().model(history=_told(5)).model(history=_told(4, first_hash=1))
    ),
    "the history grows without bound": first().model(history=_told(21)),
    "asks something else than before": first().evaluation(
        "sepsis-a-1", "b", "Successful", "Successful"
    ),
    "was over, and its verdict was changed": _failed().proven("b", "Failed"),
    "was answered twice": (
        first().decide("Retry", "a", phase="Honoured").decide("Retry", "a", phase="Ignored")
    ),
    "was told 11 times in the same words": first().told(11),
}

WATCHED = {
    "starts a Job within its cooldown": _retrains("2026-03-01T12:00:00Z", "2026-03-01T12:10:00Z"),
    "starts more Jobs than its limit": _retrains(
        "2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z", most=1
    ),
    "was held by a policy and goes on, unasked": _held().candidate("b", hold=None),
    "asked for before: was held by a policy and goes on, unasked": (
        _held().decide("Resume", "b").made("2026-03-01T11:59:59Z").candidate("b", hold=None)
    ),
    "promoted: was held by a policy and goes on, unasked": _held().route(b=100).stable("b"),
    "goes on while a policy holds it": _held().candidate("b", stepIndex=1, desiredWeight=50),
    "PausedByPolicy, and nothing was found": climbing().candidate("b", hold=HOLD),
    "RolledBackByPolicy, and nothing was found": (
        climbing().candidate("b", failure={"reason": "RolledBackByPolicy"}, desiredWeight=0)
    ),
    "PausedByPolicy, and it gets more": (
        climbing().model(monitoring=DRIFT).candidate("b", hold=HOLD, desiredWeight=50)
    ),
    "the profile of b is not the one that was signed": (
        _waiting().profile("b", "[]").signed("b", SIGNED)
    ),
    "not there: the profile of b is not the one that was signed": _waiting().signed("b", SIGNED),
}

WHAT_SERVES = {
    "back to a, which nobody decided": _rolled_back(),
    "back to a by itself, with no reason to": _rolled_back("Restored"),
    "b was rolled back from, and is the candidate again": _by_decision().candidate("b"),
    "sepsis-a-r1 did not say Successful of what serves": _measured_again("Failed", "Successful"),
    "serves, and has another proof than before": first().model(
        stable={**SERVES_A, "proof": {"evaluation": "sepsis-a-r1"}}
    ),
    "an override of what serves lasts longer, and nobody decided that": (
        first()
        .model(stable={**SERVES_A, "proof": {"evaluation": "sepsis-a-1", "expires": NOW}})
        .model(stable={**SERVES_A, "proof": {"evaluation": "sepsis-a-1", "expires": LATER}})
    ),
    "back at once to b, which was rolled back from": (
        _by_decision()
        .wish(version="a")
        .model(rolledBack={})
        .wish(version="b")
        .stable("b", "FastRolledBack")
    ),
}

LEAVING = {
    "is to get more while its model leaves": (
        climbing().leave().candidate("b", stepIndex=1, desiredWeight=50)
    ),
    "sepsis-b gets 50 while its model leaves": (
        climbing().candidate("b", stepIndex=1, desiredWeight=50).leave().route(a=50, b=50)
    ),
    "b becomes the candidate of a model that leaves": first().service("b").leave().candidate("b"),
    "another revision is stable, and its model leaves": (
        climbing().candidate("b", stepIndex=2, desiredWeight=100).route(b=100).leave().stable("b")
    ),
    "sepsis-b is left with 10, and may have 0": climbing().leave(),
}

APART = {
    "a.example is in the routes of other and sepsis": (
        first().named("sepsis", "a.example", "b.example").named("other", "a.example")
    ),
}

HEALTH = {"paths": [{"type": "PathPrefix", "value": "/v2/health"}]}
LET_IN = {
    "/* is let in": first().route(a=100, path=""),
    "/v2/repository/models/sepsis/unload is let in": (
        first().route(a=100, path="/v2/repository/models/sepsis/unload")
    ),
    "/v2/models/other/infer is let in": first().route(a=100, path="/v2/models/other/infer"),
    "asked for below a prefix: /v2/health is let in": (
        first().wish(exposure=HEALTH).route(a=100, path="/v2/health")
    ),
}

TOLD = {
    "sepsis-a is called b (mlhops-revision)": first().route(a=100, called="b"),
    "nobody learns that sepsis-a answers": first().route(a=100, called="-"),
}

_ONE, _OTHER = "kserve-container=sha256:1", "kserve-container=sha256:2"


def _measured(*server: str) -> History:
    """Revision `b` was measured as image 1 answered, and its proof names these."""
    proof = {**PROOF_B, "server": list(server)}
    measured = first().service("b").candidate("b")
    measured.evaluation("sepsis-b-1", "b", "Successful", "Successful", server=[_ONE])
    return measured.candidate("b", proof=proof, stepIndex=0)


AS_MEASURED = {
    "is to have 10, and kserve-container=sha256:2 was not measured": (
        _measured(_ONE).runs("b", "sha256:2").candidate("b", desiredWeight=10)
    ),
    "is promoted, and kserve-container=sha256:2 was not measured": (
        _measured(_ONE).runs("b", "sha256:2").stable("b")
    ),
    "another than measured: is to have weight 10 without proof": (
        _measured(_OTHER).candidate("b", desiredWeight=10)
    ),
}

_TWO = {"rollout": {"steps": [], "onFailure": "Rollback"}, "predictor": {"minReplicas": 2}}

ENOUGH_PODS = {
    "b is to have all requests with 1 of 2 replicas": (
        first().wish(**_TWO).service("b").candidate("b").proven("b").candidate("b", **_ALL)
    ),
    "in the route: b is to have all requests with 0 of 1 replicas": (
        climbing().candidate("b", **_ALL).delete("pods", "b-pod").route(b=100)
    ),
    "a is to have all requests with 0 of 1 replicas": (
        History().service("a").candidate("a").delete("pods", "a-pod").proven("a").stable("a")
    ),
}

_LIMIT = {"name": "fair", "metrics": ["FalseNegativeRate"], "limit": 0.001}

BELOW_A_STANDARD = {
    "b is to have 50 without a digest, below board": (
        climbing().asks(data={"digest": True}).candidate("b", **TO_FIFTY)
    ),
    "b is to have 50 on 0 requests, below board": (
        _steps({"setWeight": 10}, {"setWeight": 50})
        .wish(rollout={"steps": [{"setWeight": 50}], "evidence": {"minRequests": 0}})
        .model()
        .asks(rollout={"minRequests": 50})
        .candidate("b", desiredWeight=50)
    ),
    "b is to have 50 with a first weight of 10, below board": (
        climbing().asks(rollout={"maxFirstWeight": 5}).candidate("b", **TO_FIFTY)
    ),
    "b is to have 50 without gate fair, below board": (
        climbing().asks(gates=[_LIMIT]).candidate("b", **TO_FIFTY)
    ),
    "in the route: b gets 50 without a digest, below board": (
        climbing().candidate("b", **TO_FIFTY).asks(data={"digest": True}).route(a=50, b=50)
    ),
    "a is promoted without a digest, below board": (
        History()
        .asks(data={"digest": True})
        .service("a")
        .candidate("a")
        .proven("a")
        .candidate("a", proof={"evaluation": "sepsis-a-1", "digest": digest_of("a")})
        .stable("a")
    ),
    "a serves again without a digest, below board": (
        promoted().asks(data={"digest": True}).stable("a", "FastRolledBack", previous=SERVED_B)
    ),
}

RULES = {
    "nothing raised below a standard": BELOW_A_STANDARD,
    "what serves": WHAT_SERVES,
    "nothing begins for what leaves": LEAVING,
    "host names apart": APART,
    "nothing else let in": LET_IN,
    "answers say who gave them": TOLD,
    "no weight without proof": NO_WEIGHT_WITHOUT_PROOF,
    "no more than the step": NO_MORE_THAN_THE_STEP,
    "nothing promoted without evidence": NOTHING_PROMOTED_WITHOUT_EVIDENCE,
    "zero after a failure": ZERO_AFTER_A_FAILURE,
    "stable untouched": STABLE_UNTOUCHED,
    "no orphan": NO_ORPHAN,
    "records that stay": RECORDS,
    "what a policy may do": WATCHED,
    "as it was measured": AS_MEASURED,
    "all requests to enough pods": ENOUGH_PODS,
}


@pytest.mark.parametrize(
    ("rule", "wrong"), [(rule, wrong) for rule, wrongs in RULES.items() for wrong in wrongs]
)
def test_it_objects_to_what_is_wrong(rule: str, wrong: str) -> None:
    words = wrong.rpartition(": ")[2]
    said = judge(RULES[rule][wrong].versions)
    assert any(words in objection for objection in said), said
