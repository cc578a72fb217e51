"""An event loop without a clock of its own: time passes when it is told to, and nothing happens by itself."""

import asyncio
import heapq
from asyncio import AbstractEventLoop, Future, Handle, Task, TimerHandle
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class VirtualLoop(AbstractEventLoop):
    """Runs coroutines up to the point where they wait, in one thread and always in the same order."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._number = 0
        self.errors: list[dict[str, object]] = []
        """What asyncio would have logged."""

    def time(self) -> float:
        """The virtual time in seconds."""
        return self._now

    def drain(self) -> None:
        """Run all that can run now."""
        before = _get_running_loop()
        _set_running_loop(self)
        try:
            while self._ready:
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            _set_running_loop(before)

    def next_timer(self) -> float | None:
        """When something is due by time alone."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def advance(self, seconds: float) -> None:
        """Let time pass, and run what is due on the way."""
        end = self._now + seconds
        while True:
            due = self.next_timer()
            if due is None or due > end:
                break
            self._now = max(due, self._now)
            self._ready.append(heapq.heappop(self._timers)[2])
            self.drain()
        self._now = end

    # what asyncio asks of an event loop

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> Handle:
        """Run a callback when the loop is drained."""
        handle = Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> TimerHandle:
        """Run a callback after a time."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> TimerHandle:
        """Run a callback at a time."""
        handle = TimerHandle(when, callback, args, self, context)
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, handle))
        return handle

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """A cancelled timer stays in the heap until its time."""

    def create_future(self) -> "Future[Any]":
        """A future of this loop."""
        return Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> "Task[T]":
        """A task of this loop; it may be left where it is when its process is killed."""
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        return task

    def get_debug(self) -> bool:
        """Never: debugging would cost time and look at the clock."""
        return False

    def is_running(self) -> bool:
        """Always, as far as its tasks can tell."""
        return True

    def is_closed(self) -> bool:
        """Never."""
        return False

    def call_exception_handler(self, context: dict[str, object]) -> None:
        """Keep what went wrong outside of any task."""
        self.errors.append(context)
