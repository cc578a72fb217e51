"""What processes take: CPU seconds and memory, and what the rest of the machine took meanwhile."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

OTHERS = "others"
"""Every process of the machine that has no part in the measurement."""


@dataclass(frozen=True)
class Usage:
    """CPU seconds by the names of processes up to one moment; a difference is what a phase took."""

    at: float
    cpu: Mapping[str, float]

    @classmethod
    def now(cls, processes: Mapping[str, int]) -> Self:
        """Look at these processes, by name and id."""
        cpu = {name: _seconds(pid) for name, pid in processes.items()}
        machine = psutil.cpu_times()
        idle = machine.idle + getattr(machine, "iowait", 0.0)
        # Time of guests is in `user` as well.
        guests = getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)
        cpu[OTHERS] = sum(machine) - idle - guests - sum(cpu.values())
        return cls(time.monotonic(), cpu)

    def __sub__(self, before: "Usage") -> "Usage":
        cpu = {name: total - before.cpu.get(name, 0.0) for name, total in self.cpu.items()}
        return Usage(self.at - before.at, cpu)


@dataclass(frozen=True)
class Stolen:
    """What a virtual machine's host has given of its cores' time to others, up to one moment."""

    at: float
    seconds: float

    @classmethod
    def now(cls) -> Self:
        """Look; a machine that is its own, or is not told, loses nothing."""
        return cls(time.monotonic(), float(getattr(psutil.cpu_times(), "steal", 0.0)))

    @property
    def since(self) -> float:
        """Percent of all cores' time that was taken since then."""
        now = Stolen.now()
        length = (now.at - self.at) * (psutil.cpu_count() or 1)
        return round(100 * (now.seconds - self.seconds) / length, 2)


def resident(pid: int) -> float:
    """Return the resident set in MiB."""
    return round(psutil.Process(pid).memory_info().rss / 2**20, 1)


def peak(pid: int) -> float:
    """Return the largest that the resident set ever was, in MiB; the present one off Linux."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.M) if status.exists() else None
    return round(int(found[1]) / 1024, 1) if found else resident(pid)


def _seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
