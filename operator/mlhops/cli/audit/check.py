"""Whether a bundle holds: sums, signatures, statements and the chain of the history; only the bundle is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from mlhops.cli.audit import statements
from mlhops.cli.audit.bundle import (
    API_VERSION,
    ATTESTATIONS,
    BESIDE,
    HISTORY,
    KEY,
    MANIFEST,
    MODEL,
    SUMS,
    UNSIGNED,
)
from mlhops.cli.audit.envelope import PAYLOAD_TYPE, Envelope, read, signed_by
from mlhops.cli.audit.keys import KeyTrouble, Signer, signer
from mlhops.cli.audit.statements import sha256
from mlhops.cli.views.history import hash_of, hashed
from mlhops.cli.views.installation import State
from mlhops.json_access import at, items, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_SUM = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._/-]{0,511})")


class NoBundle(ValueError):
    """What was given is no bundle at all."""


@dataclass(frozen=True)
class BundleCheck:
    """Something that was checked."""

    section: str
    what: str
    state: State
    detail: str
    """What exactly does not hold."""


@dataclass(frozen=True)
class BundleVerdict:
    """What a check came to."""

    namespace: str
    name: str
    exported_at: str
    exported_by: str
    """Who the API server said that was asking; it is told by the bundle, and signed with it."""
    signed_by: str
    """The id of the key whose signatures all statements have; empty where they do not."""
    trusted: bool
    """Whether that is a key that was given."""
    checks: tuple[BundleCheck, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is amiss."""
        return all(each.state is not State.FAILED for each in self.checks)


def verdict(files: Mapping[str, bytes], trusted: Sequence[Signer]) -> BundleVerdict:
    """Return whether a bundle holds.

    Args:
        files: of the bundle, by their paths in it.
        trusted: keys of those who may have signed it; without any, its own key tells only that it is consistent.

    Raises:
        NoBundle: it has no manifest or no sums.
    """
    manifest = parsed(files, MANIFEST)
    if SUMS not in files or text(manifest, "apiVersion") != API_VERSION:
        raise NoBundle(
            f"there is no {SUMS}, or no {MANIFEST} of {API_VERSION}: give a bundle of `audit export`"
        )
    found = [*_sums(files)]
    signatures, key = _signatures(files, trusted)
    found += [*signatures, *_chain(files, manifest), *_evidence(files, manifest)]
    return BundleVerdict(
        namespace=text(manifest, "model", "namespace"),
        name=text(manifest, "model", "name"),
        exported_at=text(manifest, "exportedAt"),
        exported_by=text(manifest, "exportedBy"),
        signed_by=key.id if key is not None else "",
        trusted=key is not None and any(key.id == each.id for each in trusted),
        checks=tuple(found),
    )


def parsed(files: Mapping[str, bytes], name: str) -> Json:
    """Return the JSON in a file of a bundle, None where it is none or is not there."""
    try:
        found: Json = json.loads(files.get(name, b""))
    except (ValueError, RecursionError):
        return None
    return found


def _told(section: str, what: str, wrong: Sequence[str]) -> BundleCheck:
    state = State.FAILED if wrong else State.OK
    return BundleCheck(section, what, state, "; ".join(wrong))


def _sums(files: Mapping[str, bytes]) -> Iterator[BundleCheck]:
    lines = files[SUMS].decode(errors="replace").splitlines()
    matched = [_SUM.fullmatch(line) for line in lines]
    sums = {match[2]: match[1] for match in matched if match is not None}
    unread = [f"line {i} of {SUMS} cannot be read" for i, m in enumerate(matched, 1) if m is None]
    lost = [f"{name} is missing" for name in sums if name not in files]
    changed = [f"{n} was changed" for n, s in sums.items() if n in files and sha256(files[n]) != s]
    added = [f"{name} has no sum" for name in files if name not in sums and name not in BESIDE]
    if len(sums) != len(lines) - len(unread):
        unread.append(f"{SUMS} names a file twice")
    yield _told(
        "files", f"{len(sums)} files are those of {SUMS}", [*unread, *lost, *changed, *added]
    )


def _signatures(
    files: Mapping[str, bytes], trusted: Sequence[Signer]
) -> tuple[list[BundleCheck], Signer | None]:
    section, what = "signatures", "each statement is signed by one key"
    if ATTESTATIONS not in files:
        known = "its statements are not signed" if UNSIGNED in files else "it has no statements"
        return [BundleCheck(section, what, State.UNTOLD, known), *_unsigned(files)], None
    wrong: list[str] = []
    envelopes: list[Envelope] = []
    for index, line in enumerate(files[ATTESTATIONS].decode(errors="replace").splitlines(), 1):
        try:
            envelopes.append(read(line))
        except ValueError as error:
            wrong.append(f"line {index} of {ATTESTATIONS}: {error}")
    keys, trouble = _keys(files, trusted)
    wrong += trouble
    by = [signed_by(each, keys) for each in envelopes]
    whose = "a key that was given" if trusted else f"the key in {KEY}"
    wrong += [
        f"statement {i} has no signature of {whose}" for i, k in enumerate(by, 1) if k is None
    ]
    wrong += [
        f"statement {i} is of another type than {PAYLOAD_TYPE}"
        for i, each in enumerate(envelopes, 1)
        if each.type != PAYLOAD_TYPE
    ]
    if len({each.id for each in by if each is not None}) > 1:
        wrong.append("the statements are signed by different keys")
    wrong += _beside(files, by)
    key = by[0] if by and not wrong else None
    checks = [_told(section, what, wrong)]
    if not trusted:
        said = f"without --key nobody says whose key it is; {KEY} came with the bundle"
        checks.append(BundleCheck(section, "the key is one that you trust", State.UNTOLD, said))
    checks += _stated(files, [each.payload for each in envelopes])
    return checks, key


