"""Which of several operators works: the one that holds a Lease, as kube-controller-manager's replicas have it.

Times are taken by this machine's clock alone. Whoever holds the lease writes only for as long after it last
*asked* to renew as is shorter than what others wait after they have *seen* a renewal, so that no two write at
a time however their clocks differ. Who stands by follows the lease by a watch, and so learns at once that it
was given back.
"""

import asyncio
import os
import random
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import structlog

from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import SeenVersion, version_of
from mlhops.controller.cache.older import older
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.resources import LEASES
from mlhops.json_access import number, text

_log = structlog.get_logger(__name__)
_UNANSWERED = (ApiError, aiohttp.ClientError, OSError)
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_RELEASE_SECONDS = 3.0


@dataclass(frozen=True)
class Terms:
    """Times in seconds; those of kube-controller-manager."""

    duration: int = 15
    """Others wait so long after the last renewal that they have seen."""
    deadline: float = 10.0
    """The holder writes for so long after the last renewal that it has asked for."""
    retry: float = 2.0
    """From one renewal, or one try, to the next."""
    request: float = 4.0
    """A renewal is asked for again when it was not answered for so long."""


@dataclass(frozen=True)
class LeaseClaim:
    """What a Lease says."""

    holder: str = ""
    """Who has it; nobody where it was given back."""
    seconds: int = 0
    """For how long after each renewal, by the holder's own word."""
    renewed: str = ""
    transitions: int = 0


def read_claim(lease: Manifest) -> LeaseClaim:
    """Return what a Lease says; what is missing or damaged gives its holder no time."""
    spec = lease.get("spec")
    return LeaseClaim(
        holder=text(spec, "holderIdentity"),
        seconds=number(spec, "leaseDurationSeconds") or 0,
        renewed=text(spec, "renewTime"),
        transitions=number(spec, "leaseTransitions") or 0,
    )


class Sight:
    """What was seen of the lease, and since when it has been so."""

    def __init__(self) -> None:
        self.claim = LeaseClaim()
        self._since = 0.0
        self._not_before = 0.0

    def see(self, claim: LeaseClaim, now: float) -> None:
        """Take note of what the lease says now."""
        if claim != self.claim:
            self.claim, self._since = claim, now

    def doubt(self, now: float, seconds: float) -> None:
        """Believe no holder for a while, oneself included: who held the lease since then may go on."""
        self._not_before = now + seconds

    def free_in(self, me: str, now: float) -> float:
        """Return the seconds until `me` may take it, unless its holder is heard of again.

        That somebody has deleted the lease is no word of its holder, who may go on for a while.
        """
        doubted = max(self._not_before - now, 0.0)
        if self.claim.holder in ("", me):
            return doubted
        return max(self._since + self.claim.seconds - now, doubted)


