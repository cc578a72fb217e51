"""Whatever stands in a file: it is read, or refused in words that no patient is in."""

import datetime as dt
import decimal
import io
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.data import labelled_rows
from mlhops.evaluator.data.convert import encoded
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.errors import CannotTellError, EvaluationError
from mlhops.evaluator.scoring.features import inputs
from tests.unit.evaluator.conftest import SPEC, changed, columns

MARK = "Zzyzx"
NUMBER = 8_675_309_867_530_986
OPEN = changed("interface.groups.0", {"name": "sex", "feature": "sex"})


def examine(path: Path, form: str = "parquet", given: dict[str, Any] | None = None) -> LabelledRows:
    """Read all that is read of data before and while they are scored."""
    wanted = given or OPEN
    source = {**wanted["data"], "uri": path.as_uri()}
    spec = EvaluationSpec.model_validate({**wanted, "data": source})
    table = Table(path, "csv" if form == "csv" else "parquet")
    who = labelled_rows.read(table, spec)
    features = spec.interface.features
    rows = sum(
        inputs(batch, features).rows for batch in table.batches([f.name for f in features], 500)
    )
    assert rows == who.rows
    return who


def refusal(path: Path, form: str = "parquet", given: dict[str, Any] | None = None) -> str:
    """Return why data are not read."""
    with pytest.raises((EvaluationError, CannotTellError)) as told:
        examine(path, form, given)
    return str(told.value)


def written(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "data.parquet"
    pq.write_table(pa.table(data), path)
    return path


def survives(path: Path, form: str) -> None:
    """Check that data are read or refused, and that no value is in the refusal."""
    try:
        examine(path, form)
    except (EvaluationError, CannotTellError) as error:
        said = str(error)
        assert MARK not in said
        assert str(NUMBER) not in said.replace(",", "")
        assert len(said) < 600
        assert ":" in said


TEXTS = st.sampled_from([MARK, f" {MARK} ", "0", "1", "yes", "", "ß", "1.0", "true", "nan", "1_0"])
WHOLE = st.sampled_from([0, 1, -1, NUMBER, 2**63 - 1, -(2**63)])
REAL = st.sampled_from([0.0, 1.0, 0.5, float(NUMBER), float("nan"), float("inf"), -0.0, 1e308])
MOMENTS = st.sampled_from([dt.datetime(1950, 1, 2, 3, 4, 5, 6), dt.datetime(9999, 12, 31)])
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "text": (pa.string(), TEXTS),
    "large text": (pa.large_string(), TEXTS),
    "text views": (pa.string_view(), TEXTS),
    "whole": (pa.int64(), WHOLE),
    "small": (pa.int8(), st.sampled_from([0, 1])),
    "unsigned": (pa.uint64(), st.sampled_from([0, 1, 2**64 - 1, NUMBER])),
    "real": (pa.float64(), REAL),
    "half": (pa.float16(), st.sampled_from([np.float16(0), np.float16(1), np.float16("nan")])),
    "truth": (pa.bool_(), st.booleans()),
    "decimal": (
        pa.decimal128(20, 2),
        st.sampled_from([decimal.Decimal(n) for n in (0, 1, NUMBER)]),
    ),
    "wide decimal": (
        pa.decimal256(60, 2),
        st.sampled_from([decimal.Decimal(1), decimal.Decimal(0)]),
    ),
    "days": (pa.date32(), st.sampled_from([dt.date(1950, 1, 2), dt.date(2000, 1, 1)])),
    "moments": (pa.timestamp("us"), MOMENTS),
    "zoned": (pa.timestamp("ms", tz="Europe/Vienna"), st.just(dt.datetime(1950, 1, 2))),
    "nanoseconds": (pa.timestamp("ns"), st.just(dt.datetime(1950, 1, 2))),
    "lengths": (pa.duration("s"), st.just(dt.timedelta(days=3))),
    "hours": (pa.time64("us"), st.just(dt.time(3, 4))),
    "bytes": (pa.binary(), st.sampled_from([MARK.encode(), b"\xff", b"1", b"0"])),
    "fixed bytes": (pa.binary(5), st.just(MARK.encode())),
    "nothing": (pa.null(), st.none()),
    "lists": (pa.list_(pa.string()), st.just([MARK])),
    "records": (pa.struct([("name", pa.string())]), st.just({"name": MARK})),
    "maps": (pa.map_(pa.string(), pa.string()), st.just([(MARK, MARK)])),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), TEXTS),
    "dictionary of numbers": (pa.dictionary(pa.int8(), pa.int64()), WHOLE),
    "uuids": (pa.uuid(), st.builds(lambda n: uuid.UUID(int=n).bytes, st.integers(0, 3))),
}


