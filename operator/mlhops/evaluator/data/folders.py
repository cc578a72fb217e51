"""Folders of part files, on a volume or in a bucket: which files are parts, in which order, and one digest for all."""

import hashlib
from collections.abc import Iterable

from mlhops.evaluator.errors import EvaluationError, counted

MOST_PARTS = 10_000


def is_beside(name: str) -> bool:
    """Return whether Spark and others write such a file, or folder, beside the parts."""
    return name.startswith(("_", "."))


def in_order(names: Iterable[str], uri: str) -> list[str]:
    """Return the names of parts by their bytes.

    Raises:
        EvaluationError: there are none, or too many.
    """
    found = sorted(names, key=lambda name: name.encode(errors="surrogateescape"))
    if not 0 < len(found) <= MOST_PARTS:
        raise EvaluationError(
            f"data.uri {uri} is a folder of {counted(len(found), 'file')}: it must hold 1 to "
            f"{MOST_PARTS:,}; check that the data have been put there, or write fewer parts"
        )
    return found


def digest_of(digests: Iterable[tuple[str, str]]) -> str:
    """Return the sha256 of what sha256sum prints of files, given each name and sha256 in order."""
    lines = [f"{digest}  {name}\n" for name, digest in digests]
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def more_than_files(uri: str) -> EvaluationError:
    """Return the error of a folder with folders: what they are called may be a column."""
    return EvaluationError(
        f"data.uri {uri} is a folder that holds more than files: write the parts as files into one "
        "folder, with all columns in each, or name one file in it"
    )


def changed() -> EvaluationError:
    """Return the error of data that somebody wrote to while they were read."""
    return EvaluationError(
        "the data changed while they were read: write new data to a new file and name that in data.uri"
    )
