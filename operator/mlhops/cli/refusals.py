"""What kubectl says when it fails, in words that name the way out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlhops.cli.exits import Exit, Trouble

_AWAY = re.compile(
    r"unable to connect|was refused|no such host|i/o timeout|timed out|deadline exceeded|"
    r"tls handshake|no route to host|network is unreachable|connection reset|\bEOF\b|"
    r"serviceunavailable|too many requests|etcdserver",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"unauthorized|must be logged in|provide credentials|getting credentials", re.IGNORECASE
)
_KUBECONFIG = re.compile(
    r"error in configuration|context .* does not exist|no context exists|current-context|kubeconfig|"
    r"error loading config|no such file or directory",
    re.IGNORECASE,
)
_NO_KIND = re.compile(
    r"doesn't have a resource type|no matches for kind|could not find the requested resource",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asked:
    """What was asked of the API server."""

    verb: str
    kind: str
    name: str = ""


def explained(said: str, asked: Asked) -> Trouble:
    """Return what failed, with what helps; kubectl's own words stay in it."""
    words = _last(said)
    if _NO_KIND.search(said):
        return Trouble(
            f"the cluster does not know {asked.kind}",
            "is the operator installed there? `kubectl mlhops check` tells; docs/install.md has the way",
        )
    if "(Forbidden)" in said:
        return _forbidden(words, asked)
    if "(NotFound)" in said:
        remedy = (
            "`kubectl mlhops status -A` lists the models of all namespaces; "
            "-n NAMESPACE and other flags stand after `mlhops`"
        )
        return Trouble(words, remedy)
    if "(Invalid)" in said or "(BadRequest)" in said:
        return Trouble(said.strip(), exit_=Exit.USAGE)
    if _LOGIN.search(said):
        return Trouble(words, "log in as you do for kubectl: `kubectl auth whoami` must answer")
    if _AWAY.search(said):
        return Trouble(
            words,
            "the cluster does not answer: `kubectl cluster-info` must; is it the right --context?",
        )
    if _KUBECONFIG.search(said):
        remedy = "`kubectl config get-contexts` lists what there is"
        return Trouble(words, remedy, Exit.USAGE)
    return Trouble(words or "kubectl failed and said nothing")


def _forbidden(words: str, asked: Asked) -> Trouble:
    """Name the role that lets people do it, unless a policy and no role forbids it."""
    if "ValidatingAdmissionPolicy" in words or "denied request" in words:
        return Trouble(words)
    role = "mlhops-decider" if asked.verb == "create" else "mlhops-view"
    if not asked.kind.endswith(".mlhops.io"):
        role = "view"
    who = "of a person who may decide" if role == "mlhops-decider" else "of a person who may look"
    grant = (
        f"ask for ClusterRole {role}, the role {who}: "
        f"kubectl -n NAMESPACE create rolebinding NAME --clusterrole={role} --user=YOU"
    )
    return Trouble(words, grant)


def _last(said: str) -> str:
    """Return the last line, without the words that kubectl begins each error with; log lines go before it."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    last = lines[-1].strip() if lines else ""
    return re.sub(r"^(error: |Error from server( \(\w+\))?: )", "", last)
