"""What KServe's objects come to, in the words that a rollout needs."""

from dataclasses import dataclass

from mlhops.kserve.servers import NOBODY, Server


@dataclass(frozen=True)
class ReadyPod:
    """A ready pod of an InferenceService, which gets requests."""

    uid: str
    address: str
    has_sidecar: bool
    """Whether the drift detector is beside its model server."""


@dataclass(frozen=True)
class Service:
    """One InferenceService of the model, with what its pods say."""

    name: str
    revision: str
    ready: bool | None
    """Whether the model is loaded and answers; None where nobody says so."""
    endpoint: str | None = None
    """The base URL inside the cluster."""
    answering: bool = False
    """Whether at least one pod is ready, so that requests are answered."""
    pods: tuple[ReadyPod, ...] = ()
    """Its ready pods."""
    lagging: str = ""
    """What is wrong with a pod that is not ready where others are, without any words of the container."""
    trouble: str | None = None
    """What is wrong, in the container's or KServe's own words."""
    symptom: str | None = None
    """The same without any words of the container: those of a server that has seen patients may
    hold their data."""
    fatal: bool = False
    """Whether waiting longer will not help."""
    hint: str = ""
    """What its artefact must be called, where its server may call the model otherwise."""
    deleting: bool = False
    foreign_logger: bool = False
    foreign_field: str = ""
    """A field that somebody else set and that changes who answers requests, empty where there is none."""
    foreign_pod: str = ""
    """A pod that gets its requests and is none of its own, empty where there is none."""
    server: Server = NOBODY
    """What answers: images and runtime."""
    current: bool = True
    """Whether it is as it would be applied now."""
    mode: str = ""
    """The deployment mode in which KServe runs it, empty while KServe does not say."""
