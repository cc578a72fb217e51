"""The operator's process: its own workers, queue, store and relist, on virtual time, until it is killed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from campaign.simulation.client import IN_PASS, MemoryClient, Pass
from campaign.simulation.faulty_transport import Front
from campaign.simulation.loop import VirtualLoop
from campaign.simulation.server import Server
from mlhops.controller import main
from mlhops.controller.cache.work_queue import WorkQueue
from mlhops.controller.kube.client import ApiError, NotInstalled
from mlhops.controller.resources import Key
from mlhops.kserve.detector import Detectors
from mlhops.rollout.drift_snapshot import Look, ServingLook
from mlhops.rollout.evaluator_pod import EvaluatorImage
from mlhops.rollout.observed import Observed

START = datetime.fromisoformat("2030-01-01T08:00:00.250+00:00")


def moment(seconds: float) -> datetime:
    """The virtual time as a date."""
    return START + timedelta(seconds=seconds)


class Network:
    """The way to pods: what is asked arrives late."""

    def __init__(self, rng: random.Random, pods: Callable[[str, str, str], bytes]) -> None:
        self._rng = rng
        self._pods = pods

    async def ask(
        self,
        method: str,
        address: str,
        port: int,  # noqa: ARG002
        path: str,  # noqa: ARG002
        headers: Mapping[str, str],
        most: int,  # noqa: ARG002
    ) -> bytes:
        """Ask a pod."""
        await asyncio.sleep(self._rng.choice((0.01, 0.5, 4.0)))
        return self._pods(method, address, headers["Authorization"].removeprefix("Bearer "))

    async def close(self) -> None:
        """There is no connection to close."""


class Process(main.Operator):
    """One life of the operator, from start to kill."""

    def __init__(
        self,
        server: Server,
        rng: random.Random,
        now: float,
        workers: int,
        pods: Callable[[str, str, str], bytes],
        answers: Callable[[Observed], ServingLook | None],
    ) -> None:
        """Start; `pods` answers for a pod: to a method, at an address, with a token."""
        self.newest: Look | None = None
        """At the one model."""
        self.restored = 0
        """How often the API server was set back, and it has not noticed yet."""
        self.loop = VirtualLoop(now)  # type: ignore[abstract]  # what nobody asks of it is left out
        self.front = Front(server, rng, self.loop.create_future)
        self.unexpected: list[str] = []
        """Exceptions of the operator's own code."""
        client = MemoryClient(server, self.front.answer)
        super().__init__(
            client,
            EvaluatorImage("evaluator"),
            Detectors("detector", "detector-alibi"),
            pods=Network(rng, pods),
            looks=lambda _: self.newest,
            answers=lambda _, seen: answers(seen),
        )
        self.queue = WorkQueue(self.loop.time)
        self.relist.cpu = lambda: 0.0  # an episode must not depend on the machine
        for _ in range(workers):
            self.loop.create_task(self.work())
        self.loop.create_task(self.queue.run_clock())
        self.loop.create_task(self._watched(self.relist.run()))

    @property
    def is_busy(self) -> bool:
        """Whether any request is under way."""
        return len(self.front) > 0

    def now(self) -> datetime:
        """The time that plans are made at."""
        now, by = moment(self.loop.time()), IN_PASS.get()
        if by is not None:
            by.planned = now
        return now

    def set_back(self, how: str) -> None:
        """Forget all, the look at the one model as well, which no scraper keeps here."""
        self.newest = None
        if not self.restored:
            self.unexpected.append(f"it takes this for a restore: {how}")
        life = self._store.life
        super().set_back(how)
        if self._store.life != life:
            self.restored = 0

    async def _pass(self, key: Key) -> float | None:
        IN_PASS.set(Pass(f"{key.kind} {key.name}"))
        return await self._watched(super()._pass(key))

    async def _watched(self, work: Awaitable[float | None]) -> float | None:
        """Take note of what nobody expects: all but refusals and lost answers."""
        try:
            return await work
        except (ApiError, NotInstalled, TimeoutError):
            raise
        except Exception as error:
            self.unexpected.append(f"{type(error).__name__}: {error}")
            raise


@contextmanager
def on_time(clock: Callable[[], datetime]) -> Iterator[None]:
    """Let the operator plan on another clock than the machine's."""
    before = main.now
    main.now = clock
    try:
        yield
    finally:
        main.now = before
