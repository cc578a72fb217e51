"""CSV as its file is written: compressed or not, in its encoding, with its delimiter, and rows of any usual length.

What it is compressed with its first bytes say, since a copy of remote data has no name. All values are text here.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from mlhops.api.data import Csv
from mlhops.evaluator.errors import EvaluationError, counted

_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BLOCK = 1 << 20
_MOST_BLOCK = 1 << 26
"""Bytes that are parsed at a time; a row that is longer than the first asks for more."""
_HEAD = 1 << 16
_STRADDLES = "straddling object"
# Behind these numbers the parser quotes the row, so nothing else is taken from it.
_RAGGED = re.compile(r"CSV parse error: (?:Row #\d+: )?Expected (\d+) columns, got (\d+)\b")
_SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class Delimited:
    """A CSV file."""

    def __init__(self, path: Path, how: Csv) -> None:
        """Take a file, and how it is written.

        Raises:
            EvaluationError: it has another encoding.
        """
        self._path = path
        self._how = how
        self._block = _BLOCK
        self._checked = False
        try:
            head = self._head()
        except UnicodeError:
            raise self._other_encoding() from None
        if how.encoding == "UTF-8" and head.startswith(_UTF16):
            raise self._other_encoding()
        self._skipped = 0
        if how.comment is not None:
            lines = head.decode(errors="replace").removeprefix("\ufeff").splitlines()
            self._skipped = next(
                (n for n, line in enumerate(lines) if not line.startswith(how.comment)), len(lines)
            )

    def names(self) -> list[str]:
        """Return the names in the header."""
        for _ in self._growing():
            try:
                with self._opened(None) as stream:
                    return list(stream.schema.names)
            except pa.ArrowInvalid as error:
                if _STRADDLES not in str(error):
                    raise
        raise self._endless()

    def parts(self, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        """Yield the named columns of some rows at a time.

        Raises:
            EvaluationError: a quote never ends, so that all rows behind it would be one value.
        """
        if not self._checked:
            self._refuse_open_quote()
            self._checked = True
        options = pyarrow.csv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
        )
        yield from self._rows(options)

    def _rows(self, options: "pyarrow.csv.ConvertOptions") -> Iterator["pa.RecordBatch"]:
        done = 0
        for _ in self._growing():
            skip = done
            try:
                with self._opened(options) as stream:
                    for part in stream:
                        new = part.slice(min(skip, part.num_rows))
                        skip -= part.num_rows - new.num_rows
                        done += new.num_rows
                        yield new
                return
            except pa.ArrowInvalid as error:
                if _STRADDLES not in str(error):
                    raise
        raise self._endless()

    def problem(self, error: Exception) -> EvaluationError | None:
        """Return what is wrong with the file, without the parser's words: they quote rows."""
        if ragged := _RAGGED.match(str(error)):
            expected, found = int(ragged[1]), int(ragged[2])
            are = "is" if expected == 1 else "are"
            advice = self.advice() or f"quote values that hold {self._sign()} or quotes"
            return EvaluationError(
                f"the data cannot be read as csv: a row has {counted(found, 'value')}, but there "
                f"{are} {counted(expected, 'column')}: {advice}"
            )
        if isinstance(error, UnicodeError) or "invalid UTF8" in str(error):
            return self._other_encoding()
        return None

    def advice(self) -> str:
        """Return which field of data.csv would make more of the first line than it is."""
        first = self._first_line()
        if self._how.comment is None and first.startswith("#"):
            return "its first line begins with #: set data.csv.comment to '#'"
        used = self._how.delimiter
        best = max(_SIGNS, key=first.count)
        if first.count(best) > first.count(used):
            told = "\\t" if best == "\t" else best
            return (
                f"its header has more {_SIGNS[best]} than {self._sign()}: set data.csv.delimiter to "
                f'"{told}"'
            )
        return ""

    def _growing(self) -> Iterator[int]:
        """Yield while more may be parsed at a time than before."""
        while self._block <= _MOST_BLOCK:
            yield self._block
            self._block *= 4

    def _opened(self, options: "pyarrow.csv.ConvertOptions | None") -> "pa.RecordBatchReader":
        return pyarrow.csv.open_csv(
            self._stream(),
            read_options=pyarrow.csv.ReadOptions(
                block_size=min(self._block, _MOST_BLOCK), skip_rows=self._skipped
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self._how.delimiter, newlines_in_values=True
            ),
            convert_options=options,
        )

    def _stream(self) -> "pa.NativeFile":
        """Return the file as UTF-8."""
        stream: pa.NativeFile = pa.OSFile(str(self._path))
        start = stream.read(4)
        stream.seek(0)
        for magic, kind in _COMPRESSED.items():
            if start.startswith(magic):
                stream = pa.CompressedInputStream(stream, kind)
        if self._how.encoding != "UTF-8":
            stream = pa.transcoding_input_stream(stream, self._how.encoding, "utf-8")
        return stream

    def _head(self) -> bytes:
        with self._stream() as stream:
            return bytes(stream.read(_HEAD))

    def _first_line(self) -> str:
        lines = self._head().decode(errors="replace").removeprefix("\ufeff").splitlines()
        return next(iter(lines[self._skipped :]), "")

    def _refuse_open_quote(self) -> None:
        quotes = 0
        with self._stream() as stream:
            while chunk := stream.read(_BLOCK):
                quotes += bytes(chunk).count(b'"')
        if quotes % 2 == 0:
            return
        # One of them may stand within a value, as in 5" tube. If it opens one, that is the last of all.
        every = dict.fromkeys(self.names(), pa.binary())
        last = None
        for part in self._rows(pyarrow.csv.ConvertOptions(column_types=every)):
            last = part if part.num_rows else last
        if last is None:
            return
        row = last.slice(last.num_rows - 1).columns
        if any(b"\n" in (value.as_py() or b"") for (value,) in row):
            raise EvaluationError(
                "the data cannot be read as csv: a quote is opened that never ends, and takes all rows "
                "behind it for one value: correct the quotes, or write parquet"
            )

    def _endless(self) -> EvaluationError:
        return EvaluationError(
            f"the data cannot be read as csv: a row has more than {_MOST_BLOCK >> 20} MiB, or a quote "
            "in it never ends: correct the quotes, take long texts out, or write parquet"
        )

    def _other_encoding(self) -> EvaluationError:
        how = self._how.encoding
        return EvaluationError(
            f"the data cannot be read as csv: the file is not {how} text; save it as UTF-8, set "
            "data.csv.encoding to what it is (UTF-16, Windows-1252, …), or write parquet"
        )

    def _sign(self) -> str:
        return _SIGNS[self._how.delimiter]
