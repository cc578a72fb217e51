"""Held-out data as batches of the columns that are needed, in bounded memory.

CSV is read as text and converted column by column later: the parser's own errors would quote a
patient's values.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from mlhops.api.columns import BLANK, shown, told
from mlhops.api.data import Csv, DataSource
from mlhops.evaluator.data import parquet
from mlhops.evaluator.data.delimited import Delimited
from mlhops.evaluator.errors import EvaluationError

_MAGIC = b"PAR1"
"""How a Parquet file begins."""
_NAMED_CSV = re.compile(r"\.csv(\.(gz|bz2|zst))?$", re.IGNORECASE)
_NO_POINT = "\N{MIDDLE DOT}"


class Column(Protocol):
    """An Arrow array; pyarrow is published without types."""

    type: object
    null_count: int

    def __len__(self) -> int: ...


Batch = dict[str, Column]


def format_of(data: DataSource, path: Path) -> Literal["parquet", "csv"]:
    """Return the format of a file: that of the spec, which is parquet also where it says nothing.

    What is named .csv, compressed or not, and does not begin as Parquet does is read as csv all the same. The file
    may be the first of a folder.
    """
    if data.format == "parquet" and (_NAMED_CSV.search(data.uri) or _NAMED_CSV.search(path.name)):
        with path.open("rb") as file:
            return "parquet" if file.read(len(_MAGIC)) == _MAGIC else "csv"
    return data.format


class Table:
    """A parquet or CSV file."""

    def __init__(
        self,
        path: Path,
        file_format: Literal["parquet", "csv"],
        csv: Csv | None = None,
        numbers: Collection[str] = (),
    ) -> None:
        """Read the names and types of the columns.

        Args:
            path: the file.
            file_format: what it is.
            csv: how a CSV file is written.
            numbers: columns that are read as numbers, so that a decimal comma in them is one.

        Raises:
            EvaluationError: the file cannot be read.
        """
        self._path = path
        self._format = file_format
        self._csv = csv or Csv()
        self._delimited: Delimited | None = None
        self._numbers = frozenset(numbers)
        self._looked_at: set[str] = set()
        self._long_texts: set[str] = set()
        schema = self._schema()
        self.columns: list[str] = list(schema.names)
        self._types = {field.name: _values_in(field.type) for field in schema}

    @property
    def typeless(self) -> bool:
        """Whether the file has no types, so that a number is text as well."""
        return self._format == "csv"

    def require(
        self,
        wanted: Sequence[tuple[str, str]],
        opaque: str | None = None,
        dates: Collection[str] = (),
    ) -> None:
        """Raise an error unless each column is there once and holds plain values.

        Args:
            wanted: pairs of a column's name and what in the spec asks for it.
            opaque: a column whose values are only compared, and may be of any type but nested.
            dates: columns that are read as dates.
        """
        missing = [
            f"{told(name)} ({why}{self._alike(name)})"
            for name, why in wanted
            if name not in self.columns
        ]
        if missing:
            raise EvaluationError(
                f"the data lack the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}: "
                f"add to the data or correct the name in the spec{self._hint()}"
            )
        repeated = sorted({name for name, _ in wanted if self.columns.count(name) > 1})
        if repeated:
            raise EvaluationError(
                f"the data have more than one column {', '.join(map(told, repeated))}: rename all but one"
            )
        for name, _ in wanted:
            kind = self._types[name]
            if types.is_nested(kind):
                raise EvaluationError(
                    f"column {told(name)} holds lists or records: write one plain value per row"
                )
            if is_date(kind) and name != opaque and name not in dates:
                raise EvaluationError(
                    f"column {told(name)} holds dates: declare interface.groups[].dateBins for a group, or "
                    "interface.features[].date for a feature; or write numbers, text or booleans"
                )
            if name != opaque and not _is_plain(kind) and not is_date(kind):
                raise EvaluationError(
                    f"column {told(name)} holds values of type {kind}: write numbers, text or booleans"
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
                yield {name: self._with_points(piece.column(name), name) for name in names}

    def _parts(self, names: list[str], size: int) -> Iterator["pa.RecordBatch"]:
        # As a generator: whatever is wrong with the file shows where its errors are understood.
        if self._delimited is not None:
            yield from self._delimited.parts(names)
        else:
            yield from parquet.parts(self._path, names, self._long(names), size)

    def _long(self, names: list[str]) -> list[str]:
        """Return which columns have long texts in a dictionary; each is looked at once."""
        new = [n for n in names if n not in self._looked_at and parquet.is_text(self._types[n])]
        if new:
            self._long_texts |= set(parquet.long_texts(self._path, new))
            self._looked_at |= set(new)
        return [name for name in names if name in self._long_texts]

    def _with_points(self, column: Column, name: str) -> Column:
        """Return a column of numbers with decimal points; `1.234` is none where a comma is before the fraction."""
        if self._csv.decimal != "," or not self.typeless or name not in self._numbers:
            return column
        found: Column = pc.replace_substring(pc.replace_substring(column, ".", _NO_POINT), ",", ".")
        return found

    def _schema(self) -> "pa.Schema":
        if self._path.stat().st_size == 0:
            raise EvaluationError("the data are empty: the file at data.uri has no bytes")
        try:
            if self._format == "parquet":
                schema = parquet.schema(self._path)
            else:
                self._delimited = Delimited(self._path, self._csv)
                schema = pa.schema([(name, pa.string()) for name in self._delimited.names()])
            schema.names  # noqa: B018 names that are no text show here
            return schema
        except EvaluationError:
            raise
        except Exception as error:
            raise self._unreadable(error) from None

    def _alike(self, name: str) -> str:
        """Return which columns have almost that name, with their blanks as signs."""
        near = [each for each in self.columns if _bare(each) == _bare(name)]
        if not near:
            return ""
        # An ä may be one sign or two, and there are two signs µ.
        way = (
            "blanks or case"
            if any(_tight(each) == _tight(name) for each in near)
            else "how its letters are encoded"
        )
        names = ", ".join(f"'{shown(each).replace(' ', BLANK)}'" for each in dict.fromkeys(near))
        return f"; the data have {names}, which differs in {way}"

    def _hint(self) -> str:
        if self._delimited is None:
            return ""
        advice = self._delimited.advice()
        if len(self.columns) == 1:
            advice = f"the file has one column only: {advice or 'see data.csv.delimiter'}"
        return f"; {advice}" if advice else ""

    def _unreadable(self, error: Exception) -> EvaluationError:
        """Return what is wrong with the file, without the parser's words: they quote rows."""
        if self._delimited is not None and (problem := self._delimited.problem(error)):
            return problem
        if isinstance(error, MemoryError):
            return EvaluationError(
                f"there is not enough memory to read the data as {self._format}: set "
                "evaluation.resources.limits.memory to more, or correct the file if it is small"
            )
        return EvaluationError(
            f"the data cannot be read as {self._format} ({type(error).__name__}): the file is cut "
            "off, damaged or of another format; check data.uri and data.format"
        )


