"""What surrounds a prediction: the logger's headers, compression, and JSON that is not quite JSON."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson

from mlhops.api.base import Json
from mlhops.api.detector import EVALUATION_ID
from mlhops.detector.counters import Note, RequestOutcome

_TYPES: Mapping[str, Literal["request", "response"]] = {
    "org.kubeflow.serving.inference.request": "request",
    "org.kubeflow.serving.inference.response": "response",
}
_FORM = "application/x-www-form-urlencoded"
_LENGTH = "Inference-Header-Content-Length"
_GZIP = b"\x1f\x8b"
_LONGEST_ID = 256
_LONGEST_NUMBER = 18


class Undecodable(Exception):
    """A body that cannot be counted, by its outcome; it never carries what was in the body."""

    def __init__(self, outcome: RequestOutcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One CloudEvent of KServe's logger, as it arrived."""

    kind: Literal["request", "response"] | None
    """None if it is not one of the logger's."""
    identity: str | None
    """Ce-Id, which a request shares with its response."""
    time: str | None
    """Ce-Time: when the model server was asked, or answered."""
    metadata: str | None
    """Ce-Metadata: JSON of the request's headers that the logger was told to pass on."""
    content_type: str | None
    body: bytes


def event(headers: Mapping[str, str], body: bytes) -> LoggedEvent:
    """Return the event of a request to the sink. `headers` is insensitive to case."""
    get = headers.get
    return LoggedEvent(
        _TYPES.get(get("Ce-Type", "")),
        get("Ce-Id"),
        get("Ce-Time"),
        get("Ce-Metadata"),
        get("Content-Type"),
        body,
    )


def join_key(of: LoggedEvent) -> str | None:
    """Return the id by which request and response are joined; None if there is no usable one."""
    identity = of.identity
    return identity if identity and len(identity) <= _LONGEST_ID else None


def is_evaluation(of: LoggedEvent) -> bool:
    """Return whether an evaluator has asked."""
    return of.identity is not None and of.identity.startswith(EVALUATION_ID)


def moment(of: LoggedEvent) -> float | None:
    """Return Ce-Time in seconds since 1970, None where it is not a time with a zone."""
    try:
        parsed = datetime.fromisoformat(of.time or "")
        return parsed.timestamp() if parsed.tzinfo else None
    except (ValueError, OverflowError):
        return None


def is_form(of: LoggedEvent) -> bool:
    """Return whether the event is declared as a form, which says nothing about its body."""
    return of.content_type is not None and of.content_type.startswith(_FORM)


def header_length(of: LoggedEvent) -> int | None:
    """Return how long the JSON before a request's binary tensors is, None if it was not told."""
    if of.metadata is None or _LENGTH not in of.metadata:
        return None
    try:
        known = orjson.loads(of.metadata)
    except ValueError:
        return None
    values = known.get(_LENGTH) if isinstance(known, dict) else None
    text = values[0] if isinstance(values, list) and values else None
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()):
        return None
    return int(text) if len(text) <= _LONGEST_NUMBER else None


def is_packed(of: LoggedEvent) -> bool:
    """Return whether the body is compressed, which no header says."""
    return of.body.startswith(_GZIP)


def inflated(body: bytes, limit: int) -> tuple[bytes, bool]:
    """Return a body without its compression, and whether it had one.

    Raises:
        Undecodable: the data are damaged, or larger than `limit` bytes.
    """
    if not body.startswith(_GZIP):
        return body, False
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error:
        raise Undecodable(RequestOutcome.BAD_GZIP) from None
    if len(plain) > limit:
        raise Undecodable(RequestOutcome.INFLATED_TOO_LARGE)
    if not stream.eof or stream.unused_data:
        raise Undecodable(RequestOutcome.BAD_GZIP)
    return plain, True


def parse(body: bytes, notes: set[Note]) -> Json:
    """Return a body's JSON. NaN and Infinity are taken, since some model servers take them.

    Raises:
        Undecodable: it is not JSON.
    """
    try:
        known: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"NaN" not in body and b"Infinity" not in body:
            raise Undecodable(RequestOutcome.NOT_JSON) from None
        try:
            known = json.loads(body)
        except (ValueError, RecursionError):
            raise Undecodable(RequestOutcome.NOT_JSON) from None
        notes.add(Note.NOT_A_NUMBER)
    return known


def split(body: bytes, length: int | None, notes: set[Note]) -> tuple[Json, bytes]:
    """Return the JSON of a v2 body and the raw tensors behind it.

    Where the length of the JSON was not told (the logger never tells a response's) the JSON's own
    end is taken; the caller must find that the rest is exactly what the JSON announces.

    Raises:
        Undecodable: there is no JSON, or it is shorter than told.
    """
    if length is not None:
        if length > len(body):
            raise Undecodable(RequestOutcome.BAD_TENSOR)
        return parse(body[:length], notes), body[length:]
    text = body.decode("latin-1")  # one character for each byte, so that places are the same
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        raise Undecodable(RequestOutcome.NOT_JSON) from None
    return parse(body[:end], notes), body[end:]
