"""KServe's admission webhooks: a real HTTPS server that the API server calls."""

import base64
import json
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from aiohttp import web

from lab.certificates import Authority
from lab.client import Client, Object, Resource
from lab.kserve.admission import Refused, validate, with_defaults
from lab.kserve.names import MANAGER, SERVICE_LABEL
from lab.kserve.pods import mutated

PORT = 9443
SERVICE_PATH = "serving-kserve-io-v1beta1-inferenceservice"
MUTATE_SERVICE, VALIDATE_SERVICE = f"/mutate-{SERVICE_PATH}", f"/validate-{SERVICE_PATH}"
MUTATE_POD = "/mutate-pods"
CONFIGURATION = "inferenceservice.serving.kserve.io"
HOOK = "inferenceservice.kserve-webhook-server"

Handler: TypeAlias = Callable[[Object], Object]


class Webhooks:
    """Serves the webhooks and registers them with the API server."""

    def __init__(self, client: Client, address: str, folder: Path) -> None:
        self._client = client
        self._address = address
        authority = Authority(folder, "kserve-webhooks")
        pair = authority.server("kserve-webhook-server", (address,))
        self._ca = base64.b64encode(authority.certificate.read_bytes()).decode()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(pair.certificate, pair.key)
        app = web.Application()
        app.router.add_post(MUTATE_SERVICE, _answering(_mutate_service))
        app.router.add_post(VALIDATE_SERVICE, _answering(_validate_service))
        app.router.add_post(MUTATE_POD, _answering(_mutate_pod))
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, self._address, PORT, ssl_context=self._tls, shutdown_timeout=0.5
        )
        await site.start()
        await self._register()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _register(self) -> None:
        services = _rule("serving.kserve.io", "v1beta1", "inferenceservices", "CREATE", "UPDATE")
        pods = _rule("", "v1", "pods", "CREATE") | {
            "namespaceSelector": {
                "matchExpressions": [{"key": "control-plane", "operator": "DoesNotExist"}]
            },
            "objectSelector": {"matchExpressions": [{"key": SERVICE_LABEL, "operator": "Exists"}]},
        }
        await self._apply(
            "MutatingWebhookConfiguration",
            [
                self._hook("defaulter", MUTATE_SERVICE, services),
                self._hook("pod-mutator", MUTATE_POD, pods),
            ],
        )
        await self._apply(
            "ValidatingWebhookConfiguration", [self._hook("validator", VALIDATE_SERVICE, services)]
        )

    async def _apply(self, kind: str, hooks: list[Object]) -> None:
        plural = f"{kind.lower()}s"
        resource = Resource("admissionregistration.k8s.io", "v1", plural, kind, namespaced=False)
        body: Object = {"metadata": {"name": CONFIGURATION}, "webhooks": hooks}
        await self._client.apply(resource, body, manager=MANAGER)

    def _hook(self, name: str, path: str, rest: Object) -> Object:
        return {
            "name": f"{HOOK}.{name}",
            "clientConfig": {
                "url": f"https://{self._address}:{PORT}{path}",
                "caBundle": self._ca,
            },
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            **rest,
        }


def _rule(group: str, version: str, plural: str, *operations: str) -> Object:
    rule = {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": list(operations),
        "resources": [plural],
    }
    return {"rules": [rule]}


def _answering(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        review = await request.json()
        response: Object = {"uid": review["request"]["uid"]}
        try:
            response |= {"allowed": True} | handler(review["request"])
        except Refused as refusal:
            response |= {"allowed": False, "status": {"code": 403, "message": str(refusal)}}
        return web.json_response(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        )

    return answer


def _mutate_service(request: Object) -> Object:
    return _patch(request["object"], with_defaults(request["object"]))


def _validate_service(request: Object) -> Object:
    validate(request["object"], request.get("oldObject"))
    return {}


def _mutate_pod(request: Object) -> Object:
    return _patch(request["object"], mutated(request["object"], request["namespace"]))


def _patch(before: Object, after: Object) -> Object:
    """A JSON patch that sets what a webhook may change."""
    changes = [("/spec", after["spec"])] if after["spec"] != before["spec"] else []
    annotations = after["metadata"].get("annotations")
    if annotations != before["metadata"].get("annotations"):
        changes.append(("/metadata/annotations", annotations))
    if not changes:
        return {}
    patch = [{"op": "add", "path": path, "value": value} for path, value in changes]
    encoded = base64.b64encode(json.dumps(patch).encode()).decode()
    return {"patchType": "JSONPatch", "patch": encoded}
