"""Bundles on a disk: a folder, or a tar file with the same files; what is read is never trusted with a path."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from mlhops.cli.exits import Exit, Trouble

_MOST_BYTES = 512 * 2**20
_MOST_FILES = 100_000
_TARS = (".tar", ".tar.gz", ".tgz")
_DAMAGED = (tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)
"""What comes of a tar file that was damaged, or made to be odd, beside errors that any file may have."""


def write_bundle(where: Path, files: Mapping[str, bytes]) -> None:
    """Write a bundle where nothing is yet; as a tar file where the name ends like one.

    Raises:
        Trouble: something is there already, or it cannot be written.
    """
    if where.exists():
        raise Trouble(f"{where} is there already: name another place", exit_=Exit.USAGE)
    try:
        if where.name.endswith(_TARS):
            where.write_bytes(_packed(files, zipped=not where.name.endswith(".tar")))
            return
        for name, content in files.items():
            path = where / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise Trouble(f"{where} cannot be written: {error.strerror}", exit_=Exit.USAGE) from error


def _packed(files: Mapping[str, bytes], *, zipped: bool) -> bytes:
    """Return a tar file that is the same for the same files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(out.getvalue(), mtime=0) if zipped else out.getvalue()


def read_bundle(where: Path) -> dict[str, bytes]:
    """Return the files of a bundle by their paths in it.

    Raises:
        Trouble: it is not there, cannot be read, is too large, or has something else than files in it.
    """
    try:
        found = dict(_in_folder(where) if where.is_dir() else _in_tar(where))
    except (OSError, EOFError, ValueError, *_DAMAGED) as error:
        said = getattr(error, "strerror", None) or "it is neither a folder nor a tar file"
        raise Trouble(f"{where} cannot be read: {said}", exit_=Exit.USAGE) from error
    return found


def _in_folder(where: Path) -> Iterator[tuple[str, bytes]]:
    size = 0
    for count, path in enumerate(sorted(where.rglob("*"))):
        name = path.relative_to(where).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Trouble(f"{where} holds {name!r}, which is no file", exit_=Exit.BAD)
        if path.is_file():
            size += path.stat().st_size
            _bounded(where, size, count)
            yield name, path.read_bytes()


def _in_tar(where: Path) -> Iterator[tuple[str, bytes]]:
    size, seen = 0, set()
    with tarfile.open(where) as tar:
        for count, entry in enumerate(tar):
            pure = PurePosixPath(entry.name)
            name = pure.as_posix()
            if entry.isdir():
                continue
            odd = not entry.isfile() or pure.is_absolute() or ".." in pure.parts or name in seen
            if odd:
                raise Trouble(
                    f"{where} holds {name!r} twice, as no file, or outside of it", exit_=Exit.BAD
                )
            size += entry.size
            _bounded(where, size, count)
            seen.add(name)
            content = tar.extractfile(entry)
            yield name, content.read() if content is not None else b""


def _bounded(where: Path, size: int, count: int) -> None:
    if size > _MOST_BYTES or count > _MOST_FILES:
        raise Trouble(f"{where} is larger than a bundle can be", exit_=Exit.BAD)
