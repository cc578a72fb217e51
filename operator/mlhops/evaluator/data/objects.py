"""Held-out data in an object store: one object, or a folder of parts, which is a prefix there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from obstore.exceptions import BaseError

from mlhops.api.data import DATA_PREFIX, DataSource
from mlhops.api.destinations import Destinations
from mlhops.evaluator.data import stores
from mlhops.evaluator.data.downloads import Copy, too_large
from mlhops.evaluator.data.folders import (
    MOST_PARTS,
    changed,
    digest_of,
    in_order,
    is_beside,
    more_than_files,
)
from mlhops.evaluator.data.uris import shown
from mlhops.evaluator.errors import EvaluationError, UnavailableError

_CHUNK = 1 << 20
_PAGE = 1000
_MOST_SEEN = 10 * MOST_PARTS
"""Objects that are listed at most, those beside the parts included."""
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Listed:
    """A part as its store lists it; with other bytes it would be another."""

    size: int
    tag: str | None
    modified: datetime


@dataclass(frozen=True)
class _Objects:
    """What a URI names in a store, and what it is called."""

    store: stores.Store
    key: str
    uri: str
    most: int


async def download(
    data: DataSource, path: Path, most: int, stall: float, allowed: Destinations
) -> tuple[Path, str]:
    """Copy an object to a file, or parts into a folder; return which it is, and its digest.

    Args:
        data: where it is.
        path: an empty folder for the copies.
        most: bytes that all may have.
        stall: seconds without a byte after which a try is given up.
        allowed: what may be reached.

    Raises:
        EvaluationError: the data cannot be had, or changed meanwhile.
    """
    uri = shown(data.uri)
    try:
        async with stores.opened(data, DATA_PREFIX, stall, allowed, "data") as (store, key):
            objects = _Objects(store, key.rstrip("/"), uri, most)
            if not key.endswith("/"):
                try:
                    return path / "data", await _one(objects, path / "data")
                except FileNotFoundError as missing:
                    parts = await _instead(objects, missing)
            else:
                parts = await _listed(objects)
            return path / "parts", await _all(objects, parts, path / "parts")
    except stores.StoreError as error:
        kind = UnavailableError if error.passes else EvaluationError
        raise kind(f"{uri} cannot be read: {error}") from None


async def _one(objects: _Objects, path: Path) -> str:
    with Copy(path, objects.most, objects.uri) as copy:
        await _copy(objects.store, objects.key, copy)
        return copy.finish()


async def _copy(store: stores.Store, key: str, copy: Copy, size: int | None = None) -> None:
    # The client goes on where a connection broke off, if the object is still the same.
    found = await store.get_async(key)
    if size not in (None, found.meta["size"]):
        raise changed()
    copy.begin(found.meta["size"])
    async for chunk in found.stream(min_chunk_size=_CHUNK):
        copy.add(bytes(chunk))


async def _instead(objects: _Objects, missing: FileNotFoundError) -> Mapping[str, Listed]:
    """Return the parts below what is no object itself; if there are none, it is the object that is missing."""
    try:
        parts = await _listed(objects)
    except BaseError as error:
        if not stores.is_refused(error):
            raise
        told = stores.meaning(missing, unreachable=False, nobody=False)
        raise stores.StoreError(f"{told}; a folder of parts needs the right to list it") from None
    if not parts:
        raise missing
    return parts


async def _all(objects: _Objects, parts: Mapping[str, Listed], folder: Path) -> str:
    names = in_order(parts, objects.uri)
    if sum(part.size for part in parts.values()) > objects.most:
        raise too_large(objects.uri, objects.most)
    folder.mkdir()
    digests: list[tuple[str, str]] = []
    for name in names:
        with Copy(folder / name, objects.most, objects.uri) as copy:
            try:
                await _copy(objects.store, f"{objects.key}/{name}", copy, parts[name].size)
            except FileNotFoundError:
                raise changed() from None
            digests.append((name, copy.finish().removeprefix("sha256:")))
    # One that came, went or was written meanwhile belongs to other data than the rest.
    if await _listed(objects) != parts:
        raise changed()
    return f"sha256:{digest_of(digests)}"


async def _listed(objects: _Objects) -> dict[str, Listed]:
    """Return the parts below a key by their names.

    Raises:
        EvaluationError: it is no folder of parts.
    """
    found: dict[str, Listed] = {}
    seen = 0
    async for page in objects.store.list(objects.key, chunk_size=_PAGE):
        seen += len(page)
        for each in page:
            # The key itself is what some consoles make in the place of a folder.
            name = each["path"].removeprefix(objects.key).removeprefix("/")
            first, _, below = name.partition("/")
            if not name or is_beside(first):
                continue
            if below or first in found:
                raise more_than_files(objects.uri)
            _refuse_name(first, objects.uri)
            found[first] = Listed(each["size"], each["e_tag"], each["last_modified"])
        if len(found) > MOST_PARTS:
            in_order(found, objects.uri)
        if seen > _MOST_SEEN:
            raise EvaluationError(
                f"data.uri {objects.uri} is a folder of more than {_MOST_SEEN:,} files, with those that begin "
                "with _ or .: write the parts into a folder of their own"
            )
    return found


def _refuse_name(name: str, uri: str) -> None:
    if not name.isprintable() or len(name.encode()) > _LONGEST_NAME:
        raise EvaluationError(
            f"data.uri {uri} is a folder with a part whose name has control characters or more than "
            f"{_LONGEST_NAME} bytes: give the parts short names in plain letters"
        )
