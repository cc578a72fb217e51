"""Materialises a pod's volumes as folders on the host."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.client import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, Client, Object, Resource
from lab.kubelet.fields import field

DEFAULT_TOKEN_SECONDS = 3607


class VolumeNotReady(Exception):
    """A volume cannot be set up yet; the kubelet tries again."""


class ClaimNotFound(VolumeNotReady):
    """There is no folder for a persistentVolumeClaim."""


@dataclass(frozen=True)
class Volumes:
    """Where volumes live: a folder a pod, and below `claims` a folder a namespace and claim."""

    client: Client
    claims: Path
    node_ip: str

    async def materialise(self, pod: Object, folder: Path, pod_ip: str) -> dict[str, Path]:
        """The folder of each volume of the pod, with its content up to date."""
        return {
            volume["name"]: await self._volume(pod, volume, folder / volume["name"], pod_ip)
            for volume in pod["spec"].get("volumes", [])
        }

    async def _volume(self, pod: Object, volume: Object, folder: Path, pod_ip: str) -> Path:
        if "persistentVolumeClaim" in volume:
            return self._claim(pod, volume["persistentVolumeClaim"]["claimName"])
        folder.mkdir(parents=True, exist_ok=True)
        if "emptyDir" in volume:
            return folder
        if "projected" in volume:
            sources = volume["projected"].get("sources", [])
        else:
            sources = [{kind: source} for kind, source in volume.items() if kind != "name"]
        wanted: dict[str, bytes] = {}
        for source in sources:
            wanted |= await self._source(pod, source, pod_ip)
        write(folder, wanted)
        return folder

    def _claim(self, pod: Object, claim: str) -> Path:
        namespace: str = pod["metadata"]["namespace"]
        folder = self.claims / namespace / claim
        if not folder.is_dir():
            # As the real one says it; the folder is what the lab's user can make.
            raise ClaimNotFound(
                f'persistentvolumeclaim "{claim}" not found: the folder {folder} is missing'
            )
        return folder

    async def _source(self, pod: Object, source: Object, pod_ip: str) -> dict[str, bytes]:
        [(kind, spec)] = source.items()
        match kind:
            case "configMap":
                found = await self._fetch(CONFIG_MAPS, pod, spec["name"], spec)
                return select(spec, content_of(found), f'configmap "{spec["name"]}"')
            case "secret":
                name = spec.get("secretName") or spec["name"]
                found = await self._fetch(SECRETS, pod, name, spec)
                return select(spec, content_of(found), f'secret "{name}"')
            case "downwardAPI":
                return {item["path"]: self._field(pod, item, pod_ip) for item in spec["items"]}
            case "serviceAccountToken":
                return {spec["path"]: await self._token(pod, spec)}
        raise VolumeNotReady(f"the lab's kubelet has no volumes of type {kind}")

    async def _fetch(self, resource: Resource, pod: Object, name: str, spec: Object) -> Object:
        found = await self.client.get(resource, pod["metadata"]["namespace"], name)
        if found is None and not spec.get("optional"):
            raise VolumeNotReady(f'{resource.kind.lower()} "{name}" not found')
        return found or {}

    def _field(self, pod: Object, item: Object, pod_ip: str) -> bytes:
        if "fieldRef" not in item:
            raise VolumeNotReady(f"downwardAPI item {item['path']}: only fieldRef is offered here")
        path = item["fieldRef"]["fieldPath"]
        return field(pod, path, node_ip=self.node_ip, pod_ip=pod_ip).encode()

    async def _token(self, pod: Object, spec: Object) -> bytes:
        metadata = pod["metadata"]
        bound = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
        request: Object = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [spec["audience"]] if spec.get("audience") else [],
                "expirationSeconds": spec.get("expirationSeconds", DEFAULT_TOKEN_SECONDS),
                "boundObjectRef": bound,
            },
        }
        answer = await self.client.create(
            SERVICE_ACCOUNTS,
            request,
            namespace=metadata["namespace"],
            name=pod["spec"].get("serviceAccountName", "default"),
            sub="token",
        )
        token: str = answer["status"]["token"]
        return token.encode()


def changes(pod: Object) -> bool:
    """Whether the pod has volumes whose content may change while it runs."""
    own = (volume for volume in pod["spec"].get("volumes", []))
    return any("configMap" in volume or "secret" in volume for volume in own)


def content_of(item: Object) -> dict[str, bytes]:
    """The files of a ConfigMap or Secret."""
    binary: dict[str, str] = item.get("binaryData", {})
    if item.get("kind") == "Secret":
        binary = item.get("data", {})
        text: dict[str, str] = {}
    else:
        text = item.get("data", {})
    files = {name: value.encode() for name, value in text.items()}
    return files | {name: base64.b64decode(value) for name, value in binary.items()}


def select(spec: Object, files: Mapping[str, bytes], what: str) -> dict[str, bytes]:
    """The files by the path at which the volume wants them."""
    items: Iterable[Object] | None = spec.get("items")
    if items is None:
        return dict(files)
    wanted: dict[str, bytes] = {}
    for item in items:
        if item["key"] in files:
            wanted[item["path"]] = files[item["key"]]
        elif not spec.get("optional"):
            raise VolumeNotReady(f"{what} has no key {item['key']}")
    return wanted


def write(folder: Path, wanted: Mapping[str, bytes]) -> None:
    """Make the folder hold exactly these files; each appears whole or not at all."""
    for name, content in wanted.items():
        path = folder / name
        if path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_bytes(content)
        fresh.replace(path)
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in wanted:
            path.unlink()
