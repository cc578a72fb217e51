"""Envoy's whole configuration, from routes, Gateways, Services and pods. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lab.client import Object
from lab.envoy import ROUTES_FILE, Config, endpoints, endpoints_file, socket_address
from lab.gateway.services import Backend, Directory
from lab.gateway.translate import NO_BACKEND, REFUSAL, ordered

PROXY_PORT = 3128
REFUSAL_PORT = 9902
MANAGER = (
    "type.googleapis.com/envoy.extensions.filters.network."
    "http_connection_manager.v3.HttpConnectionManager"
)
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
UPSTREAM = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
# Shorter than a model server keeps idle connections: no request meets one that is being closed.
UPSTREAM_IDLE = "2s"


@dataclass(frozen=True)
class Listener:
    """One listener of a Gateway, with the routes of each host name."""

    name: str
    address: str
    port: int
    hosts: Mapping[str, list[Object]]


def configuration(
    listeners: Iterable[Listener],
    directory: Directory,
    system_address: str,
    source: Callable[[str], Object],
) -> Config:
    """`source` tells where Envoy finds a file."""
    config = Config()
    _add_refusal(config, system_address, source)
    for backend in directory.backends():
        name = backend.cluster
        config.clusters[name] = _cluster(name, source)
        config.endpoints[name] = endpoints(name, directory.addresses(backend))
    for one in listeners:
        hosts = {name: ordered(routes) for name, routes in one.hosts.items()}
        _add_listener(config, source, one.name, (one.address, one.port), hosts)
        config.routes[one.name]["ignore_port_in_host_matching"] = True
        _tidy_paths(config.listeners[one.name])
    proxied = _service_hosts(directory)
    _add_listener(config, source, "proxy", (system_address, PROXY_PORT), proxied)
    return config


def _add_refusal(config: Config, address: str, source: Callable[[str], Object]) -> None:
    config.clusters[REFUSAL] = _cluster(REFUSAL, source)
    config.endpoints[REFUSAL] = endpoints(REFUSAL, [(address, REFUSAL_PORT)])
    everything = {"*": [{"match": {"prefix": "/"}, **NO_BACKEND}]}
    _add_listener(config, source, REFUSAL, (address, REFUSAL_PORT), everything)


def _cluster(name: str, source: Callable[[str], Object]) -> Object:
    options = {
        "@type": f"type.googleapis.com/{UPSTREAM}",
        "explicit_http_config": {"http_protocol_options": {}},
        "common_http_protocol_options": {"idle_timeout": UPSTREAM_IDLE},
    }
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "eds_cluster_config": {"eds_config": source(endpoints_file(name))},
        "typed_extension_protocol_options": {UPSTREAM: options},
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": 100000, "max_pending_requests": 100000, "max_requests": 100000}
            ]
        },
        # An endpoint that is gone is not used, but what it still answers is waited for.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
    }


def _add_listener(
    config: Config,
    source: Callable[[str], Object],
    name: str,
    where: tuple[str, int],
    hosts: Mapping[str, list[Object]],
) -> None:
    config.listeners[name] = {
        "name": name,
        "address": socket_address(*where),
        "filter_chains": [{"filters": [_manager(name, source(f"{ROUTES_FILE}{name}"))]}],
    }
    config.routes[name] = {
        "name": name,
        "virtual_hosts": [
            {"name": host, "domains": [host], "routes": routes}
            for host, routes in sorted(hosts.items())
        ],
    }


def _manager(name: str, routes: Object) -> Object:
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": MANAGER,
            "stat_prefix": name,
            "rds": {"route_config_name": name, "config_source": routes},
            "http_filters": [router],
            "use_remote_address": True,
            "normalize_path": True,
        },
    }


def _tidy_paths(listener: Object) -> None:
    """Have paths of callers read as Envoy Gateway does by default: `//` is `/`, and `%2F` is redirected to it."""
    [chain] = listener["filter_chains"]
    manager = chain["filters"][0]["typed_config"]
    manager["merge_slashes"] = True
    manager["path_with_escaped_slashes_action"] = "UNESCAPE_AND_REDIRECT"


def _service_hosts(directory: Directory) -> dict[str, list[Object]]:
    """One virtual host for each service name, its first port without a number."""
    hosts: dict[str, list[Object]] = {"*": [_unknown()]}
    seen = set()
    for backend in directory.backends():
        name = f"{backend.key.name}.{backend.key.namespace}.svc"
        route = {"match": {"prefix": "/"}, "route": _plain(backend)}
        for host in (name, f"{name}.cluster.local"):
            if backend.port == 80 or backend.key not in seen:
                hosts[host] = [route]
            hosts[f"{host}:{backend.port}"] = [route]
        seen.add(backend.key)
    return hosts


def _plain(backend: Backend) -> Object:
    return {"cluster": backend.cluster, "timeout": "0s"}


def _unknown() -> Object:
    body = "the lab's proxy answers for http://<service>.<namespace>.svc.cluster.local only\n"
    return {
        "match": {"prefix": "/"},
        "direct_response": {"status": 502, "body": {"inline_string": body}},
    }
