"""Data in a folder of part files, as Spark and others write them."""

import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from mlhops.api.data import DataSource
from mlhops.evaluator.data.convert import floats
from mlhops.evaluator.data.read import Parts
from mlhops.evaluator.data.source import local
from mlhops.evaluator.errors import EvaluationError

from .conftest import Bench, changed, columns

SIZES = (700, 1, 799)


def folder_of(bench: Bench, form: str, data: dict[str, Any] | None = None) -> Path:
    """Write the sample data as three files, beside what Spark leaves there."""
    folder = bench.folder / "claim" / f"mortality.{form}"
    folder.mkdir(parents=True)
    table, start = pa.table(data or columns()), 0
    for number, rows in enumerate(SIZES):
        part, path = table.slice(start, rows), folder / f"part-{number:05}.snappy.{form}"
        if form == "csv":
            pyarrow.csv.write_csv(part, path)
        else:
            pq.write_table(part, path)
        start += rows
    (folder / "_SUCCESS").touch()
    (folder / ".part-00000.crc").write_bytes(b"crc")
    return folder


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_folder_of_parts_gives_the_verdict_of_one_file(bench: Bench, form: str) -> None:
    folder = folder_of(bench, form)
    whole = bench.run()
    parts = bench.run(changed("data.uri", f"pvc://claim/{folder.name}"))
    assert parts.gates == whole.gates, parts.message
    assert parts.rows == 1500


@pytest.mark.thorough
def test_the_digest_of_a_folder_is_that_of_its_files_digests(offline: Bench) -> None:
    folder = folder_of(offline, "parquet")
    line = "LC_ALL=C; sha256sum part-* | sha256sum"
    told = subprocess.run(
        ["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=True
    )
    spec = changed("data.uri", f"pvc://claim/{folder.name}")
    spec["data"]["digest"] = f"sha256:{told.stdout.split()[0]}"
    assert "have the digest" not in offline.run(spec).message
    (folder / "part-00001.snappy.parquet").rename(folder / "part-00009.snappy.parquet")
    assert "but data.digest is" in offline.run(spec).message


def refusal(bench: Bench, folder: Path) -> str:
    result = bench.run(changed("data.uri", f"pvc://claim/{folder.name}/"))
    assert result.phase == "Error"
    return result.message


def test_a_folder_that_is_not_of_parts_is_refused_with_the_way_out(offline: Bench) -> None:
    folder = folder_of(offline, "parquet")
    (folder / "sex=F").mkdir()
    assert "holds more than files: write the parts as files" in refusal(offline, folder)
    (folder / "sex=F").rmdir()
    (folder / "link.parquet").symlink_to(folder / "part-00000.snappy.parquet")
    assert "holds more than files" in refusal(offline, folder)
    for each in folder.glob("*.parquet"):
        each.unlink()
    assert "is a folder of 0 files" in refusal(offline, folder)


def test_parts_that_differ_are_refused_where_it_matters(offline: Bench) -> None:
    folder = folder_of(offline, "parquet")
    last = folder / "part-00002.snappy.parquet"
    table = pq.read_table(last)
    pq.write_table(table.append_column("more", pa.nulls(len(table))), last)
    assert f"the data in {last.name} have other columns than those in" in refusal(offline, folder)
    coded = table.set_column(
        table.schema.get_field_index("death"), "death", table["death"].cast("string")
    )
    pq.write_table(coded, last)
    assert "column death holds values of type string in" in refusal(offline, folder)


def test_a_part_that_cannot_be_read_is_named(offline: Bench) -> None:
    folder = folder_of(offline, "parquet")
    last = folder / "part-00002.snappy.parquet"
    whole = last.read_bytes()
    for damaged, why in ((b"", "the data are empty"), (whole[:-9], "cut off, damaged")):
        last.write_bytes(damaged)
        said = refusal(offline, folder)
        assert said.startswith(f"{last.name}: the data ")
        assert why in said


def test_the_rows_of_all_parts_are_counted_and_read_in_the_order_of_names(offline: Bench) -> None:
    folder = folder_of(offline, "parquet")
    table = Parts(sorted(folder.glob("part-*")), "parquet")
    batches = table.batches(["id"], 500)
    read = [number for batch in batches for number in floats(batch["id"], "id").tolist()]
    assert read == list(range(1500))


def test_a_part_that_is_added_meanwhile_is_an_error(offline: Bench) -> None:
    folder = folder_of(offline, "parquet")
    source = DataSource.model_validate({"uri": folder.as_uri(), "labelColumn": "death"})
    with local(source, offline.folder) as file:
        file.verify_unchanged()
        (folder / "part-00003.parquet").write_bytes(b"PAR1")
        with pytest.raises(EvaluationError, match="the data changed while they were read"):
            file.verify_unchanged()
