"""check: whether the operator is installed and well, and what the caller may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlhops import __version__
from mlhops.api import API_VERSION
from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import Kubectl
from mlhops.cli.options import connected, printed
from mlhops.cli.output import write
from mlhops.cli.terminal import Terminal
from mlhops.cli.text.record import finding_lines
from mlhops.cli.views.installation import GROUPS, RIGHTS, Cluster, State, findings
from mlhops.json_access import items, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

_OPERATORS = "/apis/apps/v1/deployments?labelSelector=app.kubernetes.io/component%3Doperator"
_POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


@click.command()
@printed("table", "json", "yaml")
@connected
def check(kubectl: Kubectl, form: str, color: str) -> Exit:
    """Say whether the operator is installed and well, and what you may do, with a hint for what is not."""
    found = findings(_asked(kubectl), __version__)
    if form != "table":
        write("Check", found, form)
    else:
        terminal = Terminal.of(color)
        terminal.show(finding_lines(found, terminal.page()))
    return Exit.BAD if any(each.state is State.FAILED for each in found) else Exit.WELL


def _asked(kubectl: Kubectl) -> Cluster:
    """Ask the cluster; that its version can be read tells that it is there."""
    version = kubectl.raw("/version")
    deployments = _maybe(kubectl, _OPERATORS)
    policies = _maybe(kubectl, _POLICIES)
    named = [text(each, "metadata", "name") for each in items(policies, "items")]
    return Cluster(
        version=version,
        group=_maybe(kubectl, f"/apis/{API_VERSION}"),
        groups={group: _maybe(kubectl, f"/apis/{group}") is not None for group in GROUPS},
        deployments=_of_mlhops(deployments) if deployments is not None else None,
        policies=named if policies is not None else None,
        rights={words: kubectl.may(verb, kind) for words, verb, kind, _ in RIGHTS},
    )


def _maybe(kubectl: Kubectl, path: str) -> Manifest | None:
    """Return what is at a path, None where it is not there or may not be read."""
    try:
        return kubectl.raw(path)
    except Trouble:
        return None


def _of_mlhops(found: Manifest) -> list[Manifest]:
    """Return the Deployments with a container of this project's operator: others have that label as well."""
    return [each for each in items(found, "items") if _runs_operator(each)]


def _runs_operator(deployment: Manifest) -> bool:
    containers = items(deployment, "spec", "template", "spec", "containers")
    return any("mlhops/operator" in text(each, "image") for each in containers)
