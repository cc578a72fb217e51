"""A thin asynchronous Kubernetes client for the stand-ins: list, watch, apply, status.

The stand-ins handle objects as the plain JSON that the API server speaks, so that what they write
is exactly what they mean; a typed client would add and drop fields of its own.
"""

import asyncio
import base64
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import aiohttp
import yaml
from aiohttp.connector import NEEDS_CLEANUP_CLOSED

# A Kubernetes object, as JSON. Its shape is the API server's business.
Object: TypeAlias = dict[str, Any]

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
WATCH_SECONDS = 290
LINE_LIMIT = 8 * 2**20


@dataclass(frozen=True)
class Resource:
    """One kind of object, and where the API server keeps it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        return "/" + "/".join(part for part in (*parts, name, subresource) if part)


NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
PODS = Resource("", "v1", "pods", "Pod")
SERVICES = Resource("", "v1", "services", "Service")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
PERSISTENT_VOLUME_CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
EVENTS = Resource("", "v1", "events", "Event")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")


class ApiError(Exception):
    """The API server refused a request, or (code 0) did not answer it."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason


class Client:
    """Speaks to the API server that a kubeconfig's current context names."""

    def __init__(self, kubeconfig: Path) -> None:
        cluster, user = _current_context(kubeconfig)
        self._url = str(cluster["server"]).rstrip("/")
        self._tls = _tls_context(cluster, user)
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self._url,
            headers=self._headers,
            # Python itself loses TLS connections that the other side has ended (cpython#118950).
            connector=aiohttp.TCPConnector(
                ssl=self._tls, limit=0, enable_cleanup_closed=NEEDS_CLEANUP_CLOSED
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            read_bufsize=LINE_LIMIT,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None and self._session.connector is not None:
            # A watch ends in the middle of a stream: there is no TLS farewell to wait for.
            await self._session.connector.close(abort_ssl=True)
            await self._session.close()
            await asyncio.sleep(0.01)  # the loop has yet to drop the sockets

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object, or None where there is none."""
        try:
            return await self._call("GET", resource.path(namespace, name))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def list(self, resource: Resource, namespace: str = "") -> Object:
        return await self._call("GET", resource.path(namespace))

    async def create(
        self,
        resource: Resource,
        body: Object,
        *,
        namespace: str = "",
        name: str = "",
        sub: str = "",
    ) -> Object:
        return await self._call("POST", resource.path(namespace, name, sub), body)

    async def apply(self, resource: Resource, body: Object, *, manager: str) -> Object:
        """Server-side apply: writes nothing where nothing would change."""
        metadata = body["metadata"]
        whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": manager, "force": "true"}
        return await self._call("PATCH", path, whole, content_type=APPLY, query=query)

    async def patch(
        self, resource: Resource, namespace: str, name: str, body: Object, *, sub: str = ""
    ) -> Object:
        """A JSON merge patch; lists are replaced as a whole."""
        return await self._call(
            "PATCH", resource.path(namespace, name, sub), body, content_type=MERGE
        )

    async def delete(
        self, resource: Resource, namespace: str, name: str, options: Object | None = None
    ) -> None:
        """Delete an object; fine if it is gone already, or was replaced by its namesake."""
        try:
            await self._call("DELETE", resource.path(namespace, name), options)
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    async def watch(self, resource: Resource, version: str) -> AsyncIterator[Object]:
        """Events from that resourceVersion on, until the API server ends the stream."""
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_read=WATCH_SECONDS + 30)
        async with self._open.get(resource.path(), params=query, timeout=timeout) as response:
            await _raise_for(response)
            try:
                while line := await response.content.readline():
                    event: Object = json.loads(line)
                    yield event
            finally:
                _drop(response)

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("open the client first: async with Client(kubeconfig) as client")
        return self._session

    async def _call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": content_type}
        try:
            async with self._open.request(
                method,
                path,
                data=data,
                headers=headers,
                params=query,
                timeout=aiohttp.ClientTimeout(total=30),
            ) as response:
                await _raise_for(response)
                answer: Object = await response.json()
                return answer
        except (aiohttp.ClientError, TimeoutError) as error:
            # Who can live with a refusal can live with silence: a connection may end at any time.
            raise ApiError(0, "NoAnswer", f"{method} {path}: {error!r}") from error


def _drop(response: aiohttp.ClientResponse) -> None:
    """Drop a connection in the middle of a stream: it would wait for a TLS farewell, longer than its loop runs."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


async def _raise_for(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    text = await response.text()
    try:
        status = json.loads(text)
        raise ApiError(response.status, status.get("reason", ""), status.get("message", text))
    except (json.JSONDecodeError, AttributeError):
        raise ApiError(response.status, response.reason or "", text) from None


def _current_context(kubeconfig: Path) -> tuple[Object, Object]:
    config = yaml.safe_load(kubeconfig.read_text())
    contexts = {entry["name"]: entry["context"] for entry in config["contexts"]}
    context = contexts[config["current-context"]]
    clusters = {entry["name"]: entry["cluster"] for entry in config["clusters"]}
    users = {entry["name"]: entry["user"] for entry in config["users"]}
    return clusters[context["cluster"]], users[context["user"]]


def _tls_context(cluster: Object, user: Object) -> ssl.SSLContext:
    authority = _material(cluster, "certificate-authority")
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    certificate, key = _material(user, "client-certificate"), _material(user, "client-key")
    if certificate and key:
        # Python's ssl loads a client certificate from files only.
        with tempfile.TemporaryDirectory() as folder:
            paths = Path(folder, "client.crt"), Path(folder, "client.key")
            for path, content in zip(paths, (certificate, key), strict=True):
                path.touch(mode=0o600)
                path.write_bytes(content)
            context.load_cert_chain(*paths)
    return context


def _material(entry: Object, field: str) -> bytes:
    if f"{field}-data" in entry:
        return base64.b64decode(entry[f"{field}-data"])
    return Path(entry[field]).read_bytes() if field in entry else b""
