"""Groups that cannot be judged: too small, or with too few people to be compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlhops.api.gate import Gate
from mlhops.evaluator.data.subgroups import Cohorts
from mlhops.evaluator.verdict.cell_counts import Disclosure, GroupCounts, Tallies
from mlhops.evaluator.verdict.requirements import Requirement
from mlhops.evaluator.verdict.sentences import joined
from mlhops.statistics.arrays import Bools


@dataclass(frozen=True)
class Shortfall:
    """A group that cannot be judged, and the cases that it lacks."""

    group: int
    lacks: Requirement | None
    """What the group itself has too few of; None where it is large enough."""
    other: int | None = None
    """The group that it would be compared with, where that is one."""
    other_lacks: Requirement | None = None
    """What those that it would be compared with have too few of."""


def shortfalls(
    gate: Gate, who: Cohorts, tallies: Tallies, wanted: Sequence[Requirement]
) -> list[Shortfall]:
    """Return the groups that cannot be judged."""
    groups = range(len(who.names))
    own = [_first(tallies, wanted, i) for i in groups]
    enough = np.array([lack is None for lack in own], dtype=bool)
    found = []
    for i in groups:
        lack = own[i]
        if lack is not None:
            found.append(Shortfall(i, lack))
        elif gate.against == "Reference":
            other = int(who.reference[i])
            if other < 0 or not enough[other]:
                lacking = own[other] if other >= 0 else wanted[0]
                found.append(Shortfall(i, None, other if other >= 0 else None, lacking))
        elif gate.against == "Best":
            if not _has_rival(who, enough, i):
                found.append(Shortfall(i, None))
        elif (lacking := _first_of_rest(tallies, wanted, i)) is not None:
            found.append(Shortfall(i, None, None, lacking))
    return found


def own_shortfalls(tallies: Tallies, wanted: Sequence[Requirement]) -> list[Shortfall]:
    """Return the groups that are too small, whoever they are compared with."""
    lacks = [(i, _first(tallies, wanted, i)) for i in range(len(tallies.who.names))]
    return [Shortfall(i, lack) for i, lack in lacks if lack is not None]


def shortfall_sentence(
    gate: Gate, found: Sequence[Shortfall], tallies: Tallies, disclosure: Disclosure
) -> str:
    """Return which groups cannot be judged and what each needs."""
    return "; ".join(joined([_told(gate, each, tallies, disclosure) for each in found]))


def _first(tallies: Tallies, wanted: Sequence[Requirement], group: int) -> Requirement | None:
    for each in wanted:
        if tallies.sizes(each.cases)[group] < each.minimum:
            return each
    return None


def _first_of_rest(
    tallies: Tallies, wanted: Sequence[Requirement], group: int
) -> Requirement | None:
    for each in wanted:
        if tallies.total(each.cases) - tallies.sizes(each.cases)[group] < each.minimum:
            return each
    return None


def _has_rival(who: Cohorts, enough: Bools, group: int) -> bool:
    beside = enough & (who.division == who.division[group])
    return int(beside.sum()) > 1


def _told(gate: Gate, each: Shortfall, tallies: Tallies, disclosure: Disclosure) -> str:
    names = tallies.who.names
    name = names[each.group]
    if each.lacks is not None:
        tally = disclosure.tell(each.lacks.cases, tallies)
        return f"{name} is too small to judge: {_lack(tally, each.group, each.lacks.minimum)}"
    if each.other_lacks is None:
        return f"{name} cannot be compared: no other group beside it is large enough"
    tally, least = disclosure.tell(each.other_lacks.cases, tallies), each.other_lacks.minimum
    if gate.against != "Reference":
        others = f"{tally.rest_text(each.group)} {tally.cases}"
        return f"{name} cannot be compared: everybody else has {others}, {least} are needed"
    if each.other is None:
        return f"{name} cannot be compared: nobody in the data belongs to its reference"
    return (
        f"{name} cannot be compared: its reference {names[each.other]} is too small: "
        f"{_lack(tally, each.other, least)}"
    )


def _lack(tally: GroupCounts, group: int, minimum: int) -> str:
    """Say what a group has and needs, but no exact number that may not be told."""
    count = tally.count(group)
    if count is not None:
        return f"it has {count:,} {tally.cases} and needs {minimum:,}, {minimum - count:,} more to be judged"
    if tally.cells.hides(int(tally.sizes[group])):
        return f"it has {tally.text(group)} {tally.cases} and needs {minimum:,}"
    return f"it has fewer than the {minimum:,} {tally.cases} that it needs"
