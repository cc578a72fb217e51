"""From an event's body to rows of features, or to scores; what is odd is named, never raised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlhops.api.base import Json
from mlhops.api.classes import PAIR, column_of
from mlhops.api.interface import Encoding, Feature, Output, Protocol
from mlhops.api.serving import FailureReason
from mlhops.detector.counters import Note, Outcome
from mlhops.detector.envelope import (
    Event,
    Undecodable,
    header_length,
    inflated,
    is_form,
    parse,
    split,
)
from mlhops.detector.requests import Form, in_order
from mlhops.detector.tensors import Tensor, tensors
from mlhops.statistics.values import canonical

Row = Sequence[Json]
"""One value for each feature, in the model's order; None is missing."""
_BINARY = b'"binary_data_size"'


@dataclass(frozen=True, slots=True)
class Answer:
    """What a response is worth to who has asked."""

    rows: int = 0
    """How many rows it answers."""
    flaw: FailureReason | Literal["unread", "other"] | None = None
    """Why it cannot be used; unread where only the detector cannot, other where it is no prediction."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an event says: rows if it is a request, scores if it is a response."""

    outcome: Outcome
    notes: frozenset[Note] = frozenset()
    rows: Sequence[Row] = ()
    scores: Sequence[Json] = ()
    """One value per row; of one for each class the positive class's, of classes 1 for that one and 0."""
    pairs: Sequence[Json] = ()
    """Both columns of an answer, row by row, where nobody says which of them is the score."""
    form: Form | None = None
    """How a request asks."""
    answer: Answer | None = None
    """What a response is worth, once that was looked at."""


class _Unclear(Exception):
    """Two columns of which nobody says which is the score."""

    def __init__(self, pairs: Sequence[Json]) -> None:
        super().__init__()
        self.pairs = pairs


