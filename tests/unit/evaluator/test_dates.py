"""Columns of dates: as groups with bins, and as features that callers send as numbers."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.dates import DateEncoding, microseconds
from mlhops.api.interface import Feature, Group
from mlhops.api.profile import Profile
from mlhops.evaluator.data.dates import dates
from mlhops.evaluator.data.subgroups import coder
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.scoring.features import inputs, payload
from mlhops.inputs.dates import counted
from mlhops.small_cells import SmallCells

from .conftest import SPEC, Bench, columns

DAYS = ["2020-01-01", "2022-01-01"]
BERLIN = ["2020-01-01T00:00:00+01:00", "2022-01-01T00:00:00+01:00"]
NEW_YEAR = datetime(2020, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
"""That is 23:00 of the day before in UTC."""


def levels(bins: list[str], *parts: pa.Array) -> list[str]:
    made = coder(Group(name="year", feature="admitted", date_bins=bins), SmallCells(10))
    for part in parts:
        made.add(part)
    found = made.levels()
    return [found.shown(code) for code in found.codes.tolist()]


def encoded(column: pa.Array, since: str = "2020-01-01", **more: Any) -> list[Any]:  # noqa: ANN401
    encoding = DateEncoding(since=since, unit=more.pop("unit", "Days"))
    feature = Feature(name="admitted", date=encoding, **more)
    return inputs({"admitted": column}, [feature]).columns[0].json()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([date(2019, 12, 31), date(2020, 1, 1), date(2022, 1, 1), None]),
        pa.array([date(2019, 12, 31), date(2020, 1, 1), date(2022, 1, 1), None], pa.date64()),
        pa.array(
            [datetime(2019, 12, 31, 23, 59), datetime(2020, 1, 1), datetime(2022, 1, 2), None]
        ),
        pa.array(["2019-12-31", "2020-01-01T00:00", "2022-01-01 08:30:00", " "]),
        pa.array(["2019-12-31", "2020-01-01", "2023-05-01", None]).dictionary_encode(),
    ],
)
def test_a_date_belongs_to_the_bin_that_it_begins(column: pa.Array) -> None:
    assert levels(DAYS, column) == [
        "<2020-01-01",
        "2020-01-01/2022-01-01",
        ">=2022-01-01",
        "Unknown",
    ]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([NEW_YEAR], pa.timestamp("ns", "UTC")),
        pa.array([NEW_YEAR], pa.timestamp("s", "Europe/Berlin")),
        pa.array(["2020-01-01T00:00:00+01:00"]),
        pa.array(["2019-12-31T23:00:00Z"]),
    ],
)
def test_a_moment_is_the_same_in_whatever_time_zone_it_is_written(column: pa.Array) -> None:
    assert levels(BERLIN, column) == [f"{BERLIN[0]}/{BERLIN[1]}"]


@pytest.mark.parametrize(
    ("bins", "column", "told"),
    [
        (
            DAYS,
            pa.array([NEW_YEAR], pa.timestamp("us", "UTC")),
            "have a time zone: write interface",
        ),
        (BERLIN, pa.array([date(2020, 1, 1)]), "have no time zone: write interface.groups"),
        (DAYS, pa.array(["2020-01-01T00:00:00Z"]), r"such as 2024-01-31T00:00:00\+01:00"),
        (
            DAYS,
            pa.array(["2020-01-01", "2020-01-01T00:00:00Z"]),
            "with a time zone and others without",
        ),
        (DAYS, pa.array(["2020-01-01", "", "31.01.2020"]), r"row 3: '99\.99\.9999'"),
        (DAYS, pa.array(["2020-02-30"] * 12), r"in 12 rows, first in row 1"),
        (DAYS, pa.array(["2020-W01-1"]), "fewer than 10 rows, first in row 1"),
        (DAYS, pa.array(["20200101"]), "what is no date"),
        (DAYS, pa.array([20200101]), "values of type int64: write 2024-01-31"),
        (DAYS, pa.array([2**60], pa.timestamp("s")), "a year before 1 or after 9999"),
    ],
)
def test_what_is_no_date_as_declared_is_an_error_with_the_form_that_is_wanted(
    bins: list[str], column: pa.Array, told: str
) -> None:
    with pytest.raises(EvaluationError, match=told):
        levels(bins, column)


def test_rows_are_counted_over_all_batches() -> None:
    good, bad = pa.array(["2020-01-01"] * 20), pa.array(["1.1.2020"] * 11)
    with pytest.raises(EvaluationError, match="in 22 rows, first in row 21"):
        levels(DAYS, good, bad, good, bad)


def test_a_date_goes_out_as_the_number_that_is_declared() -> None:
    column = pa.array([date(2019, 12, 31), date(2020, 3, 1), None])
    assert encoded(column) == [-1.0, 60.0, None]
    assert encoded(column, unit="Hours") == [-24.0, 1440.0, None]
    half = pa.array(["2020-01-01T12:00:00+00:00", "2020-01-01T00:00:00+01:00"])
    assert encoded(half, "2020-01-01T00:00:00Z") == [0.5, -1 / 24]
    assert encoded(half, "2020-01-01T00:00:00Z", unit="Seconds") == [43200.0, -3600.0]


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))
def test_any_moment_is_read_alike_from_text_and_from_each_type(moment: datetime) -> None:
    wanted = microseconds(moment)
    for column in (pa.array([moment]), pa.array([moment.isoformat()])):
        assert dates(column).values.tolist() == [wanted]
    if 1700 < moment.year < 2200:
        assert dates(pa.array([moment], pa.timestamp("ns"))).values.tolist() == [wanted]
    assert dates(pa.array([moment.replace(tzinfo=UTC)])).values.tolist() == [wanted]


def test_a_number_of_days_may_travel_as_a_whole_one() -> None:
    encoding = DateEncoding(since="2020-01-01")
    feature = Feature(name="d", date=encoding, datatype="INT64")
    whole = inputs({"d": pa.array(["2020-01-03"])}, [feature])
    assert payload(whole, "v1") == {"instances": [{"d": [2]}]}
    with pytest.raises(EvaluationError, match="cannot travel as INT64"):
        inputs({"d": pa.array(["2020-01-03T12:00"])}, [feature])


def test_a_missing_date_of_a_required_feature_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="no value in 1 row"):
        encoded(pa.array([None, date(2020, 1, 1)]), required=True)


@pytest.mark.parametrize(
    ("column", "since", "wanted"),
    [
        (pa.array([" 2020-01-03", "", None]), "2020-01-01", ["2020-01-03", None, None]),
        (pa.array(["2020-01-03 12:00"]), "2020-01-01", ["2020-01-03 12:00"]),
        (pa.array([date(2020, 1, 3), None]), "2020-01-01", ["2020-01-03", None]),
        (pa.array([datetime(2020, 1, 3)]), "2020-01-01", ["2020-01-03T00:00:00"]),
        (
            pa.array([NEW_YEAR], pa.timestamp("ns", "Europe/Berlin")),
            "2020-01-01T00:00:00Z",
            ["2019-12-31T23:00:00+00:00"],
        ),
    ],
)
def test_a_date_goes_out_as_text_where_callers_send_it_so(
    column: pa.Array, since: str, wanted: list[str | None]
) -> None:
    feature = Feature(name="d", date=DateEncoding(since=since, sent_as="Text"))
    read = inputs({"d": column}, [feature])
    assert payload(read, "v1") == {"instances": [{"d": wanted}]}
    assert payload(read, "v2")["inputs"] == [
        {"name": "d", "shape": [len(wanted)], "datatype": "BYTES", "data": wanted}
    ]
    one = read.row(0).columns[0]
    assert np.asarray(one.counted).tolist() == counted(wanted[:1], feature.date)  # type: ignore[arg-type]


def test_text_that_is_no_date_is_an_error_however_it_is_sent() -> None:
    feature = Feature(name="d", date=DateEncoding(since="2020-01-01", sent_as="Text"))
    with pytest.raises(EvaluationError, match="what is no date"):
        inputs({"d": pa.array(["3.1.2020"])}, [feature])


def with_dates() -> tuple[dict[str, Any], dict[str, Any]]:
    """The usual people, with the date of birth in place of age; the model takes the same numbers."""
    data = columns()
    born = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.round(data["age"]), unit="D")
    data["age"] = pa.array(np.round(data["age"]))
    data["born on"] = pa.array(born.date)
    spec = {
        **SPEC,
        "interface": {
            "features": [
                {"name": "born on", "date": {"since": "2024-01-01", "unit": "Days"}},
                {"name": "creatinine"},
            ],
            "output": {"type": "Probability", "threshold": 0.5},
            "groups": [
                {"name": "sex", "feature": "sex", "values": ["F", "M"]},
                {"name": "born", "feature": "born on", "dateBins": ["2024-02-17", "2024-03-02"]},
            ],
        },
        "gates": [{**SPEC["gates"][0], "across": {"groups": ["sex", "born"]}}, SPEC["gates"][1]],
    }
    return spec, data


@pytest.mark.parametrize(
    ("form", "sent_as", "protocol"),
    [
        ("parquet", "Number", "v2"),
        ("csv", "Number", "v2"),
        ("parquet", "Text", "v2"),
        ("csv", "Text", "v1"),
    ],
)
def test_a_server_gets_the_numbers_or_the_text_and_gates_the_groups(
    bench: Bench, tmp_path: Path, form: str, sent_as: str, protocol: str
) -> None:
    spec, data = with_dates()
    spec = {**spec, "protocolVersion": protocol}
    spec["interface"]["features"][0]["date"]["sentAs"] = sent_as
    if form == "csv":
        path = tmp_path / "data.csv"
        pa.table(data).to_pandas().to_csv(path, index=False)
        spec = {**spec, "data": {**SPEC["data"], "uri": path.as_uri(), "format": "csv"}}

    result = bench.run({**spec, "profile": True}, data)

    assert result.phase != "Error", result.message
    names = {each.group for each in result.gates[0].groups}
    assert {"born=<2024-02-17", "born=2024-02-17/2024-03-02", "born=>=2024-03-02"} <= names
    assert result.gates[1].phase == "Successful", "the server understands the dates"
    profile = Profile.model_validate_json(bench.profile or "")
    assert profile.features[0].type == "Numeric"
    assert min(profile.features[0].centres) < 46 < max(profile.features[0].centres)
    assert profile.asked is not None
    assert profile.asked.kinds[0] == ("Text" if sent_as == "Text" else "Number")


def test_a_date_that_nobody_declared_says_which_fields_there_are(offline: Bench) -> None:
    spec, data = with_dates()
    spec["interface"]["features"][0].pop("date")
    spec["interface"]["groups"][1] = {"name": "born", "feature": "sex"}
    result = offline.run(spec, data)
    assert "column 'born on' holds dates: declare interface.groups[].dateBins" in result.message


def test_a_wrong_date_of_a_feature_is_counted_over_all_rows(offline: Bench) -> None:
    spec, data = with_dates()
    data["born on"] = pa.array(["01/02/2020"] * len(data["id"]))
    spec["interface"]["groups"][1] = {"name": "born", "feature": "sex"}
    result = offline.run(spec, data)
    assert "what is no date in 1,500 rows, first in row 1: '99/99/9999'" in result.message
