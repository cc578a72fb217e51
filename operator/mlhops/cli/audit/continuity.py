"""Whether a later bundle goes on where an earlier one ended: what was forgotten or taken away shows here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mlhops.cli.audit.bundle import HISTORY, MANIFEST
from mlhops.cli.audit.check import BundleCheck, parsed
from mlhops.cli.views.installation import State
from mlhops.json_access import at, items, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_SECTION = "since the earlier bundle"
_ENDED = ("Successful", "Failed", "Inconclusive", "Error")


def continuity(earlier: Mapping[str, bytes], later: Mapping[str, bytes]) -> Iterator[BundleCheck]:
    """Check that nothing of an earlier bundle was changed or lost without a word.

    Args:
        earlier: files of a bundle that holds by itself.
        later: files of another one.
    """
    before, after = parsed(earlier, MANIFEST), parsed(later, MANIFEST)
    other = (
        []
        if at(before, "model") == at(after, "model")
        else ["it is of another model, or of another life of it"]
    )
    if text(before, "exportedAt") > text(after, "exportedAt"):
        other.append("it was exported later than this one")
    yield _check("it is an earlier one of this model", other)
    yield _history(_entries(earlier), _entries(later))
    for folder, kind in (("decisions", "Decision"), ("evaluations", "Evaluation")):
        yield from _objects(earlier, later, folder, kind)


def _check(what: str, wrong: list[str], state: State = State.FAILED) -> BundleCheck:
    return BundleCheck(_SECTION, what, state if wrong else State.OK, "; ".join(wrong))


def _entries(files: Mapping[str, bytes]) -> list[Manifest]:
    return items({"of": parsed(files, HISTORY)}, "of")


def _history(before: list[Manifest], after: list[Manifest]) -> BundleCheck:
    what = "the history goes on where it ended"
    if not before:
        return _check(what, [])
    head = text(before[-1], "hash")
    hashes = [text(each, "hash") for each in after]
    if head in hashes:
        kept = hashes[: hashes.index(head) + 1]
        same = [text(each, "hash") for each in before][-len(kept) :] == kept
        return _check(what, [] if same else ["what stands before its end is another history"])
    if after and text(after[0], "previousHash") == head:
        return _check(what, [])
    if after and text(after[0], "previousHash"):
        said = "more entries came between than a history keeps, or it is another one: export more often"
        return BundleCheck(_SECTION, what, State.UNTOLD, said)
    return _check(what, ["its last entry is not in this one, and nothing follows on it"])


def _objects(
    earlier: Mapping[str, bytes], later: Mapping[str, bytes], folder: str, kind: str
) -> Iterator[BundleCheck]:
    paths = [path for path in earlier if path.startswith(f"objects/{folder}/")]
    gone, changed = [], []
    for path in paths:
        name = path.rsplit("/", 1)[-1].removesuffix(".json")
        if path not in later:
            gone.append(f"{kind} {name} is gone")
        elif _said(parsed(earlier, path)) != _said(parsed(later, path), parsed(earlier, path)):
            changed.append(f"{kind} {name} says something else")
    yield _check(f"its {len(paths)} {kind}s are as they were", changed)
    yield _check(f"its {len(paths)} {kind}s are all there", gone, State.WARNING)


def _said(of: Json, before: Json = None) -> Json:
    """Return what must not change of an object: who it is, its spec, and its verdict once it had one."""
    spoken = of if before is None else before
    final = text(spoken, "status", "phase") in (*_ENDED, "Honoured", "Ignored")
    return [at(of, "metadata", "uid"), at(of, "spec"), at(of, "status") if final else None]
