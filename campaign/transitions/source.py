"""All leaves of a spec, all mistakes, and all that the schema refuses; and what share of it was covered."""

from collections.abc import Mapping, Sequence
from functools import partial

from campaign.cases import Lane, Outcome, Source
from campaign.transitions.leaves import Leaf, all_leaves
from campaign.transitions.mistakes import REFUSED, Refused, make_all, refuse_all
from campaign.transitions.play import Covered, lane
from campaign.transitions.wrongs import WRONGS

_LEAVES = {str(leaf): leaf for leaf in all_leaves()}
_WRONGS = {wrong.name: wrong for wrong in WRONGS}
_PER_LANE = 8


def _lanes(names: Sequence[str], jobs: int) -> list[Lane]:
    leaves = [_LEAVES[name] for name in names if name in _LEAVES]
    wrongs = [_WRONGS[name] for name in names if name in _WRONGS]
    size = max(1, min(_PER_LANE, -(-len(leaves) // jobs)))
    lanes = [
        Lane(tuple(map(str, part)), partial(lane, leaves=part)) for part in _parts(leaves, size)
    ]
    if wrongs:
        lanes.append(Lane(tuple(one.name for one in wrongs), partial(make_all, wrongs=wrongs)))
    if REFUSED in names:
        lanes.append(Lane((REFUSED,), refuse_all))
    return lanes


def _parts(leaves: Sequence[Leaf], size: int) -> list[list[Leaf]]:
    """Leaves that are played on one model; those of the steps, which take time, by themselves."""
    steps = [leaf for leaf in leaves if leaf.path[:2] == ("rollout", "steps")]
    others = [leaf for leaf in leaves if leaf not in steps]
    parts = [others[at : at + size] for at in range(0, len(others), size)]
    return [part for part in (steps, *parts) if part]


def _lines(played: Mapping[str, Outcome]) -> list[str]:
    covered = {name: one for name, one in played.items() if isinstance(one, Covered)}
    refused = sum(one.specs for one in played.values() if isinstance(one, Refused))
    changed = sum(one.changed for one in covered.values())
    removed = sum(one.removed for one in covered.values())
    must = {name: one.unremoved_because for name, one in covered.items() if one.unremoved_because}
    share = 100 * changed / len(covered) if covered else 0.0
    fields = f"leaf fields {len(covered)}, changed {changed} ({share:.0f} %)"
    mistakes = sum(name in _WRONGS for name in played)
    return [
        f"{fields}, removed {removed} of {len(covered) - len(must)} removable",
        f"mistakes {mistakes}, specs refused {refused}",
        *(
            f"  not changed: {name}: {one.unchanged_because or 'failed'}"
            for name, one in covered.items()
            if not one.changed
        ),
        *(f"  not removable: {name}: {why}" for name, why in must.items()),
    ]


TRANSITIONS = Source((*_LEAVES, *_WRONGS, REFUSED), _lanes, _lines)
