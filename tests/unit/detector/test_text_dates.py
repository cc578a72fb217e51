"""Dates that callers send as text are counted as the numbers that they stand for."""

import json

import numpy as np
import pytest

from mlhops.api.base import Json
from mlhops.api.dates import DateEncoding
from mlhops.api.detector import DetectorConfig
from mlhops.api.interface import Feature
from mlhops.api.profile import Profile
from mlhops.api.summary import Summary
from mlhops.detector.envelope import event
from mlhops.detector.row import row
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import Watcher
from mlhops.inputs.dates import counted, likely_date
from mlhops.statistics.drift import edges
from testkit.sidecar import config, headers

BORN = DateEncoding(since="2020-01-01", sent_as="Text")
FEATURES: Json = [
    {"name": "born", "date": BORN.to_json(), "range": {"min": 0, "max": 365}},
    {"name": "age"},
]
DAYS = np.linspace(0, 364, 365)


def profile() -> Profile:
    """Every day of a year once."""
    return Profile(
        revision="r1",
        created_from=f"sha256:{'0' * 64}",
        rows=365,
        features=[edges.numeric("born", DAYS), edges.numeric("age", DAYS)],
    )


def seen(body: Json) -> Summary:
    """What is counted of one request."""
    made = Watcher(Clock(0.0, 0.0), 0.0)
    given = {**config().to_json(), "features": FEATURES}
    made.configure(DetectorConfig.model_validate(given), 0.0)
    made.profile(profile(), 0.0)
    happened = event(headers(), json.dumps(body).encode())
    made.take(happened, made.decode(happened), 0.0)
    made.flush(0.0)
    return made.summaries(1.0)["all"]


def asked(protocol: str, dates: list[Json]) -> Json:
    """A request as callers make it."""
    ages: list[Json] = [50.0] * len(dates)
    if protocol == "v1":
        return {"instances": [{"born": dates, "age": ages}]}
    shape: Json = [len(dates)]
    born: Json = {"name": "born", "datatype": "BYTES", "shape": shape, "data": dates}
    age: Json = {"name": "age", "datatype": "FP64", "shape": shape, "data": ages}
    return {"parameters": {"content_type": "pd"}, "inputs": [born, age]}


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_dates_as_text_are_counted_as_numbers_and_what_is_none_as_wrong(protocol: str) -> None:
    good = seen(asked(protocol, ["2020-01-01", "2020-12-30", "2020-06-01T12:00"])).features[0]
    plain = seen({"instances": [[0, 1], [364, 1], [152.5, 1]]}).features[0]
    assert sum(good.counts) == 3
    assert (good.missing, good.type_errors) == (0, 0)
    assert plain.type_errors == 3, "callers were to send dates"
    odd = seen(asked(protocol, ["1.6.2020", "2020-06-01T00:00:00Z", "", None])).features[0]
    assert (odd.missing, odd.type_errors, sum(odd.counts)) == (2, 2, 0)


def test_a_date_counts_as_its_distance_in_the_unit_and_the_zone_as_declared() -> None:
    hours = DateEncoding(since="2020-01-01T00:00:00+01:00", unit="Hours", sent_as="Text")
    moments = ["2020-01-01T00:00:00Z", "2019-12-31T23:00:00+00:00", "2020-01-01", 5, "x" * 10**6]
    assert counted(moments, hours) == [1.0, 0.0, *[float("inf")] * 3]


@pytest.mark.parametrize(
    ("number", "encoding", "date"),
    [
        (31.4, BORN, "2020-02-01"),
        (-1e12, BORN, "0001-01-02"),
        (1e12, BORN, "9999-12-30"),
        (1.5, DateEncoding(since="2020-01-01", unit="Hours"), "2020-01-01T01:30:00"),
        (0, DateEncoding(since="2020-01-01T00:00:00+01:00"), "2019-12-31T23:00:00+00:00"),
    ],
)
def test_the_row_of_nobody_has_a_likely_date(
    number: float, encoding: DateEncoding, date: str
) -> None:
    assert likely_date(number, encoding) == date


def test_the_detector_asks_its_model_with_a_date_as_callers_do() -> None:
    features = [Feature.model_validate(each) for each in FEATURES]  # type: ignore[union-attr]
    request, values = row(features, None, profile())
    assert request.encoding == "Columns"
    assert values[0].datatype == "BYTES"
    assert "2020-06-01" < str(values[0].values[0]) < "2020-08-01"
    _, blind = row(features, None, None)
    assert blind[0].values == ["2020-07-01"], "the middle of its range"