class Decoder:
    """Decodes events for one model's interface."""

    def __init__(
        self,
        features: Sequence[Feature],
        output: Output,
        body_bytes: int,
        positive: int | None = None,
    ) -> None:
        """Make a decoder.

        Args:
            features: the model's inputs, in its order.
            output: what the interface says of the answer.
            body_bytes: a longer body is not looked into.
            positive: which of two columns is the score, as the evaluation has found.
        """
        self._positive = positive
        self._positive_class = canonical(output.positive_class)
        self._names = [feature.name for feature in features]
        self._known = frozenset(self._names)
        self._places = {name: place for place, name in enumerate(self._names)}
        self._output = output
        self._limit = body_bytes

    def decode(self, event: Event) -> Decoded:
        """Return what an event says; no body, however hostile, raises."""
        notes: set[Note] = set()
        if is_form(event):
            notes.add(Note.FORM_CONTENT_TYPE)
        try:
            return self._decode(event, notes)
        except Undecodable as reason:
            return Decoded(reason.outcome, frozenset(notes))
        except Exception:  # a fault here must not stop the counting of other events
            return Decoded(Outcome.FAILED, frozenset(notes))

    def _decode(self, event: Event, notes: set[Note]) -> Decoded:
        if event.kind is None:
            raise Undecodable(Outcome.NOT_AN_EVENT)
        body, packed = inflated(event.body, self._limit)
        if packed:
            notes.add(Note.GZIP)
        if not body.strip():
            raise Undecodable(Outcome.EMPTY)
        known, raw = _document(event, body, notes)
        if not isinstance(known, dict):
            raise Undecodable(Outcome.NOT_A_PREDICTION)
        if event.kind == "request":
            rows, form = self._rows(known, raw, notes)
            if form.reordered:
                notes.add(Note.OTHER_ORDER)
            outcome = Outcome.ROWS if rows else Outcome.EMPTY
            return Decoded(outcome, frozenset(notes), rows=rows, form=form)
        try:
            scores = self._scores(known, raw)
        except _Unclear as unclear:
            return Decoded(Outcome.UNCLEAR_CLASS, frozenset(notes), pairs=unclear.pairs)
        if self._output.type == "Class":
            scores = [self._called(score) for score in scores]
        outcome = Outcome.SCORES if scores else Outcome.EMPTY
        return Decoded(outcome, frozenset(notes), scores=scores)

    def _rows(
        self, known: dict[str, Json], raw: bytes, notes: set[Note]
    ) -> tuple[Sequence[Row], Form]:
        if "instances" in known:
            return self._instances(known["instances"], notes)
        given = known.get("inputs")
        if given is None:
            raise Undecodable(Outcome.NOT_A_PREDICTION)
        if raw or _are_tensors(given):
            return self._tensors(tensors(given, raw), notes, frame=_is_frame(known))
        return self._instances(given, notes)

    def _instances(self, given: Json, notes: set[Note]) -> tuple[Sequence[Row], Form]:
        """Rows of the v1 protocol: lists, dicts by name, bare values, or dicts of columns."""
        if isinstance(given, dict):
            rows = self._frame(given, notes)
            return rows, self._form("v1", "Columns", [(given, len(rows))])
        if not isinstance(given, list):
            raise Undecodable(Outcome.NOT_A_PREDICTION)
        width = len(self._names)
        lists = [row for row in given if isinstance(row, list)]
        if len(lists) == len(given):
            if any(len(row) != width for row in lists):
                raise Undecodable(Outcome.WRONG_FEATURES)
            return lists, Form("v1", "Matrix")
        named = [row for row in given if isinstance(row, dict)]
        if len(named) == len(given):
            return self._named(named, notes)
        if width > 1 or lists or named:
            raise Undecodable(Outcome.WRONG_FEATURES)
        return [[value] for value in given], Form("v1", "Matrix")

    def _named(
        self, named: Sequence[dict[str, Json]], notes: set[Note]
    ) -> tuple[Sequence[Row], Form]:
        self._check_size(len(named))
        rows: list[Row] = []
        sizes: list[int] = []
        encoding: Encoding = "Tensors"
        for row in named:
            before = len(rows)
            if any(isinstance(row.get(name), list) for name in self._names):
                encoding = "Columns"
                rows.extend(self._frame(row, notes))
                self._check_size(len(rows))
            else:
                self._note_names(row, notes)
                rows.append([row.get(name) for name in self._names])
            sizes.append(len(rows) - before)
        return rows, self._form("v1", encoding, list(zip(named, sizes, strict=True)))

    def _frame(self, columns: dict[str, Json], notes: set[Note]) -> Sequence[Row]:
        self._note_names(columns, notes)
        lists = {name: column for name, column in columns.items() if isinstance(column, list)}
        lengths = {
            len(lists[name]) if name in lists else -1 for name in columns.keys() & self._known
        }
        if len(lengths) != 1 or -1 in lengths:
            raise Undecodable(Outcome.WRONG_FEATURES)
        rows = lengths.pop()
        self._check_size(rows)
        missing: list[Json] = [None] * rows
        return list(zip(*(lists.get(name, missing) for name in self._names), strict=True))

    def _tensors(
        self, given: Sequence[Tensor], notes: set[Note], *, frame: bool
    ) -> tuple[Sequence[Row], Form]:
        width = len(self._names)
        if len(given) == 1 and given[0].width == width and not (frame and width == 1):
            flat = given[0].flat
            rows = [flat[at : at + width] for at in range(0, len(flat), width)]
            return rows, Form("v2", "Matrix")
        named: dict[str, Json] = {}
        for tensor in given:
            if tensor.name in self._known and (tensor.width != 1 or tensor.name in named):
                raise Undecodable(Outcome.WRONG_FEATURES)
            named[tensor.name] = list(tensor.flat)
        found = self._frame(named, notes)
        return found, self._form("v2", "Columns" if frame else "Tensors", [(named, len(found))])

    def _form(
        self,
        protocol: Protocol,
        encoding: Encoding,
        named: Sequence[tuple[dict[str, Json], int]],
    ) -> Form:
        """Return how a request asks, by what names so many rows each."""
        # Most come as they should, which is quick to see.
        odd = [(each, rows) for each, rows in named if list(each) != self._names]
        return Form(
            protocol,
            encoding,
            reordered=sum(rows for each, rows in odd if not in_order(each, self._places)),
            misnamed=sum(rows for each, rows in odd if each.keys() != self._known),
        )

    def _check_size(self, rows: int) -> None:
        # A value that is there takes two bytes of the body at least, one that is not takes none.
        if rows * len(self._names) > self._limit:
            raise Undecodable(Outcome.TOO_MANY_ROWS)

    def _note_names(self, names: dict[str, Json], notes: set[Note]) -> None:
        common = names.keys() & self._known
        if not common:
            raise Undecodable(Outcome.WRONG_FEATURES)
        if len(common) < len(self._known):
            notes.add(Note.MISSING_FEATURE)
        if len(common) < len(names):
            notes.add(Note.UNKNOWN_FEATURE)

    def _scores(self, known: dict[str, Json], raw: bytes) -> Sequence[Json]:
        if "predictions" in known:
            return self._predictions(known["predictions"])
        if "outputs" not in known:
            raise Undecodable(Outcome.NOT_A_PREDICTION)
        given = tensors(known["outputs"], raw)
        named = [tensor for tensor in given if tensor.name == self._output.name]
        chosen = named or given
        if len(chosen) != 1:
            raise Undecodable(Outcome.WRONG_OUTPUT)
        width = chosen[0].width
        if width == 1:
            return chosen[0].flat
        return self._of_positive(chosen[0].flat, width)

    def _predictions(self, given: Json) -> Sequence[Json]:
        if not isinstance(given, list):
            raise Undecodable(Outcome.WRONG_OUTPUT)
        values = [row.get(self._output.name) if isinstance(row, dict) else row for row in given]
        lists = [row for row in values if isinstance(row, list)]
        if not lists:
            return values
        widths = {len(row) for row in lists}
        if len(lists) < len(values) or len(widths) > 1:
            raise Undecodable(Outcome.WRONG_OUTPUT)
        width = widths.pop()
        flat = [value for row in lists for value in row]
        return flat if width == 1 else self._of_positive(flat, width)

    def _called(self, answer: Json) -> Json:
        """Return a class as a profile has it: 1 for the positive one, 0 for any other."""
        text = canonical(answer) if isinstance(answer, str | int | float) else None
        return answer if text is None else int(text == self._positive_class)

    def _of_positive(self, flat: Sequence[Json], width: int) -> Sequence[Json]:
        """Return the positive class's of each row's values, which are one for each class."""
        if self._output.type == "Class":
            raise Undecodable(Outcome.WRONG_OUTPUT)
        column = column_of(self._output, width)
        if column is None and self._output.classes is None and width == PAIR:
            if self._positive is None:
                raise _Unclear(flat)
            column = self._positive
        if column is None:
            raise Undecodable(Outcome.WRONG_OUTPUT)
        return flat[column::width]


def _document(event: Event, body: bytes, notes: set[Note]) -> tuple[Json, bytes]:
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


def _are_tensors(given: Json) -> bool:
    """Return whether a list `inputs` is of the v2 protocol; in v1 it is a name for instances."""
    first = given[0] if isinstance(given, list) and given else None
    return isinstance(first, dict) and "shape" in first and "datatype" in first


def _is_frame(known: dict[str, Json]) -> bool:
    """Return whether a v2 request says that its tensors are the columns of a data frame."""
    parameters = known.get("parameters")
    return isinstance(parameters, dict) and parameters.get("content_type") == "pd"
