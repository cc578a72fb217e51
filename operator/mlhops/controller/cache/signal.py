"""A signal: who wants to know of something subscribes where it is wired up, and who tells of it knows nobody."""

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Signal(Generic[P]):
    """Calls whoever has subscribed, in that order."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[P, object]] = []

    def subscribe(self, call: Callable[P, object]) -> None:
        """Call this, too, from now on."""
        self._subscribers.append(call)

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call all."""
        for call in self._subscribers:
            call(*args, **kwargs)
