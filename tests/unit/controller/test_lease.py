"""The election on virtual time, with slow and lost answers, sleeping processes and clocks that differ."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from campaign.simulation.loop import VirtualLoop
from mlhops.api.base import Manifest
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.kube.lease import Elector, LeaseClaim, Sight, Terms, read_claim
from mlhops.controller.resources import LEASES, Kind
from mlhops.json_access import text

TERMS = Terms()


class Server:
    """Keeps one Lease."""

    def __init__(self) -> None:
        self.lease: Manifest | None = None
        self.version = 0
        self.news = asyncio.Event()

    def write(self, manifest: Manifest) -> Manifest:
        asked = text(manifest, "metadata", "resourceVersion")
        if self.lease is None and asked:
            raise ApiError(404, "NotFound", "there is no lease")
        if self.lease is not None and text(self.lease, "metadata", "resourceVersion") != asked:
            raise ApiError(409, "Conflict", "the lease has changed")
        self.version += 1
        metadata: Manifest = {"name": "lease", "resourceVersion": str(self.version)}
        self.lease = {**manifest, "metadata": metadata}
        self.tell()
        return self.lease

    def tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class Line(Client):
    """One operator's way to the server: each request and each answer may be late, or lost."""

    def __init__(self, server: Server, rng: random.Random) -> None:
        self._server, self._rng = server, rng
        self.trouble = 0.0
        self.cut = False

    async def _travel(self) -> None:
        while self.cut:
            await asyncio.sleep(1.0)
        if self._rng.random() < self.trouble:
            await asyncio.sleep(self._rng.choice((0.5, 2.0, 6.0, 20.0)))
        if self._rng.random() < self.trouble / 2:
            raise TimeoutError("lost")

    async def _ask(self, what: Callable[[], Manifest | None]) -> Manifest | None:
        await self._travel()
        answer = what()
        await self._travel()
        return answer

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        return await self._ask(lambda: self._server.lease)

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        return await self.apply(kind, manifest)

    async def apply(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        answer = await self._ask(lambda: self._server.write(manifest))
        assert answer is not None
        return answer

    async def watch(
        self, kind: Kind, namespace: str, name: str, version: str
    ) -> AsyncIterator[Manifest]:
        while True:
            await self._server.news.wait()
            await self._travel()
            lease = self._server.lease
            yield {"type": "MODIFIED" if lease else "DELETED", "object": lease}


class Operator:
    """A process with a clock of its own that is never set, but started somewhere."""

    def __init__(self, loop: VirtualLoop, server: Server, rng: random.Random) -> None:
        start = rng.uniform(0.0, 1e6)
        self.line = Line(server, rng)
        self.told: list[str] = []
        self.elector = Elector(
            self.line, "icu", "lease", set_back=self.told.append, clock=lambda: start + loop.time()
        )
        self.works = False
        self.running = loop.create_task(self.elector.run(self._lead))

    async def _lead(self) -> None:
        self.works = True
        try:
            await asyncio.Event().wait()
        finally:
            self.works = False

    def may_write(self) -> bool:
        """Whether a write would be sent."""
        return self.works and self.elector.left() > 0

    async def stop(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        await self.elector.release()


class Stage:
    """Some operators and their server."""

    def __init__(self, seed: int = 1, operators: int = 2) -> None:
        self.loop = VirtualLoop(0.0)  # type: ignore[abstract]  # what nobody asks of it is left out
        self.rng = random.Random(seed)
        self.server = Server()
        self.operators = [Operator(self.loop, self.server, self.rng) for _ in range(operators)]
        self._all = list(self.operators)

    def go_on(self, seconds: float) -> None:
        """Let time pass, and see at each moment that only one may write."""
        for _ in range(round(seconds / 0.1)):
            self.loop.drain()
            self.loop.advance(0.1)
            assert len([o for o in self.operators if o.may_write()]) <= 1

    def close(self) -> None:
        """End all."""
        for operator in self._all:
            operator.running.cancel()
        self.loop.drain()

    def leader(self) -> Operator:
        (leader,) = [operator for operator in self.operators if operator.may_write()]
        return leader

    def other(self) -> Operator:
        (other,) = [operator for operator in self.operators if operator is not self.leader()]
        return other


@pytest.fixture
def stages() -> Iterator[Callable[..., Stage]]:
    """Makes stages, and ends what still runs on them."""
    made: list[Stage] = []

    def make(seed: int = 1, operators: int = 2) -> Stage:
        made.append(Stage(seed, operators))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


def test_one_leads_and_keeps_the_lease(stages: Callable[..., Stage]) -> None:
    stage = stages(operators=3)
    stage.go_on(1.0)
    leader = stage.leader()
    stage.go_on(300.0)
    assert stage.leader() is leader


def test_what_is_given_back_is_taken_at_once(stages: Callable[..., Stage]) -> None:
    stage = stages()
    stage.go_on(5.0)
    leader, other = stage.leader(), stage.other()
    stage.loop.create_task(leader.stop())
    stage.go_on(0.2)
    assert stage.leader() is other
    assert read_claim(stage.server.lease or {}).transitions == 1


def test_who_is_cut_off_stops_before_another_begins(stages: Callable[..., Stage]) -> None:
    stage = stages()
    stage.go_on(5.0)
    leader, other = stage.leader(), stage.other()
    leader.line.cut = True
    stage.go_on(TERMS.deadline)
    assert not leader.works
    assert not other.works
    stage.go_on(TERMS.duration - TERMS.deadline + 1.0)
    assert stage.leader() is other
    leader.line.cut = False
    stage.go_on(30.0)
    assert stage.leader() is other


def test_who_dies_is_replaced_when_its_lease_runs_out(stages: Callable[..., Stage]) -> None:
    stage = stages()
    stage.go_on(5.0)
    dead, other = stage.leader(), stage.other()
    stage.operators.remove(dead)
    dead.running.cancel()
    stage.go_on(TERMS.duration - TERMS.retry - 0.5)
    assert not other.works
    stage.go_on(TERMS.retry + 1.0)
    assert stage.leader() is other


def test_that_somebody_deletes_the_lease_gives_it_to_nobody_else(
    stages: Callable[..., Stage],
) -> None:
    stage = stages()
    stage.go_on(5.0)
    leader = stage.leader()
    stage.server.lease = None
    stage.server.tell()
    stage.go_on(30.0)
    assert stage.leader() is leader


def test_that_somebody_labels_the_lease_takes_it_from_nobody(stages: Callable[..., Stage]) -> None:
    stage = stages()
    stage.go_on(5.0)
    leader = stage.leader()
    for _ in range(20):
        stage.server.version += 1
        lease = stage.server.lease or {}
        version = str(stage.server.version)
        stage.server.lease = {**lease, "metadata": {"resourceVersion": version, "labels": {}}}
        stage.server.tell()
        stage.go_on(1.3)
        assert stage.leader() is leader


# The last once had two leaders: a renewal was answered after the lease had been given back.
@pytest.mark.parametrize("seed", [*range(40), 343])
def test_however_bad_the_network_no_two_write_and_in_the_end_one_does(
    seed: int, stages: Callable[..., Stage]
) -> None:
    random.seed(seed)  # of the elector's own jitter
    stage = stages(seed, operators=3)
    for _ in range(25):
        for operator in stage.operators:
            operator.line.trouble = stage.rng.choice((0.0, 0.1, 0.5))
            operator.line.cut = stage.rng.random() < 0.15
        if stage.rng.random() < 0.1:
            stage.loop.create_task(stage.rng.choice(stage.operators).elector.release())
        stage.go_on(stage.rng.uniform(1.0, 25.0))
    for operator in stage.operators:
        operator.line.trouble, operator.line.cut = 0.0, False
    stage.go_on(60.0)
    assert stage.leader().works
    assert not stage.loop.errors


def test_a_damaged_lease_holds_nobody_up() -> None:
    sight = Sight()
    sight.see(read_claim({"spec": {"holderIdentity": "a", "leaseDurationSeconds": "x"}}), 5.0)
    assert sight.free_in("b", 5.0) == 0.0
    assert read_claim({"spec": None}) == LeaseClaim()


def test_a_lease_is_read_where_pods_keep_theirs() -> None:
    assert LEASES.path("icu", "x") == "/apis/coordination.k8s.io/v1/namespaces/icu/leases/x"


def lease_of(holder: str, version: int, uid: str = "1") -> Manifest:
    spec: Manifest = {"holderIdentity": holder, "leaseDurationSeconds": 15}
    return {"metadata": {"uid": uid, "resourceVersion": str(version)}, "spec": spec}


@pytest.mark.parametrize("holder", ["me", ""], ids=["names me", "names nobody"])
def test_a_lease_from_a_backup_is_not_taken_while_another_may_hold_it(holder: str) -> None:
    now, told = 100.0, list[str]()
    line = Line(Server(), random.Random(0))
    elector = Elector(line, "ns", "lease", set_back=told.append, clock=lambda: now)
    elector._see(lease_of("another", 20))

    elector._see(lease_of(elector.identity if holder else "", 10))

    assert told == ["Lease lease has resourceVersion 10, and 20 was told before"]
    assert elector._free_in() == TERMS.duration
    now += TERMS.duration
    assert elector._free_in() == 0


def test_a_lease_that_was_deleted_and_made_again_is_no_older_one() -> None:
    told: list[str] = []
    line = Line(Server(), random.Random(0))
    elector = Elector(line, "ns", "lease", set_back=told.append, clock=lambda: 0.0)
    for lease in (lease_of("a", 20), lease_of("a", 20), lease_of("a", 5, uid="2")):
        elector._see(lease)
    assert told == []
