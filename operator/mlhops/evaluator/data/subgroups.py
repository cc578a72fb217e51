"""Which groups each person belongs to. A missing value is the group `Unknown`.

An undeclared value is an error: to count these people as `Unknown` would hide a whole group from
the gates. Different values are never made one. A value that nobody declared and few rows have is not
told: it may be the name of a patient.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlhops.api.columns import blanks_shown, told
from mlhops.api.dates import microseconds
from mlhops.api.interface import Group
from mlhops.evaluator.data.convert import canonical, encoded, is_text, numbers_and_others, spelling
from mlhops.evaluator.data.dates import Checked
from mlhops.evaluator.data.read import Column
from mlhops.evaluator.errors import EvaluationError, counted
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Bools

UNKNOWN = "Unknown"
MOST_VALUES = 64
MOST_GROUPS = 1000
_COUNTABLE = 1 << 22
_MOST_NAMED = 5
_LONGEST = 63
_EXACT = 2.0**53

Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Levels:
    """One way to divide people: a code for each person, and the value that each code stands for."""

    codes: Codes
    values: Sequence[str]
    """Declared values are here even if no person has them."""
    hidden: Mapping[int, str] = field(default_factory=dict)
    """What is shown in the place of values that may not be told, by their code."""

    def shown(self, code: int) -> str:
        """Return a value as it may be told."""
        return self.hidden.get(code) or _shown(self.values[code])


@dataclass(frozen=True)
class Cohorts:
    """The groups of one gate over atoms, the finest groups that do not overlap."""

    names: Sequence[str]
    members: Bools
    """One row per group, one column per atom."""
    atom: Codes
    """The atom of each person."""
    absent: Sequence[str]
    """Declared groups without a single person."""
    division: Codes
    """For each group the number of the division that it belongs to, such as all values of sex."""
    reference: Codes
    """For each group the one that it is compared with, -1 where nobody belongs to that one."""


class Coder(Protocol):
    """Turns a column, batch after batch, into levels."""

    def add(self, column: Column) -> None:
        """Take the next batch."""

    def levels(self) -> Levels:
        """Return the levels of all batches.

        Raises:
            EvaluationError: the column has values that the group does not declare.
        """


def coder(group: Group, cells: SmallCells) -> Coder:
    """Return the coder for a declared group.

    Neither small counts are told, nor values that so few rows have and nobody declared.
    """
    if group.bins:
        return _Bins(group, group.bins, cells)
    if group.date_bins:
        return _DateBins(group, group.date_bins, cells)
    if group.values is None:
        return _Values(group, cells)
    return _Declared(group, group.values, cells)


def bin_names(cuts: Sequence[float]) -> list[str]:
    """Return the names of bins, with all digits: `[40, 65]` makes `<40`, `40-65` and `>=65`."""
    told = [_cut(cut) for cut in cuts]
    inner = [f"{low}-{high}" for low, high in pairwise(told)]
    return [f"<{told[0]}", *inner, f">={told[-1]}"]


def _cut(number: float) -> str:
    exact = float(number)
    return str(int(exact)) if exact.is_integer() and abs(exact) < _EXACT else repr(exact)


def cohorts(
    levels: dict[str, Levels],
    divisions: Sequence[tuple[str, ...]],
    reference: Mapping[str, str] | None = None,
    most: int | None = MOST_GROUPS,
) -> Cohorts:
    """Return the groups of some divisions: every value, and every combination that somebody has.

    Args:
        levels: how people are divided, by the name of the group.
        divisions: by which groups together, such as `("sex",)` or `("sex", "ageBand")`.
        reference: for each name the value that all others are compared with.
        most: how many groups there may be.

    Raises:
        EvaluationError: a reference is none of the group's values, or there are too many groups.
    """
    factors = list(dict.fromkeys(name for part in divisions for name in part))
    table, atom = _atoms([levels[name] for name in factors])
    wanted = {name: _code(levels[name], name, value) for name, value in (reference or {}).items()}
    names: list[str] = []
    rows: list[Bools] = []
    absent: list[str] = []
    division: list[int] = []
    references: list[int] = []
    for number, part in enumerate(divisions):
        columns = table[:, [factors.index(name) for name in part]]
        present = [tuple(combination) for combination in np.unique(columns, axis=0).tolist()]
        if most is not None and len(names) + len(present) > most:
            raise EvaluationError(_too_many(part, most))
        chosen = tuple(wanted.get(name, -1) for name in part)
        found = len(names) + present.index(chosen) if chosen in present else -1
        names += [_name(part, combination, levels) for combination in present]
        rows += [(columns == combination).all(axis=1) for combination in present]
        division += [number] * len(present)
        references += [found] * len(present)
        absent += _without_people(part, present, levels)
    return Cohorts(
        names,
        np.array(rows, dtype=bool),
        atom,
        absent,
        np.array(division, dtype=np.intp),
        np.array(references, dtype=np.intp),
    )


def _too_many(part: Sequence[str], most: int) -> str:
    return (
        f"gates[].across with {', '.join(part)} makes more than {most:,} groups: name "
        "fewer groups in an intersection, or wider bins in spec.interface.groups"
    )


def _without_people(
    part: Sequence[str], present: Sequence[Sequence[int]], levels: dict[str, Levels]
) -> list[str]:
    """Return the declared values that nobody has; of an intersection only what somebody has is a group."""
    if len(part) > 1:
        return []
    missing = set(range(len(levels[part[0]].values))) - {code for (code,) in present}
    return [_name(part, [code], levels) for code in sorted(missing)]


def _atoms(levels: Sequence[Levels]) -> tuple[Codes, Codes]:
    """Return the combinations of codes that somebody has, one a row, and that of each person."""
    atom = np.zeros(len(levels[0].codes), dtype=np.intp)
    table = np.zeros((1, 0), dtype=np.intp)
    for level in levels:
        # As numbers in place of rows: to sort rows would take longer than all the rest.
        paired = atom * len(level.values) + level.codes
        if len(table) * len(level.values) > _COUNTABLE:
            seen, atom = np.unique(paired, return_inverse=True)
        else:
            seen = np.flatnonzero(np.bincount(paired))
            place = np.zeros(int(seen[-1]) + 1, dtype=np.intp)
            place[seen] = np.arange(len(seen))
            atom = place[paired]
        before, code = np.divmod(seen, len(level.values))
        table = np.column_stack([table[before], code])
    return table, atom


def _code(level: Levels, name: str, value: str) -> int:
    for names in (level.values, [_shown(each) for each in level.values]):
        found = [code for code, each in enumerate(names) if each == value]
        if len(found) == 1:  # of two long values that are shown alike neither is meant
            return found[0]
    if value == UNKNOWN:
        return -1
    told = [level.shown(code) for code in range(len(level.values)) if code not in level.hidden]
    raise EvaluationError(
        f"the reference {_shown(value)} is no value of group {name}: set gates[].reference[].value "
        f"to one of {', '.join(told[:_MOST_NAMED])}" + (", …" if len(told) > _MOST_NAMED else "")
    )


def _name(part: Sequence[str], combination: Sequence[int], levels: dict[str, Levels]) -> str:
    pairs = zip(part, combination, strict=True)
    return ",".join(f"{name}={levels[name].shown(code)}" for name, code in pairs)


def _shown(value: str) -> str:
    """Return a value of foreign data so that it cannot break a line of text or fill it."""
    clean = "".join(sign if sign.isprintable() else "?" for sign in value)
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…"


class _Bins:
    def __init__(self, group: Group, cuts: Sequence[float], cells: SmallCells) -> None:
        self._group = group
        self._cuts = cuts
        self._cells = cells
        self._others: Counter[str] = Counter()
        self._parts: list[Codes] = []

    def add(self, column: Column) -> None:
        numbers, others = numbers_and_others(column)
        self._others.update(others)
        found = np.searchsorted(self._cuts, numbers, side="right")
        self._parts.append(np.where(np.isnan(numbers), -1, found).astype(np.intp))

    def levels(self) -> Levels:
        if self._others:
            raise EvaluationError(self._complaint())
        return _with_unknown(np.concatenate(self._parts), bin_names(self._cuts))

    def _complaint(self) -> str:
        """Say how what is no number looks; those people, often the oldest, would be missing in their bin."""
        rows = self._others.total()
        number = self._cells.text(rows, "row")
        looks = min(self._others, key=lambda each: (-self._others[each], each))
        return (
            f"column {told(self._group.column)} (group {self._group.name}) is cut into bins, and holds "
            f"what is not a number in {number}, such as '{looks}' (9 is any digit, a any letter): "
            "write numbers, or declare interface.groups[].values in place of bins; only a value "
            "that is missing counts as Unknown"
        )


class _DateBins:
    def __init__(self, group: Group, cuts: Sequence[str], cells: SmallCells) -> None:
        self._cuts = cuts
        place = f"interface.groups[].dateBins of {group.name}"
        self._checked = Checked(group.column, place, cuts, cells)
        self._edges = [microseconds(datetime.fromisoformat(cut)) for cut in cuts]
        self._parts: list[Codes] = []

    def add(self, column: Column) -> None:
        found = self._checked.add(column)
        place = np.searchsorted(self._edges, found.values, side="right")
        self._parts.append(np.where(found.known, place, -1).astype(np.intp))

    def levels(self) -> Levels:
        self._checked.check()
        if sorted(set(self._edges)) != self._edges:
            raise EvaluationError("interface.groups[].dateBins must go up, each moment once")
        inner = [f"{low}/{high}" for low, high in pairwise(self._cuts)]
        names = [f"<{self._cuts[0]}", *inner, f">={self._cuts[-1]}"]
        return _with_unknown(np.concatenate(self._parts), names)


class _Seen:
    """The different values of a column as they stand, and which of them each person has."""

    def __init__(self, group: Group, most: int | None = None) -> None:
        self._group = group
        self._most = most
        self._known: dict[str, int] = {}
        self._parts: list[Codes] = []
        self.counts: Counter[str] = Counter()
        self.as_text = True
        """Whether the column holds text; one of nothing at all has no other spellings either."""

    def add(self, column: Column) -> None:
        codes, texts = encoded(column)
        present = np.bincount(codes[codes >= 0], minlength=len(texts)).tolist()
        places = [self._place(t, n) if n else -1 for t, n in zip(texts, present, strict=True)]
        if any(present):
            self.as_text = is_text(column)
        self._parts.append(np.array([*places, -1], dtype=np.intp)[codes])

    def codes(self, code: Mapping[str, int]) -> Codes:
        """Return each person's code, when each value has the given one."""
        table = np.array([*(code[text] for text in self._known), -1], dtype=np.intp)
        return table[np.concatenate(self._parts)]

    def _place(self, text: str, rows: int) -> int:
        if text not in self._known and len(self._known) == self._most:
            raise EvaluationError(
                f"column {told(self._group.column)} (group {self._group.name}) has more than "
                f"{MOST_VALUES} values: set values or bins for the group in spec.interface.groups"
            )
        self.counts[text] += rows
        return self._known.setdefault(text, len(self._known))