@st.composite
def arrays(draw: st.DrawFn, rows: int, sound: pa.Array) -> pa.Array:
    """A column of any type, with values that are missing; or a sound one."""
    name = draw(st.sampled_from([*KINDS, "sound", "sound"]))
    if name == "sound":
        return sound
    kind, values = KINDS[name]
    drawn = draw(st.lists(values | st.none(), min_size=rows, max_size=rows))
    return pa.array(drawn, kind)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """People whose columns are of any type."""
    rows = draw(st.integers(0, 12))
    sound: dict[str, pa.Array] = {
        "id": pa.array(range(rows), pa.int64()),
        "age": pa.array([50.0 + n for n in range(rows)], pa.float64()),
        "creatinine": pa.array([1.0] * rows, pa.float64()),
        "sex": pa.array(["F", "M"] * (rows // 2) + ["F"] * (rows % 2), pa.string()),
        "death": pa.array([n % 2 for n in range(rows)], pa.int64()),
    }
    return pa.table({name: draw(arrays(rows, column)) for name, column in sound.items()})


PROPERTY = settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.thorough
@PROPERTY
@given(table=tables())
def test_columns_of_any_type_are_read_or_refused_without_a_value(
    tmp_path: Path, table: pa.Table
) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(table, path)
    survives(path, "parquet")


def _csv_line(cells: Iterable[str]) -> str:
    return ",".join(cells)


CELLS = st.sampled_from(
    [MARK, str(NUMBER), "1", "0", "", "nan", '"', f'"{MARK}', "ü", "\x00", "1e999"]
)


@PROPERTY
@given(
    lines=st.lists(st.lists(CELLS, min_size=1, max_size=7).map(_csv_line), max_size=8),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-32"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_csv_of_any_shape_and_encoding_is_read_or_refused_without_a_value(
    tmp_path: Path, lines: list[str], encoding: str, end: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(end.join(["id,age,creatinine,sex,death", *lines]).encode(encoding))
    survives(path, "csv")


@PROPERTY
@given(raw=st.binary(max_size=200), form=st.sampled_from(["csv", "parquet"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, raw: bytes, form: str) -> None:
    path = tmp_path / "data"
    path.write_bytes(raw)
    survives(path, form)


def sound_parquet() -> bytes:
    sink = io.BytesIO()
    data = {**columns(60), "sex": [MARK, "M"] * 30}
    # Checksums show what the format itself would not.
    pq.write_table(pa.table(data), sink, write_page_checksum=True)
    return sink.getvalue()


SOUND = sound_parquet()


@PROPERTY
@given(kept=st.integers(0, len(SOUND) - 1))
def test_a_parquet_file_cut_off_anywhere_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "data.parquet"
    path.write_bytes(SOUND[:kept])
    said = refusal(path)
    assert "cut off, damaged" in said or "no bytes" in said


@PROPERTY
@example(place=1631, bit=7)
@example(place=1475, bit=0)
@example(place=1862, bit=0)
@example(place=2108, bit=5)
@example(place=1617, bit=0)
@given(place=st.integers(0, len(SOUND) - 1), bit=st.integers(0, 7))
def test_a_damaged_parquet_file_is_read_or_refused(tmp_path: Path, place: int, bit: int) -> None:
    path = tmp_path / "data.parquet"
    path.write_bytes(SOUND[:place] + bytes([SOUND[place] ^ 1 << bit]) + SOUND[place + 1 :])
    survives(path, "parquet")


LABELS: dict[str, list[Any]] = {
    "numbers": [0, 1] * 30,
    "reals": [0.0, 1.0] * 30,
    "booleans": [False, True] * 30,
    "texts": ["0", "1.0", "0.0", "1", " 1 ", "false"] * 10,
}


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS.keys())
def test_a_label_in_any_dress_is_the_same_label(tmp_path: Path, label: list[Any]) -> None:
    who = examine(written(tmp_path, {**columns(60), "death": label}))
    expected = [value in (1, "1.0", "1", " 1 ") for value in label]
    assert who.label.tolist() == expected


def test_labels_that_are_one_number_but_not_one_text_are_two_outcomes(tmp_path: Path) -> None:
    path = written(tmp_path, {**columns(60), "death": ["1", "01"] * 30})
    assert examine(path).label.tolist() == [True, False] * 30
    output = {"name": "class", "type": "Class", "positiveClass": "1"}
    given = {**OPEN, "interface": {**OPEN["interface"], "output": output}}
    assert "two values that are one number" in refusal(path, given=given)


def test_a_label_of_words_needs_its_positive_class(tmp_path: Path) -> None:
    path = written(tmp_path, {**columns(60), "death": ["alive", "dead"] * 30})
    assert "equals output.positiveClass '1': set positiveClass" in refusal(path)
    output = {**OPEN["interface"]["output"], "positiveClass": "dead"}
    given = {**OPEN, "interface": {**OPEN["interface"], "output": output}}
    assert examine(path, given=given).label.tolist() == [False, True] * 30


def test_ten_thousand_values_of_a_group_are_refused_with_the_way_out(tmp_path: Path) -> None:
    data = {**columns(10_000), "sex": [f"{MARK} {n}" for n in range(10_000)]}
    path = written(tmp_path, data)
    assert "column sex (group sex) has more than 64 values: set values or bins" in refusal(path)
    said = refusal(path, given=SPEC)
    assert "undeclared values in 10,000 rows (more than 64 different ones)" in said
    assert "declare them in interface.groups[].values" in said
    assert MARK not in said


def test_values_and_groups_of_any_script_keep_their_names(tmp_path: Path) -> None:
    words = ["женщина", "男性", "F👩‍⚕️", "ذكر"]
    path = written(tmp_path, {**columns(60), "Geschlecht": words * 15})
    group = {"name": "sex", "feature": "Geschlecht"}
    who = examine(path, given=changed("interface.groups.0", group))
    assert sorted(who.levels["sex"].values) == sorted(words)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: pa.array([v // 2 for v in range(n)], pa.int64()),
        lambda n: pa.array([2**64 - 1 - v // 2 for v in range(n)], pa.uint64()),
        lambda n: pa.array([f"{MARK}-{v // 2}" for v in range(n)]),
        lambda n: pa.array([f"{MARK}-{v // 2}" for v in range(n)]).dictionary_encode(),
        lambda n: pa.array([float(v // 2) for v in range(n)]),
        lambda n: pa.array([v // 2 for v in range(n)], pa.timestamp("us")),
        lambda n: pa.array([str(v // 2).encode() for v in range(n)]),
        lambda n: pa.array([uuid.UUID(int=v // 2).bytes for v in range(n)], pa.uuid()),
    ],
)
def test_repeated_ids_of_any_type_are_counted_and_not_named(
    tmp_path: Path, make: Callable[[int], pa.Array]
) -> None:
    said = refusal(written(tmp_path, {**columns(1500), "id": make(1500)}))
    assert "id column id repeats ids in 750 rows" in said
    assert MARK not in said


def test_ids_that_differ_in_the_last_digit_are_not_repeated(tmp_path: Path) -> None:
    for start, kind in (
        (2**63 - 61, pa.int64()),
        (2**64 - 61, pa.uint64()),
        (-(2**63), pa.int64()),
    ):
        ids = pa.array([start + n for n in range(60)], kind)
        assert examine(written(tmp_path, {**columns(60), "id": ids})).rows == 60


def test_ids_without_a_value_are_counted(tmp_path: Path) -> None:
    ids = pa.array([None, "", " ", *(str(n) for n in range(57))])
    assert "no value in 3 rows" in refusal(written(tmp_path, {**columns(60), "id": ids}))


@given(st.lists(st.sampled_from(["F", "M", None, ""]), min_size=60, max_size=60))
def test_a_dictionary_means_what_its_values_mean(words: list[str | None]) -> None:

    plain, coded = pa.array(words, pa.string()), pa.array(words, pa.string()).dictionary_encode()
    for column in (plain, coded):
        codes, names = encoded(column)
        assert [names[c] if c >= 0 else "" for c in codes] == [word or "" for word in words]


HEAD = "id,age,creatinine,sex,death\n"
BODY = "".join(f"{n},{50 + n},1.5,{'FM'[n % 2]},{n // 2 % 2}\n" for n in range(60))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (HEAD + BODY + f"99,{MARK},Dr,1,F,0\n", "a row has 6 values, but there are 5 columns"),
        (HEAD + BODY + f"{MARK}\n", "a row has 1 value, but there are 5 columns"),
        (HEAD, "there is no row"),
        (HEAD.strip(), "cannot be read as csv"),
        ("", "the file at data.uri has no bytes"),
        (HEAD + BODY + f"99,{MARK},1,F,0\n", "column age has 1 value that is not a number"),
        (HEAD + BODY + "99,inf,1,F,0\n", "column age has 1 infinite value"),
        (
            (HEAD + BODY).replace(",", ";"),
            "one column only: its header has more semicolons than commas",
        ),
        (HEAD + BODY + f'99,50,1,"{MARK}\n', "cannot be read as csv"),
        ((HEAD + BODY).replace("sex", "gender"), "lack the column sex (group sex)"),
        ((HEAD + BODY + f"99,50,1,{MARK}ü,0\n").encode("latin-1"), "not UTF-8 text; save it"),
        ((HEAD + BODY).encode("utf-16"), "not UTF-8 text; save it"),
    ],
)
def test_a_csv_file_that_is_wrong_is_refused_with_the_way_out(
    tmp_path: Path, raw: str | bytes, message: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    said = refusal(path, "csv")
    assert message in said
    assert MARK not in said


@pytest.mark.parametrize(
    "raw",
    [
        ("﻿" + HEAD + BODY).encode(),
        (HEAD + BODY).replace("\n", "\r\n").encode(),
        (HEAD + BODY + '99,50,1,"F",0\n').encode(),
        (HEAD + BODY).replace("F", '"on\ntwo lines"').encode(),
        (HEAD + BODY + "\n\n").encode(),
    ],
)
def test_a_csv_file_of_any_usual_kind_is_read(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(raw)
    assert examine(path, "csv").rows in (60, 61)


def test_a_column_that_is_not_needed_may_hold_anything(tmp_path: Path) -> None:
    notes = pa.array([[MARK]] * 60)
    assert examine(written(tmp_path, {**columns(60), "notes": notes})).rows == 60


@pytest.mark.parametrize("column", ["death", "sex", "age"])
@pytest.mark.parametrize("kind", ["moments", "days", "bytes", "uuids", "hours", "lengths"])
def test_values_that_are_no_numbers_texts_or_booleans_are_refused(
    tmp_path: Path, column: str, kind: str
) -> None:
    data_type, _ = KINDS[kind]
    value = {"moments": dt.datetime(1950, 1, 2), "days": dt.date(1950, 1, 2), "bytes": b"\xff"}.get(
        kind
    )
    array = pa.array([value] * 60, data_type)
    said = refusal(written(tmp_path, {**columns(60), column: array}))
    holds = "dates" if kind in ("moments", "days") else "values of type"
    assert f"column {column} holds {holds}" in said
    assert "write numbers, text or booleans" in said


def test_a_row_group_is_not_held_in_memory_at_once(tmp_path: Path) -> None:
    rows = 2_000_000
    noise = np.random.default_rng(0).random(rows)
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"a": noise, "b": noise[::-1]}), path, row_group_size=rows)
    # The most that was held is known for a whole process only.
    program = (
        "import sys, pathlib, pyarrow; from mlhops.evaluator.data.read import Table\n"
        "batches = Table(pathlib.Path(sys.argv[1]), 'parquet').batches(['a', 'b'], 65536)\n"
        "print(sum(len(b['a']) for b in batches), pyarrow.default_memory_pool().max_memory())"
    )
    found = subprocess.check_output([sys.executable, "-c", program, str(path)], text=True)
    read, most = map(int, found.split())
    assert read == rows
    assert most < 16 * rows / 2  # whole, two columns of eight bytes a row take twice that
