"""The operator as it is installed: its manifests, its ServiceAccount, and what that was seen to do."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import yaml

from lab.control import ControlPlane
from mlhops.api.base import Json, Manifest
from mlhops.json_access import at, items, number, text

REPOSITORY = Path(__file__).resolve().parents[1]
MANIFESTS = REPOSITORY / "manifests"
CHART = REPOSITORY / "charts" / "mlhops"
NAMESPACE = "mlhops-system"
OPERATOR = "mlhops-operator"
LABELLED = "app.kubernetes.io/name=mlhops"
USER = f"system:serviceaccount:{NAMESPACE}:{OPERATOR}"


@dataclass(frozen=True, order=True)
class Right:
    """A verb on a resource of a group."""

    group: str
    resource: str
    verb: str


def apply_kustomization(plane: ControlPlane, folder: Path, *options: str) -> None:
    """Apply what kubectl's own kustomize makes of a folder, and wait until its kinds are served."""
    plane.kubectl("apply", "--server-side", *options, "--kustomize", folder)
    plane.kubectl("wait", "crd", "--for=condition=Established", "--selector=" + LABELLED)


def kubeconfig_of_operator(plane: ControlPlane, folder: Path) -> Path:
    """Return a kubeconfig with a token of the operator's ServiceAccount, and no other right."""
    config = cast(dict[str, list[Json]], json.loads(plane.kubeconfig.read_text()))
    token = plane.kubectl(
        *("create", "token", OPERATOR, "--namespace", NAMESPACE, "--duration=10h")
    )
    config["users"] = [{"name": "lab", "user": {"token": token.strip()}}]
    path = folder / "operator-kubeconfig.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


def granted(rules: Iterable[Manifest]) -> set[Right]:
    """Return the rights of a role's rules one by one."""
    return {
        Right(group, resource, verb)
        for rule in rules
        for group in cast(list[str], rule["apiGroups"])
        for resource in cast(list[str], rule["resources"])
        for verb in cast(list[str], rule["verbs"])
    }


def used(log: Path) -> set[Right]:
    """Return the rights that calls of an audit log needed, and got."""
    return {right for event in _calls(log) for right in _rights(event)}


def forbidden(log: Path) -> list[str]:
    """Return the calls for which a right was missing; admission answers with 403 as well, and is not meant."""
    return [
        f"{text(event, 'verb')} {text(event, 'requestURI')}: {text(event, 'responseStatus', 'message')}"
        for event in _calls(log)
        if _lacks_right(event)
    ]


def _calls(log: Path) -> list[Manifest]:
    """Return what was asked about objects; each watch is told once, when it begins."""
    lines = log.read_bytes().rpartition(b"\n")[0].splitlines()
    events = [cast(Manifest, json.loads(line)) for line in lines]
    return [event for event in events if at(event, "objectRef") is not None]


def _lacks_right(event: Manifest) -> bool:
    decision = text(event, "annotations", "authorization.k8s.io/decision")
    # Server-side apply of what is not there asks for `create` inside the API server, on which there is no word.
    inside = "cannot create" in text(event, "responseStatus", "message")
    return number(event, "responseStatus", "code") == 403 and (decision == "forbid" or inside)


def _rights(event: Manifest) -> Iterator[Right]:
    code = number(event, "responseStatus", "code")
    if code == 403:
        return
    resource, part = text(event, "objectRef", "resource"), text(event, "objectRef", "subresource")
    right = Right(
        text(event, "objectRef", "apiGroup"),
        f"{resource}/{part}" if part else resource,
        text(event, "verb"),
    )
    yield right
    if (right.verb, code) == ("patch", 201):
        # Server-side apply of what was not there: the API server asks for this right as well.
        yield replace(right, verb="create")


def kustomized(folder: Path, plane: ControlPlane) -> list[Manifest]:
    """Return the objects that kubectl's own kustomize makes of a folder."""
    rendered = plane.kubectl("kustomize", folder)
    return [cast(Manifest, each) for each in yaml.safe_load_all(rendered) if each]


def rules_of(plane: ControlPlane, cluster_role: str) -> list[Manifest]:
    """Return the rules of a ClusterRole as the API server has it."""
    found = json.loads(plane.kubectl("get", "clusterrole", cluster_role, "--output=json"))
    return items(found, "rules")