class _Declared:
    def __init__(self, group: Group, values: Sequence[str], cells: SmallCells) -> None:
        self._group = group
        self._values = values
        self._cells = cells
        self._seen = _Seen(group)

    def add(self, column: Column) -> None:
        self._seen.add(column)

    def levels(self) -> Levels:
        found = self._matched() if self._seen.as_text else self._equal()
        undeclared = Counter({t: n for t, n in self._seen.counts.items() if found[t] < 0})
        if undeclared:
            raise EvaluationError(self._complaint(undeclared))
        return _with_unknown(self._seen.codes(found), self._values)

    def _equal(self) -> dict[str, int]:
        """Return the declared value of each number, in whatever way it is written there."""
        known: dict[str, int] = {}
        for code, value in enumerate(self._values):
            before = known.setdefault(canonical(value), code)
            if before != code:
                raise EvaluationError(
                    f"group {self._group.name} declares '{_shown(self._values[before])}' and "
                    f"'{_shown(value)}', which are the same in column {told(self._group.column)} since "
                    "it holds numbers or truth values: declare one of them in "
                    "interface.groups[].values, or write the column as text"
                )
        return {text: known.get(text, -1) for text in self._seen.counts}

    def _matched(self) -> dict[str, int]:
        """Return the declared value of each text: itself, or the only one of the same spelling.

        `True` is the declared `true`, and `F  ` the declared `F`, as long as no other value, present or
        declared, could be meant by it.
        """
        known = {value: code for code, value in enumerate(self._values)}
        declared = Counter(spelling(value) for value in self._values)
        present = Counter(spelling(text) for text in self._seen.counts)
        loose = {spelling(value): code for value, code in known.items()}
        return {
            text: known[text]
            if text in known
            else loose.get(like, -1)
            if declared[like] == present[like] == 1
            else -1
            for text in self._seen.counts
            for like in [spelling(text)]
        }

    def _complaint(self, undeclared: Counter[str]) -> str:
        rows = undeclared.total()
        number = self._cells.text(rows, "row")
        declared = {spelling(value) for value in self._values}
        alike = any(spelling(text) in declared for text in undeclared)
        return (
            f"column {told(self._group.column)} (group {self._group.name}) has undeclared values in "
            f"{number} ({self._named(undeclared)}): declare them in interface.groups[].values, or "
            "correct them in the data; only a value that is missing counts as Unknown"
        ) + ("; some differ from other values only in blanks or spelling" if alike else "")

    def _named(self, undeclared: Counter[str]) -> str:
        """Return undeclared values that enough rows have; so many of them are no labels, but may name people."""
        if len(undeclared) > MOST_VALUES:
            return f"more than {MOST_VALUES} different ones"
        ordered = sorted(undeclared, key=lambda text: (-undeclared[text], text))
        told = [text for text in ordered if not self._cells.hides(undeclared[text])]
        names = [f"'{_shown(blanks_shown(text))}'" for text in told[:_MOST_NAMED]]
        more = len(ordered) - len(names)
        if not names:
            few = self._cells.text(undeclared[ordered[0]], "row")
            return f"{counted(more, 'value')}, which {few} each have"
        return ", ".join([*names, f"and {more} more"] if more else names)


