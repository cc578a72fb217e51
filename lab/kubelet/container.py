"""One container of a pod: its process, its restarts, its probes and its last words."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from lab.client import Object
from lab.events import timestamp
from lab.kubelet import probes
from lab.kubelet.environment import ConfigError, expand
from lab.kubelet.faults import Fault, crashing
from lab.kubelet.paths import PathMap
from lab.kubelet.runtime import Process, Runtime, tail
from lab.kubelet.status import ContainerState

log = logging.getLogger(__name__)

TERMINATION_MESSAGE_BYTES = 4096
FIRST_READINESS_PERIOD = 0.5
BACKOFF_CAP = 300.0
BACKOFF_RESET = 600.0
CONFIG_RETRY = 1.0
KILLED = 137


@dataclass(frozen=True)
class Place:
    """Where a container lives on the host."""

    folder: Path
    log: Path
    ip: str
    paths: PathMap

    @property
    def message_file(self) -> Path:
        return self.folder / "termination-log"


@dataclass(frozen=True)
class Settings:
    """What all containers of a kubelet share."""

    runtime: Runtime
    session: aiohttp.ClientSession
    backoff_base: float


class Container:
    """Runs one container until it is finished or stopped; calls `changed` at each new state."""

    def __init__(
        self,
        spec: Object,
        place: Place,
        settings: Settings,
        *,
        entrypoint: tuple[str, ...] | None,
        environment: Callable[[], Awaitable[dict[str, str]]],
        fault: Callable[[], Fault],
        changed: Callable[[], None],
        warn: Callable[[str, str], None],
        initial: bool,
        restart_policy: str,
    ) -> None:
        self.spec = spec
        self.state = ContainerState(spec["name"], spec["image"], initial)
        self.environment: Mapping[str, str] = {}
        self._place = place
        self._settings = settings
        self._entrypoint = entrypoint
        self._environment_of = environment
        self._fault = fault
        self._changed = changed
        self._warn = warn
        self._restart_policy = restart_policy
        self._process: Process | None = None
        self._stopping = False
        self._log_start = 0
        self._backoff = settings.backoff_base

    @property
    def ip(self) -> str:
        return self._place.ip

    def rewrite(self, text: str) -> str:
        return self._place.paths.rewrite(text)

    async def run(self) -> None:
        """Start it, again and again if the restart policy says so, until it is finished."""
        if self._entrypoint is None:
            await self._cannot_pull()
        while not self._stopping:
            await self._configure()
            since = asyncio.get_running_loop().time()
            code = await self._once()
            if not self._restarts(code):
                self.state.finished = True
                self._changed()
                return
            lived = asyncio.get_running_loop().time() - since
            await self._back_off(lived)

    async def stop(self, grace: float) -> None:
        """SIGTERM, then SIGKILL once the grace period is over."""
        self._stopping = True
        process = self._process
        if process is not None:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(process.ended), grace)
            process.kill()
            self._bury(await asyncio.shield(process.ended))

    def settle(self) -> None:
        """The pod is over: whatever this container was doing, it does not start again."""
        self.state.ready = False
        if self.state.ever_ran:
            self.state.finished = True
            if self.state.terminated is None and not self.state.running_since:
                self.state.terminated = self.state.last_terminated

    def kill(self) -> None:
        """End the process at once; the restart policy decides what comes next."""
        if self._process is not None:
            self._process.kill()

    async def _cannot_pull(self) -> None:
        image = self.spec["image"]
        self._wait("ErrImagePull", f'no program is known for image "{image}"')
        self._warn("Failed", f'Failed to pull image "{image}": the lab has no program for it')
        await asyncio.sleep(self._settings.backoff_base)
        self._wait("ImagePullBackOff", f'Back-off pulling image "{image}"')
        await asyncio.Event().wait()

    async def _configure(self) -> None:
        """Find the environment; what it refers to may appear later."""
        while True:
            try:
                self.environment = await self._environment_of()
            except ConfigError as error:
                self._wait("CreateContainerConfigError", str(error))
                await asyncio.sleep(CONFIG_RETRY)
            else:
                return

    async def _once(self) -> int:
        """Run the process once, with its probes; returns its exit code."""
        place, state = self._place, self.state
        place.folder.mkdir(parents=True, exist_ok=True)
        place.message_file.write_bytes(b"")
        self._log_start = place.log.stat().st_size if place.log.exists() else 0
        fault = self._fault()
        process = self._process = self._settings.runtime.start(
            place.log,
            self._argv(fault),
            env={**self.environment, **fault.environment},
            cwd=place.folder,
        )
        state.running_since, state.terminated = timestamp(), None
        state.container_id = f"lab://{process.pid}"
        self._changed()
        watching = asyncio.create_task(self._probe())
        try:
            code = await asyncio.shield(process.ended)
        finally:
            # When the pod is deleted this ends before the process does, which `stop` then sees to.
            watching.cancel()
        process.kill()  # what it had started does not outlive it, as in a real container
        self._bury(code)
        return code

    def _bury(self, code: int) -> None:
        """Note how the process ended."""
        state = self.state
        self._process = None
        state.terminated = self._obituary(code, self._log_start)
        state.running_since, state.started, state.ready = "", False, False
        self._changed()

    def _argv(self, fault: Fault) -> list[str]:
        if fault.crash:
            return crashing(str(self._place.message_file))
        # The image's own program lies on the host; only what the pod says speaks of mounted paths.
        image = () if self.spec.get("command") else self._entrypoint or ()
        own = [expand(word, self.environment) for word in image]
        words = [*self.spec.get("command", []), *self.spec.get("args", [])]
        return [*own, *(self.rewrite(expand(word, self.environment)) for word in words)]

    def _obituary(self, code: int, log_start: int) -> Object:
        content = self._place.message_file.read_bytes()[:TERMINATION_MESSAGE_BYTES]
        message = content.decode(errors="replace")
        fallback = self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if not message and code != 0 and fallback:
            message = tail(self._place.log, log_start)
        return {
            "exitCode": code,
            "reason": "Completed" if code == 0 else "Error",
            "startedAt": self.state.running_since,
            "finishedAt": timestamp(),
            "containerID": self.state.container_id,
            **({"message": message} if message else {}),
        }

    def _restarts(self, code: int) -> bool:
        if self._stopping or self._restart_policy == "Never" or (self.state.initial and code == 0):
            return False
        return self._restart_policy == "Always" or code != 0

    async def _back_off(self, lived: float) -> None:
        """The first restart comes at once, each further one after twice the time."""
        state = self.state
        first = state.restarts == 0
        if lived > BACKOFF_RESET:
            first, self._backoff = True, self._settings.backoff_base
        if not first:
            name = self.spec["name"]
            message = f"back-off {self._backoff:g}s restarting failed container={name}"
            state.last_terminated, state.terminated = state.terminated, None
            self._wait("CrashLoopBackOff", message)
            self._warn("BackOff", message)
            await asyncio.sleep(self._backoff)
            self._backoff = min(BACKOFF_CAP, self._backoff * 2)
        else:
            state.last_terminated = state.terminated
        state.restarts += 1

    def _wait(self, reason: str, message: str) -> None:
        self.state.waiting, self.state.message = reason, message
        self._changed()

    async def _probe(self) -> None:
        """Startup probe first, then readiness and liveness beside each other."""
        startup = self.spec.get("startupProbe")
        if startup and not await self._starts(startup):
            self.kill()
            return
        self.state.started = True
        readiness, liveness = self.spec.get("readinessProbe"), self.spec.get("livenessProbe")
        if not readiness:
            self.state.ready = not self._fault().never_ready
        self._changed()
        async with asyncio.TaskGroup() as tasks:
            if readiness:
                tasks.create_task(self._watch_readiness(readiness))
            if liveness:
                tasks.create_task(self._watch_liveness(liveness))

    async def _starts(self, probe: Object) -> bool:
        timing = probes.Timing.of(probe)
        await asyncio.sleep(timing.initial_delay)
        for _ in range(timing.failures):
            if not await probes.passes(probe, self, self._settings.session):
                return True
            await asyncio.sleep(timing.period)
        self._warn(
            "Unhealthy", f"container {self.spec['name']} failed startup probe, will be restarted"
        )
        return False

    async def _watch_readiness(self, probe: Object) -> None:
        timing = probes.Timing.of(probe)
        await asyncio.sleep(timing.initial_delay)
        streak, was_ready = 0, False
        while True:
            began = asyncio.get_running_loop().time()
            problem = await probes.passes(probe, self, self._settings.session)
            passed = not problem and not self._fault().never_ready
            if passed == self.state.ready:
                streak = 0
            else:
                streak += 1
                if streak >= (timing.successes if passed else timing.failures):
                    streak, self.state.ready = 0, passed
                    self._changed()
                    if problem:
                        self._warn("Unhealthy", f"Readiness probe failed: {problem}")
            was_ready = was_ready or self.state.ready
            first = min(FIRST_READINESS_PERIOD, timing.period)
            await _rest(timing.period if was_ready else first, began)

    async def _watch_liveness(self, probe: Object) -> None:
        timing = probes.Timing.of(probe)
        await asyncio.sleep(timing.initial_delay)
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            problem = await probes.passes(probe, self, self._settings.session)
            failures = failures + 1 if problem else 0
            if failures >= timing.failures:
                break
            await _rest(timing.period, began)
        self._warn(
            "Unhealthy", f"container {self.spec['name']} failed liveness probe, will be restarted"
        )
        await self._end_and_restart()

    async def _end_and_restart(self) -> None:
        process = self._process
        if process is not None:
            process.terminate()
            await asyncio.sleep(2.0)
            process.kill()


async def _rest(period: float, began: float) -> None:
    """Sleep until the next period: a probe that took long comes again the sooner, as with a real kubelet."""
    await asyncio.sleep(max(0.0, began + period - asyncio.get_running_loop().time()))
