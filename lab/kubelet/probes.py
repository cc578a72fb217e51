"""Probes a container as its spec asks: httpGet, tcpSocket, exec."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from lab.client import Object


class Target(Protocol):
    """What a probe needs to know of the container."""

    @property
    def ip(self) -> str: ...
    @property
    def spec(self) -> Object: ...
    @property
    def environment(self) -> Mapping[str, str]: ...
    def rewrite(self, text: str) -> str: ...


@dataclass(frozen=True)
class Timing:
    """When and how often a probe runs, with Kubernetes' defaults."""

    initial_delay: float
    period: float
    timeout: float
    failures: int
    successes: int

    @classmethod
    def of(cls, probe: Object) -> "Timing":
        return cls(
            initial_delay=probe.get("initialDelaySeconds", 0),
            period=probe.get("periodSeconds", 10),
            timeout=probe.get("timeoutSeconds", 1),
            failures=probe.get("failureThreshold", 3),
            successes=probe.get("successThreshold", 1),
        )


async def passes(probe: Object, target: Target, session: aiohttp.ClientSession) -> str:
    """An empty text if the probe passes, else why it does not."""
    timeout = Timing.of(probe).timeout
    try:
        async with asyncio.timeout(timeout):
            if "httpGet" in probe:
                return await _http(probe["httpGet"], target, session)
            if "tcpSocket" in probe:
                return await _tcp(probe["tcpSocket"], target)
            if "exec" in probe:
                return await _exec(probe["exec"]["command"], target)
    except TimeoutError:
        return f"no answer within {timeout} s"
    except (OSError, aiohttp.ClientError) as error:
        return str(error) or type(error).__name__
    return "the lab's kubelet knows httpGet, tcpSocket and exec probes"


async def _http(spec: Object, target: Target, session: aiohttp.ClientSession) -> str:
    scheme = spec.get("scheme", "HTTP").lower()
    host = spec.get("host") or target.ip
    url = f"{scheme}://{host}:{port_of(spec['port'], target.spec)}{spec.get('path', '/')}"
    headers = {entry["name"]: entry["value"] for entry in spec.get("httpHeaders", [])}
    headers.setdefault("User-Agent", "kube-probe/lab")
    async with session.get(url, headers=headers, allow_redirects=False, ssl=False) as answer:
        if 200 <= answer.status < 400:
            return ""
        return f"HTTP probe failed with statuscode: {answer.status}"


async def _tcp(spec: Object, target: Target) -> str:
    host = spec.get("host") or target.ip
    _, writer = await asyncio.open_connection(host, port_of(spec["port"], target.spec))
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""


async def _exec(command: list[str], target: Target) -> str:
    process = await asyncio.create_subprocess_exec(
        *(target.rewrite(word) for word in command),
        env=dict(target.environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.kill()
        raise
    return "" if code == 0 else f"command exited with code {code}"


def port_of(port: int | str, container: Object) -> int:
    """A port by number, or by its name among the container's ports."""
    if isinstance(port, int):
        return port
    for entry in container.get("ports", []):
        if entry.get("name") == port:
            return int(entry["containerPort"])
    raise OSError(f"container {container['name']} has no port named {port}")
