"""What a proxy has seen and counted, which fault is due, and which ones last."""

import threading
import time
from collections import Counter

from lab.faults.past import Moments
from lab.faults.requests import Target
from lab.faults.script import Action, Counted, Fault, Struck, due


class Ledger:
    """One client's requests and events in their order; several threads may look at it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: tuple[Fault, ...] = ()
        self._counts: Counter[str] = Counter()
        self._lasting: dict[Action, float] = {}
        """Until when, on the monotonic clock."""
        self._moments = Moments()
        self._seen: list[Struck] = []
        self.past = 0
        """The resourceVersion at which reads stand still while the past lasts."""

    def begin(self, faults: tuple[Fault, ...]) -> None:
        """Count from here, and let these strike."""
        with self._lock:
            self._faults = faults
            self._counts.clear()
            self._moments.clear()
            self._seen.clear()

    def note(self, counted: Counted | None, target: Target, request: str = "") -> Fault | None:
        """Number it, and return the fault that is due."""
        with self._lock:
            number, fault = 0, None
            if counted is not None:
                self._counts.update((counted, target.sort))
                number = self._counts[counted]
                moved = {name: self._counts[name] for name in (counted, target.sort)}
                fault = due(self._faults, moved)
            if counted is Counted.WRITE:
                self._moments.write()
            moment = time.monotonic()
            busy = fault is not None and fault.action in (Action.BUSY, Action.OVERLOAD)
            busy = busy or moment < self._lasting.get(Action.OVERLOAD, 0.0)
            self._seen.append(Struck(moment, counted, number, target, fault, request, busy))
            return fault

    def hear(self, body: bytes) -> None:
        """Take note of what the client is told."""
        with self._lock:
            self._moments.hear(body)

    def begin_lasting(self, fault: Fault) -> None:
        """From now on it is so for as long as the fault says."""
        with self._lock:
            self._lasting[fault.action] = time.monotonic() + fault.seconds
            if fault.action is Action.OLDER:
                self.past = self._moments.before(fault.at - fault.back)

    def lasts(self, action: Action) -> bool:
        """Whether such a fault is under way."""
        with self._lock:
            return time.monotonic() < self._lasting.get(action, 0.0)

    def over(self) -> float:
        """When the last fault that takes its time is over, on the monotonic clock."""
        with self._lock:
            return max(self._lasting.values(), default=0.0)

    def trace(self, counted: Counted) -> list[Struck]:
        """What was counted since `begin`, in order."""
        with self._lock:
            return [one for one in self._seen if one.counted is counted]

    def since(self, moment: float) -> list[Struck]:
        """All that was seen since a moment of the monotonic clock, in order."""
        with self._lock:
            return [one for one in self._seen if one.moment >= moment]
