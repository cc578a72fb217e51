"""Which groups each person belongs to. A missing value is the group `Unknown`.

An undeclared value is an error: to count these people as `Unknown` would hide a whole group from
the gates.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlhops.api.interface import Group
from mlhops.evaluator.convert import canonical, encoded, loose_floats
from mlhops.evaluator.errors import EvaluationError, counted
from mlhops.evaluator.read import Column
from mlhops.statistics.rates import Bools

UNKNOWN = "Unknown"
MOST_VALUES = 64
MOST_GROUPS = 1000
_COUNTABLE = 1 << 22
_MOST_NAMED = 5
_LONGEST = 63

Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Levels:
    """One way to divide people: a code for each person, and the value that each code stands for."""

    codes: Codes
    values: Sequence[str]
    """Declared values are here even if no person has them."""


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


def coder(group: Group, smallest: int) -> Coder:
    """Return the coder for a declared group; errors do not tell counts below the smallest."""
    if group.bins:
        return _Bins(group.bins)
    return _Values(group) if group.values is None else _Declared(group, group.values, smallest)


def bin_names(cuts: Sequence[float]) -> list[str]:
    """Return the names of bins: `[40, 65]` makes `<40`, `40-65` and `>=65`."""
    inner = [f"{low:g}-{high:g}" for low, high in pairwise(cuts)]
    return [f"<{cuts[0]:g}", *inner, f">={cuts[-1]:g}"]


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
            raise EvaluationError(
                f"gates[].across with {', '.join(part)} makes more than {most:,} groups: name "
                "fewer groups in an intersection, or wider bins in spec.interface.groups"
            )
        chosen = tuple(wanted.get(name, -1) for name in part)
        found = len(names) + present.index(chosen) if chosen in present else -1
        for combination in present:
            names.append(_name(part, combination, levels))
            rows.append((columns == combination).all(axis=1))
            division.append(number)
            references.append(found)
        if len(part) == 1:
            every = range(len(levels[part[0]].values))
            missing = sorted(set(every) - {code for (code,) in present})
            absent += [_name(part, [code], levels) for code in missing]
    return Cohorts(
        names,
        np.array(rows, dtype=bool),
        atom,
        absent,
        np.array(division, dtype=np.intp),
        np.array(references, dtype=np.intp),
    )


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
    names = [_shown(each) for each in level.values]
    if value in names:
        return names.index(value)
    if value == UNKNOWN:
        return -1
    raise EvaluationError(
        f"the reference {_shown(value)} is no value of group {name}: set gates[].reference[].value "
        f"to one of {', '.join(names[:_MOST_NAMED])}" + (", …" if len(names) > _MOST_NAMED else "")
    )


def _name(part: Sequence[str], combination: Sequence[int], levels: dict[str, Levels]) -> str:
    pairs = zip(part, combination, strict=True)
    return ",".join(f"{name}={_shown(levels[name].values[code])}" for name, code in pairs)


def _shown(value: str) -> str:
    """Return a value of foreign data so that it cannot break a line of text or fill it."""
    clean = "".join(sign if sign.isprintable() else "?" for sign in value)
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…"


class _Bins:
    def __init__(self, cuts: Sequence[float]) -> None:
        self._cuts = cuts
        self._parts: list[Codes] = []

    def add(self, column: Column) -> None:
        numbers = loose_floats(column)
        found = np.searchsorted(self._cuts, numbers, side="right")
        self._parts.append(np.where(np.isnan(numbers), -1, found).astype(np.intp))

    def levels(self) -> Levels:
        return _with_unknown(np.concatenate(self._parts), bin_names(self._cuts))


class _Declared:
    def __init__(self, group: Group, values: Sequence[str], smallest: int) -> None:
        self._group = group
        self._values = values
        self._smallest = smallest
        self._known = {canonical(value): code for code, value in enumerate(values)}
        self._undeclared: Counter[str] = Counter()
        self._parts: list[Codes] = []

    def add(self, column: Column) -> None:
        codes, texts = encoded(column)
        counts = np.bincount(codes[codes >= 0], minlength=len(texts)).tolist()
        for text, count in zip(texts, counts, strict=True):
            if count and text not in self._known:
                self._undeclared[text] += count
        places = [self._known.get(text, -1) for text in texts]
        self._parts.append(np.array([*places, -1], dtype=np.intp)[codes])

    def levels(self) -> Levels:
        if self._undeclared:
            raise EvaluationError(self._complaint())
        return _with_unknown(np.concatenate(self._parts), self._values)

    def _complaint(self) -> str:
        rows = self._undeclared.total()
        few = f"fewer than {self._smallest} rows"
        number = counted(rows, "row") if rows >= self._smallest else few
        return (
            f"column {self._group.column} (group {self._group.name}) has undeclared values in "
            f"{number} ({self._named()}): declare them in interface.groups[].values, or "
            "correct them in the data; only a value that is missing counts as Unknown"
        )

    def _named(self) -> str:
        """Return the undeclared values; so many of them are no labels, but may name people."""
        if len(self._undeclared) > MOST_VALUES:
            return f"more than {MOST_VALUES} different ones"
        ordered = sorted(self._undeclared, key=lambda text: (-self._undeclared[text], text))
        names = [f"'{_shown(text)}'" for text in ordered[:_MOST_NAMED]]
        more = len(ordered) - len(names)
        return ", ".join([*names, f"and {more} more"] if more else names)


class _Values:
    def __init__(self, group: Group) -> None:
        self._group = group
        self._shown: list[str] = []
        self._known: dict[str, int] = {}
        self._parts: list[Codes] = []

    def add(self, column: Column) -> None:
        codes, texts = encoded(column)
        used = set(np.unique(codes[codes >= 0]).tolist())
        places = [self._place(text) if i in used else -1 for i, text in enumerate(texts)]
        self._parts.append(np.array([*places, -1], dtype=np.intp)[codes])

    def levels(self) -> Levels:
        codes = np.concatenate(self._parts)
        # Values came in the order of the rows, which must not matter: sort them.
        order = sorted(range(len(self._shown)), key=self._shown.__getitem__)
        new = np.empty(len(order) + 1, dtype=np.intp)
        new[order] = np.arange(len(order))
        new[-1] = -1
        return _with_unknown(new[codes], [self._shown[code] for code in order])

    def _place(self, text: str) -> int:
        if text in self._known:
            return self._known[text]
        if len(self._shown) == MOST_VALUES:
            raise EvaluationError(
                f"column {self._group.column} (group {self._group.name}) has more than "
                f"{MOST_VALUES} values: set values or bins for the group in spec.interface.groups"
            )
        self._known[text] = len(self._shown)
        self._shown.append(text)
        return self._known[text]


def _with_unknown(codes: Codes, values: Sequence[str]) -> Levels:
    if not (codes < 0).any():
        return Levels(codes, values)
    if UNKNOWN in values:
        return Levels(np.where(codes < 0, list(values).index(UNKNOWN), codes), values)
    return Levels(np.where(codes < 0, len(values), codes), [*values, UNKNOWN])
