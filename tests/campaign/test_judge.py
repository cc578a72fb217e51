"""The judge on histories that were well, and on one for each way in which they could have been wrong."""

import pytest

from campaign.judge import judge
from tests.campaign.histories import LATER, NOW, History, climbing, first, promoted

FAILURE = {"reason": "Aborted"}
KEPT_A = {"revision": "a", "inferenceService": "sepsis-a"}


def _failed() -> History:
    """`b` has failed: first its weight went, then the status said so."""
    return climbing().route(a=100).candidate("b", failure=FAILURE, desiredWeight=0, proof={})


def _overridden(expires: str = LATER) -> History:
    """`b` has evidence that says too little, and an Override."""
    history = first().service("b").candidate("b").proven("b", "Inconclusive")
    proof = {"evaluation": "sepsis-b-1"}
    return (
        history.override("b", expires)
        .candidate("b", proof=proof, desiredWeight=10, stepIndex=0)
        .route(a=90, b=10)
    )


WELL = {
    "nothing yet": History(),
    "a first revision": first(),
    "a revision that climbs": climbing(),
    "a promotion": promoted(),
    "an override": _overridden(),
    "a failure": _failed(),
    "a candidate removed after its failure": _failed().delete("inferenceservices", "sepsis-b"),
    "a new attempt with new evidence": _failed().candidate("b", attempt=2, failure={}),
    "a way back": promoted().stable(
        "a", "FastRolledBack", previous={"revision": "b", "inferenceService": "sepsis-b"}
    ),
    "a candidate superseded": (
        climbing().route(a=100).candidate("c").delete("inferenceservices", "sepsis-b")
    ),
}


@pytest.mark.parametrize("name", WELL)
def test_it_says_nothing_of_what_is_well(name: str) -> None:
    assert judge(WELL[name].versions) == []


def _unproven() -> History:
    return first().service("b").candidate("b", proof={"evaluation": "sepsis-b-1"}, desiredWeight=10)


WRONG = {
    "to have weight 10 without proof": _unproven(),
    "gets 10 without proof": first().service("b").candidate("b").route(a=90, b=10),
    "gets 100 without any proof": (
        History().service("a").proven("a", "Failed").stable("a").route(a=100)
    ),
    "b is to have weight 10 without proof": (
        first()
        .candidate("b")
        .evaluation("sepsis-b-1", "other", "Successful", "Successful")
        .candidate("b", proof={"evaluation": "sepsis-b-1"}, desiredWeight=10)
    ),
    "sepsis-b gets 10 without proof": _overridden(expires=NOW),
    "gets 50, its step allows 10": climbing().route(a=50, b=50),
    "is to have 50, its step allows 10": climbing().candidate("b", desiredWeight=50),
    "the status does not know it": first().route(a=90, z=10),
    "has weight, and the status gives it none": climbing().candidate("b", failure=FAILURE),
    "has failed and is to have weight 10": _failed().candidate("b", desiredWeight=10),
    "gets 10 after it has failed": _failed().route(a=90, b=10),
    "in the same attempt has not": _failed().candidate("b", failure={}),
    "begins an attempt with weight 10": _failed().candidate(
        "b", attempt=2, failure={}, desiredWeight=10
    ),
    "is promoted without proof": (
        first().service("b").candidate("b").proven("b", "Error").route(b=100).stable("b")
    ),
    "before the Gateway gave it everything": climbing().stable("b"),
    "the history does not say why": first().model(
        stable={"revision": "b", "inferenceService": "sepsis-b"}
    ),
    "stable changed with the outcome Superseded": climbing().stable("b", "Superseded"),
    "and nothing else is": first().model(stable={}),
    "back to a revision that was not the previous one": promoted().stable("c", "FastRolledBack"),
    "back to a revision whose time was over": (
        promoted().model(previous={**KEPT_A, "keptUntil": NOW}).stable("a", "FastRolledBack")
    ),
    "the history is not chained": first().model(
        history=[{"hash": "x", "previousHash": ""}, {"hash": "y", "previousHash": "z"}]
    ),
    "the history was rewritten": promoted().model(history=[{"hash": "x", "previousHash": ""}]),
    "the history grows without bound": first().model(
        history=[{"hash": str(n + 1), "previousHash": str(n)} for n in range(21)]
    ),
    "asks something else than before": first().evaluation(
        "sepsis-a-1", "b", "Successful", "Successful"
    ),
    "was answered twice": first().answered("Honoured").answered("Ignored"),
    "is stable, and is deleted": first().delete("inferenceservices", "sepsis-a"),
    "is deleted while it may have traffic": climbing().delete("inferenceservices", "sepsis-b"),
    "sepsis-b is deleted while it may have traffic": (
        climbing().route(a=100, accepted=False).delete("inferenceservices", "sepsis-b")
    ),
    "while there is no route": (
        _failed().delete("httproutes", "sepsis").delete("inferenceservices", "sepsis-b")
    ),
    "is stable, and what it serves was changed": first().service("a", "s3://elsewhere"),
    "was over, and its verdict was changed": _failed().proven("b", "Failed"),
    "is left, and nothing needs it": first().service("b"),
    "is left without its owner": climbing().delete("clinicalmodels", "sepsis"),
}


@pytest.mark.parametrize("objection", WRONG)
def test_it_objects_to_what_is_wrong(objection: str) -> None:
    assert any(objection in said for said in judge(WRONG[objection].versions))
