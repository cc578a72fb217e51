"""A block of loopback addresses for one cluster, so that several run beside each other.

A cluster owns 127.<n>.0.0/16: pods, gateways and its own servers get addresses in it and keep the
ports that they ask for. The block is held by a bound socket: it is free when the process ends.
"""

import errno
import socket
from collections import deque
from dataclasses import dataclass

FIRST_BLOCK, LAST_BLOCK = 77, 250
KUBELET_PORT = 10250
POD_NETWORK, SYSTEM_NETWORK = 1, 0
FIRST_GATEWAY, LAST_GATEWAY = 16, 31
PODS_TO_ADVISE = 40


class NoAddress(RuntimeError):
    """This machine does not let us use the loopback addresses that the lab needs."""


@dataclass(frozen=True)
class Block:
    """The addresses 127.<number>.x.y, and the socket that holds them (the kubelet's port)."""

    number: int
    holder: socket.socket

    @property
    def node(self) -> str:
        return self.address(SYSTEM_NETWORK, 1)

    def address(self, network: int, host: int) -> str:
        return f"127.{self.number}.{network}.{host}"

    def gateways(self) -> "Pool":
        hosts = range(FIRST_GATEWAY, LAST_GATEWAY + 1)
        return Pool([self.address(SYSTEM_NETWORK, host) for host in hosts])

    def pods(self) -> "Pool":
        return Pool([self.address(POD_NETWORK, host) for host in range(1, 255)])


class Pool:
    """Addresses handed out in turn: the one given back last is used again last."""

    def __init__(self, candidates: list[str]) -> None:
        self._free = deque(address for address in candidates if can_bind(address, 0))
        if not self._free:
            raise NoAddress(advice(candidates[0]))

    def take(self) -> str:
        if not self._free:
            raise NoAddress("all loopback addresses of this cluster are in use: delete some pods")
        return self._free.popleft()

    def give_back(self, address: str) -> None:
        self._free.append(address)


def claim() -> Block:
    """The first block of addresses that no other cluster holds."""
    for number in range(FIRST_BLOCK, LAST_BLOCK + 1):
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        address = f"127.{number}.{SYSTEM_NETWORK}.1"
        try:
            holder.bind((address, KUBELET_PORT))
            holder.listen(128)
        except OSError as error:
            holder.close()
            if error.errno == errno.EADDRNOTAVAIL:
                raise NoAddress(advice(address)) from error
            continue
        return Block(number, holder)
    raise NoAddress(
        f"no free block 127.n.0.1:{KUBELET_PORT}: does something listen on all addresses?"
    )


def can_bind(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def advice(address: str) -> str:
    """What to type where loopback has one address only, as on macOS."""
    block = ".".join(address.split(".")[:2])
    return (
        f"cannot bind {address}: loopback has one address only. Add more until the next boot:\n"
        f"  for a in {block}.0.1 $(seq -f {block}.0.%g {FIRST_GATEWAY} {FIRST_GATEWAY + 3}) "
        f"$(seq -f {block}.1.%g 1 {PODS_TO_ADVISE}); do sudo ifconfig lo0 alias $a up; done"
    )
