"""All interferences, each on a model of its own."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from campaign.cases import Lane, Outcome, Source, Told
from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.interference.cases import CASES
from campaign.interference.fight import FIGHTS, fight
from campaign.interference.play import Played, play
from campaign.interference.rights import RIGHTS, right_name, take
from campaign.interference.uninstalled import UNINSTALLED, uninstall

_PLAYS: Mapping[str, Callable[[Plane, Recorder], Played]] = {
    **{case.name: partial(play, case=case) for case in CASES},
    **{name: partial(fight, pause=pause) for name, pause in FIGHTS.items()},
    **{right_name(right): partial(take, right=right) for right in RIGHTS},
    UNINSTALLED: lambda *_: uninstall(),
}


def _lane(name: str) -> Lane:
    def alone(plane: Plane, recorder: Recorder, told: Told) -> list[str]:
        told(name, _PLAYS[name](plane, recorder))
        return []

    return Lane((name,), alone)


def _lanes(names: Sequence[str], _: int) -> list[Lane]:
    return [_lane(name) for name in names]


def _lines(played: Mapping[str, Outcome]) -> list[str]:
    most = max((one.writes for one in played.values() if isinstance(one, Played)), default=0)
    return [f"interferences {len(played)}, at most {most} writes a minute while one lasts"]


INTERFERENCE = Source(tuple(_PLAYS), _lanes, _lines)
