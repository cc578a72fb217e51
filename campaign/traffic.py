"""What an operator asked of the API server, and whether it was too much or too soon."""

from collections import Counter
from collections.abc import Sequence

from lab.faults.answers import RETRY_AFTER
from lab.faults.script import Counted, Struck

WINDOW = 10.0
_TOLERANCE = 0.05
"""Of the clock: a request is seen a little after it was sent."""


def requests(seen: Sequence[Struck]) -> list[Struck]:
    """Reads, writes and watches, in order; what was sent, not what was told."""
    return [one for one in seen if one.counted is not Counted.EVENT]


def busiest(seen: Sequence[Struck]) -> list[Struck]:
    """The requests of the ten seconds in which there were most."""
    asked = requests(seen)
    most: list[Struck] = []
    first = 0
    for last, one in enumerate(asked):
        while asked[first].moment < one.moment - WINDOW:
            first += 1
        if last - first + 1 > len(most):
            most = asked[first : last + 1]
    return most


def commonest(asked: Sequence[Struck]) -> str:
    """What most of some requests were."""
    found = Counter(one.target.sort for one in asked).most_common(4)
    return ", ".join(f"{count} {sort}" for sort, count in found)


def hasty(seen: Sequence[Struck]) -> list[str]:
    """Requests that came again before the time was over that a 429 had asked for."""
    found: list[str] = []
    until: dict[str, float] = {}
    for one in requests(seen):
        early = until.get(one.request, 0.0) - one.moment
        if early > _TOLERANCE:
            waited = RETRY_AFTER - early
            found.append(f"{one.target} again {waited:.2f} s after a 429, asked for {RETRY_AFTER}")
        if one.busy:
            until[one.request] = one.moment + RETRY_AFTER
    return found
