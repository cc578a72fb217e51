"""in-toto statements (version 1) on what a bundle holds; each is about a file of the bundle, by its sha256.

Predicates of in-toto's own list are used where there is one that fits: test-result v0.1 of an Evaluation. For a
person's decision there is none, nor for a bundle as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mlhops.cli.views.fields import texts
from mlhops.json_access import at, items, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
DECISION = "https://mlhops.io/attestation/decision/v1"
BUNDLE = "https://mlhops.io/attestation/bundle/v1"
_RESULTS = {"Successful": "PASSED", "Failed": "FAILED", "Error": "FAILED"}


def sha256(content: bytes) -> str:
    """Return the sha256 of some bytes in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def statement(type_: str, subjects: Mapping[str, bytes], predicate: Manifest) -> Manifest:
    """Return a statement about files."""
    about: list[Json] = [
        {"name": name, "digest": {"sha256": sha256(content)}} for name, content in subjects.items()
    ]
    return {"_type": STATEMENT, "subject": about, "predicateType": type_, "predicate": predicate}


def test_result(
    name: str, content: bytes, evaluation: Manifest, overridden: Sequence[str]
) -> Manifest:
    """Return that an Evaluation came to a verdict.

    Args:
        name: of its file.
        content: of its file.
        evaluation: as it is.
        overridden: gates that a person let pass; they count as warned of, never as passed.
    """
    gates = {
        text(each, "name"): text(each, "phase") for each in items(evaluation, "status", "gates")
    }
    passed = [each for each, phase in gates.items() if phase == "Successful"]
    failed = [
        each
        for each, phase in gates.items()
        if phase in ("Failed", "Error") and each not in overridden
    ]
    configuration: list[Json] = []
    digest = text(evaluation, "status", "dataDigest").removeprefix("sha256:")
    if digest:
        configuration.append({"name": "held-out data", "digest": {"sha256": digest}})
    report = text(evaluation, "status", "report", "digest").removeprefix("sha256:")
    if report:
        configuration.append({"name": "report", "digest": {"sha256": report}})
    predicate: Manifest = {
        "result": _RESULTS.get(text(evaluation, "status", "phase"), "WARNED"),
        "configuration": configuration,
        "passedTests": [*passed],
        "warnedTests": [each for each in gates if each not in passed and each not in failed],
        "failedTests": [*failed],
    }
    return statement(TEST_RESULT, {name: content}, predicate)


def decision(name: str, content: bytes, made: Manifest) -> Manifest:
    """Return that a person decided, and what the operator answered."""
    spec, status = at(made, "spec"), at(made, "status")
    predicate: Manifest = {
        "action": text(spec, "action"),
        "decidedBy": text(spec, "decidedBy"),
        "reason": text(spec, "reason"),
        "decidedAt": text(made, "metadata", "creationTimestamp"),
        "model": text(spec, "model"),
        "revision": text(spec, "revision"),
        "gates": [*texts(spec, "gates")],
        "answer": text(status, "phase") or "Pending",
        "answeredAt": text(status, "observedAt"),
    }
    return statement(DECISION, {name: content}, predicate)


def whole(sums: bytes, manifest: Manifest, others: Sequence[str]) -> Manifest:
    """Return that a bundle is whole: its sums, which name each file, and how many other statements there are.

    Args:
        sums: the file with the sums.
        manifest: what the bundle says of itself.
        others: the sha256 of the payload of each other statement, in their order.
    """
    predicate: Manifest = {
        "model": at(manifest, "model"),
        "exportedAt": at(manifest, "exportedAt"),
        "exportedBy": at(manifest, "exportedBy"),
        "history": at(manifest, "history"),
        "statements": [*others],
    }
    return statement(BUNDLE, {"SHA256SUMS": sums}, predicate)


def subjects(of: Json) -> Iterator[tuple[str, str]]:
    """Return the files that a statement is about, each with its sha256."""
    for each in items(of, "subject"):
        yield text(each, "name"), text(each, "digest", "sha256")
