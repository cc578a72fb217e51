"""A copy of remote data, hashed on its way to disk, so that what is measured is what was hashed."""

import errno
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from mlhops.evaluator.errors import EvaluationError, UnavailableError

_GIB = 2**30


def too_large(source: str, most: int) -> EvaluationError:
    """Return the error of data that have more than so many bytes."""
    return EvaluationError(
        f"{source} has more than {most / _GIB:g} GiB, the most that is copied: "
        "put the data on a volume and name them as pvc://<claim>/<path>"
    )


class Copy:
    """Takes the bytes of a file; holds no more than one piece in memory."""

    def __init__(self, path: Path, most: int, source: str) -> None:
        """Begin an empty copy.

        Args:
            path: where it goes.
            most: bytes that it may have.
            source: where it comes from, for messages.
        """
        self._file = path.open("wb")
        self._most = most
        self._source = source
        self.begin(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def begin(self, size: int) -> None:
        """Begin, or begin again, with a file of that many bytes as far as is known."""
        self._check(size)
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """Append a piece.

        Raises:
            EvaluationError: the file is too large, or there is no space.
        """
        self._size += len(chunk)
        self._check(self._size)
        self._hash.update(chunk)
        try:
            self._file.write(chunk)
        except OSError as error:
            raise self._full(error) from error

    def finish(self) -> str:
        """Return the digest when all is on disk."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._full(error) from error
        return f"sha256:{self._hash.hexdigest()}"

    def _check(self, size: int) -> None:
        if size > self._most:
            raise too_large(self._source, self._most)

    def _full(self, error: OSError) -> EvaluationError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return UnavailableError(
                f"there is no space on the node for a copy of {self._source}: request "
                "ephemeral-storage in evaluation.resources, or put the data on a volume and name "
                "them as pvc://<claim>/<path>"
            )
        return UnavailableError(f"{self._source} cannot be copied: {error.strerror}")
