"""The operator's process: its own workers, queue, store and relist, on virtual time, until it is killed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from campaign.simulation.client import IN_PASS, MemoryClient, Pass
from campaign.simulation.faulty_transport import Front
from campaign.simulation.loop import VirtualLoop
from campaign.simulation.server import Server
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.cache.work_queue import WorkQueue
from mlhops.controller.kube.client import ApiError, NotInstalled
from mlhops.controller.kube.relist import Relist
from mlhops.controller.operator import Operator
from mlhops.controller.resources import Key
from mlhops.kserve.detector import Detectors
from mlhops.rollout.evaluation.evaluator_pod import EvaluatorImage
from mlhops.rollout.monitoring.drift_snapshot import Look, ServingLook
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


class Ears(Hearing):
    """Hears, and knows whether it is true that the API server was set back."""

    def __init__(self, queue: WorkQueue[Key]) -> None:
        super().__init__(queue=queue)
        self.restored_unseen = 0
        """How often the API server was set back, and it has not noticed yet."""
        self.mistakes: list[str] = []

    def set_back(self, how: str) -> None:
        """Forget all."""
        if not self.restored_unseen:
            self.mistakes.append(f"it takes this for a restore: {how}")
        life = self.store.life
        super().set_back(how)
        if self.store.life != life:
            self.restored_unseen = 0


class Process(Operator):
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
        self.loop = VirtualLoop(now)  # type: ignore[abstract]  # what nobody asks of it is left out
        self.front = Front(server, rng, self.loop.create_future)
        self.hearing = hearing = Ears(WorkQueue(self.loop.time))
        # The look at the one model as well, which no scraper keeps here.
        hearing.restored.subscribe(self._forget_look)
        self.unexpected = hearing.mistakes
        """Exceptions of the operator's own code, and restores that were none."""
        client = MemoryClient(server, self.front.answer, hearing)
        super().__init__(
            client,
            hearing,
            EvaluatorImage("evaluator"),
            Detectors("detector", "detector-alibi"),
            pods=Network(rng, pods),
            looks=lambda _: self.newest,
            answers=lambda _, seen: answers(seen),
            clock=self.now,
        )
        # An episode must not depend on the machine.
        self.relist = Relist(client, hearing, installed=lambda: None, cpu=lambda: 0.0)
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

    def _forget_look(self) -> None:
        self.newest = None

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
