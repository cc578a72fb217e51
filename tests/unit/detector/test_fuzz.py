"""Whatever bytes come, decoding and counting raise nothing, and every event and row is accounted for."""

import gzip
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhops.api.interface import Feature, Output
from mlhops.detector.counters import RequestOutcome
from mlhops.detector.decode import Decoder
from mlhops.detector.envelope import LoggedEvent, event
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import Watcher
from testkit.sidecar import config, profile

NAMES = ("age", "creatinine")
LIMIT = 20_000
PROFILE = profile()
BINS = [len(feature.counts) for feature in PROFILE.features]

words = st.sampled_from([*NAMES, "risk", "sex", ""]) | st.text(max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | words
)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)
datatypes = st.sampled_from(["FP64", "FP32", "INT8", "BOOL", "BYTES", "BF16", "FP16", "none"])
shapes = st.lists(st.integers(-1, 4), max_size=4) | trees
tensors = st.fixed_dictionaries(
    {"name": words, "shape": shapes, "datatype": datatypes | trees},
    optional={
        "data": st.lists(scalars | st.lists(scalars, max_size=3), max_size=9) | trees,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 60) | trees}),
    },
)
rows = st.lists(scalars, min_size=2, max_size=2) | st.fixed_dictionaries(
    {"age": scalars | st.lists(scalars, max_size=3), "creatinine": scalars}
)
documents = (
    st.fixed_dictionaries({"instances": st.lists(rows, max_size=5) | trees})
    | st.fixed_dictionaries({"inputs": st.lists(tensors, max_size=3) | trees})
    | st.fixed_dictionaries({"predictions": st.lists(scalars, max_size=5) | trees})
    | st.fixed_dictionaries({"outputs": st.lists(tensors, max_size=3) | trees})
    | trees
)
bodies = (
    st.binary(max_size=200)
    | documents.map(lambda tree: json.dumps(tree).encode())
    | st.tuples(documents, st.binary(max_size=64)).map(
        lambda pair: json.dumps(pair[0]).encode() + pair[1]
    )
    | st.binary(max_size=200).map(gzip.compress)
    | documents.map(lambda tree: gzip.compress(json.dumps(tree).encode()))
)
lengths = st.integers(-1, 300).map(
    lambda n: json.dumps({"Inference-Header-Content-Length": [str(n)]})
)
events = st.builds(
    event,
    st.fixed_dictionaries(
        {
            "Ce-Type": st.sampled_from(["request", "response"]).map(
                lambda kind: f"org.kubeflow.serving.inference.{kind}"
            )
            | st.text(max_size=8)
        },
        optional={
            "Ce-Id": st.text(max_size=300) | st.just("a"),
            "Ce-Time": st.text(max_size=30)
            | st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
            "Ce-Metadata": lengths | st.text(max_size=50) | documents.map(json.dumps),
            "Content-Type": st.text(max_size=40),
        },
    ),
    bodies,
)


@pytest.mark.thorough
@settings(max_examples=500)
@given(events)
def test_no_event_makes_the_decoder_fail(hostile: LoggedEvent) -> None:
    features = [Feature(name=name) for name in NAMES]
    found = Decoder(features, Output(name="risk", threshold=0.5), LIMIT).decode(hostile)
    assert found.outcome != RequestOutcome.FAILED
    assert all(len(row) == len(NAMES) for row in found.rows)
    assert bool(found.rows) == (found.outcome == RequestOutcome.ROWS)
    assert bool(found.scores) == (found.outcome == RequestOutcome.SCORES)


@pytest.mark.thorough
@settings(max_examples=200)
@given(st.lists(events, max_size=8))
def test_every_event_has_one_outcome_and_every_row_is_in_every_window(
    hostile: list[LoggedEvent],
) -> None:
    watcher = Watcher(Clock(1_700_000_000.0, 0.0), 0.0)
    watcher.configure(config(NAMES), 0.0)
    watcher.profile(PROFILE, 0.0)
    for second, each in enumerate(hostile):
        watcher.take(each, watcher.decode(each), float(second))
    watcher.flush(float(len(hostile)))
    counters = watcher.counters
    assert sum(counters.outcomes.values()) == len(hostile)
    for summary in watcher.summaries(float(len(hostile))).values():
        assert summary.profile_digest == PROFILE.digest()
        assert [len(feature.counts) for feature in summary.features] == BINS
        assert summary.rows == counters.rows
        assert summary.score is not None
        assert summary.score.seen == counters.scores


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(0, 6), st.binary(max_size=3))
def test_binary_texts_of_any_length_are_read_or_refused(
    texts: list[bytes], told: int, tail: bytes
) -> None:
    data = b"".join(struct.pack("<I", len(text)) + text for text in texts) + tail
    described = {
        "name": "age",
        "shape": [told],
        "datatype": "BYTES",
        "parameters": {"binary_data_size": len(data)},
    }
    body = json.dumps({"inputs": [described]}).encode() + data
    features = [Feature(name="age", type="Categorical")]
    given_headers = {"Ce-Type": "org.kubeflow.serving.inference.request"}
    found = Decoder(features, Output(threshold=0.5), LIMIT).decode(event(given_headers, body))
    right = told == len(texts) and not tail
    assert (found.outcome in (RequestOutcome.ROWS, RequestOutcome.EMPTY)) == right
    if right:
        assert [row[0] for row in found.rows] == [text.decode(errors="replace") for text in texts]
