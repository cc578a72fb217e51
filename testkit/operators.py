"""The API server as a strict client sees it: an object comes back, or a refusal field by field."""

import json
from pathlib import Path
from typing import cast

from kubernetes import client, config

from mlhops.api import GROUP, VERSION
from mlhops.api.base import Manifest
from tools.crd import KINDS

PLURALS = {kind.name: kind.plural for kind in KINDS}
CLUSTER = {kind.name for kind in KINDS if kind.cluster}


class RefusedError(Exception):
    """The server's refusal; each line is `field: message`."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Server:
    """Creates and changes objects of this project with strict field validation."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.namespace = namespace
        connection = config.new_client_from_config(str(kubeconfig))
        self._api = client.CustomObjectsApi(connection)

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object and return it as the server wrote it."""
        scope = "cluster" if manifest["kind"] in CLUSTER else "namespaced"
        return self._send(f"create_{scope}_custom_object", manifest, dry_run=dry_run)

    def replace(self, manifest: Manifest) -> Manifest:
        """Replace an object; its status stays."""
        return self._send("replace_namespaced_custom_object", manifest, name=_name(manifest))

    def replace_status(self, manifest: Manifest) -> Manifest:
        """Replace an object's status; all else stays."""
        return self._send("replace_namespaced_custom_object_status", manifest, name=_name(manifest))

    def _send(
        self, method: str, body: Manifest, *, name: str | None = None, dry_run: bool = False
    ) -> Manifest:
        options = {"name": name} if name else {}
        if body["kind"] not in CLUSTER:
            options["namespace"] = self.namespace
        if dry_run:
            options["dry_run"] = "All"
        try:
            answer = getattr(self._api, method)(
                group=GROUP,
                version=VERSION,
                plural=PLURALS[str(body["kind"])],
                body=body,
                field_validation="Strict",
                **options,
            )
        except client.ApiException as error:
            raise RefusedError(_lines(json.loads(error.body or "{}"))) from None
        return cast(Manifest, answer)


def _name(manifest: Manifest) -> str:
    return str(cast(Manifest, manifest["metadata"])["name"])


def _lines(status: Manifest) -> tuple[str, ...]:
    details = cast(Manifest, status.get("details") or {})
    causes = cast("list[Manifest]", details.get("causes") or [])
    told = tuple(f"{cause.get('field')}: {cause.get('message')}" for cause in causes)
    return told or (str(status["message"]),)
