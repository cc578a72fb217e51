"""Whether the operator is installed and well, and what the caller may do: findings, from what the cluster tells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mlhops.json_access import items, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

KINDS = ("clinicalmodels", "clinicalstandards", "decisions", "evaluations", "monitoringpolicies")
GROUPS = {
    "serving.kserve.io/v1beta1": ("KServe", "install KServe 0.16 or later"),
    "gateway.networking.k8s.io/v1": ("Gateway API", "install the kinds of Gateway API v1"),
}
POLICIES = {
    "nobody decides in another's name": ("mlhops-decided-by", "mlhops-risk-class"),
    "nobody else writes a verdict": (
        "mlhops-pods",
        "mlhops-pod-templates",
        "mlhops-profiles",
        "mlhops-exec",
    ),
}
"""What admission policies hold, and their names."""
_INSTALL = {
    "nobody decides in another's name": "install manifests/base/admission.yaml, or set admission.enabled in the chart",
    "nobody else writes a verdict": (
        "install manifests/components/evidence-admission, or set admission.evidence.enabled in the chart"
    ),
}
RIGHTS = (
    ("look at models", "list", "clinicalmodels.mlhops.io", "mlhops-view"),
    ("look at evaluations", "list", "evaluations.mlhops.io", "mlhops-view"),
    ("change models", "update", "clinicalmodels.mlhops.io", "mlhops-edit"),
    ("decide", "create", "decisions.mlhops.io", "mlhops-decider"),
    ("see Events", "list", "events", "view"),
    ("compare revisions", "list", "controllerrevisions.apps", "view"),
)
"""What a person may want to do: in words, as a verb on a kind, and the ClusterRole that lets them."""
_LEAST = (1, 32)


class State(StrEnum):
    """What a check came to."""

    OK = "Ok"
    WARNING = "Warning"
    FAILED = "Failed"
    UNTOLD = "Untold"


@dataclass(frozen=True)
class InstallationCheck:
    """One check."""

    section: str
    what: str
    state: State
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Cluster:
    """What a cluster has told; None of what it has not."""

    version: Manifest
    group: Manifest | None
    """The resources of mlhops.io/v1alpha1."""
    groups: Mapping[str, bool] = field(default_factory=dict)
    """Whether each group of others is served."""
    deployments: Sequence[Manifest] | None = None
    """The Deployments of the operator."""
    policies: Collection[str] | None = None
    """The names of the admission policies."""
    rights: Mapping[str, bool] = field(default_factory=dict)
    """What the caller may, by its words in `RIGHTS`."""


def findings(cluster: Cluster, plugin_version: str) -> tuple[InstallationCheck, ...]:
    """Return what was found of an installation."""
    return (
        *_kubernetes(cluster),
        *_kinds(cluster),
        *_operator(cluster, plugin_version),
        *_policies(cluster),
        *_rights(cluster),
    )


def _kubernetes(cluster: Cluster) -> Iterator[InstallationCheck]:
    told = text(cluster.version, "gitVersion")
    digits = [text(cluster.version, part).strip("+") for part in ("major", "minor")]
    known = tuple(int(each) for each in digits if each.isdecimal())
    state = State.OK if len(known) == 2 and known >= _LEAST else State.FAILED
    hint = "" if state is State.OK else "Decisions are asked for by a field: that is 1.32 or later"
    yield InstallationCheck("cluster", "Kubernetes is 1.32 or later", state, told, hint)
    for group, (name, remedy) in GROUPS.items():
        there = cluster.groups.get(group, False)
        state = State.OK if there else State.FAILED
        yield InstallationCheck(
            "cluster", f"{name} is installed", state, group, "" if there else remedy
        )


def _kinds(cluster: Cluster) -> Iterator[InstallationCheck]:
    served = {text(each, "name") for each in items(cluster.group, "resources")}
    missing = [kind for kind in KINDS if kind not in served]
    state = State.FAILED if missing else State.OK
    hint = "kubectl apply --server-side -f crds/, or install the chart: docs/install.md"
    detail = f"missing: {', '.join(missing)}" if missing else ""
    yield InstallationCheck(
        "operator", "its kinds are served", state, detail, hint if missing else ""
    )


def _operator(cluster: Cluster, plugin_version: str) -> Iterator[InstallationCheck]:
    what = "a Deployment of it is ready"
    if cluster.deployments is None:
        yield InstallationCheck(
            "operator", what, State.UNTOLD, hint="you may not list Deployments everywhere"
        )
        return
    if not cluster.deployments:
        hint = (
            "no Deployment has app.kubernetes.io/component=operator: it may run outside the cluster"
        )
        yield InstallationCheck("operator", what, State.WARNING, hint=hint)
    for each in cluster.deployments:
        name = f"{text(each, 'metadata', 'namespace')}/{text(each, 'metadata', 'name')}"
        ready, asked = (
            number(each, "status", "readyReplicas") or 0,
            number(each, "spec", "replicas"),
        )
        state = State.OK if ready else State.FAILED
        hint = (
            ""
            if ready
            else f"kubectl -n {text(each, 'metadata', 'namespace')} get pods, and their logs"
        )
        yield InstallationCheck(
            "operator", what, state, f"{name}: {ready} of {asked} pods ready", hint
        )
        yield from _versions(each, plugin_version)


def _versions(deployment: Manifest, plugin_version: str) -> Iterator[InstallationCheck]:
    for container in items(deployment, "spec", "template", "spec", "containers"):
        if text(container, "name") != "operator":
            continue
        image = text(container, "image")
        tag = (
            image.rpartition("@")[0].rpartition(":")[2]
            if "@" in image
            else image.rpartition(":")[2]
        )
        same = tag.removeprefix("v") == plugin_version
        state = State.OK if same else State.WARNING
        detail = f"operator {image}, plug-in {plugin_version}"
        hint = "" if same else "other versions work, but may not know each other's words"
        yield InstallationCheck("operator", "it is of the plug-in's version", state, detail, hint)


def _policies(cluster: Cluster) -> Iterator[InstallationCheck]:
    if cluster.policies is None:
        hint = "you may not list admission policies"
        yield from (
            InstallationCheck("operator", what, State.UNTOLD, hint=hint) for what in POLICIES
        )
        return
    for what, names in POLICIES.items():
        missing = [each for each in names if not any(each in name for name in cluster.policies)]
        if missing:
            detail = f"missing: {', '.join(missing)}"
            yield InstallationCheck("operator", what, State.WARNING, detail, _INSTALL[what])
        else:
            yield InstallationCheck("operator", what, State.OK)


def _rights(cluster: Cluster) -> Iterator[InstallationCheck]:
    for words, _, _, role in RIGHTS:
        may = cluster.rights.get(words)
        if may is not None:
            state = State.OK if may else State.UNTOLD
            yield InstallationCheck(
                "you may", words, state, hint="" if may else f"ClusterRole {role}"
            )
