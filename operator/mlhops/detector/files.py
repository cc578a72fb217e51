"""Files that are mounted, may not be there yet, and change: ConfigMaps, in the end."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

log = logging.getLogger(__name__)

LARGEST = 8 * 2**20
M = TypeVar("M", bound=BaseModel)
Stamp = tuple[int, int, int]


class Mounted(Generic[M]):
    """One file of one type, read again when it changes; a bad one leaves the last good one."""

    def __init__(self, path: Path, kind: type[M], refused: Callable[[], None]) -> None:
        self._path = path
        self._kind = kind
        self._refused = refused
        self._seen: Stamp | None = None
        self.current: M | None = None
        """The last good content."""
        self.stale = False
        """Whether the file has changed since, and was refused."""

    def look(self, check: Callable[[M], None] = lambda _: None) -> M | None:
        """Return the content if it is new and good, None if there is nothing new.

        Args:
            check: raises ValueError for content that is good in itself and does not fit the rest.
        """
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return None
        self._seen = stamp
        try:
            content = self._read()
            check(content)
        except (OSError, ValueError) as error:
            self.stale = True
            self._refused()
            kept = "the last good one stays" if self.current else "none is in use"
            log.warning("%s is refused, %s: %s", self._path.name, kept, _reason(error))
            return None
        self.stale = False
        self.current = content
        return content

    def again(self) -> None:
        """Look at the file again though it has not changed."""
        self._seen = None

    def _stamp(self) -> Stamp | None:
        """Tell one content from another; a ConfigMap's folder is swapped, so the inode changes."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def _read(self) -> M:
        with self._path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST:,} bytes")
        return self._kind.model_validate_json(content)


def _reason(error: Exception) -> str:
    """Say what is wrong and where, without quoting what is there."""
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return "; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in found[:5])
    return str(error) if isinstance(error, ValueError) else type(error).__name__


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "the file"
