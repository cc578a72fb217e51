"""Fields that somebody else set on an InferenceService, and that change who answers patients' requests.

Whatever else others add (affinity, a deployment strategy, KServe's own defaults) is theirs, and let be. These
fields put another server, other code or another model in the place of the one that has passed its gates.
"""

from mlhops.api.base import Manifest
from mlhops.kserve.detector import CONTAINER, LOGGER
from mlhops.kserve.read import at, items, text

_COMPONENTS = ("transformer", "explainer", "canary")
_PREDICTOR = ("initContainers", "workerSpec", "batcher", "canaryTrafficPercent")
_LOGGER = ("spec", "predictor", "logger")
_MODEL = (
    "image",
    "command",
    "envFrom",
    "runtimeVersion",
    "storage",
    "storageUris",
    "volumeMounts",
)


def foreign_field(live: Manifest, desired: Manifest | None) -> str:
    """Return the first such field that is set and not wanted, empty where there is none."""
    places: list[tuple[str, ...]] = [("spec", name) for name in _COMPONENTS]
    places += [("spec", "predictor", name) for name in _PREDICTOR]
    places += [("spec", "predictor", "model", name) for name in _MODEL]
    for place in places:
        # KServe writes some of them back empty.
        if at(live, *place) and at(desired, *place) is None:
            return ".".join(place)
    found = _container(live, desired)
    return found or (_variable(live, desired) if desired is not None else "")


def foreign_logger(live: Manifest, desired: Manifest | None) -> bool:
    """Whether somebody else has requests logged, or logged to somewhere else."""
    logger = at(live, *_LOGGER)
    if logger is None:
        return False
    ours = LOGGER if desired is None else at(desired, *_LOGGER)
    if not isinstance(logger, dict) or not isinstance(ours, dict):
        return True
    return logger.get("url") != ours["url"] or _added(logger, ours) != ""


def _container(live: Manifest, desired: Manifest | None) -> str:
    """Return what others have put beside the model server, or into the detector that stands there."""
    place = ("spec", "predictor", "containers")
    ours = {text(one, "name"): one for one in items(desired, *place)}
    for one in items(live, *place):
        name = text(one, "name")
        if name not in ours:
            if desired is None and name == CONTAINER:
                continue  # of a revision whose record is lost nobody knows what its detector was
            return f"{'.'.join(place)}, the container {name}"
        added = _added(one, ours[name])
        if added:
            return f"{'.'.join(place)}, {added} of {name}"
    return ""


def _added(live: Manifest, ours: Manifest) -> str:
    """Return the first field that is set and not ours, empty where there is none."""
    return next((key for key, value in live.items() if value and key not in ours), "")


def _variable(live: Manifest, desired: Manifest) -> str:
    place = ("spec", "predictor", "model", "env")
    ours = {text(variable, "name") for variable in items(desired, *place)}
    names = (text(variable, "name") for variable in items(live, *place))
    theirs = next((name for name in names if name not in ours), "")
    return f"{'.'.join(place)}, the variable {theirs}" if theirs else ""
