"""Where held-out data come from: a local file with its digest, whatever the URI's scheme.

Remote data are copied once while they are hashed, so that the bytes that are measured are the bytes
of the digest.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mlhops.api.data import DATA_PREFIX, MOST_BYTES, DataSource
from mlhops.api.destinations import ANYWHERE, Destinations
from mlhops.evaluator import stores, web
from mlhops.evaluator.copies import Copy
from mlhops.evaluator.errors import EvaluationError, UnavailableError
from mlhops.evaluator.places import in_claim, on_this_machine, shown, without_secrets

_CHUNK = 1 << 20


@dataclass(frozen=True)
class LocalFile:
    """A file on disk and the sha256 of its bytes."""

    path: Path
    digest: str
    version: tuple[int, int, int]

    def verify_unchanged(self) -> None:
        """Raise an error if somebody wrote to the file since it was hashed."""
        if _version(self.path) != self.version:
            raise EvaluationError(
                "the data changed while they were read: write new data to a new file and name "
                "that in data.uri"
            )


@dataclass(frozen=True)
class Limits:
    """What may be copied."""

    seconds: float = 1800.0
    """How long all of a file may take."""
    stall: float = 30.0
    """Seconds without a byte after which a try is given up."""
    most: int = MOST_BYTES
    """Bytes."""
    allowed: Destinations = ANYWHERE
    """From where."""


_LIMITS = Limits()


@contextmanager
def local(data: DataSource, claim_root: Path, limits: Limits = _LIMITS) -> Iterator[LocalFile]:
    """Give the data as a local file for as long as they are needed.

    Raises:
        EvaluationError: there is no such file, it cannot be read, or its digest is not the declared
            one.
    """
    without_secrets(data.uri, "data.uri")
    match urlsplit(data.uri).scheme:
        case "file":
            yield _checked(_hashed(on_this_machine(data.uri, "data.uri"), data.uri), data)
        case "pvc":
            yield _checked(_hashed(in_claim(data.uri, claim_root, "data.uri"), data.uri), data)
        case "s3" | "gs" | "https":
            with tempfile.TemporaryDirectory(prefix="evaluation-") as folder:
                yield _checked(_downloaded(data, Path(folder) / "data", limits), data)
        case scheme:
            raise EvaluationError(
                f"data.uri has the scheme {scheme!r}: use file://, pvc://<claim>/<path>, s3://, "
                "gs:// or https://"
            )


def _hashed(path: Path, uri: str) -> LocalFile:
    try:
        if path.is_dir():
            raise EvaluationError(f"data.uri {uri} is a folder: name one file in it")
        version = _version(path)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise EvaluationError(
            f"there is no file at {uri}: check data.uri, and that the data have been put there"
        ) from error
    except OSError as error:
        raise UnavailableError(f"{uri} cannot be read: {error.strerror}") from error
    return LocalFile(path, f"sha256:{digest}", version)


def _version(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _checked(file: LocalFile, data: DataSource) -> LocalFile:
    if data.digest is not None and file.digest != data.digest:
        raise EvaluationError(
            f"the data at {shown(data.uri)} have the digest {file.digest}, but data.digest is "
            f"{data.digest}: restore the data, or declare the new digest if they were meant to "
            "change"
        )
    return file


def _downloaded(data: DataSource, path: Path, limits: Limits) -> LocalFile:
    with Copy(path, limits.most, shown(data.uri)) as copy:
        try:
            asyncio.run(_download(data, copy, limits))
        except TimeoutError as error:
            raise UnavailableError(
                f"{shown(data.uri)} could not be read within {limits.seconds:g} s: put the data "
                "nearer, or on a volume, and name them as pvc://<claim>/<path>"
            ) from error
        digest = copy.finish()
    return LocalFile(path, digest, _version(path))


async def _download(data: DataSource, copy: Copy, limits: Limits) -> None:
    # On the main thread's loop, a signal to stop ends the download at once.
    async with asyncio.timeout(limits.seconds):
        if data.uri.startswith("https://"):
            await web.download(data, copy, limits.stall, limits.allowed)
        else:
            await _from_store(data, copy, limits)


async def _from_store(data: DataSource, copy: Copy, limits: Limits) -> None:
    try:
        async with stores.opened(data, DATA_PREFIX, limits.stall, limits.allowed, "data") as opened:
            store, path = opened
            # The client goes on where a connection broke off, if the file is still the same.
            found = await store.get_async(path)
            copy.begin(found.meta["size"])
            async for chunk in found.stream(min_chunk_size=_CHUNK):
                copy.add(bytes(chunk))
    except stores.StoreError as error:
        kind = UnavailableError if error.passes else EvaluationError
        raise kind(f"{shown(data.uri)} cannot be read: {error}") from None
