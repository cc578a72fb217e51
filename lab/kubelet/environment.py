"""The environment, command and arguments that a container's process is given."""

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lab.client import CONFIG_MAPS, SECRETS, Client, Object, Resource
from lab.kubelet.fields import FieldNotFound, field
from lab.kubelet.paths import PathMap

REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
# What an image would bring along; nothing else of the caller's environment reaches a pod.
FROM_HOST = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")


class ConfigError(Exception):
    """A container refers to something that is not there (CreateContainerConfigError)."""


@dataclass(frozen=True)
class Environments:
    """Builds environments; `proxy` is the URL that answers for the cluster's service names."""

    client: Client
    node_ip: str
    proxy: str

    async def of(
        self, pod: Object, container: Object, pod_ip: str, paths: PathMap
    ) -> dict[str, str]:
        """The whole environment of a container, with paths as they are on the host."""
        result = self._base(pod_ip)
        declared: dict[str, str] = {}
        for source in container.get("envFrom", []):
            declared |= await self._all_of(pod, source)
        for entry in container.get("env", []):
            if "valueFrom" in entry:
                value = await self._value_from(pod, entry, pod_ip)
            else:
                value = expand(entry.get("value", ""), declared)
            if value is not None:
                declared[entry["name"]] = value
        return result | {name: paths.rewrite(value) for name, value in declared.items()}

    def _base(self, pod_ip: str) -> dict[str, str]:
        direct = f"localhost,127.0.0.1,{pod_ip}"
        inherited = {name: os.environ[name] for name in FROM_HOST if name in os.environ}
        return inherited | {
            "LAB_POD_IP": pod_ip,
            "http_proxy": self.proxy,
            "HTTP_PROXY": self.proxy,
            "no_proxy": direct,
            "NO_PROXY": direct,
            # Many pods share few cores here; one thread each keeps them from fighting.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }

    async def _all_of(self, pod: Object, source: Object) -> dict[str, str]:
        prefix: str = source.get("prefix", "")
        if "configMapRef" in source:
            found = await self._fetch(CONFIG_MAPS, pod, source["configMapRef"])
        else:
            found = await self._fetch(SECRETS, pod, source["secretRef"])
        return {prefix + name: value for name, value in texts(found).items()}

    async def _value_from(self, pod: Object, entry: Object, pod_ip: str) -> str | None:
        [(kind, spec)] = entry["valueFrom"].items()
        match kind:
            case "fieldRef":
                try:
                    return field(pod, spec["fieldPath"], node_ip=self.node_ip, pod_ip=pod_ip)
                except FieldNotFound as error:
                    raise ConfigError(f"env {entry['name']}: {error}") from error
            case "configMapKeyRef":
                return await self._key(CONFIG_MAPS, pod, spec)
            case "secretKeyRef":
                return await self._key(SECRETS, pod, spec)
        raise ConfigError(f"env {entry['name']}: the lab's kubelet does not offer {kind}")

    async def _key(self, resource: Resource, pod: Object, spec: Object) -> str | None:
        found = texts(await self._fetch(resource, pod, spec))
        if spec["key"] not in found and not spec.get("optional"):
            where = f"{pod['metadata']['namespace']}/{spec['name']}"
            raise ConfigError(f"couldn't find key {spec['key']} in {resource.kind} {where}")
        return found.get(spec["key"])

    async def _fetch(self, resource: Resource, pod: Object, spec: Object) -> Object:
        found = await self.client.get(resource, pod["metadata"]["namespace"], spec["name"])
        if found is None and not spec.get("optional"):
            raise ConfigError(f'{resource.kind.lower()} "{spec["name"]}" not found')
        return found or {}


def texts(item: Object) -> dict[str, str]:
    """The entries of a ConfigMap or Secret, as text."""
    data: dict[str, str] = item.get("data", {})
    if item.get("kind") != "Secret":
        return data
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def expand(text: str, values: Mapping[str, str]) -> str:
    """Kubernetes' $(NAME) references; $$ is a dollar, and an unknown name stays as written."""

    def one(found: re.Match[str]) -> str:
        if found.group(0) == "$$":
            return "$"
        return values.get(found.group(1), found.group(0))

    return REFERENCE.sub(one, text)
