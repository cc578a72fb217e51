"""The operator's watches: each kind tells in order, late, after a gap not at all, or from an older version on."""

import random
from collections import deque

from campaign.history import Version
from campaign.simulation.operator import Process
from campaign.simulation.server import KINDS, Authored, Server
from mlhops.api.base import Manifest
from mlhops.controller.cache.store import LABELLED
from mlhops.controller.resources import Kind
from mlhops.json_access import text
from mlhops.kserve.names import MODEL_LABEL

_OLDEST = 12


class Watches:
    """What has been written, and has yet to be told."""

    def __init__(self, server: Server, rng: random.Random) -> None:
        self._server = server
        self._rng = rng
        self._queued = 0
        self._waiting: dict[str, deque[tuple[Version, bool]]] = {p: deque() for p in KINDS}
        """Versions by kind, with whether they are told as a deletion."""
        self._matched: set[tuple[str, str]] = set()
        self._past: dict[str, deque[tuple[Version, bool]]] = {
            p: deque(maxlen=_OLDEST) for p in KINDS
        }
        self._groups: deque[str] = deque()
        self._deaf: dict[str, int] = {}
        """Kinds whose watch goes on from a version that there is not yet, and is silent until there is."""
        self._anew = False
        self.frozen: set[str] = set()
        """Kinds of which nothing is told for now."""

    def collect(self) -> list[Authored]:
        """Take over what was written since, and return it."""
        new = self._server.history[self._queued :]
        self._queued += len(new)
        for one in new:
            version = one.version
            kind, key = KINDS[version.kind], (version.kind, version.name)
            matches = not version.deleted and _is_watched(kind, version.object)
            told = version.at > self._deaf.get(version.kind, 0)
            if told and (matches or key in self._matched):
                self._waiting[version.kind].append((version, not matches))
            if matches:
                self._matched.add(key)
            else:
                self._matched.discard(key)
        return new

    def set_back(self, known: int) -> None:
        """The API server is an older one; watches go on from a version that they know of."""
        self._queued = len(self._server.history)
        for plural, kind in KINDS.items():
            self._waiting[plural].clear()
            self._past[plural].clear()
            self._deaf[plural] = known
            self._matched = {key for key in self._matched if key[0] != plural} | {
                (plural, name)
                for name, live in self._server.view(kind).items()
                if _is_watched(kind, live)
            }

    def begin_all_anew(self) -> None:
        """The operator wants to be told from the beginning, and will be."""
        self._anew = True

    def kinds_changed(self, group: str) -> None:
        """A kind of a group was installed or removed."""
        self._groups.append(group)

    def tell(self, operator: Process, plural: str = "") -> str:
        """Tell of one version of some kind."""
        if self._anew:
            self._anew = False
            for each in KINDS:
                self.begin_anew(operator, each)
            return "all watches begin anew"
        if not plural:
            ready = [p for p, q in self._waiting.items() if q and p not in self.frozen]
            if self._groups and (not ready or self._rng.random() < 0.2):
                group = self._groups.popleft()
                operator.hearing.kinds_changed(group)
                operator.loop.drain()
                return f"watch of kinds: {group} has changed"
            if not ready:
                return ""
            plural = self._rng.choice(ready) if len(ready) > 1 else ready[0]
        version, gone = self._waiting[plural].popleft()
        self._past[plural].append((version, gone))
        _tell(operator, version, gone=gone)
        operator.loop.drain()
        return f"watch {plural}/{version.name}{' gone' if gone else ''}"

    def lose(self) -> str:
        """One version is never told."""
        ready = [p for p, q in self._waiting.items() if q]
        if not ready:
            return ""
        version, _ = self._waiting[self._rng.choice(ready)].popleft()
        return f"watch loses {version.kind}/{version.name}"

    def freeze(self) -> str:
        """A watch gets stuck, or goes on."""
        plural = self._rng.choice(tuple(KINDS))
        if plural in self.frozen:
            self.frozen.discard(plural)
            return f"watch of {plural} goes on"
        self.frozen.add(plural)
        return f"watch of {plural} is stuck"

    def begin_anew(self, operator: Process, plural: str, *, old: bool = False) -> None:
        """A watch begins with a list; what went meanwhile is not told. The list may be an old one."""
        waiting = self._waiting[plural]
        self._deaf.pop(plural, None)
        if old:
            # An older view: what was told lately is told once more, before what was not told yet.
            waiting.extendleft(reversed(self._past[plural]))
            self._past[plural].clear()
            return
        waiting.clear()
        kind = KINDS[plural]
        for name, manifest in sorted(self._server.view(kind).items()):
            if (plural, name) in self._matched:
                operator.hearing.hear(kind, manifest)
        operator.loop.drain()


def _tell(operator: Process, version: Version, *, gone: bool) -> None:
    manifest: Manifest = version.object  # type: ignore[assignment]  # JSON, in other words
    (operator.hearing.hear_gone if gone else operator.hearing.hear)(KINDS[version.kind], manifest)


def _is_watched(kind: Kind, of: object) -> bool:
    """Whether the watch's selector lets an object through; one that no longer matches is told as gone."""
    manifest: Manifest = of  # type: ignore[assignment]  # JSON, in other words
    return kind not in LABELLED or bool(text(manifest, "metadata", "labels", MODEL_LABEL))
