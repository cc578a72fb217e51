"""A process beside the detector, for what takes long and much memory: it may hang, crash and be killed."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Final

from mlhops.alibi.sidecar.job import LENGTH, framed, length

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""A node may have many CPUs of which the container gets one: threads would only wait for each other."""

_GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
"""glibc otherwise keeps what was freed between small pieces that live on: torch's 999 permutations, of 4 MB each,
took 2.3 GiB so, and take 0.5 GiB with this."""


class AsideError(Exception):
    """It did not answer; the message is in the detector's own words."""


class Aside:
    """Answers one message at a time; one that was killed is started anew by the next message."""

    def __init__(self, module: str, seconds: float) -> None:
        self._module: Final = module
        self._seconds = seconds
        self._process: Process | None = None

    async def ask(self, body: bytes) -> bytes:
        """Return the answer to a message.

        Raises:
            AsideError: there is none, or not in time.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._asked(body)
        except TimeoutError:
            await self.close()
            raise AsideError(f"did not answer within {self._seconds:g} s") from None
        except (OSError, ValueError, asyncio.IncompleteReadError):
            await self.close()
            raise AsideError("has lost its process, perhaps for want of memory") from None

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _asked(self, body: bytes) -> bytes:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                stdin=PIPE,
                stdout=PIPE,
                # What it prints may quote a row.
                stderr=DEVNULL,
                env={**os.environ, **_ONE_THREAD, **_GIVEN_BACK, "PYTHONUNBUFFERED": ""},
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(framed(body))
        await process.stdin.drain()
        return await process.stdout.readexactly(length(await process.stdout.readexactly(LENGTH)))