def elapsed() -> float:
    """Return a time in seconds that also passes while the machine is suspended, where it can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class Elector:
    """Takes the lease when it is free, and keeps it."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        *,
        set_back: Callable[[str], object],
        terms: Terms | None = None,
        clock: Callable[[], float] = elapsed,
    ) -> None:
        """Make an elector; `set_back` is told how the Lease is older than it was, as after a restore of etcd."""
        self._client = client
        self._namespace, self._name = namespace, name
        self._set_back = set_back
        self.identity = f"{socket.gethostname()}_{secrets.token_hex(6)}"
        self._terms = terms or Terms()
        self._clock = clock
        self._sight = Sight()
        self._version = ""
        """Of the Lease as it was last seen, empty where there is none."""
        self._seen = SeenVersion("", 0)
        self._acquired = ""
        self._until = 0.0
        self._given_back = 0
        """How often the lease was, so that a renewal which was under way then prolongs nothing."""

    def left(self) -> float:
        """Return the seconds for which this operator surely is the only one that writes."""
        return max(self._until - self._clock(), 0.0)

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Run `lead` whenever the lease is held, and end it when it is lost, for as long as the operator runs."""
        while True:
            await self._acquire()
            _log.info("leading", lease=self._name, identity=self.identity)
            await self._hold(lead)
            _log.warning("no longer leading", lease=self._name, holder=self._sight.claim.holder)

    async def release(self) -> None:
        """Give the lease back, so that another takes it at once; nothing may be written afterwards."""
        if self.left() <= 0:
            return
        self._until = 0.0
        self._given_back += 1
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._look()  # somebody may have put a label on it
                if self._sight.claim.holder == self.identity:
                    await self._write("", 1)
        except _UNANSWERED as error:
            _log.warning("lease not given back", error=str(error))
        else:
            _log.info("lease given back", lease=self._name)

    # standing by

    async def _acquire(self) -> None:
        while True:
            try:
                if await self._try():
                    return
                await self._follow()
            except _UNANSWERED as error:
                _log.warning("lease not read", lease=self._name, error=str(error))
                await asyncio.sleep(self._terms.retry * random.uniform(0.8, 1.2))

    async def _try(self) -> bool:
        """Take the lease if it is free; return whether it is held now."""
        await self._look()
        if self._free_in() > 0:
            return False
        self._acquired = _moment()
        try:
            await self._renew_now()
        except ApiError as error:
            if error.status != 409:
                raise
            await self._look()  # somebody else was faster
            return False
        return True

    async def _look(self) -> None:
        lease = await self._client.get(LEASES, self._namespace, self._name)
        self._version = ""
        if lease is not None:
            self._see(lease)

    async def _follow(self) -> None:
        """Wait until the lease may be free: given back, or not renewed for too long.

        Raises:
            ConnectionError: the watch has ended.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._free_in()) as patience:
                async for event in self._client.watch(
                    LEASES, self._namespace, self._name, self._version
                ):
                    self._hear(event)
                    left = self._free_in()
                    if left <= 0:
                        return
                    patience.reschedule(loop.time() + left)
        except TimeoutError:
            return
        raise ConnectionError("the watch of the lease has ended")

    def _hear(self, event: Manifest) -> None:
        lease = event.get("object")
        if event.get("type") in ("ADDED", "MODIFIED") and isinstance(lease, dict):
            self._see(lease)
        elif event.get("type") != "DELETED":
            raise ConnectionError("the watch of the lease was ended by the API server")

    def _see(self, lease: Manifest) -> None:
        if older(lease, self._seen):
            self._sight.doubt(self._clock(), self._terms.duration)
            self._set_back(
                f"Lease {self._name} has resourceVersion {version_of(lease)}, and {self._seen.version} was told before"
            )
        self._seen = SeenVersion(text(lease, "metadata", "uid"), version_of(lease))
        self._version = text(lease, "metadata", "resourceVersion")
        self._sight.see(read_claim(lease), self._clock())

    def _free_in(self) -> float:
        return self._sight.free_in(self.identity, self._clock())

    # leading

    async def _hold(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Lead until the lease is lost. What is under way then is cancelled: no pass outlives its term."""
        work = asyncio.ensure_future(lead())
        keep = asyncio.create_task(self._keep())
        try:
            done, _ = await asyncio.wait({work, keep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, keep):
                task.cancel()
            await asyncio.gather(work, keep, return_exceptions=True)
        for task in done:
            task.result()

    async def _keep(self) -> None:
        """Renew the lease again and again, until it is lost."""
        while (left := self.left()) > 0:
            await asyncio.sleep(min(self._terms.retry, left))
            try:
                async with asyncio.timeout(min(self._terms.request, self.left())):
                    if not await self._renew():
                        self._until = 0.0
            except _UNANSWERED as error:
                _log.warning("lease not renewed", lease=self._name, error=str(error) or "no answer")

    async def _renew(self) -> bool:
        """Renew the lease; return False where somebody else has it."""
        try:
            await self._renew_now()
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            # An answer was lost, or somebody has changed or deleted the lease.
            await self._look()
            if self._version and self._sight.claim.holder != self.identity:
                return False
            await self._renew_now()
        return True

    async def _renew_now(self) -> None:
        asked, given_back = self._clock(), self._given_back
        await self._write(self.identity, self._terms.duration)
        if given_back == self._given_back:
            self._until = asked + self._terms.deadline

    async def _write(self, holder: str, seconds: int) -> None:
        """Write the lease, only if it is as it was last seen."""
        before = self._sight.claim
        changed = holder not in ("", before.holder)
        spec: Manifest = {
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "acquireTime": self._acquired,
            "renewTime": _moment(),
            "leaseTransitions": before.transitions + (1 if changed and self._version else 0),
        }
        metadata: Manifest = {"namespace": self._namespace, "name": self._name}
        lease: Manifest = {
            "apiVersion": f"{LEASES.group}/{LEASES.version}",
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }
        if self._version:
            metadata["resourceVersion"] = self._version
            self._see(await self._client.apply(LEASES, lease))
        else:
            self._see(await self._client.create(LEASES, lease))


def own_namespace() -> str:
    """Return the namespace of the pod that runs the process, empty outside a cluster."""
    told = os.environ.get("POD_NAMESPACE", "")
    return told or (_NAMESPACE_FILE.read_text().strip() if _NAMESPACE_FILE.exists() else "")


def _moment() -> str:
    """Now, for people: nothing is decided by it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
