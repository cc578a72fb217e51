"""Fields that somebody else set on an InferenceService, and that change who answers patients' requests.

Whatever else others add (affinity, a deployment strategy, KServe's own defaults) is theirs, and let be. These
fields put another server, other code or another model in the place of the one that has passed its gates.
"""

from mlhops.api.base import Manifest
from mlhops.kserve.read import at, items, text

_COMPONENTS = ("transformer", "explainer", "canary")
_PREDICTOR = ("containers", "initContainers", "workerSpec", "batcher", "canaryTrafficPercent")
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
    return _variable(live, desired) if desired is not None else ""


def _variable(live: Manifest, desired: Manifest) -> str:
    place = ("spec", "predictor", "model", "env")
    ours = {text(variable, "name") for variable in items(desired, *place)}
    names = (text(variable, "name") for variable in items(live, *place))
    theirs = next((name for name in names if name not in ours), "")
    return f"{'.'.join(place)}, the variable {theirs}" if theirs else ""
