"""Who waits for news of how the model answers: a few questions are held until there is some, or time is over."""

import asyncio
import math
import re
import uuid
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Self

from mlhops.api.serving import LONGEST_WAIT
from mlhops.detector.serving import DAY

HELD = 8
"""So many questions are held; of more, the oldest has its answer at once, so that who asks anew is heard."""
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_TAG = re.compile(r"[A-Za-z0-9-]{1,64}")
_FIELDS = ("within", "tag", "wait")


@dataclass(frozen=True)
class HeldQuestion:
    """What is asked of /serving."""

    within: float | None = None
    tag: str | None = None
    wait: float = 0.0

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Return what a query asks.

        Raises:
            ValueError: a value is of no use; the message names it and what it can be.
        """
        named = [name for name, _ in query.items()]
        if unknown := [name for name in named if name not in _FIELDS]:
            raise ValueError(f"{unknown[0][:32]!a} is not known: ask by within, tag and wait")
        if twice := [name for name in _FIELDS if named.count(name) > 1]:
            raise ValueError(f"{twice[0]} must be there once")
        tag = query.get("tag")
        if tag is not None and not _TAG.fullmatch(tag):
            raise ValueError("tag must be one that was told: leave it out for an answer at once")
        within = _seconds(query, "within", 1.0, DAY)
        return cls(within, tag, _seconds(query, "wait", 0.0, LONGEST_WAIT) or 0.0)


def _seconds(query: Mapping[str, str], name: str, least: float, most: float) -> float | None:
    text = query.get(name)
    if text is None:
        return None
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not least <= number <= most:
        raise ValueError(f"{name} must be a number of seconds from {least:g} to {most:g}")
    return number


class News:
    """Tells one state from the next by a tag, and wakes who waits."""

    def __init__(self) -> None:
        self._process = uuid.uuid4().hex[:12]
        self._number = 0
        self._state: Hashable = None
        self._held: OrderedDict[int, asyncio.Event] = OrderedDict()
        self._next = 0

    @property
    def tag(self) -> str:
        """Another one for each news, and in each process."""
        return f"{self._process}-{self._number}"

    def __len__(self) -> int:
        return len(self._held)

    def look(self, state: Hashable) -> None:
        """Take the present state; wake all who wait if it is another one."""
        if state != self._state:
            self._state = state
            self._number += 1
            for held in self._held.values():
                held.set()

    async def wait(self, question: HeldQuestion) -> None:
        """Return once there is something else to tell than what was told with a tag, or time is over."""
        if question.tag != self.tag or not question.wait:
            return
        self._next += 1
        number, held = self._next, asyncio.Event()
        self._held[number] = held
        if len(self._held) > HELD:
            self._held.popitem(last=False)[1].set()
        try:
            async with asyncio.timeout(question.wait):
                await held.wait()
        except TimeoutError:
            pass
        finally:
            self._held.pop(number, None)
