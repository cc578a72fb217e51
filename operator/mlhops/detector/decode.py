"""From an event's body to rows of features, or to scores; what is odd is named, never raised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlhops.api.base import Json
from mlhops.api.interface import Feature, Output
from mlhops.api.serving import FailureReason
from mlhops.detector.counters import Note, RequestOutcome
from mlhops.detector.envelope import (
    LoggedEvent,
    Undecodable,
    header_length,
    inflated,
    is_form,
    parse,
    split,
)
from mlhops.inputs.answers import of_v1, one_class_per_row, one_per_row, output_of
from mlhops.inputs.flaws import Flaw, FlawedError
from mlhops.inputs.rows import Oddity, Row, RowForm, RowReader
from mlhops.inputs.tensors import Tensor, tensors
from mlhops.statistics.values import canonical

OUTCOMES = {
    Flaw.NOT_A_PREDICTION: RequestOutcome.NOT_A_PREDICTION,
    Flaw.WRONG_FEATURES: RequestOutcome.WRONG_FEATURES,
    Flaw.TOO_MANY_ROWS: RequestOutcome.TOO_MANY_ROWS,
    Flaw.BAD_TENSOR: RequestOutcome.BAD_TENSOR,
    Flaw.NO_PREDICTIONS: RequestOutcome.WRONG_OUTPUT,
    Flaw.RAGGED: RequestOutcome.WRONG_OUTPUT,
    Flaw.WHICH_OUTPUT: RequestOutcome.WRONG_OUTPUT,
    Flaw.WRONG_WIDTH: RequestOutcome.WRONG_OUTPUT,
    Flaw.UNCLEAR_CLASS: RequestOutcome.UNCLEAR_CLASS,
}
"""As what a body that cannot be read is counted."""
_BINARY = b'"binary_data_size"'


@dataclass(frozen=True, slots=True)
class DecodedAnswer:
    """What a response is worth to who has asked."""

    rows: int = 0
    """How many rows it answers."""
    flaw: FailureReason | Literal["unread", "other"] | None = None
    """Why it cannot be used; unread where only the detector cannot, other where it is no prediction."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an event says: rows if it is a request, scores if it is a response."""

    outcome: RequestOutcome
    notes: frozenset[Note] = frozenset()
    rows: Sequence[Row] = ()
    scores: Sequence[Json] = ()
    """One value per row; of one for each class the positive class's, of classes 1 for that one and 0."""
    pairs: Sequence[Json] = ()
    """Both columns of an answer, row by row, where nobody says which of them is the score."""
    form: RowForm | None = None
    """How a request asks."""
    answer: DecodedAnswer | None = None
    """What a response is worth, once that was looked at."""


class Decoder:
    """Decodes events for one model's interface."""

    def __init__(
        self,
        features: Sequence[Feature],
        output: Output,
        body_bytes: int,
        positive: int | None = None,
        *,
        multiclass: bool = False,
    ) -> None:
        """Make a decoder.

        Args:
            features: the model's inputs, in its order.
            output: what the interface says of the answer.
            body_bytes: a longer body is not looked into.
            positive: which of two columns is the score, as the evaluation has found.
            multiclass: whether the answer is one of several classes, or a probability of each.
        """
        self._multiclass = multiclass
        self._positive = positive
        self._positive_class = canonical(output.positive_class)
        self._requests = RowReader(features, body_bytes)
        self._output = output
        self._limit = body_bytes

    def decode(self, event: LoggedEvent) -> Decoded:
        """Return what an event says; no body, however hostile, raises."""
        notes: set[Note] = set()
        if is_form(event):
            notes.add(Note.FORM_CONTENT_TYPE)
        try:
            return self._decode(event, notes)
        except Undecodable as reason:
            return Decoded(reason.outcome, frozenset(notes))
        except FlawedError as error:
            return Decoded(OUTCOMES[error.flaw], frozenset(notes))
        except Exception:  # a fault here must not stop the counting of other events
            return Decoded(RequestOutcome.FAILED, frozenset(notes))

    def _decode(self, event: LoggedEvent, notes: set[Note]) -> Decoded:
        if event.kind is None:
            raise Undecodable(RequestOutcome.NOT_AN_EVENT)
        body, packed = inflated(event.body, self._limit)
        if packed:
            notes.add(Note.GZIP)
        if not body.strip():
            raise Undecodable(RequestOutcome.EMPTY)
        known, raw = _document(event, body, notes)
        if not isinstance(known, dict):
            raise Undecodable(RequestOutcome.NOT_A_PREDICTION)
        if event.kind == "request":
            return self._request(known, raw, notes)
        answer = self._answer(known, raw)
        if self._multiclass:
            said = one_class_per_row(answer, self._output)
            outcome = RequestOutcome.SCORES if said else RequestOutcome.EMPTY
            return Decoded(outcome, frozenset(notes), scores=said)
        try:
            scores = one_per_row(answer, self._output, found=self._positive)
        except FlawedError as error:
            unclear = error.flaw is Flaw.UNCLEAR_CLASS
            pairs = answer.flat if unclear else ()
            return Decoded(OUTCOMES[error.flaw], frozenset(notes), pairs=pairs)
        if self._output.type == "Class":
            scores = [self._called(score) for score in scores]
        outcome = RequestOutcome.SCORES if scores else RequestOutcome.EMPTY
        return Decoded(outcome, frozenset(notes), scores=scores)

    def _request(self, known: dict[str, Json], raw: bytes, notes: set[Note]) -> Decoded:
        oddities: set[Oddity] = set()
        try:
            rows, form = self._requests.read(known, raw, oddities)
        finally:
            notes |= {Note(each.value) for each in oddities}
        if form.reordered:
            notes.add(Note.OTHER_ORDER)
        outcome = RequestOutcome.ROWS if rows else RequestOutcome.EMPTY
        return Decoded(outcome, frozenset(notes), rows=rows, form=form)

    def _answer(self, known: dict[str, Json], raw: bytes) -> Tensor:
        if "predictions" in known:
            return of_v1(known["predictions"], self._output.name, mixed=True)
        if "outputs" not in known:
            raise FlawedError(Flaw.NOT_A_PREDICTION)
        given = tensors(known["outputs"], raw)
        return given[output_of([tensor.name for tensor in given], self._output.name)]

    def _called(self, answer: Json) -> Json:
        """Return a class as a profile has it: 1 for the positive one, 0 for any other."""
        text = canonical(answer) if isinstance(answer, str | int | float) else None
        return answer if text is None else int(text == self._positive_class)


def _document(event: LoggedEvent, body: bytes, notes: set[Note]) -> tuple[Json, bytes]:
    """Return the JSON of a body, and the binary tensors behind it."""
    length = header_length(event) if event.kind == "request" else None
    if length is None or length == len(body):
        try:
            return parse(body, notes), b""
        except Undecodable:
            if _BINARY not in body:
                raise
    notes.add(Note.BINARY)
    if length is None and event.kind == "request":
        notes.add(Note.BINARY_WITHOUT_LENGTH)
    return split(body, length, notes)
