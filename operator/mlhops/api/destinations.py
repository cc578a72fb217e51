"""Where the operator and the evaluator may be sent by what people write into specs.

Whoever writes a URL is not always allowed to reach what it leads to: the network of a pod reaches the node's
metadata service, which hands out the node's credentials, and the API server. So these are refused whatever a name
resolves to. Which hosts there may be besides, whoever installs the operator can say.
"""

import argparse
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

API_SERVER = "KUBERNETES_SERVICE_HOST"
"""The variable with which the kubelet tells each container where the API server is."""
# Metadata services that are not at a link-local address: AWS by IPv6, Azure, Alibaba and Oracle.
_METADATA: tuple[Network, ...] = tuple(
    ipaddress.ip_network(each)
    for each in ("fd00:ec2::/32", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_WAY_OUT = "name another host, or have whoever runs the operator allow it with"


@dataclass(frozen=True)
class Destinations:
    """What may be reached."""

    hosts: tuple[str, ...] = ()
    """Names, or `*.` and a domain for all names below it; every host where there are none."""
    networks: tuple[Network, ...] = ()
    """Networks that may be reached although they would be refused, and whatever the names are."""
    api_server: Address | None = None

    def refuses_host(self, host: str) -> str:
        """Return why a name, or an address in the place of one, must not be reached; empty if it may."""
        found = _address(host)
        if found is not None and self._exempt(found):
            return ""
        name = host.lower().rstrip(".")
        if self.hosts and not any(_matches(name, each) for each in self.hosts):
            return f"the host {name} is not among those that are allowed: {_WAY_OUT} --allowed-host"
        return self._refuses(found, name) if found is not None else ""

    def refuses(self, host: str, addresses: Iterable[str]) -> str:
        """Return why a host with these addresses must not be reached; one bad address is enough."""
        why = self.refuses_host(host)
        for each in addresses:
            found = _address(each)
            why = why or (self._refuses(found, host) if found else f"{host} has no address")
        return why

    def arguments(self) -> tuple[str, ...]:
        """Return the flags that say this to another process."""
        return (
            *(f"--allowed-host={each}" for each in self.hosts),
            *(f"--allowed-network={each}" for each in self.networks),
        )

    def _refuses(self, address: Address, host: str) -> str:
        if self._exempt(address):
            return ""
        kind = _kind(address, self.api_server)
        return kind and f"the host {host} is {kind}: {_WAY_OUT} --allowed-network"

    def _exempt(self, address: Address) -> bool:
        return any(address in each for each in self.networks)


ANYWHERE = Destinations()
"""All hosts, and none of the addresses that are refused by themselves."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a command line say what may be reached."""
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        type=_pattern,
        metavar="HOST",
        help="reach no other hosts for data, reports and sinks than these: a name, or *. and a domain; may be "
        "given several times (default: all)",
    )
    parser.add_argument(
        "--allowed-network",
        action="append",
        default=[],
        type=ipaddress.ip_network,
        metavar="CIDR",
        help="reach addresses of this network although they are loopback, link-local, multicast, a metadata "
        "service or the API server; may be given several times",
    )


def of(options: argparse.Namespace, environment: Mapping[str, str]) -> Destinations:
    """Return what a command line says, in this environment."""
    server = environment.get(API_SERVER, "")
    return Destinations(
        tuple(options.allowed_host), tuple(options.allowed_network), _address(server)
    )


def _pattern(text: str) -> str:
    name = text.lower().rstrip(".")
    if not name.removeprefix("*.") or any(sign in name.removeprefix("*.") for sign in "*/@ ,"):
        raise argparse.ArgumentTypeError(f"{text!r} is no host: write data.example or *.example")
    return name


def _matches(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


def _address(text: str) -> Address | None:
    """Return an address; one of IPv4 that is written within IPv6 as that of IPv4."""
    try:
        found = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        return inner or found
    return found


def _kind(address: Address, api_server: Address | None) -> str:
    """Return what an address is that nobody is led to, empty if it is none such."""
    if address == api_server:
        return "the API server"
    if any(address in each for each in _METADATA):
        return "a metadata service"
    if address.is_loopback or address.is_unspecified:
        return "this pod itself"
    if address.is_link_local:
        return "link-local, where metadata services are"
    if address.is_multicast or address.is_reserved:
        return "no address of a single server"
    return ""
