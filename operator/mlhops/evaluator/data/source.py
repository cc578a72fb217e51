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
from mlhops.evaluator.data import stores, web
from mlhops.evaluator.data.downloads import Copy
from mlhops.evaluator.data.uris import in_claim, on_this_machine, shown, without_secrets
from mlhops.evaluator.errors import EvaluationError, UnavailableError, counted

_CHUNK = 1 << 20
_MOST_PARTS = 10_000


Version = tuple[str, int, int, int]


@dataclass(frozen=True)
class LocalFile:
    """A file on disk, or the parts of one in a folder, and the sha256 of its bytes."""

    path: Path
    digest: str
    versions: tuple[Version, ...]

    @property
    def parts(self) -> list[Path]:
        """The files to read, in their order."""
        named = [name for name, *_ in self.versions]
        return [self.path / name for name in named] if self.path.is_dir() else [self.path]

    def verify_unchanged(self) -> None:
        """Raise an error if somebody wrote to the file, or its folder, since it was hashed."""
        found = _parts(self.path, self.path.name) if self.path.is_dir() else [self.path]
        if tuple(map(_version, found)) != self.versions:
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
        found = _parts(path, uri) if path.is_dir() else [path]
        versions = tuple(map(_version, found))
        digests = [_digest(each) for each in found]
    except FileNotFoundError as error:
        raise EvaluationError(
            f"there is no file at {uri}: check data.uri, and that the data have been put there"
        ) from error
    except OSError as error:
        raise UnavailableError(f"{uri} cannot be read: {error.strerror}") from error
    digest = digests[0]
    if path.is_dir():
        lines = [f"{each}  {file.name}\n" for each, file in zip(digests, found, strict=True)]
        digest = hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()
    return LocalFile(path, f"sha256:{digest}", versions)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _parts(folder: Path, uri: str) -> list[Path]:
    """Return the files of a folder by their names' bytes, without those that Spark and others write beside them."""
    found = [each for each in folder.iterdir() if not each.name.startswith(("_", "."))]
    # What a link leads to may lie outside of the claim, and what folders are called may be a column.
    if any(each.is_symlink() or not each.is_file() for each in found):
        raise EvaluationError(
            f"data.uri {uri} is a folder that holds more than files: write the parts as files into one "
            "folder, with all columns in each, or name one file in it"
        )
    if not 0 < len(found) <= _MOST_PARTS:
        raise EvaluationError(
            f"data.uri {uri} is a folder of {counted(len(found), 'file')}: it must hold 1 to "
            f"{_MOST_PARTS:,}; check that the data have been put there, or write fewer parts"
        )
    return sorted(found, key=lambda each: each.name.encode(errors="surrogateescape"))


def _version(path: Path) -> Version:
    stat = path.stat()
    return path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns


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
    return LocalFile(path, digest, (_version(path),))


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
