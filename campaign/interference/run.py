"""All interferences, several at a time."""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.interference.cases import CASES
from campaign.interference.fight import FIGHTS, fight
from campaign.interference.play import Played, play
from campaign.interference.rights import RIGHTS, right_name, take
from campaign.interference.uninstalled import UNINSTALLED, uninstall


@dataclass
class Tally:
    """What was tried, and what went wrong."""

    played: dict[str, Played] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        """How many cases were played."""
        return len(self.played)

    @property
    def failed(self) -> dict[str, list[str]]:
        """Complaints by case."""
        return {name: one.complaints for name, one in self.played.items() if one.complaints}

    def lines(self) -> list[str]:
        """The tally for people."""
        most = max((one.writes for one in self.played.values()), default=0)
        return [f"interferences {self.tried}, at most {most} writes a minute while one lasts"]


def names_of() -> list[str]:
    """All interferences, by the name with which they are replayed."""
    rights = [right_name(right) for right in RIGHTS]
    return [*(case.name for case in CASES), *FIGHTS, *rights, UNINSTALLED]


def chosen_of(names: Sequence[str], sample: int | None, seed: int) -> list[str]:
    """What to play: what is named, or all, or a sample by seed.

    Raises:
        ValueError: there is no interference of that name.
    """
    unknown = set(names) - set(names_of())
    if unknown:
        raise ValueError(f"no interference: {', '.join(sorted(unknown))}")
    chosen = list(names) or names_of()
    return (
        chosen if sample is None else random.Random(seed).sample(chosen, min(sample, len(chosen)))
    )


def _plays(plane: Plane, recorder: Recorder) -> dict[str, Callable[[], Played]]:
    plays: dict[str, Callable[[], Played]] = {
        case.name: partial(play, plane, recorder, case) for case in CASES
    }
    plays |= {name: partial(fight, plane, recorder, pause) for name, pause in FIGHTS.items()}
    plays |= {right_name(right): partial(take, plane, recorder, right) for right in RIGHTS}
    return plays | {UNINSTALLED: uninstall}


def run(
    plane: Plane,
    recorder: Recorder,
    tell: Callable[[str], None],
    jobs: int,
    sample: int | None = None,
    seed: int = 0,
    names: Sequence[str] = (),
) -> Tally:
    """Play all interferences, those that are named, or a sample by seed."""
    tally, lock = Tally(), threading.Lock()
    plays = _plays(plane, recorder)

    def one(name: str) -> None:
        try:
            played = plays[name]()
        except Exception as error:
            played = Played(complaints=[f"the campaign itself failed: {error!r}"])
        with lock:
            tally.played[name] = played
            _tell(name, played, tell)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, chosen_of(names, sample, seed)))
    return tally


def _tell(name: str, played: Played, tell: Callable[[str], None]) -> None:
    word = "FAILED" if played.complaints else "ok    "
    tell(f"{word} {name} ({played.writes} writes a minute)")
    for complaint in played.complaints:
        tell(f"    {complaint}")
    if played.complaints:
        tell(f"    replay: python -m campaign.interference --case '{name}'")