class _Values:
    def __init__(self, group: Group, cells: SmallCells) -> None:
        self._cells = cells
        self._seen = _Seen(group, MOST_VALUES)

    def add(self, column: Column) -> None:
        self._seen.add(column)

    def levels(self) -> Levels:
        # Values came in the order of the rows, which must not matter: sort them.
        counts = self._seen.counts
        order = sorted(counts, key=lambda text: (self._cells.hides(counts[text]), text))
        code = {text: i for i, text in enumerate(order)}
        few = [i for i, text in enumerate(order) if self._cells.hides(counts[text])]
        hidden = {
            i: f"({self._cells.text(counts[order[i]], 'row')}" + (f", no. {n})" if n > 1 else ")")
            for n, i in enumerate(few, 1)
        }
        names = [self._name(text) for text in order]
        return _with_unknown(self._seen.codes(code), names, hidden)

    def _name(self, text: str) -> str:
        """Return a value by its usual spelling, where no other one has the same."""
        if not self._seen.as_text:
            return text
        like = spelling(text)
        alike = sum(spelling(other) == like for other in self._seen.counts)
        return like if alike == 1 else blanks_shown(text)


def _with_unknown(
    codes: Codes, values: Sequence[str], hidden: Mapping[int, str] | None = None
) -> Levels:
    hidden = hidden or {}
    if not (codes < 0).any():
        return Levels(codes, values, hidden)
    if UNKNOWN in values:
        place = list(values).index(UNKNOWN)
        told = {code: name for code, name in hidden.items() if code != place}
        return Levels(np.where(codes < 0, place, codes), values, told)
    return Levels(np.where(codes < 0, len(values), codes), [*values, UNKNOWN], hidden)
