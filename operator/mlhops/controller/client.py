"""The operator's few calls to the API server, objects as plain JSON.

kopf patches without server-side apply and without preconditions, so the operator's own writes go through
here, over the transport of the `kubernetes` client.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, cast

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from mlhops.api import GROUP, VERSION
from mlhops.api.base import Manifest
from mlhops.kserve.names import FIELD_MANAGER

_TIMEOUT = 15.0


@dataclass(frozen=True)
class Kind:
    """A kind of object, and where the API server keeps it."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the URL path of an object or of a list; of all namespaces where none is named."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = ["namespaces", namespace] if namespace else []
        parts = [root, *within, self.plural, name, subresource]
        return "/".join(part for part in parts if part)


MODELS = Kind(GROUP, VERSION, "clinicalmodels")
EVALUATIONS = Kind(GROUP, VERSION, "evaluations")
DECISIONS = Kind(GROUP, VERSION, "decisions")
SERVICES = Kind("serving.kserve.io", "v1beta1", "inferenceservices")
ROUTES = Kind("gateway.networking.k8s.io", "v1", "httproutes")
GATEWAYS = Kind("gateway.networking.k8s.io", "v1", "gateways")
JOBS = Kind("batch", "v1", "jobs")
PODS = Kind("", "v1", "pods")
EVENTS = Kind("", "v1", "events")
REVISIONS = Kind("apps", "v1", "controllerrevisions")


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class NotInstalled(Exception):
    """The API server does not know a kind."""


class Client:
    """Speaks to one API server."""

    def __init__(self, configuration: Configuration) -> None:
        self._api = ApiClient(configuration)
        self.writes = 0
        """Writes that the API server took, for telemetry."""

    @classmethod
    async def connect(cls, connections: int = 20) -> Self:
        """Return a client for the cluster that runs the process, or the one that KUBECONFIG names."""
        configuration = Configuration()
        if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
            config.load_incluster_config(client_configuration=configuration)
        else:
            await config.load_kube_config(client_configuration=configuration)
        configuration.connection_pool_maxsize = connections
        return cls(configuration)

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object as the API server has it now, None where there is none.

        Raises:
            NotInstalled: the API server does not know the kind.
        """
        try:
            return await self._call("GET", kind.path(namespace, name))
        except ApiError as error:
            if error.status != 404:
                raise
            if error.reason != "NotFound" or not _names_object(error):
                raise NotInstalled(kind.plural) from error
            return None

    async def list(
        self, kind: Kind, namespace: str, selector: str = "", fields: str = ""
    ) -> list[Manifest]:
        """Return the objects that match a label selector and a field selector.

        Raises:
            NotInstalled: the API server does not know the kind.
        """
        query = {"labelSelector": selector} if selector else {}
        query |= {"fieldSelector": fields} if fields else {}
        try:
            answer = await self._call("GET", kind.path(namespace), query=query)
        except ApiError as error:
            if error.status == 404:
                raise NotInstalled(kind.plural) from error
            raise
        items = answer.get("items")
        if not isinstance(items, list):
            raise _damaged()
        return cast(list[Manifest], items)

    async def apply(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        """Apply an object on the server, as the owner of the fields that it has.

        With a resourceVersion in its metadata, only that version is changed (409 otherwise).
        """
        metadata = cast(Mapping[str, str], manifest["metadata"])
        answer = await self._call(
            "PATCH",
            kind.path(metadata["namespace"], metadata["name"], subresource),
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body=manifest,
            content_type="application/apply-patch+yaml",
        )
        self.writes += 1
        return answer

    async def patch_status(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Merge into an object's status, keeping whatever else stands there."""
        metadata = cast(Mapping[str, str], manifest["metadata"])
        answer = await self._call(
            "PATCH",
            kind.path(metadata["namespace"], metadata["name"], "status"),
            query={"fieldManager": FIELD_MANAGER},
            body={"status": manifest["status"]},
            content_type="application/merge-patch+json",
        )
        self.writes += 1
        return answer

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create an object."""
        metadata = cast(Mapping[str, str], manifest["metadata"])
        query = {"fieldManager": FIELD_MANAGER}
        answer = await self._call(
            "POST", kind.path(metadata["namespace"]), query=query, body=manifest
        )
        self.writes += 1
        return answer

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str | None = None) -> None:
        """Delete an object and, in the background, what it owns; one that is gone is fine."""
        body: Manifest = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            await self._call("DELETE", kind.path(namespace, name), body=body)
        except ApiError as error:
            if error.status != 404:
                raise
            return
        self.writes += 1

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = "application/json",
    ) -> Manifest:
        request = await self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = await self._api.call_api(*request, _request_timeout=_TIMEOUT)
        text: bytes = await response.read()
        answer = _parse(text)
        if not 200 <= response.status < 300:
            reason = str(answer.get("reason") or response.reason or "")
            message = str(answer.get("message") or text[:500].decode(errors="replace"))
            raise ApiError(response.status, reason, message)
        if not answer:
            raise _damaged()
        return answer


def _damaged() -> ApiError:
    """An answer that was cut off must not read as "there is nothing": try again."""
    return ApiError(502, "BadAnswer", "the API server's answer is damaged")


def _parse(text: bytes) -> Manifest:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _names_object(error: ApiError) -> bool:
    """Whether a 404 speaks of an object, and not of a kind that is not served."""
    return "could not find the requested resource" not in error.message
