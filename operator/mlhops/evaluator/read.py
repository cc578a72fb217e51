"""Held-out data as batches of the columns that are needed, in bounded memory.

CSV is read as text and converted column by column later: the parser's own errors would quote a
patient's values.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mlhops.evaluator.errors import EvaluationError


class Column(Protocol):
    """An Arrow array; pyarrow is published without types."""

    type: object
    null_count: int

    def __len__(self) -> int: ...


Batch = dict[str, Column]


class Table:
    """A parquet or CSV file."""

    def __init__(self, path: Path, file_format: Literal["parquet", "csv"]) -> None:
        self._path = path
        self._format = file_format
        schema = self._schema()
        self.columns: list[str] = list(schema.names)
        self._nested = {field.name for field in schema if pa.types.is_nested(field.type)}

    def require(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Raise an error unless each column is there once.

        Args:
            wanted: pairs of a column's name and what in the spec asks for it.
        """
        missing = [f"{name} ({why})" for name, why in wanted if name not in self.columns]
        if missing:
            raise EvaluationError(
                f"the data lack the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}: "
                "add to the data or correct the name in the spec"
            )
        repeated = sorted({name for name, _ in wanted if self.columns.count(name) > 1})
        if repeated:
            raise EvaluationError(
                f"the data have more than one column {', '.join(repeated)}: rename all but one"
            )

        nested = sorted({name for name, _ in wanted if name in self._nested})
        if nested:
            raise EvaluationError(
                f"column {', '.join(nested)} holds lists or records: write one plain value per row"
            )

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Batch]:
        """Yield the named columns of at most `size` rows at a time."""
        names = list(dict.fromkeys(columns))
        try:
            for part in self._parts(names, size):
                for start in range(0, part.num_rows, size):
                    piece = part.slice(start, size)
                    yield {name: piece.column(name) for name in names}
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from error

    def _parts(self, names: list[str], size: int) -> Iterator["pa.RecordBatch"]:
        if self._format == "parquet":
            with pyarrow.parquet.ParquetFile(self._path) as file:
                yield from file.iter_batches(batch_size=size, columns=names)
        else:
            options = pyarrow.csv.ConvertOptions(
                include_columns=names,
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
            )
            with pyarrow.csv.open_csv(self._path, convert_options=options) as stream:
                yield from stream

    def _schema(self) -> "pa.Schema":
        if self._path.stat().st_size == 0:
            raise EvaluationError("the data are empty: the file at data.uri has no bytes")
        try:
            if self._format == "parquet":
                return pyarrow.parquet.read_schema(self._path)
            with pyarrow.csv.open_csv(self._path) as stream:
                return stream.schema
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> EvaluationError:
        return EvaluationError(
            f"the data cannot be read as {self._format} ({type(error).__name__}): the file is cut "
            "off, damaged or of another format; check data.uri and data.format"
        )
