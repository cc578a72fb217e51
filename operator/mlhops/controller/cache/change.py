"""What was heard of one object: how it was, and how it is."""

from dataclasses import dataclass

from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import CacheEntry, Name
from mlhops.controller.resources import Kind
from mlhops.json_access import at


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """News of one object, parsed once; None stands for an object that was not there, or is no longer."""

    kind: Kind
    name: Name
    before: CacheEntry | None
    after: CacheEntry | None
    told: Manifest | None = None
    """The object as it is now, as it was told of."""

    @property
    def entries(self) -> tuple[CacheEntry, ...]:
        """What there is of before and after."""
        return tuple(entry for entry in (self.before, self.after) if entry is not None)

    @property
    def latest(self) -> CacheEntry:
        """The object as it is, or was last."""
        return self.entries[-1]

    def was(self) -> Manifest | None:
        """Return the object as it was before, which has to be unpacked."""
        return self.before.manifest() if self.before is not None else None

    def of_labels(self) -> bool:
        """Whether it was there before, and has other labels now."""
        labels = ("metadata", "labels")
        return self.before is not None and at(self.was(), *labels) != at(self.told, *labels)

    def of_spec(self) -> bool:
        """Whether its spec is another one, or came or went."""
        return at(self.was(), "spec") != at(self.told, "spec")
