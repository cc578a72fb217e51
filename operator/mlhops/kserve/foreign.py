"""Fields that somebody else set on an InferenceService, and that are on no list of what may be added.

Any field of a predictor can change who answers requests, or what the server does: a hook, a probe with a
command, a DNS server, a mount. So what may be added is listed, and everything else is named by its path.
What is empty is let be: KServe writes many of its fields back so.
"""

from collections.abc import Iterator

from pydantic import ValidationError

from mlhops.api.base import Json, Manifest
from mlhops.api.pod import PodSecurityContext, SecurityContext
from mlhops.json_access import at, items, text
from mlhops.kserve.detector import CONTAINER, LOGGER
from mlhops.kserve.manifest_diff import covers
from mlhops.kserve.probes import PROBES, may_be_ours

_LOGGER = ("spec", "predictor", "logger")

PLACING = frozenset(
    {
        "affinity",
        "autoScaling",
        "automountServiceAccountToken",
        "containerConcurrency",
        "deploymentStrategy",
        "maxReplicas",
        "minReplicas",
        "nodeSelector",
        "preemptionPolicy",
        "priority",
        "priorityClassName",
        "scaleMetric",
        "scaleMetricType",
        "scaleTarget",
        "schedulerName",
        "terminationGracePeriodSeconds",
        "timeout",
        "tolerations",
        "topologySpreadConstraints",
    }
)
"""Fields of `spec.predictor` that say how many servers there are, and where and how long they run."""
_MODEL = frozenset({"resources", "terminationMessagePath"})

_ADDED_BY_KSERVE = frozenset({"modelFormat"})
HARMLESS = (
    "app.kubernetes.io/",
    "argocd.argoproj.io/",
    "helm.sh/",
    "helm.toolkit.fluxcd.io/",
    "kapp.k14s.io/",
    "kubectl.kubernetes.io/",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "policies.kyverno.io/",
    "velero.io/",
)
"""Prefixes of labels and annotations that tell of an object: on a pod nothing acts on them."""

_SET_BY_US = {
    "predictor": frozenset(
        {
            "annotations",
            "containers",
            "imagePullSecrets",
            "labels",
            "model",
            "runtimeClassName",
            "serviceAccountName",
            "volumes",
        }
    ),
    "model": frozenset(
        {
            "args",
            "env",
            "envFrom",
            "modelFormat",
            "ports",
            "protocolVersion",
            "runtime",
            "storageUri",
            "terminationMessagePolicy",
            "volumeMounts",
        }
    ),
}
"""What the operator may have set itself on a revision of which the record is lost."""


def foreign_field(live: Manifest, desired: Manifest | None) -> str:
    """Return the first field that is set, not wanted and on no list, empty where there is none."""
    return _of_metadata(live, desired) or _of_spec(live, desired)


def foreign_logger(live: Manifest, desired: Manifest | None) -> bool:
    """Whether somebody else has requests logged, or logged to somewhere else."""
    logger = at(live, *_LOGGER)
    if logger is None:
        return False
    ours = LOGGER if desired is None else at(desired, *_LOGGER)
    if not isinstance(logger, dict) or not isinstance(ours, dict):
        return True
    return logger.get("url") != ours["url"] or any(
        value and key not in ours for key, value in logger.items()
    )


def _of_metadata(live: Manifest, desired: Manifest | None) -> str:
    """Return a label or an annotation of theirs: KServe copies both to the pods, where others act on them."""
    if desired is None:
        return ""  # which were the operator's own, nobody knows
    for part in ("labels", "annotations"):
        ours, theirs = at(desired, "metadata", part), at(live, "metadata", part)
        for key in theirs if isinstance(theirs, dict) else ():
            known = isinstance(ours, dict) and key in ours
            if not known and key not in _ADDED_BY_KSERVE and not key.startswith(HARMLESS):
                return f"metadata.{part}[{key}]"
    return ""


def _of_spec(live: Manifest, desired: Manifest | None) -> str:
    spec, predictor = at(live, "spec"), at(live, "spec", "predictor")
    if not isinstance(spec, dict) or not isinstance(predictor, dict):
        return ""
    for name, value in spec.items():
        if value and name != "predictor":
            return f"spec.{name}"
    if desired is None:
        return next(_unknown(predictor), "")
    ours = at(desired, "spec", "predictor")
    rest = {name: value for name, value in predictor.items() if name != "logger"}
    return next(_added(rest, ours, "spec.predictor"), "")


def _added(live: Json, ours: Json, path: str) -> Iterator[str]:
    """Yield the paths of all that is set in a live value, and is neither ours nor on a list.

    A value of ours that is another now is put right, and no matter of this.
    """
    if isinstance(live, dict) and isinstance(ours, dict):
        for name, value in live.items():
            place = f"{path}.{name}"
            if not value or _may_be_added(path, name):
                continue
            if name in ours:
                yield from _added(value, ours[name], place)
            else:
                yield place
    elif isinstance(live, list) and isinstance(ours, list):
        yield from _added_items(live, ours, path)


def _added_items(live: list[Json], ours: list[Json], path: str) -> Iterator[str]:
    """Each item of a list is one of ours, known by its name or else by what it says; once each."""
    left = list(ours)
    for index, item in enumerate(live):
        if not isinstance(item, dict):
            continue  # lists of texts are put right as a whole
        match = next((one for one in left if _same(item, one)), None)
        place = f"{path}[{text(item, 'name') or index}]"
        if match is None:
            yield place
        else:
            left.remove(match)
            yield from _added(item, match, place)


def _same(live: Manifest, ours: Json) -> bool:
    name = text(live, "name")
    return text(ours, "name") == name if name else covers(live, ours)


def _may_be_added(path: str, name: str) -> bool:
    if path == "spec.predictor":
        return name in PLACING
    return path == "spec.predictor.model" and name in _MODEL


def _unknown(predictor: Manifest) -> Iterator[str]:
    """Yield what the operator never sets, for a revision of which nobody knows what it was."""
    for name, value in predictor.items():
        known = name in PLACING | _SET_BY_US["predictor"] | {"logger"}
        if value and not known and not _is_asked(name, value, PodSecurityContext):
            yield f"spec.predictor.{name}"
    model = at(predictor, "model")
    for name, value in model.items() if isinstance(model, dict) else ():
        known = name in _MODEL | _SET_BY_US["model"] or (name in PROBES and may_be_ours(value))
        if value and not known and not _is_asked(name, value, SecurityContext):
            yield f"spec.predictor.model.{name}"
    for container in items(predictor, "containers"):
        if text(container, "name") != CONTAINER:
            yield f"spec.predictor.containers[{text(container, 'name')}]"


def _is_asked(name: str, value: Json, context: type[PodSecurityContext | SecurityContext]) -> bool:
    """Whether a field is a security context that a spec can ask for, which none with more rights is."""
    if name != "securityContext":
        return False
    try:
        return context.model_validate(value).to_json() == value
    except ValidationError:
        return False
