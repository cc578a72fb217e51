"""Parquet in bounded memory: what a small file unfolds to is looked at before it does.

A dictionary holds a long text once and names it in every row, and a page of blanks takes a few bytes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pyarrow.types as types

from mlhops.api.columns import told
from mlhops.evaluator.errors import EvaluationError

MOST_ROWS = 50_000_000
"""So many rows are evaluated at most, in some 4 GiB."""
_PAGE = 1 << 20
_MOST_TEXT = 1 << 28
"""Bytes of text in the rows that are held at a time, of one column."""
_MOST_CHUNK = 1 << 29
"""Bytes that a column may have within one row group."""
_TOGETHER = 1 << 26
"""Bytes of row groups that are read together."""
_LONG = 1 << 10
"""Bytes of a text that is long: shorter ones take no more than 64 MiB in the rows that are read at a time."""


def schema(path: Path) -> "pa.Schema":
    """Return the names and types of a file's columns.

    Raises:
        EvaluationError: it has too many rows.
    """
    with pyarrow.parquet.ParquetFile(path) as file:
        if file.metadata.num_rows > MOST_ROWS:
            raise too_many_rows()
        return file.schema_arrow


def too_many_rows() -> EvaluationError:
    """Return the error of data with too many rows."""
    return EvaluationError(
        f"the data have more than {MOST_ROWS:,} rows, the most that is evaluated: draw a sample, and "
        "name it in data.uri"
    )


def parts(
    path: Path, names: Sequence[str], long: Sequence[str], size: int
) -> Iterator["pa.RecordBatch"]:
    """Yield the named columns, `size` rows at a time.

    Args:
        path: the file.
        names: the columns, in the order in which they are wanted.
        long: those with long texts, which are read as the dictionaries that they are stored as.
        size: so many rows, but for the last ones.

    Raises:
        EvaluationError: a column would take more memory than any that is meant for this.
        ValueError: the file is damaged.
    """
    # With a buffer the pages of a row group are read one by one, however large it is.
    with pyarrow.parquet.ParquetFile(
        path, read_dictionary=list(long), pre_buffer=False, buffer_size=_PAGE
    ) as file:
        read = (
            _in_place(part, names)
            for groups in _bundles(file, names)
            for part in file.iter_batches(size, row_groups=groups, columns=list(names))
        )
        rows = 0
        for part in _joined(read, size):
            rows += part.num_rows
            yield part
        if rows != file.metadata.num_rows:
            raise ValueError("a damaged file: some columns have fewer rows than others")


def long_texts(path: Path, names: Sequence[str]) -> list[str]:
    """Return which columns of text have a dictionary with long ones; of each row group one row is read."""
    found: set[str] = set()
    with pyarrow.parquet.ParquetFile(
        path, read_dictionary=list(names), pre_buffer=False, buffer_size=_PAGE
    ) as file:
        for group in range(file.num_row_groups):
            for part in file.iter_batches(1, row_groups=[group], columns=list(names)):
                found |= {name for name in names if _longest(part.column(name)) > _LONG}
                break
    return sorted(found)


def _longest(column: "pa.Array") -> int:
    values = column.dictionary if types.is_dictionary(column.type) else column
    return int(pc.max(pc.binary_length(values)).as_py() or 0)


def is_text(kind: "pa.DataType") -> bool:
    """Return whether values are text, or bytes of which nobody has said that they are."""
    marked = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return bool(marked or types.is_binary(kind) or types.is_large_binary(kind))


def _bundles(file: "pyarrow.parquet.ParquetFile", names: Sequence[str]) -> list[list[int]]:
    """Return the row groups that are read together: of several, all texts are read before any is seen."""
    found: list[list[int]] = []
    left = 0
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).total_byte_size
        if size > _MOST_CHUNK:
            _refuse_large_columns(file, group, names)
        left -= size
        if left < 0 or not found:
            found.append([])
            left = _TOGETHER
        found[-1].append(group)
    return found


def _refuse_large_columns(
    file: "pyarrow.parquet.ParquetFile", group: int, names: Sequence[str]
) -> None:
    # What is told of a column of a damaged file ends the process, so that one row is read first: that raises an error.
    next(file.iter_batches(1, row_groups=[group], columns=list(names)), None)
    for place in range(len(file.schema)):
        name = file.schema.column(place).path
        if name not in names:
            continue
        if file.metadata.row_group(group).column(place).total_uncompressed_size > _MOST_CHUNK:
            raise EvaluationError(
                f"column {told(name)} takes more than {_MOST_CHUNK >> 20} MiB in row group {group + 1}: "
                "write row groups of fewer rows, or shorter values"
            )


def _in_place(part: "pa.RecordBatch", names: Sequence[str]) -> "pa.RecordBatch":
    """Return rows with each text in its place, and as text."""
    return pa.RecordBatch.from_arrays(
        [_plain(part.column(name), name) for name in names], names=list(names)
    )


def _plain(column: "pa.Array", name: str) -> "pa.Array":
    if types.is_dictionary(column.type) and is_text(column.type.value_type):
        lengths = pc.fill_null(pc.take(pc.binary_length(column.dictionary), column.indices), 0)
        _refuse_long(pc.sum(pc.cast(lengths, pa.int64())).as_py() or 0, name)
        column = pc.cast(column, column.type.value_type)
    if not (types.is_binary(column.type) or types.is_large_binary(column.type)):
        return column
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowInvalid:
        raise EvaluationError(
            f"column {told(name)} holds values of type {column.type} that are no text in UTF-8: write "
            "numbers, text or booleans"
        ) from None


def _refuse_long(size: int, name: str) -> None:
    if size > _MOST_TEXT:
        raise EvaluationError(
            f"column {told(name)} holds texts that take more than {_MOST_TEXT >> 20} MiB in a few rows: "
            "write short values, or correct the name in the spec"
        )


def _joined(parts: Iterator["pa.RecordBatch"], size: int) -> Iterator["pa.RecordBatch"]:
    """Yield as many rows at a time as are asked for: where a dictionary ends, fewer are read."""
    held: list[pa.RecordBatch] = []
    rows = 0
    taken: Counter[str] = Counter()
    for part in parts:
        rest = part
        while rows + rest.num_rows >= size:
            yield _one([*held, rest.slice(0, size - rows)])
            rest = rest.slice(size - rows)
            held, rows, taken = [], 0, Counter()
        if rest.num_rows:
            held.append(rest)
            rows += rest.num_rows
            for place, name in enumerate(rest.schema.names):
                taken[name] += rest.column(place).nbytes
                _refuse_long(taken[name], name)
    if held:
        yield _one(held)


def _one(parts: list["pa.RecordBatch"]) -> "pa.RecordBatch":
    return parts[0] if len(parts) == 1 else pa.concat_batches(parts)
