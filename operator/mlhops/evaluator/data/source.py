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

from mlhops.api.data import MOST_BYTES, DataSource
from mlhops.api.destinations import ANYWHERE, Destinations
from mlhops.evaluator.data import objects, stores, web
from mlhops.evaluator.data.downloads import Copy
from mlhops.evaluator.data.folders import changed, digest_of, in_order, is_beside, more_than_files
from mlhops.evaluator.data.uris import in_claim, on_this_machine, shown, without_secrets
from mlhops.evaluator.errors import EvaluationError, UnavailableError

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
        if tuple(map(_version, _files(self.path, self.path.name))) != self.versions:
            raise changed()


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
                yield _checked(_downloaded(data, Path(folder), limits), data)
        case scheme:
            raise EvaluationError(
                f"data.uri has the scheme {scheme!r}: use file://, pvc://<claim>/<path>, s3://, gs:// or "
                "https://, on Azure https://<account>.blob.core.windows.net/<container>/<path>"
            )


def _hashed(path: Path, uri: str) -> LocalFile:
    try:
        found = _files(path, uri)
        versions = tuple(map(_version, found))
        digests = [(each.name, _digest(each)) for each in found]
    except FileNotFoundError as error:
        raise EvaluationError(
            f"there is no file at {uri}: check data.uri, and that the data have been put there"
        ) from error
    except OSError as error:
        raise UnavailableError(f"{uri} cannot be read: {error.strerror}") from error
    digest = digest_of(digests) if path.is_dir() else digests[0][1]
    return LocalFile(path, f"sha256:{digest}", versions)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files(path: Path, uri: str) -> list[Path]:
    """Return a file alone, or the parts in a folder."""
    if not path.is_dir():
        return [path]
    found = {each.name: each for each in path.iterdir() if not is_beside(each.name)}
    # What a link leads to may lie outside of the claim.
    if any(each.is_symlink() or not each.is_file() for each in found.values()):
        raise more_than_files(uri)
    return [found[name] for name in in_order(found, uri)]


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


def _downloaded(data: DataSource, folder: Path, limits: Limits) -> LocalFile:
    try:
        path, digest = asyncio.run(_download(data, folder, limits))
    except TimeoutError as error:
        raise UnavailableError(
            f"{shown(data.uri)} could not be read within {limits.seconds:g} s: put the data "
            "nearer, or on a volume, and name them as pvc://<claim>/<path>"
        ) from error
    return LocalFile(path, digest, tuple(map(_version, _files(path, shown(data.uri)))))


async def _download(data: DataSource, folder: Path, limits: Limits) -> tuple[Path, str]:
    # On the main thread's loop, a signal to stop ends the download at once.
    async with asyncio.timeout(limits.seconds):
        if stores.kind_of(data.uri) is not None:
            return await objects.download(data, folder, limits.most, limits.stall, limits.allowed)
        with Copy(folder / "data", limits.most, shown(data.uri)) as copy:
            await web.download(data, copy, limits.stall, limits.allowed)
            return folder / "data", copy.finish()
