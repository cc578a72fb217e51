"""The evaluator's verdict as it crosses from its pod to the operator: a termination message.

It is text of at most 4,096 bytes, the most that Kubernetes keeps: a version prefix and
zlib-compressed JSON in base85. It comes from a pod that read foreign data, so the operator trusts
neither its size nor its content.
"""

import base64
import json
import unicodedata
import zlib
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from mlhops.api.base import Resource
from mlhops.api.data import StoredReport
from mlhops.api.evaluation import EvaluationPhase, GateResult, HonoursNames
from mlhops.api.profile import StoredProfile

PREFIX = "mlhops.io/evaluation.v1:"
MAX_BYTES = 4096
LONGEST_TEXT = 4096
"""No sentence is longer."""
LARGEST = 1e9
"""No number in an outcome's unit is larger."""
_MAX_JSON = 256 * 1024
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of writing, so that a text reads as another."""


class Result(Resource):
    """What one run of the gates found."""

    phase: Literal["Successful", "Failed", "Inconclusive", "Error"]
    message: Annotated[str, Field(max_length=2048)] = ""
    final: bool = False
    """Of an Error: the same question gets the same answer, before something is changed."""
    gates: Annotated[list[GateResult], Field(max_length=32)] = []
    rows: int | None = None
    data_digest: str | None = None
    seed: int | None = None
    evaluator: str | None = None
    honours_names: HonoursNames | None = None
    report: StoredReport | None = None
    profile: StoredProfile | None = None


def encode(result: Result) -> str:
    """Return the result as a termination message, leaving out detail until it fits.

    Per-group detail of gates that passed goes first, then of all gates, then long messages, those of
    gates that passed before others, then where the report is and why there is no profile, last the
    worst groups. Of each gate the verdict, the estimate and its interval always stay, and so does the
    digest of the profile.
    """
    clean = _cleaned(result)
    for lighter in _LIGHTER:
        text = _pack(lighter(clean))
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


def is_clean(text: str) -> bool:
    """Return whether a text has no control character, and none that turns its direction."""
    return not any(_is_control(sign) for sign in text)


def cleaned(text: str) -> str:
    """Return a text with a question mark in the place of each control character, and not too long."""
    return _cut("".join("?" if _is_control(sign) else sign for sign in text), LONGEST_TEXT)


def _cleaned(result: Result) -> Result:
    """Return a result with sentences that can be printed: they may quote foreign words."""
    gates = [gate.model_copy(update={"message": cleaned(gate.message)}) for gate in result.gates]
    update: dict[str, object] = {"message": cleaned(result.message), "gates": gates}
    report, profile = result.report, result.profile
    if report is not None:
        texts = {"uri": report.uri, "error": report.error}
        clean = {name: cleaned(text) for name, text in texts.items() if text is not None}
        update["report"] = report.model_copy(update=clean)
    if profile is not None and profile.error is not None:
        update["profile"] = profile.model_copy(update={"error": cleaned(profile.error)})
    return result.model_copy(update=update)


def _is_control(sign: str) -> bool:
    return sign in _DIRECTIONS or unicodedata.category(sign) in _CONTROLS


def _pack(result: Result) -> str:
    # Without what goes without saying: 32 gates have little room each.
    found = result.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    raw = json.dumps(found, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return PREFIX + base64.b85encode(zlib.compress(raw.encode(), 9)).decode()


def _passed(gate: GateResult) -> bool:
    return gate.phase is EvaluationPhase.SUCCESSFUL


def _whole(result: Result) -> Result:
    return result


def _worst_of_passed(result: Result) -> Result:
    gates = [_worst_only(gate) if _passed(gate) else gate for gate in result.gates]
    return result.model_copy(update={"gates": gates})


def _worst_of_all(result: Result) -> Result:
    return result.model_copy(update={"gates": [_worst_only(gate) for gate in result.gates]})


def _worst_only(gate: GateResult) -> GateResult:
    """Return a gate with no group but the worst, of which what the gate says as well is left out."""
    worst = [
        group.model_copy(update={"gap": None, "lower": None, "upper": None})
        for group in gate.groups
        if group.group == gate.worst_group
    ]
    return gate.model_copy(update={"groups": worst})


def _short(passed: int, others: int) -> Callable[[Result], Result]:
    """Return how to cut the messages of gates that passed, and of others, at so many letters."""

    def shorter(result: Result) -> Result:
        gates = [
            _bare(gate).model_copy(update={"message": _cut(gate.message, most)})
            for gate in result.gates
            for most in [passed if _passed(gate) else others]
        ]
        update = {"gates": gates, "message": _cut(result.message, 200)}
        return result.model_copy(update=update)

    return shorter


def _bare(gate: GateResult) -> GateResult:
    """Return a gate with the counts of the worst group only."""
    found = _worst_only(gate)
    groups = [group.model_copy(update={"rate": None, "rest": None}) for group in found.groups]
    return found.model_copy(update={"groups": groups, "needed": None})


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - 1, 0)] + "…" * (most > 0)


def _without_report(result: Result) -> Result:
    lost = StoredReport(error="where it is did not fit the evaluator's result")
    profile = result.profile
    if profile is not None and profile.error:
        profile = profile.model_copy(update={"error": _cut(profile.error, 40)})
    bare = _short(0, 0)(result)
    return bare.model_copy(update={"report": lost if result.report else None, "profile": profile})


def _without_groups(result: Result) -> Result:
    """Return a result with verdicts and intervals alone: names of many groups may be long."""
    bare = _without_report(result)
    nobody: dict[str, object] = {"groups": [], "worst_group": None}
    return bare.model_copy(update={"gates": [g.model_copy(update=nobody) for g in bare.gates]})


_LIGHTER: tuple[Callable[[Result], Result], ...] = (
    _whole,
    _worst_of_passed,
    _worst_of_all,
    *(_short(passed, others) for passed, others in ((200, 200), (60, 120), (0, 60), (0, 0))),
    _without_report,
    _without_groups,
)
