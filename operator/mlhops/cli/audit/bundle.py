"""What is in a bundle: the objects as they are, the history, cards, reports, sums over all of it, and statements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, cast

from mlhops.cli.audit import statements
from mlhops.cli.audit.envelope import signed
from mlhops.cli.audit.statements import sha256
from mlhops.cli.audit.timeline import as_csv, timeline
from mlhops.cli.card.assemble import model_card
from mlhops.cli.card.markdown import markdown
from mlhops.cli.card.page import page
from mlhops.cli.card.subject import subject
from mlhops.cli.views.difference import revision_of
from mlhops.cli.views.fields import texts
from mlhops.cli.views.gates import overridden_by
from mlhops.cli.views.history import hashed, intact
from mlhops.json_access import at, items, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest
    from mlhops.cli.audit.keys import SigningKey

API_VERSION = "audit.mlhops.io/v1"
MANIFEST, SUMS, HISTORY = "manifest.json", "SHA256SUMS", "history.json"
MODEL, TIMELINE, GUIDE = "objects/model.json", "timeline.csv", "VERIFY.md"
ATTESTATIONS, UNSIGNED, KEY = "attestations.intoto.jsonl", "statements.jsonl", "key.pub"
BESIDE = (SUMS, ATTESTATIONS, UNSIGNED, KEY)
"""Files that have no sum: they are what sums and signatures are checked with."""
_READ = """\
What is in this folder is told in docs/audit.md of MLHOps, with a recipe that checks it by sha256sum, openssl and jq.

    kubectl mlhops audit verify FOLDER --key PUBLIC_KEY

The key must come to you on another way than this folder: whoever changes the folder can change the key in it.
"""


@dataclass(frozen=True)
class AuditSource:
    """All that a cluster has on record of a model."""

    model: Manifest
    evaluations: Sequence[Manifest]
    decisions: Sequence[Manifest]
    revisions: Sequence[Manifest]
    policy: Manifest | None
    events: Sequence[Manifest]
    exported_at: datetime
    exported_by: str
    exporter: str
    """The version of this plug-in."""
    reports: Mapping[str, bytes] = field(default_factory=dict)
    """Reports by the name of their Evaluation; each has the digest of the status."""
    missing: Sequence[str] = ()
    """What could not be read, in sentences."""


def bundle(of: AuditSource, key: SigningKey | None) -> dict[str, bytes]:
    """Return the files of a bundle by their paths; without a key its statements are not signed."""
    files = _objects(of) | dict(_history(of)) | dict(_cards(of))
    files |= {f"reports/{name}.html": content for name, content in of.reports.items()}
    seen = timeline(of.model, of.evaluations, of.decisions, of.revisions, of.events)
    files |= {TIMELINE: as_csv(seen).encode(), GUIDE: _READ.encode()}
    manifest = _manifest(of)
    files[MANIFEST] = written(manifest)
    sums = "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files)).encode()
    files[SUMS] = sums
    made = list(_statements(of, files))
    payloads = [json.dumps(each, sort_keys=True, ensure_ascii=False).encode() for each in made]
    made.append(statements.whole(sums, manifest, [sha256(payload) for payload in payloads]))
    if key is None:
        lines = [json.dumps(each, sort_keys=True, ensure_ascii=False) for each in made]
        return {**files, UNSIGNED: _lines(lines)}
    attested = _lines([signed(each, key) for each in made])
    return {**files, ATTESTATIONS: attested, KEY: key.signer.pem}


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def written(value: Json) -> bytes:
    """Return JSON as a file: keys in order, so that the same object has the same bytes."""
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def _objects(of: AuditSource) -> dict[str, bytes]:
    found = {MODEL: of.model}
    kinds = {"evaluations": of.evaluations, "decisions": of.decisions, "revisions": of.revisions}
    for folder, objects in kinds.items():
        found |= {path_of(folder, each): each for each in objects}
    if of.policy is not None:
        found["objects/policy.json"] = of.policy
    files = {name: written(_bare(each)) for name, each in found.items()}
    told: list[Json] = [_bare(each) for each in of.events]
    return {**files, "objects/events.json": written(told)}


def path_of(folder: str, manifest: Manifest) -> str:
    """Return the path of an object's file."""
    return f"objects/{folder}/{text(manifest, 'metadata', 'name')}.json"


def _bare(manifest: Manifest) -> Manifest:
    """Return an object without notes on who owns which field."""
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict):
        return manifest
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**manifest, "metadata": kept}


def _history(of: AuditSource) -> Iterator[tuple[str, bytes]]:
    """Return the history, and of each entry the very bytes of which its hash is the sha256."""
    entries = items(of.model, "status", "history")
    yield HISTORY, written(cast("list[Json]", entries))
    for index, entry in enumerate(entries):
        yield f"history/{index:03}.json", hashed(entry)


def _cards(of: AuditSource) -> Iterator[tuple[str, bytes]]:
    for revision in _revisions(of):
        found = subject(of.model, revision, of.revisions, of.evaluations)
        if found is None:
            continue
        card = model_card(found)
        yield f"cards/{revision}.md", markdown(card).encode()
        yield f"cards/{revision}.html", page(card).encode()


def _revisions(of: AuditSource) -> list[str]:
    """Return the revisions that are known of."""
    status = at(of.model, "status")
    places = ("stable", "candidate", "previous", "rolledBack")
    named = [text(status, place, "revision") for place in places]
    named += [text(entry, "revision") for entry in items(status, "history")]
    named += [text(each, "spec", "revision") for each in of.evaluations]
    return sorted({revision_of(of.model, each) for each in named if each})


def _manifest(of: AuditSource) -> Manifest:
    entries = items(of.model, "status", "history")
    moment = of.exported_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "apiVersion": API_VERSION,
        "kind": "AuditBundle",
        "model": {
            "namespace": text(of.model, "metadata", "namespace"),
            "name": text(of.model, "metadata", "name"),
            "uid": text(of.model, "metadata", "uid"),
        },
        "exportedAt": moment,
        "exportedBy": of.exported_by,
        "exporter": f"kubectl mlhops {of.exporter}",
        "history": {
            "entries": len(entries),
            "head": text(entries[-1], "hash") if entries else "",
            "intact": intact(entries),
        },
        "missing": [*of.missing, *_cited_and_gone(of)],
    }


def _cited_and_gone(of: AuditSource) -> Iterator[str]:
    there = {text(each, "metadata", "name") for each in of.evaluations}
    for name in sorted({name for name, _ in _cited(of)} - there):
        yield f"Evaluation {name}, which the record cites, is not in the cluster"


def _cited(of: AuditSource) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return the Evaluations that the record cites, with the gates that a person let pass on each."""
    status = at(of.model, "status")
    for entry in items(status, "history"):
        if text(entry, "evaluation"):
            yield text(entry, "evaluation"), texts(entry, "overridden")
    for place in ("stable", "previous"):
        holder = at(status, place)
        for evidence in ("proof", "remeasured"):
            if text(holder, evidence, "evaluation"):
                yield text(holder, evidence, "evaluation"), overridden_by(holder)


def _statements(of: AuditSource, files: Mapping[str, bytes]) -> Iterator[Manifest]:
    overridden: dict[str, tuple[str, ...]] = {}
    for name, gates in _cited(of):
        overridden[name] = (*overridden.get(name, ()), *gates)
    for each in of.evaluations:
        path, name = path_of("evaluations", each), text(each, "metadata", "name")
        yield statements.test_result(path, files[path], each, overridden.get(name, ()))
    for each in of.decisions:
        path = path_of("decisions", each)
        yield statements.decision(path, files[path], each)
