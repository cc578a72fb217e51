"""Where held-out data come from: a local file with its digest, whatever the URI's scheme.

Remote data are copied once while they are hashed, so that the bytes that are measured are the bytes
of the digest.
"""

import hashlib
import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from mlhops.api.evaluation import DataSource
from mlhops.evaluator.errors import EvaluationError

_CHUNK = 1 << 20
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "https": "aiohttp"}


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


@contextmanager
def local(data: DataSource, claim_root: Path) -> Iterator[LocalFile]:
    """Give the data as a local file for as long as they are needed.

    Raises:
        EvaluationError: there is no such file, it cannot be read, or its digest is not the declared
            one.
    """
    scheme = urlsplit(data.uri).scheme
    if scheme in ("file", "pvc"):
        path = _inside_claim(data.uri, claim_root) if scheme == "pvc" else _plain(data.uri)
        yield _checked(_hashed(path, shown(data.uri)), data)
    elif scheme in _PACKAGES:
        with tempfile.TemporaryDirectory(prefix="evaluation-") as folder:
            path = Path(folder) / "data"
            _download(data.uri, scheme, path)
            yield _checked(_hashed(path, shown(data.uri)), data)
    else:
        raise EvaluationError(
            f"data.uri has the scheme {scheme!r}: use file://, pvc://<claim>/<path>, s3://, gs:// "
            "or https://"
        )


def shown(uri: str) -> str:
    """Return a URI without what may be secret in it: user, password, query."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _plain(uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise EvaluationError(
            f"data.uri {shown(uri)} names a host: write file:///path with three slashes"
        )
    return Path(unquote(parts.path))


def _inside_claim(uri: str, claim_root: Path) -> Path:
    claim, _, path = uri.removeprefix("pvc://").partition("/")
    if claim in ("", ".", "..") or not path.strip("/"):
        raise EvaluationError(
            f"data.uri {uri} is incomplete: write pvc://<claim>/<path of the file>"
        )
    if ".." in Path(path).parts:
        raise EvaluationError("data.uri must not contain '..': name the path from the claim's root")
    root = claim_root.resolve()
    found = (root / path.lstrip("/")).resolve()
    if not found.is_relative_to(root):
        raise EvaluationError(
            f"data.uri {uri} leaves its claim by a symbolic link: name a file inside"
        )
    return found


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
        raise EvaluationError(f"{uri} cannot be read: {error.strerror}") from error
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


def _download(uri: str, scheme: str, path: Path) -> None:
    package = _PACKAGES[scheme]
    try:
        importlib.import_module(package)
        fsspec = importlib.import_module("fsspec")
    except ImportError as error:
        raise EvaluationError(
            f"{scheme}:// needs the Python package {package}, which this evaluator image does not "
            f"have: use an image with {package}, or put the data on a volume and name it as "
            "pvc://<claim>/<path>"
        ) from error
    # aiohttp ignores the environment's proxy settings unless it is told to trust them.
    options = {"client_kwargs": {"trust_env": True}} if scheme == "https" else {}
    try:
        with fsspec.open(uri, "rb", **options) as remote, path.open("wb") as copy:
            _copy(remote, copy)
    except FileNotFoundError as error:
        # fsspec says the same of a file that is not there and a server that is not.
        raise EvaluationError(
            f"there is no file at {shown(uri)}, or its server cannot be reached: check data.uri "
            "and the network"
        ) from error
    except Exception as error:
        # The text of a client's error may hold a signed URL, so only its kind is told.
        status = getattr(error, "status", None)
        raise EvaluationError(
            f"{shown(uri)} cannot be read: {type(error).__name__}{f' {status}' if status else ''}; "
            "check data.uri, the network, and what evaluation.serviceAccountName may read"
        ) from error


def _copy(remote: BinaryIO, copy: BinaryIO) -> None:
    while chunk := remote.read(_CHUNK):
        copy.write(chunk)
    copy.flush()
    os.fsync(copy.fileno())
