"""CSV as hospitals export it: separators, decimal commas, encodings, comments, compression, long texts."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlhops.api.data import Csv
from mlhops.evaluator.data import delimited
from mlhops.evaluator.data.convert import floats, numbers_and_others
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.errors import EvaluationError

from .conftest import Bench, changed, columns

ROWS = 3000


def exported(how: dict[str, Any]) -> bytes:
    """Return the sample data as an export of another country writes them."""
    csv = Csv.model_validate(how)
    data = columns()
    names = list(data)
    lines = [csv.delimiter.join(names)]
    for row in zip(*(list(data[name]) for name in names), strict=True):
        cells = [as_text(value).replace(".", csv.decimal) for value in row]
        lines.append(csv.delimiter.join(cells))
    comment = f"{csv.comment} Exported by; Jürgen\n{csv.comment}\n" if csv.comment else ""
    return (comment + "\r\n".join(lines) + "\r\n").encode(csv.encoding)


def as_text(value: object) -> str:
    known = value.as_py() if isinstance(value, pa.Scalar) else value
    return "" if known is None else str(known)


def spec_of(path: Path, how: dict[str, Any] | None = None) -> dict[str, Any]:
    spec = changed("data.uri", path.as_uri())
    spec["data"] |= {"format": "csv", **({"csv": how} if how is not None else {})}
    return spec


@pytest.mark.parametrize(
    "how",
    [
        {"delimiter": ";", "decimal": ",", "encoding": "Windows-1252", "comment": "#"},
        {"delimiter": "\t", "encoding": "UTF-16"},
        {"delimiter": "|", "decimal": ",", "comment": "//"},
    ],
)
def test_an_export_of_another_country_gives_the_verdict_of_the_same_data(
    bench: Bench, how: dict[str, Any]
) -> None:
    path = bench.folder / "export"
    path.write_bytes(exported(how))
    plain, other = bench.run(), bench.run(spec_of(path, how))
    assert other.gates == plain.gates, other.message


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, bytes])
def test_a_compressed_file_is_known_by_its_bytes_and_not_by_its_name(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "data"
    path.write_bytes(pack(b"age,note\n" + b"63,x\n" * ROWS))
    assert rows_of(Table(path, "csv")) == ROWS


def test_a_compressed_file_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(b"age,note\n" + b"63,x\n" * ROWS)[:-9])
    with pytest.raises(EvaluationError, match="cut off"):
        rows_of(Table(path, "csv"))


def rows_with_age(path: Path) -> int:
    table = Table(path, "csv")
    table.require([("age", "feature")])
    return rows_of(table)


def rows_of(table: Table) -> int:
    return sum(len(batch["age"]) for batch in table.batches(["age"], 500))


@pytest.mark.parametrize("place", [0, ROWS // 2, ROWS - 1])
def test_a_long_text_in_a_column_that_nobody_asks_for_is_passed_over(
    tmp_path: Path, place: int
) -> None:
    path = tmp_path / "notes.csv"
    note = '"' + 'He said ""no"".\n' * 200_000 + '"'
    lines = [f"{number},{note if number == place else 'short'}" for number in range(ROWS)]
    path.write_text("age,note\n" + "\n".join(lines) + "\n")
    table = Table(path, "csv")
    ages = [age for batch in table.batches(["age"], 500) for age in floats(batch["age"], "age")]
    assert ages == list(range(ROWS))


@pytest.mark.parametrize("rows", [3, 400_000, 2_000_000])
def test_a_quote_that_never_ends_takes_no_rows_with_it(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "open.csv"
    path.write_text('age,note\n1,"open\n' + "2,x\n" * rows)
    with pytest.raises(EvaluationError, match="a quote is opened that never ends"):
        rows_of(Table(path, "csv"))


def test_a_quote_within_a_value_is_a_sign_like_others(tmp_path: Path) -> None:
    path = tmp_path / "tube.csv"
    path.write_text('age,note\n1,5" tube\n2,"two\nlines"\n3,x\n')
    assert rows_of(Table(path, "csv")) == 3


def test_a_row_that_is_longer_than_any_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "_MOST_BLOCK", 1 << 21)
    path = tmp_path / "long.csv"
    path.write_text("age,note\n1," + "x" * (5 << 20) + "\n")
    with pytest.raises(EvaluationError, match="has more than 2 MiB, or a quote"):
        rows_of(Table(path, "csv"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("age;sex;creatinine\n63;F;1,2\n", "its header has more semicolons than commas"),
        ("age;sex;creatinine\n63;F;1\n", "one column only: its header has more semicolons than"),
        ("age\tsex\n63\tF\n", r'set data.csv.delimiter to "\t"'),
        ("# of, ward 3\nage,sex\n63,F\n", "set data.csv.comment to '#'"),
        ("# of ward 3\nage,sex\n63,F\n", "there is 1 column: its first line begins with #"),
        (
            "Age ,sex\n63,F\n",
            "age (feature; the data have 'Age␣', which differs in blanks or case)",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_the_field_that_helps(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(EvaluationError) as error:
        rows_with_age(path)
    assert told in str(error.value)


def test_a_name_is_found_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes('"Na+, µmol/l";Größe (%)\r\n1,5;2\r\n'.encode("windows-1252"))
    table = Table(path, "csv", Csv(delimiter=";", decimal=",", encoding="Windows-1252"))
    wanted = ["Na+, µmol/l", "Größe (%)"]
    table.require([(name, "feature") for name in wanted])
    (batch,) = table.batches(wanted, 10)
    assert [pc.cast(column, pa.string()).to_pylist() for column in batch.values()] == [
        ["1,5"],
        ["2"],
    ]


@pytest.mark.parametrize(
    ("name", "there"),
    [("\N{MICRO SIGN}mol", "\N{GREEK SMALL LETTER MU}mol"), ("Größe", normalize("NFD", "Größe"))],
)
def test_a_name_that_only_looks_the_same_is_told(tmp_path: Path, name: str, there: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(f"{there},age\n1,2\n")
    with pytest.raises(EvaluationError, match=r"differs in how its letters are encoded"):
        Table(path, "csv").require([(name, "feature")])


def test_another_encoding_is_told_whichever_was_declared(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes("age\nö\n".encode("latin-1"))
    with pytest.raises(EvaluationError, match=r"not UTF-8 text.*data\.csv\.encoding"):
        rows_of(Table(path, "csv"))
    path.write_bytes(b"age\n\x81\n")
    with pytest.raises(EvaluationError, match="not Windows-1252 text"):
        rows_of(Table(path, "csv", Csv(encoding="Windows-1252")))


def test_decimal_commas_that_nobody_declared_are_told(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('age\n"63,5"\n"64"\n')
    (batch,) = Table(path, "csv").batches(["age"], 10)
    with pytest.raises(EvaluationError, match=r"1 value that is not a number.*data\.csv\.decimal"):
        floats(batch["age"], "age")


def test_with_decimal_commas_a_point_is_no_fraction_and_codes_stay_as_they_are(
    tmp_path: Path,
) -> None:
    path = tmp_path / "data.csv"
    path.write_text("age;code\n1.234;1,5\n0,5;2,5\n")
    table = Table(path, "csv", Csv(delimiter=";", decimal=","), {"age"})
    (batch,) = table.batches(["age", "code"], 10)
    numbers, others = numbers_and_others(batch["age"])
    assert numbers.tolist()[1] == 0.5
    assert others.total() == 1
    assert pc.cast(batch["code"], pa.string()).to_pylist() == ["1,5", "2,5"]
