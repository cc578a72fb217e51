"""What answers for an InferenceService: which images its pods run, and which runtime KServe made them from.

One server is told from another by a set of texts, such as `kserve-container=sha256:...` for an image and
`ClusterServingRuntime/kserve-sklearnserver=sha256:...` for a runtime's content: a tag and a name can come to
mean something else, a digest cannot.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlhops.api.base import Json, Manifest
from mlhops.json_access import at, items, text
from mlhops.kserve.content import sha256
from mlhops.kserve.detector import CONTAINER as DETECTOR

OWN, CLUSTER = "ServingRuntime", "ClusterServingRuntime"
GONE = "gone"
STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_KSERVE = "serving.kserve.io/"
_KNOWN = frozenset(
    {"agent", "kserve-container", "storage-initializer", "transformer-container", DETECTOR}
)
_DOES = ("image", "command", "args", "env", "envFrom", "workingDir", "lifecycle")
_TOLD = "sha256"
"""No field of a container as the API server has it, so that nobody else can set it."""
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True)
class Server:
    """What answers, or why nobody can say."""

    parts: tuple[str, ...] = ()
    """By container or runtime, what it is; sorted. In doubt, what is known of it."""
    doubt: str = ""
    """Why not all of it is known, empty where it is."""


NOBODY = Server(doubt="no pod of its own is ready")


@dataclass(frozen=True)
class Runtimes:
    """The runtimes by name, of a namespace and of the cluster, as far as InferenceServices name them."""

    own: Mapping[str, Manifest]
    cluster: Mapping[str, Manifest]
    doubt: str = ""
    """Why they are not known."""


NO_RUNTIMES = Runtimes({}, {})


def server_of(
    live: Manifest, ready_pods: Iterable[Manifest], runtimes: Runtimes, left_over: str = ""
) -> Server:
    """Return what answers for an InferenceService, by those of its own pods that are ready.

    A pod of an earlier InferenceService of that name which still answers is named, and its images are no parts:
    it goes by itself, so what this one runs is no other server for it.
    """
    parts: set[str] = set()
    doubt = NOBODY.doubt
    for pod in ready_pods:
        doubt = "" if doubt == NOBODY.doubt else doubt
        for container, image in _images(pod):
            if image:
                parts.add(f"{container}={image}")
            elif not doubt:
                name = text(pod, "metadata", "name")
                doubt = f"pod {name} does not say which image {container} runs"
        parts |= set(_commands(pod))
    if left_over:
        doubt = f"pod {left_over} of an earlier InferenceService of that name still answers"
    if not parts:
        return Server(doubt=doubt)
    doubt = doubt or runtimes.doubt
    known = set() if runtimes.doubt else _runtime(live, runtimes)
    return Server(tuple(sorted(parts | known)), doubt)


def runtime_names(live: Manifest) -> frozenset[str]:
    """Return the names that an InferenceService's runtime may have."""
    named = (
        text(live, "spec", "predictor", "model", "runtime"),
        text(live, "status", "servingRuntimeName"),
        text(live, "status", "clusterServingRuntimeName"),
    )
    return frozenset(name for name in named if name)


def several(parts: Iterable[str]) -> str:
    """Return the container of which pods run several images, empty where there is none."""
    names = [part.partition("=")[0] for part in parts]
    return next((name for name in sorted(names) if names.count(name) > 1), "")


def _images(pod: Manifest) -> Iterable[tuple[str, str]]:
    """Return the containers that a pod runs, each with its image; an empty one where nobody says so."""
    told = {
        text(status, "name"): _digest(text(status, "imageID"))
        for place in STATUSES
        for status in items(pod, "status", place)
    }
    asked = [
        text(container, "name")
        for place in ("initContainers", "containers")
        for container in items(pod, "spec", place)
    ]
    return sorted({**dict.fromkeys(asked, ""), **told}.items())


def _commands(pod: Manifest) -> Iterable[str]:
    """Return what a pod has the containers of KServe and of the detector do, by hash.

    An image does what its arguments, variables and mounts say; and one that somebody asks for in its place is
    known by its name before it runs. What others inject beside them is known by its
    image alone, since it may be told something else in each pod.
    """
    for place in ("initContainers", "containers"):
        for container in items(pod, "spec", place):
            name = text(container, "name")
            if name in _KNOWN:
                yield f"{name} (command)={_told(container)}"


def without_commands(container: Manifest) -> Manifest:
    """Return a pod's container with a hash in the place of all that it is told, which can be a megabyte."""
    name = text(container, "name")
    return {"name": name, **({_TOLD: _told(container)} if name in _KNOWN else {})}


def _told(container: Manifest) -> str:
    """Return the hash of what a container is told to do, whether all of that is still there or not."""
    known = text(container, _TOLD)
    if known:
        return known
    told: dict[str, Json] = {key: container.get(key) or None for key in _DOES}
    mounts = items(container, "volumeMounts")
    told["volumeMounts"] = [one for one in mounts if one.get("mountPath") != _ACCOUNT]
    return _hash(told)


def _hash(value: Json) -> str:
    return f"sha256:{sha256(json.dumps(value, sort_keys=True, separators=(',', ':')))}"


def _digest(image: str) -> str:
    """Return an image's digest: from which registry or mirror a node has it makes it no other."""
    before, at_sign, digest = image.rpartition("@")
    return digest if at_sign and before else image.rpartition("://")[2]


def _runtime(live: Manifest, runtimes: Runtimes) -> set[str]:
    """Return the runtime that KServe has made the pods from, or will; none where nobody names one.

    KServe looks for a name in the namespace first, so a runtime made there later takes the place of the
    cluster's.
    """
    status = at(live, "status")
    named = text(live, "spec", "predictor", "model", "runtime")
    chosen = text(status, "servingRuntimeName") or text(status, "clusterServingRuntimeName")
    name = named or chosen
    if not name:
        return set()
    for kind, known in ((OWN, runtimes.own), (CLUSTER, runtimes.cluster)):
        if name in known:
            return {f"{kind}/{name}={_content(known[name])}"}
    return {f"{CLUSTER}/{name}={GONE}"}


def _content(runtime: Manifest) -> str:
    """Return the hash of all of a runtime that KServe goes by."""
    told: dict[str, Json] = {"spec": at(runtime, "spec")}
    for part in ("labels", "annotations"):
        found = at(runtime, "metadata", part)
        told[part] = {
            key: value
            for key, value in (found.items() if isinstance(found, dict) else ())
            if key.startswith(_KSERVE)
        }
    return _hash(told)
