"""Each event that the real agent posted is answered, and becomes what a person reads in it."""

import base64
import json
from collections import Counter
from pathlib import Path

import pytest

from mlhops.detector.counters import Note, RequestOutcome
from mlhops.detector.decode import Decoded, Decoder
from mlhops.detector.envelope import event
from testkit.sidecar import config, sidecar

pytestmark = pytest.mark.reference("kserve-samples")

FEATURES = ("age", "creatinine", "lactate")
# One line for each event, in the file's order.
EXPECTED = [
    (RequestOutcome.EMPTY, set[Note](), []),
    (RequestOutcome.NOT_A_PREDICTION, set(), []),
    (RequestOutcome.EMPTY, set(), []),
    (RequestOutcome.NOT_A_PREDICTION, set(), []),
    (RequestOutcome.ROWS, set(), [[0.1, 0.2, -0.5], [1, 2, 3]]),
    (RequestOutcome.SCORES, set(), [0.45016600268752216, 0.9975273768433653]),
    (RequestOutcome.ROWS, {Note.FORM_CONTENT_TYPE}, [[0.1, 0.2, -0.5]]),
    (RequestOutcome.ROWS, set(), [[0.1, 0.2, 0.3], [1, 2, 3]]),
    (RequestOutcome.SCORES, set(), [0.6456563062257954, 0.9975273768433653]),
    (RequestOutcome.ROWS, set(), [[0.1, 0.2, 0.3]]),
    (RequestOutcome.SCORES, set(), [0.6456563062257954]),
    (RequestOutcome.WRONG_FEATURES, set(), []),
    (RequestOutcome.ROWS, {Note.NOT_A_NUMBER}, [["nan", 1, 2]]),
    (RequestOutcome.ROWS, {Note.GZIP}, [[0.5, 0.5, 0.5]]),
    (RequestOutcome.ROWS, {Note.BINARY}, [[0.1, 0.2, 0.3], [1, 2, 3]]),
    (RequestOutcome.SCORES, set(), [0.6456563062257954, 0.9975273768433653]),
]


def events(reference: Path) -> list[tuple[dict[str, str], bytes]]:
    lines = (reference / "kserve-samples" / "events.jsonl").read_text().splitlines()
    read = [json.loads(line) for line in lines]
    return [
        (
            each["headers"],
            base64.b64decode(each["bodyBase64"]) if "bodyBase64" in each else each["body"].encode(),
        )
        for each in read
    ]


def values(decoded: Decoded) -> list[object]:
    rows = [[str(v) if v != v else v for v in row] for row in decoded.rows]
    return [*rows, *decoded.scores]


def test_every_event_of_the_real_agent_is_decoded(reference: Path) -> None:
    given = config(FEATURES)
    decoder = Decoder(given.features, given.output, given.bounds.body_bytes)
    found = [decoder.decode(event(head, body)) for head, body in events(reference)]
    assert [(each.outcome, set(each.notes), values(each)) for each in found] == EXPECTED


def test_every_event_of_the_real_agent_is_answered_and_counted(
    reference: Path, tmp_path: Path
) -> None:
    posted = events(reference)
    with sidecar(tmp_path, config(FEATURES)) as running:
        for head, body in posted:
            kept = {name: text for name, text in head.items() if name != "Content-Length"}
            assert running.post(body, kept) == 200
        counters = running.settled(len(posted)).counters
    for outcome, number in Counter(outcome for outcome, _, _ in EXPECTED).items():
        assert counters[f"outcome.{outcome}"] == number
    assert counters["rows"] == 10
    assert counters["scores"] == 7
    # Those that were answered 400 or 500 wait for a response that never comes.
    assert counters["note.joined"] == 6
    assert counters["state.joining"] == 4
    assert sum(counters[name] for name in counters if name.startswith("latency.")) == 6
