"""The Job of a Retrain action: its template, with what was found as environment of each container."""

import copy
import re
from collections.abc import Mapping
from datetime import datetime
from typing import cast

from mlhops.api.action import Retrain, Trigger
from mlhops.api.base import Json, Manifest
from mlhops.api.status import Finding
from mlhops.kserve.names import MANAGED_BY, MODEL_LABEL, owner_reference
from mlhops.rollout.draft import Draft
from mlhops.rollout.revisions.revision import short_hash

ACTION_LABEL = "mlhops.io/action"


def render(
    draft: Draft,
    action: str,
    settings: Retrain,
    held: Mapping[Trigger, Finding | None],
    last: datetime | None,
) -> Manifest:
    """Return the Job to create.

    Its name follows from when the action was last done, so that it is the same until that is written.

    Args:
        draft: the plan.
        action: the action's name.
        settings: what it is to do.
        held: the triggers that hold, and what was found.
        last: when it was last done; None for never.
    """
    meta = draft.seen.model.metadata
    job = cast(Manifest, copy.deepcopy(settings.template))
    pod = cast(Manifest, cast(Manifest, job["template"])["spec"])
    pod.setdefault("restartPolicy", "Never")
    facts = _facts(draft, action, held)
    for kind in ("initContainers", "containers"):
        for container in cast("list[Manifest]", pod.get(kind) or []):
            container["env"] = _with_facts(container.get("env"), facts)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": _name(meta.name, action, meta.uid, last),
            "namespace": meta.namespace,
            # On the Job alone: a pod with the model's label would be taken for its server.
            "labels": {**MANAGED_BY, MODEL_LABEL: meta.name, ACTION_LABEL: action},
            "ownerReferences": [cast(Json, owner_reference(meta.name, meta.uid))],
        },
        "spec": job,
    }


def _name(model: str, action: str, uid: str, last: datetime | None) -> str:
    """Return a name of at most 63 characters, which a Job's pods carry in a label."""
    readable = re.sub(r"[^a-z0-9]+", "-", action.lower()).strip("-")[:16].strip("-")
    moment = last.isoformat() if last is not None else ""
    return f"{model[:34].rstrip('-')}-{readable}-{short_hash([uid, action, moment], 10)}"


def _facts(draft: Draft, action: str, held: Mapping[Trigger, Finding | None]) -> dict[str, str]:
    """Return what was found, by the names of environment variables; the first trigger speaks."""
    model = draft.seen.model
    trigger, finding = next(iter(held.items()))
    stable = draft.stable
    facts: dict[str, object] = {
        "MODEL": model.metadata.name,
        "NAMESPACE": model.metadata.namespace,
        "VERSION": stable.version if stable else "",
        "REVISION": stable.revision if stable else "",
        "POLICY": model.spec.policy or "",
        "ACTION": action,
        "TRIGGERS": ",".join(held),
        "TRIGGER": trigger,
        "AT": draft.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if finding is not None:
        facts |= {
            "FEATURE": finding.of,
            "KIND": finding.kind,
            "TEST": finding.test,
            "WINDOW": finding.window,
            "P": finding.p,
            "EFFECT": finding.effect,
            "ROWS": finding.rows,
        }
    return {f"MLHOPS_{k}": "" if v is None else str(v) for k, v in facts.items()}


def _with_facts(env: Json, facts: Mapping[str, str]) -> list[Json]:
    """Return a container's environment with the facts, which nothing else may stand in for."""
    given = [each for each in env if isinstance(each, dict)] if isinstance(env, list) else []
    own: list[Json] = [each for each in given if each.get("name") not in facts]
    # The kubelet takes $(NAME) for another variable, and $$ for a $.
    told: list[Json] = [
        {"name": name, "value": value.replace("$", "$$")} for name, value in facts.items()
    ]
    return own + told
