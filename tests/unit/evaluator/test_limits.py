"""Small files that unfold to more than memory holds, and what is read of them."""

import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mlhops.evaluator.data import parquet
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.errors import EvaluationError

from .conftest import Bench, changed, columns


def most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def read(path: Path, name: str, size: int = 500) -> list[Any]:
    table = Table(path, "parquet")
    table.require([(name, "feature")])
    return [
        value
        for batch in table.batches([name], size)
        for value in pc.cast(batch[name], pa.string()).to_pylist()
    ]


@pytest.mark.parametrize("stored", [False, True])
def test_a_long_text_that_a_dictionary_names_in_every_row_is_refused_by_its_column(
    offline: Bench, stored: bool
) -> None:
    rows = 4096
    text = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), pa.array(["x" * (8 << 20)]))
    path = offline.folder / "dictionary.parquet"
    data = pa.table({**columns(rows), "sex": text})
    pq.write_table(data, path, compression="zstd", store_schema=stored)
    assert path.stat().st_size < 1 << 18
    before = most_memory()
    result = offline.run(changed("data.uri", path.as_uri()))
    assert result.phase == "Error"
    assert "column sex holds texts that take more than 256 MiB in a few rows" in result.message
    assert result.final
    assert most_memory() - before < 256 << 20


@pytest.mark.thorough
def test_long_texts_in_many_row_groups_are_refused_before_they_are_put_together(
    tmp_path: Path,
) -> None:
    path = tmp_path / "groups.parquet"
    schema = pa.schema([("note", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for number in range(60):
            writer.write_table(pa.table({"note": [f"{number}" + " " * (8 << 20)]}, schema))
    before = most_memory()
    with pytest.raises(EvaluationError, match="column note holds texts"):
        read(path, "note")
    assert most_memory() - before < 600 << 20


@pytest.mark.thorough
def test_a_column_that_unfolds_to_more_than_its_rows_can_need_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pages.parquet"
    table = pa.table({"note": [f"{number}" + " " * (70 << 20) for number in range(8)]})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(
        EvaluationError, match=r"column note takes more than 512 MiB in row group 1"
    ):
        read(path, "note")


def test_more_rows_than_are_evaluated_are_refused_before_any_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "MOST_ROWS", 99)
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"age": np.zeros(100)}), path)
    with pytest.raises(EvaluationError, match="the data have more than 99 rows"):
        Table(path, "parquet")
    path.with_suffix(".csv").write_text("age\n" + "1\n" * 100)
    table = Table(path.with_suffix(".csv"), "csv")
    with pytest.raises(EvaluationError, match="the data have more than 99 rows"):
        list(table.batches(["age"], 50))


@pytest.mark.parametrize("size", [7, 500, 100_000])
def test_text_is_read_as_it_was_written_and_in_requests_of_one_size(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "text.parquet"
    draw = np.random.default_rng(3)
    written = [
        None if number % 11 == 0 else f"ward {draw.integers(9)}" if number < 900 else f"id-{number}"
        for number in range(3000)
    ]
    pq.write_table(
        pa.table({"t": written}), path, row_group_size=701, dictionary_pagesize_limit=2000
    )
    assert read(path, "t", size) == written
    sizes = [len(batch["t"]) for batch in Table(path, "parquet").batches(["t"], size)]
    assert set(sizes[:-1]) <= {size}
    assert sum(sizes) == 3000


def test_text_that_nobody_has_marked_as_text_is_read_and_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bytes.parquet"
    pq.write_table(pa.table({"t": [b"icu", None, "Blåfjell".encode()]}), path)
    assert read(path, "t") == ["icu", None, "Blåfjell"]
    pq.write_table(pa.table({"t": [b"icu", b"\xff\xfe"]}), path)
    with pytest.raises(
        EvaluationError, match="column t holds values of type binary that are no text in UTF-8"
    ):
        read(path, "t")
