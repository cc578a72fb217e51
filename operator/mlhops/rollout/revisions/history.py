"""The history of rollouts: one hash-chained entry for each that ended."""

from itertools import pairwise

from mlhops.api.status import HISTORY_LIMIT, HistoryEntry
from mlhops.rollout.revisions.revision import short_hash


def hash_of(entry: HistoryEntry) -> str:
    """Return the hash that an entry must carry."""
    return short_hash({k: v for k, v in entry.to_json().items() if k != "hash"}, length=64)


def append(history: list[HistoryEntry], entry: HistoryEntry) -> list[HistoryEntry]:
    """Return the history with one more entry, chained to the last, and no longer than its limit."""
    chained = entry.model_copy(update={"previous_hash": history[-1].hash if history else ""})
    sealed = chained.model_copy(update={"hash": hash_of(chained)})
    return [*history, sealed][-HISTORY_LIMIT:]


def intact(history: list[HistoryEntry]) -> bool:
    """Return whether no entry was changed, removed from the middle or put in."""
    linked = all(b.previous_hash == a.hash for a, b in pairwise(history))
    return linked and all(entry.hash == hash_of(entry) for entry in history)