def _beside(files: Mapping[str, bytes], by: Sequence[Signer | None]) -> Iterator[str]:
    """Yield which files beside signed statements nothing vouches for: people may take them for what was checked."""
    if UNSIGNED in files:
        yield f"{UNSIGNED} is there beside {ATTESTATIONS}, and nobody has signed it"
    there = files.get(KEY)
    if there is None:
        return
    try:
        known = signer(there).id
    except KeyTrouble as error:
        yield f"{KEY}: {error}"
        return
    if any(each is not None and each.id != known for each in by):
        yield f"{KEY} is another key than that of the signatures"


def _keys(
    files: Mapping[str, bytes], trusted: Sequence[Signer]
) -> tuple[tuple[Signer, ...], list[str]]:
    if trusted:
        return tuple(trusted), []
    try:
        return (signer(files.get(KEY, b"")),), []
    except KeyTrouble as error:
        return (), [f"{KEY}: {error}"]


def _unsigned(files: Mapping[str, bytes]) -> Iterator[BundleCheck]:
    if UNSIGNED in files:
        yield from _stated(files, files[UNSIGNED].splitlines())


def _stated(files: Mapping[str, bytes], payloads: Sequence[bytes]) -> Iterator[BundleCheck]:
    """Check what statements say of files, and that none was left out."""
    wrong: list[str] = []
    found: list[tuple[bytes, Json]] = []
    for index, payload in enumerate(payloads, 1):
        try:
            found.append((payload, json.loads(payload)))
        except (ValueError, RecursionError):
            wrong.append(f"statement {index} is no JSON")
    for index, (_, of) in enumerate(found, 1):
        if text(of, "_type") != statements.STATEMENT:
            wrong.append(f"statement {index} is no in-toto statement of version 1")
        subjects = list(statements.subjects(of))
        wrong += [f"statement {index} is about nothing" for _ in range(not subjects)]
        wrong += [
            f"statement {index} is about another {name}"
            for name, digest in subjects
            if sha256(files.get(name, b"")) != digest
        ]
    yield _told("statements", f"{len(found)} statements are about these files", wrong)
    yield _told("statements", "none was left out or added", list(_complete(files, found)))


def _complete(files: Mapping[str, bytes], found: Sequence[tuple[bytes, Json]]) -> Iterator[str]:
    wholes = [of for _, of in found if text(of, "predicateType") == statements.BUNDLE]
    if len(wholes) != 1:
        yield f"{len(wholes)} statements are about the bundle as a whole, in place of one"
        return
    (whole,) = wholes
    if [name for name, _ in statements.subjects(whole)] != [SUMS]:
        yield f"the statement on the bundle is not about {SUMS}"
    others = [sha256(p) for p, of in found if text(of, "predicateType") != statements.BUNDLE]
    if at(whole, "predicate", "statements") != others:
        yield "the statements are not those that the one on the bundle counts"
    manifest = parsed(files, MANIFEST)
    for key in ("model", "exportedAt", "exportedBy", "history"):
        if at(whole, "predicate", key) != at(manifest, key):
            yield f"the statement on the bundle has another {key} than {MANIFEST}"


def _chain(files: Mapping[str, bytes], manifest: Json) -> Iterator[BundleCheck]:
    told = parsed(files, HISTORY)
    entries: list[Manifest] = items({"of": told}, "of")
    wrong = [] if isinstance(told, list) else [f"{HISTORY} is no list"]
    for index, entry in enumerate(entries):
        where = f"entry {index} ({text(entry, 'version') or '?'} {text(entry, 'outcome')})".rstrip()
        if text(entry, "hash") != hash_of(entry):
            wrong.append(f"{where} does not have the hash of what it says")
        if files.get(f"history/{index:03}.json") != hashed(entry):
            wrong.append(f"history/{index:03}.json is not what the hash of {where} is made of")
    for index, (before, entry) in enumerate(pairwise(entries), 1):
        if text(entry, "previousHash") != text(before, "hash"):
            wrong.append(
                f"entry {index} does not follow entry {index - 1}: one is missing, or was put in"
            )
    if at(parsed(files, MODEL), "status", "history") not in (told, None if told == [] else told):
        wrong.append(f"{HISTORY} is not the history of {MODEL}")
    yield _told("history", f"{len(entries)} entries are one chain", wrong)
    head = text(entries[-1], "hash") if entries else ""
    ends = []
    if text(manifest, "history", "head") != head:
        ends.append(f"the last entry has another hash than the head in {MANIFEST}")
    if number(manifest, "history", "entries") != len(entries):
        ends.append(f"there are {len(entries)} entries, and {MANIFEST} counts another number")
    yield _told("history", "it ends where the manifest says", ends)


def _evidence(files: Mapping[str, bytes], manifest: Json) -> Iterator[BundleCheck]:
    """Check reports against the digest in their Evaluation, and tell what was missing from the start."""
    wrong = []
    reports = [name for name in files if name.startswith("reports/")]
    for name in reports:
        evaluation = name.removeprefix("reports/").removesuffix(".html")
        status = parsed(files, f"objects/evaluations/{evaluation}.json")
        if text(status, "status", "report", "digest") != f"sha256:{sha256(files[name])}":
            wrong.append(f"{name} is not the report of Evaluation {evaluation}")
    yield _told("evidence", f"{len(reports)} reports are those of their Evaluations", wrong)
    missing = at(manifest, "missing")
    listed = [str(each) for each in missing] if isinstance(missing, list) else []
    state = State.WARNING if listed else State.OK
    yield BundleCheck("evidence", "all that the record cites is here", state, "; ".join(listed))
