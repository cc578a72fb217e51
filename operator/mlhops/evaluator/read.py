"""Held-out data as batches of the columns that are needed, in bounded memory.

CSV is read as text and converted column by column later: the parser's own errors would quote a
patient's values.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.types as types

from mlhops.api.data import DataSource
from mlhops.evaluator import parquet
from mlhops.evaluator.errors import EvaluationError, counted

_PAGE = 1 << 20
# Behind these numbers the parser quotes the row, so nothing else is taken from it.
_RAGGED = re.compile(r"CSV parse error: (?:Row #\d+: )?Expected (\d+) columns, got (\d+)\b")
_MAGIC = b"PAR1"
"""How a Parquet file begins."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Column(Protocol):
    """An Arrow array; pyarrow is published without types."""

    type: object
    null_count: int

    def __len__(self) -> int: ...


Batch = dict[str, Column]


def format_of(data: DataSource, path: Path) -> Literal["parquet", "csv"]:
    """Return the format of a file: that of the spec, which is parquet also where it says nothing.

    What is named .csv and does not begin as Parquet does is read as csv all the same.
    """
    if data.format == "parquet" and data.uri.lower().endswith(".csv"):
        with path.open("rb") as file:
            return "parquet" if file.read(len(_MAGIC)) == _MAGIC else "csv"
    return data.format


class Table:
    """A parquet or CSV file."""

    def __init__(self, path: Path, file_format: Literal["parquet", "csv"]) -> None:
        """Read the names and types of the columns.

        Raises:
            EvaluationError: the file cannot be read.
        """
        self._path = path
        self._format = file_format
        schema = self._schema()
        self.columns: list[str] = list(schema.names)
        self._types = {field.name: _values_in(field.type) for field in schema}
        self._looked_at: set[str] = set()
        self._long_texts: set[str] = set()

    @property
    def typeless(self) -> bool:
        """Whether the file has no types, so that a number is text as well."""
        return self._format == "csv"

    def require(self, wanted: Sequence[tuple[str, str]], opaque: str | None = None) -> None:
        """Raise an error unless each column is there once and holds plain values.

        Args:
            wanted: pairs of a column's name and what in the spec asks for it.
            opaque: a column whose values are only compared, and may be of any type but nested.
        """
        missing = [f"{name} ({why})" for name, why in wanted if name not in self.columns]
        if missing:
            raise EvaluationError(
                f"the data lack the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}: "
                f"add to the data or correct the name in the spec{self._hint()}"
            )
        repeated = sorted({name for name, _ in wanted if self.columns.count(name) > 1})
        if repeated:
            raise EvaluationError(
                f"the data have more than one column {', '.join(repeated)}: rename all but one"
            )
        for name, _ in wanted:
            kind = self._types[name]
            if types.is_nested(kind):
                raise EvaluationError(
                    f"column {name} holds lists or records: write one plain value per row"
                )
            if name != opaque and not _is_plain(kind):
                raise EvaluationError(
                    f"column {name} holds values of type {kind}: write numbers, text or booleans"
                )

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Batch]:
        """Yield the named columns of at most `size` rows at a time.

        Raises:
            EvaluationError: the file cannot be read to its end.
        """
        names = list(dict.fromkeys(columns))
        parts = self._parts(names, size)
        rows = 0
        while True:
            try:
                part = next(parts, None)
            except EvaluationError:
                raise
            except Exception as error:
                raise self._unreadable(error) from None
            if part is None:
                # What the parser still holds would be missing when the gates are judged.
                pa.default_memory_pool().release_unused()
                return
            rows += part.num_rows
            if rows > parquet.MOST_ROWS:
                raise parquet.too_many_rows()
            for start in range(0, part.num_rows, size):
                piece = part.slice(start, size)
                yield {name: piece.column(name) for name in names}

    def _parts(self, names: list[str], size: int) -> Iterator["pa.RecordBatch"]:
        if self._format == "parquet":
            yield from parquet.parts(self._path, names, self._long(names), size)
        else:
            options = pyarrow.csv.ConvertOptions(
                include_columns=names,
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
            )
            with self._csv(options) as stream:
                yield from stream

    def _long(self, names: list[str]) -> list[str]:
        """Return which columns have long texts in a dictionary; each is looked at once."""
        new = [n for n in names if n not in self._looked_at and parquet.is_text(self._types[n])]
        if new:
            self._long_texts |= set(parquet.long_texts(self._path, new))
            self._looked_at |= set(new)
        return [name for name in names if name in self._long_texts]

    def _csv(self, options: "pyarrow.csv.ConvertOptions | None" = None) -> "pa.RecordBatchReader":
        form = pyarrow.csv.ParseOptions(newlines_in_values=True)
        return pyarrow.csv.open_csv(self._path, parse_options=form, convert_options=options)

    def _schema(self) -> "pa.Schema":
        if self._path.stat().st_size == 0:
            raise EvaluationError("the data are empty: the file at data.uri has no bytes")
        try:
            if self._format == "parquet":
                schema = parquet.schema(self._path)
            else:
                with self._path.open("rb") as file:
                    if file.read(2) in _UTF16:
                        raise _not_utf8()
                with self._csv() as stream:
                    schema = pa.schema([(name, pa.string()) for name in stream.schema.names])
            schema.names  # noqa: B018 names that are no text show here
            return schema
        except EvaluationError:
            raise
        except Exception as error:
            raise self._unreadable(error) from None

    def _hint(self) -> str:
        if self._format == "csv" and len(self.columns) == 1:
            return "; the file has one column only: separate values by commas"
        return ""

    def _unreadable(self, error: Exception) -> EvaluationError:
        """Return what is wrong with the file, without the parser's words: they quote rows."""
        ragged = _RAGGED.match(str(error))
        if ragged:
            expected, found = int(ragged[1]), int(ragged[2])
            return EvaluationError(
                f"the data cannot be read as csv: a row has {counted(found, 'value')}, but there "
                f"are {counted(expected, 'column')}: quote values that hold commas or quotes"
            )
        if self._format == "csv" and (
            isinstance(error, UnicodeDecodeError) or "invalid UTF8" in str(error)
        ):
            return _not_utf8()
        if isinstance(error, MemoryError):
            return EvaluationError(
                f"there is not enough memory to read the data as {self._format}: set "
                "evaluation.resources.limits.memory to more, or correct the file if it is small"
            )
        return EvaluationError(
            f"the data cannot be read as {self._format} ({type(error).__name__}): the file is cut "
            "off, damaged or of another format; check data.uri and data.format"
        )


def _not_utf8() -> EvaluationError:
    return EvaluationError(
        "the data cannot be read as csv: the file is not UTF-8 text; save it as UTF-8, or as "
        "parquet"
    )


def _values_in(kind: "pa.DataType") -> "pa.DataType":
    """Return the type of the values of a column that has a dictionary, or a type's own name."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif types.is_dictionary(kind):
            kind = kind.value_type
        else:
            return kind


def _is_plain(kind: "pa.DataType") -> bool:
    numeric = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return bool(numeric or parquet.is_text(kind) or types.is_boolean(kind) or types.is_null(kind))
