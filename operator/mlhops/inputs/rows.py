"""From the body of a request to rows of features: each way in which KServe's servers can be asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from mlhops.api.base import Json
from mlhops.api.interface import Encoding, Feature, Protocol
from mlhops.inputs.flaws import Flaw, FlawedError
from mlhops.inputs.tensors import Tensor, tensors

Row = Sequence[Json]
"""One value for each feature, in the model's order; None is missing."""


class Oddity(StrEnum):
    """What may be odd about the names in a request."""

    MISSING_FEATURE = "missingFeature"
    """A feature that the request does not mention, so that it is missing in all its rows."""
    UNKNOWN_FEATURE = "unknownFeature"
    """A name in the request that is no feature."""


@dataclass(frozen=True, slots=True)
class RowForm:
    """How one request asks."""

    protocol: Protocol
    encoding: Encoding
    reordered: int = 0
    """Rows whose features are named in another order than the interface's."""
    misnamed: int = 0
    """Rows whose names are not those of the interface, neither more nor less."""


class RowReader:
    """Reads requests for one model's features."""

    def __init__(self, features: Sequence[Feature], most_values: int) -> None:
        """Take the model's inputs, in its order, and how many values a request may have."""
        self._names = [feature.name for feature in features]
        self._known = frozenset(self._names)
        self._places = {name: place for place, name in enumerate(self._names)}
        self._most_values = most_values

    def read(
        self, known: dict[str, Json], raw: bytes, oddities: set[Oddity]
    ) -> tuple[Sequence[Row], RowForm]:
        """Return the rows of a request, and how it asks.

        Args:
            known: the JSON of the body.
            raw: the binary tensors behind it.
            oddities: takes what is odd about the names, whether the rest can be read or not.

        Raises:
            FlawedError: it asks nothing, or of other features.
        """
        if "instances" in known:
            return self._instances(known["instances"], oddities)
        given = known.get("inputs")
        if given is None:
            raise FlawedError(Flaw.NOT_A_PREDICTION)
        if raw or _are_tensors(given):
            return self._tensors(tensors(given, raw), oddities, frame=_is_frame(known))
        return self._instances(given, oddities)

    def _instances(self, given: Json, oddities: set[Oddity]) -> tuple[Sequence[Row], RowForm]:
        """Rows of the v1 protocol: lists, dicts by name, bare values, or dicts of columns."""
        if isinstance(given, dict):
            rows = self._frame(given, oddities)
            return rows, self._form("v1", "Columns", [(given, len(rows))])
        if not isinstance(given, list):
            raise FlawedError(Flaw.NOT_A_PREDICTION)
        width = len(self._names)
        lists = [row for row in given if isinstance(row, list)]
        if len(lists) == len(given):
            if any(len(row) != width for row in lists):
                raise FlawedError(Flaw.WRONG_FEATURES)
            return lists, RowForm("v1", "Matrix")
        named = [row for row in given if isinstance(row, dict)]
        if len(named) == len(given):
            return self._named(named, oddities)
        if width > 1 or lists or named:
            raise FlawedError(Flaw.WRONG_FEATURES)
        return [[value] for value in given], RowForm("v1", "Matrix")

    def _named(
        self, named: Sequence[dict[str, Json]], oddities: set[Oddity]
    ) -> tuple[Sequence[Row], RowForm]:
        self._check_size(len(named))
        rows: list[Row] = []
        sizes: list[int] = []
        encoding: Encoding = "Tensors"
        for row in named:
            before = len(rows)
            if any(isinstance(row.get(name), list) for name in self._names):
                encoding = "Columns"
                rows.extend(self._frame(row, oddities))
                self._check_size(len(rows))
            else:
                self._see_names(row, oddities)
                rows.append([row.get(name) for name in self._names])
            sizes.append(len(rows) - before)
        return rows, self._form("v1", encoding, list(zip(named, sizes, strict=True)))

    def _frame(self, columns: dict[str, Json], oddities: set[Oddity]) -> Sequence[Row]:
        self._see_names(columns, oddities)
        lists = {name: column for name, column in columns.items() if isinstance(column, list)}
        lengths = {
            len(lists[name]) if name in lists else -1 for name in columns.keys() & self._known
        }
        if len(lengths) != 1 or -1 in lengths:
            raise FlawedError(Flaw.WRONG_FEATURES)
        rows = lengths.pop()
        self._check_size(rows)
        missing: list[Json] = [None] * rows
        return list(zip(*(lists.get(name, missing) for name in self._names), strict=True))

    def _tensors(
        self, given: Sequence[Tensor], oddities: set[Oddity], *, frame: bool
    ) -> tuple[Sequence[Row], RowForm]:
        width = len(self._names)
        if len(given) == 1 and given[0].width == width and not (frame and width == 1):
            flat = given[0].flat
            rows = [flat[at : at + width] for at in range(0, len(flat), width)]
            return rows, RowForm("v2", "Matrix")
        named: dict[str, Json] = {}
        for tensor in given:
            if tensor.name in self._known and (tensor.width != 1 or tensor.name in named):
                raise FlawedError(Flaw.WRONG_FEATURES)
            named[tensor.name] = list(tensor.flat)
        found = self._frame(named, oddities)
        return found, self._form("v2", "Columns" if frame else "Tensors", [(named, len(found))])

    def _form(
        self,
        protocol: Protocol,
        encoding: Encoding,
        named: Sequence[tuple[dict[str, Json], int]],
    ) -> RowForm:
        """Return how a request asks, by what names so many rows each."""
        # Most come as they should, which is quick to see.
        odd = [(each, rows) for each, rows in named if list(each) != self._names]
        return RowForm(
            protocol,
            encoding,
            reordered=sum(rows for each, rows in odd if not _in_order(each, self._places)),
            misnamed=sum(rows for each, rows in odd if each.keys() != self._known),
        )

    def _check_size(self, rows: int) -> None:
        # A value that is there takes two bytes of the body at least, one that is not takes none.
        if rows * len(self._names) > self._most_values:
            raise FlawedError(Flaw.TOO_MANY_ROWS)

    def _see_names(self, names: dict[str, Json], oddities: set[Oddity]) -> None:
        common = names.keys() & self._known
        if not common:
            raise FlawedError(Flaw.WRONG_FEATURES)
        if len(common) < len(self._known):
            oddities.add(Oddity.MISSING_FEATURE)
        if len(common) < len(names):
            oddities.add(Oddity.UNKNOWN_FEATURE)


def _are_tensors(given: Json) -> bool:
    """Return whether a list `inputs` is of the v2 protocol; in v1 it is a name for instances."""
    first = given[0] if isinstance(given, list) and given else None
    return isinstance(first, dict) and "shape" in first and "datatype" in first


def _is_frame(known: dict[str, Json]) -> bool:
    """Return whether a v2 request says that its tensors are the columns of a data frame."""
    parameters = known.get("parameters")
    return isinstance(parameters, dict) and parameters.get("content_type") == "pd"


def _in_order(names: Iterable[str], places: Mapping[str, int]) -> bool:
    """Return whether names come in the order of the features, whatever else is among them."""
    found = [places[name] for name in names if name in places]
    return all(first < second for first, second in pairwise(found))
