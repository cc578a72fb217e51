"""The evaluator's verdict as it crosses from its pod to the operator: a termination message.

It is text of at most 4,096 bytes, the most that Kubernetes keeps: a version prefix and
zlib-compressed JSON in base85. It comes from a pod that read foreign data, so the operator trusts
neither its size nor its content.
"""

import base64
import json
import zlib
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from mlhops.api.base import Resource
from mlhops.api.data import StoredReport
from mlhops.api.evaluation import EvaluationPhase, GateResult

PREFIX = "mlhops.io/evaluation.v1:"
MAX_BYTES = 4096
_MAX_JSON = 256 * 1024


class Result(Resource):
    """What one run of the gates found."""

    phase: Literal["Successful", "Failed", "Inconclusive", "Error"]
    message: Annotated[str, Field(max_length=2048)] = ""
    gates: Annotated[list[GateResult], Field(max_length=32)] = []
    rows: int | None = None
    data_digest: str | None = None
    seed: int | None = None
    evaluator: str | None = None
    report: StoredReport | None = None


def encode(result: Result) -> str:
    """Return the result as a termination message, leaving out detail until it fits.

    Per-group detail of gates that passed goes first, then of all gates, then long messages, then
    where the report is: the verdicts, estimates and worst groups always stay.
    """
    for lighter in (_whole, _without_passed_groups, _without_groups, _short, _without_report):
        text = _pack(lighter(result))
        if len(text) <= MAX_BYTES:
            return text
    return _pack(Result(phase="Error", message="the result does not fit a termination message"))


def decode(text: str) -> Result:
    """Return the result in a termination message.

    Raises:
        ValueError: the text is not a result; the message says in what way.
    """
    raw = _unpack(text)
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError("the evaluator's result is not JSON that can be read") from error
    try:
        return Result.model_validate(found)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ValueError(f"the evaluator's result is not valid at {where or 'its root'}") from error


def _unpack(text: str) -> bytes:
    if not text.startswith(PREFIX):
        raise ValueError("the evaluator left no result")
    if len(text) > MAX_BYTES:
        raise ValueError("the evaluator's result is longer than a termination message can be")
    unpacker = zlib.decompressobj()
    try:
        packed = base64.b85decode(text.removeprefix(PREFIX).strip())
        raw = unpacker.decompress(packed, _MAX_JSON)
    except (ValueError, zlib.error) as error:
        raise ValueError("the evaluator's result is damaged or cut off") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("the evaluator's result is cut off or too large")
    return raw


def _pack(result: Result) -> str:
    raw = json.dumps(result.to_json(), separators=(",", ":"), allow_nan=False)
    return PREFIX + base64.b85encode(zlib.compress(raw.encode(), 9)).decode()


def _whole(result: Result) -> Result:
    return result


def _without_passed_groups(result: Result) -> Result:
    gates = [
        gate.model_copy(update={"groups": []}) if gate.phase is EvaluationPhase.SUCCESSFUL else gate
        for gate in result.gates
    ]
    return result.model_copy(update={"gates": gates})


def _without_groups(result: Result) -> Result:
    gates = [gate.model_copy(update={"groups": []}) for gate in result.gates]
    return result.model_copy(update={"gates": gates})


def _short(result: Result) -> Result:
    gates = [
        gate.model_copy(update={"groups": [], "message": gate.message[:120]})
        for gate in result.gates
    ]
    return result.model_copy(update={"gates": gates, "message": result.message[:200]})


def _without_report(result: Result) -> Result:
    lost = StoredReport(error="where it is did not fit the evaluator's result")
    return _short(result).model_copy(update={"report": lost if result.report else None})
