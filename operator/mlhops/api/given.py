"""An Evaluation's spec in the environment of its evaluator, however large the spec is.

The kernel takes no variable of more than 128 KiB. A larger spec is compressed and cut into several, as part of
the pod itself: in an object of its own somebody else could change what is measured. So is a spec with a $, which
the kubelet may take for a reference to another variable.
"""

import base64
import json
import re
import zlib
from collections.abc import Mapping

from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationSpec

VARIABLE = "MLHOPS_EVALUATION"
_PLAIN = 64 * 1024
_PART = 96 * 1024
_MOST_PARTS = 14
"""More than fits into a Job, which etcd takes up to 1.5 MiB."""
_MOST_BYTES = 16 * 2**20
"""Of JSON; the API server takes less."""
_HEADER = re.compile(r"zlib:([1-9][0-9]?)")
_WORDS = {"features": {"__all__": {"description"}}}
"""What no evaluator reads, and may be most of a spec."""


class TooLargeError(Exception):
    """A spec does not fit a pod; the message says what to do."""


def variables(spec: EvaluationSpec) -> dict[str, str]:
    """Return the variables that say a spec: one of JSON, or several where it is large.

    Raises:
        TooLargeError: it does not fit a Job.
    """
    text = spec.model_dump_json(by_alias=True, exclude_none=True)
    if len(text.encode()) <= _PLAIN and "$" not in text:
        return {VARIABLE: text}
    short = spec.model_dump_json(
        by_alias=True,
        exclude_none=True,
        exclude={"interface": _WORDS, "stable": {"interface": _WORDS}},
    )
    packed = base64.b64encode(zlib.compress(short.encode(), 9)).decode()
    parts = [packed[start : start + _PART] for start in range(0, len(packed), _PART)]
    if len(parts) > _MOST_PARTS:
        raise TooLargeError(
            f"the Evaluation's spec takes {len(packed):,} bytes of the evaluator's Job, and no more "
            f"than {_MOST_PARTS * _PART:,} fit: declare fewer or shorter categories in "
            "spec.interface.features"
        )
    named = {f"{VARIABLE}_{number}": part for number, part in enumerate(parts, 1)}
    return {VARIABLE: f"zlib:{len(parts)}", **named}


def unpacked(environment: Mapping[str, str]) -> Json:
    """Return the JSON of the spec that an environment holds.

    Raises:
        ValueError: there is none, or it is damaged; the message says in what way.
    """
    text = environment.get(VARIABLE, "")
    if not text:
        raise ValueError(
            f"the environment variable {VARIABLE} is empty: set it to the JSON of the Evaluation's "
            "spec"
        )
    if header := _HEADER.fullmatch(text):
        text = _joined(environment, int(header[1]))
    try:
        found: Json = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{VARIABLE} is not JSON: {error}") from error
    return found


def _joined(environment: Mapping[str, str], parts: int) -> str:
    names = [f"{VARIABLE}_{number}" for number in range(1, parts + 1)]
    if missing := [name for name in names if not environment.get(name)]:
        raise ValueError(f"the environment lacks {missing[0]}, a part of the Evaluation's spec")
    unpacker = zlib.decompressobj()
    try:
        packed = base64.b64decode("".join(environment[name] for name in names), validate=True)
        raw = unpacker.decompress(packed, _MOST_BYTES)
        text = raw.decode()
    except (ValueError, zlib.error) as error:
        raise ValueError(f"{VARIABLE} is damaged: its parts are of no one spec") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError(f"{VARIABLE} is damaged: its parts are cut off or too large")
    return text
