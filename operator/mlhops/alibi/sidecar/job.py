"""What the detector and its process for alibi-detect tell each other, through a pipe and in memory alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from pydantic import TypeAdapter

from mlhops.api.alibi import AlibiDetector, AlibiResult
from mlhops.api.base import Resource
from mlhops.api.profile import Profile
from mlhops.statistics.arrays import Floats

LENGTH = 8
"""Bytes that tell how long a message is."""
MOST_BYTES = 128 * 2**20
_DETECTORS = TypeAdapter(list[AlibiDetector])


class WorkerAnswer(Resource):
    """What came of a job."""

    problem: str = ""
    results: tuple[AlibiResult, ...] = ()


@dataclass(frozen=True)
class Job:
    """What alibi-detect is asked."""

    detectors: Sequence[AlibiDetector]
    profile: Profile
    min_rows: int
    baseline: Floats
    """The pod's first rows, of shape (rows, features): none while they are too few, or where nobody asks of them."""
    windows: Mapping[str, tuple[Floats, Floats]]
    """Rows, of shape (rows, features + 1), and scores, of shape (scores, 1), by window. The last column of a row is
    1 if it is in the baseline."""

    def pack(self) -> bytes:
        """Return it as bytes."""
        told = {
            "detectors": [each.to_json() for each in self.detectors],
            "profile": self.profile.to_text(),
            "minRows": self.min_rows,
            "baseline": len(self.baseline),
            "windows": {
                name: [len(rows), len(scores)] for name, (rows, scores) in self.windows.items()
            },
        }
        sides = [self.baseline, *(side for both in self.windows.values() for side in both)]
        values = [np.ravel(side) for side in sides]
        return framed(json.dumps(told).encode()) + np.concatenate(values).tobytes()

    @classmethod
    def unpack(cls, body: bytes) -> "Job":
        """Return what was packed."""
        begin = LENGTH + length(body[:LENGTH])
        told = json.loads(body[LENGTH:begin])
        profile = Profile.model_validate_json(told["profile"])
        width = len(profile.features)
        values: Floats = np.frombuffer(body[begin:], dtype=np.float64)
        first, values = np.split(values, [told["baseline"] * width])
        windows = {}
        for name, (rows, scores) in told["windows"].items():
            mine, values = np.split(values, [rows * (width + 1) + scores])
            windows[name] = (
                mine[: rows * (width + 1)].reshape(rows, width + 1),
                mine[rows * (width + 1) :].reshape(scores, 1),
            )
        detectors = _DETECTORS.validate_python(told["detectors"])
        baseline = first.reshape(told["baseline"], width)
        return cls(detectors, profile, told["minRows"], baseline, windows)


def framed(body: bytes) -> bytes:
    """Return a message with its length before it."""
    return len(body).to_bytes(LENGTH) + body


def length(head: bytes) -> int:
    """Return how long a message is.

    Raises:
        ValueError: longer than any.
    """
    found = int.from_bytes(head)
    if found > MOST_BYTES:
        raise ValueError("a message is too long")
    return found


def read(stream: BinaryIO) -> bytes | None:
    """Return the next message, None at the end."""
    head = stream.read(LENGTH)
    if len(head) < LENGTH:
        return None
    size = length(head)
    body = stream.read(size)
    return body if len(body) == size else None


def write(stream: BinaryIO, body: bytes) -> None:
    """Write a message."""
    stream.write(framed(body))
    stream.flush()
