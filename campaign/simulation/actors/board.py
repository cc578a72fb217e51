"""The safety board: it writes standards, tightens and loosens them, and takes them back, whatever goes on.

It has dice of its own, and meets in some episodes alone.
"""

import random

from campaign.simulation.actors.stage import Stage, name_of
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import STANDARDS

BOARD = "board"
_EACH, _ONE = 3, 1
"""Of so many episodes in a row, it meets in this one."""
_REST = 150
"""Between two meetings there are so many actions of others at most."""
_FAIR: Manifest = {
    "name": "fair",
    "type": "Fairness",
    "metrics": ["FalseNegativeRate"],
    "comparison": "Difference",
    "limit": 0.1,
    "assurance": "NotRefuted",
}
_FLOORS: tuple[Manifest, ...] = (
    {},
    {"gates": [_FAIR]},
    {"rollout": {"maxFirstWeight": 10}},
    {"rollout": {"minRequests": 50}},
    {"data": {"digest": True}},
    {"appliesTo": {"riskClasses": ["I"]}, "data": {"digest": True}},
)
_NAMES = ("high-risk", "everywhere")


class Board:
    """Several people who know nothing of rollouts."""

    def __init__(self, stage: Stage, seed: int, number: int) -> None:
        self._stage = stage
        self._rng = random.Random(f"{seed}:{number}:board")
        self._meets = number % _EACH == _ONE
        self._due = 0

    def is_due(self, step: int) -> bool:
        """Whether it meets now; if so, it meets again some time later."""
        if not self._meets or step < self._due:
            return False
        self._due = step + self._rng.randrange(1, _REST)
        return True

    def act(self) -> str:
        """Write a standard, or take one back, or lose the kind for a while."""
        server = self._stage.server
        if STANDARDS in server.absent:
            server.set_installed(STANDARDS, True, BOARD)
            return "board installs ClinicalStandard"
        dice = self._rng.random()
        if dice < 0.05:
            server.set_installed(STANDARDS, False, BOARD)
            return "board loses ClinicalStandard"
        name = self._rng.choice(_NAMES)
        there = name in server.view(STANDARDS)
        if there and dice < 0.4:
            server.delete(STANDARDS, name, BOARD)
            return f"board takes back {name}"
        floor = self._rng.choice(_FLOORS)
        if there:
            every: dict[str, Json] = dict.fromkeys(("appliesTo", "gates", "rollout", "data"))
            server.patch(STANDARDS, name, {"spec": {**every, **floor}}, BOARD)
        else:
            server.create(STANDARDS, {"metadata": {"name": name}, "spec": floor}, BOARD)
        return f"board asks for {floor} in {name}"

    def adjourn(self) -> str:
        """Ask for nothing any more, so that there is rest."""
        server = self._stage.server
        if STANDARDS in server.absent:
            server.set_installed(STANDARDS, True, BOARD)
            return "board installs ClinicalStandard"
        for live in self._stage.objects(STANDARDS):
            server.delete(STANDARDS, name_of(live), BOARD)
            return f"board takes back {name_of(live)}"
        return ""