class Parts(Table):
    """The parts of a table, each a file of its own with the same columns."""

    def __init__(
        self,
        paths: Sequence[Path],
        file_format: Literal["parquet", "csv"],
        csv: Csv | None = None,
        numbers: Collection[str] = (),
    ) -> None:
        """Read the names and types of the columns of each part.

        Raises:
            EvaluationError: a part cannot be read, or has other columns than the first.
        """
        with _naming(paths[0]):
            super().__init__(paths[0], file_format, csv, numbers)
        self._mixed: dict[str, str] = {}
        self._paths = paths
        self._tables: list[Table] = []
        for path in paths:
            with _naming(path):
                self._tables.append(Table(path, file_format, csv, numbers))
        for path, table in zip(paths, self._tables, strict=True):
            if sorted(table.columns) != sorted(self.columns):
                raise EvaluationError(
                    f"the data in {path.name} have other columns than those in {paths[0].name}: write "
                    "all parts with the same columns"
                )
            for name, kind in table._types.items():
                before = self._types[name]
                if types.is_null(before):
                    self._types[name] = kind
                elif not _is_same(kind, before):
                    self._mixed[name] = (
                        f"column {told(name)} holds values of type {kind} in {path.name} and of type "
                        f"{before} in a part before: write all parts with the same types"
                    )

    def require(
        self,
        wanted: Sequence[tuple[str, str]],
        opaque: str | None = None,
        dates: Collection[str] = (),
    ) -> None:
        """Raise an error unless each column is there once in each part, and of one type."""
        super().require(wanted, opaque, dates)
        for name, _ in wanted:
            if name in self._mixed:
                raise EvaluationError(self._mixed[name])

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Batch]:
        """Yield the named columns of at most `size` rows at a time, part after part.

        Raises:
            EvaluationError: a part cannot be read to its end, or there are too many rows in all.
        """
        rows = 0
        for path, table in zip(self._paths, self._tables, strict=True):
            batches = table.batches(columns, size)
            while True:
                with _naming(path):
                    batch = next(batches, None)
                if batch is None:
                    break
                rows += len(batch[columns[0]])
                if rows > parquet.MOST_ROWS:
                    raise parquet.too_many_rows()
                yield batch


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an error say in which part it is."""
    try:
        yield
    except EvaluationError as error:
        raise EvaluationError(f"{path.name}: {error}") from None


def _is_same(kind: "pa.DataType", before: "pa.DataType") -> bool:
    both_text = parquet.is_text(kind) and parquet.is_text(before)
    return bool(kind == before or types.is_null(kind) or both_text)


def _bare(name: str) -> str:
    return _tight(normalize("NFKC", name)).casefold()


def _tight(name: str) -> str:
    # Folding case would make one of the two signs µ.
    return "".join(name.split()).lower()


def _values_in(kind: "pa.DataType") -> "pa.DataType":
    """Return the type of the values of a column that has a dictionary, or a type's own name."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif types.is_dictionary(kind):
            kind = kind.value_type
        else:
            return kind


def is_date(kind: "pa.DataType") -> bool:
    """Return whether a type is that of dates or moments."""
    return bool(types.is_date(kind) or types.is_timestamp(kind))


def _is_plain(kind: "pa.DataType") -> bool:
    numeric = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return bool(numeric or parquet.is_text(kind) or types.is_boolean(kind) or types.is_null(kind))
