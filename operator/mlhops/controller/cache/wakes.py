"""What must be looked at again when an object changes: a pure function of the change, and of what is known."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mlhops.api.base import Manifest
from mlhops.api.decision import STOPPING
from mlhops.controller.cache.change import ObjectChange
from mlhops.controller.cache.entry import ANY_HOST, Name
from mlhops.controller.cache.store import Store
from mlhops.controller.resources import (
    CLUSTER_RUNTIMES,
    DECISIONS,
    EVALUATION,
    EVALUATIONS,
    MODEL,
    MODELS,
    NAMESPACES,
    PODS,
    POLICIES,
    POLICY,
    RUNTIMES,
    STANDARDS,
    Key,
)
from mlhops.json_access import at, text
from mlhops.kserve.names import service_of_app
from mlhops.routing.registry import PARENTS, ROUTED

THROTTLE_SECONDS = 10.0
"""However many models change, a policy's are counted, and its status is written, no more often than this."""


@dataclass(frozen=True, slots=True)
class Wake:
    """An object of ours that has to be looked at again."""

    key: Key
    urgent: bool = False
    """Whether a person waits for it."""
    delay: float = 0.0
    """Seconds until then."""
    detectors: bool = False
    """Whether a model's detectors are to be asked again, too."""


def wakes(change: ObjectChange, store: Store, models: Collection[Key]) -> Iterator[Wake]:
    """Yield what must be looked at again; the same may be named more than once.

    Args:
        change: news of an object.
        store: what is known since that change.
        models: all that were ever seen.
    """
    if _is_only_listed(change, store):
        return
    yield from _named(change)
    if change.kind == PODS:
        yield from _served_by(change, store)
    yield from _resting_on(change, store, models)
    if change.kind == MODELS:
        yield from _counted(change)
    yield from _waiting_for_hostnames(change, store)


def _is_only_listed(change: ObjectChange, store: Store) -> bool:
    """Whether it is one of thousands that are listed as this operator begins: an Evaluation that ended, or a Decision.

    When all are listed, every model is looked at. A Decision that stops a rollout is none of these, nor is one on a
    model that is not there.
    """
    after, told, namespace = change.after, change.told, change.name.namespace
    if change.before is not None or after is None or told is None:
        return False
    if change.kind == EVALUATIONS:
        waits = after.record is not None and after.record.settled
    elif change.kind == DECISIONS:
        waits = not stops(told) and store.known(MODELS, Name(namespace, after.model)) is not None
    else:
        return False
    return waits and store.awaits(change.kind, namespace)


def stops(decision: Manifest) -> bool:
    """Whether a person wants a rollout to stop, and has had no answer."""
    return at(decision, "spec", "action") in STOPPING and not text(decision, "status", "phase")


def _named(change: ObjectChange) -> Iterator[Wake]:
    """Yield what the object itself named before, and names now."""
    kind, (namespace, name) = change.kind, change.name
    urgent = kind == DECISIONS and change.told is not None and stops(change.told)
    if kind == MODELS:
        yield Wake(Key(MODEL, namespace, name))
        return
    for entry in change.entries:
        if kind == EVALUATIONS:
            yield Wake(Key(EVALUATION, namespace, name))
        if entry.evaluation:
            yield Wake(Key(EVALUATION, namespace, entry.evaluation))
        elif entry.model:
            yield Wake(Key(MODEL, namespace, entry.model), urgent)


def _served_by(change: ObjectChange, store: Store) -> Iterator[Wake]:
    """Yield the model for which a pod gets requests, whichever it names itself."""
    service = service_of_app(change.latest.app)
    namespace = change.name.namespace
    model = store.model_served_by(namespace, service) if service else ""
    if model and model != change.latest.model:
        yield Wake(Key(MODEL, namespace, model))


def _resting_on(change: ObjectChange, store: Store, models: Collection[Key]) -> Iterator[Wake]:
    """Yield the models that rest on an object which does not know them."""
    kind, namespace = change.kind, change.name.namespace
    if kind == POLICIES and change.of_spec():
        for model in store.models_watched_by(*change.name):
            yield Wake(Key(MODEL, namespace, model), detectors=True)
        yield Wake(Key(POLICY, *change.name))
    if kind == RUNTIMES and change.of_spec():
        yield from (Wake(key) for key in models if key.namespace == namespace)
    if kind in (CLUSTER_RUNTIMES, STANDARDS) and change.of_spec():
        yield from map(Wake, models)
    if kind == NAMESPACES and change.of_labels():
        yield from (Wake(key) for key in models if key.namespace == change.name.name)
    # A route without host names has those of what it hangs on, which may be anybody's.
    takes_any = kind in ROUTED and any(ANY_HOST in entry.hostnames for entry in change.entries)
    if takes_any and change.of_spec():
        yield from map(Wake, models)
    if kind in PARENTS and PARENTS[kind].plays_another_part(change.was(), change.told):
        yield from map(Wake, models)


def _counted(change: ObjectChange) -> Iterator[Wake]:
    """Yield the policy that a model named and the one that it names: their models are counted by and by."""
    namespace = change.name.namespace
    for policy in {entry.policy for entry in change.entries} - {""}:
        yield Wake(Key(POLICY, namespace, policy), delay=THROTTLE_SECONDS)


def _waiting_for_hostnames(change: ObjectChange, store: Store) -> Iterator[Wake]:
    """Yield the models that wait for a host name that somebody has given up, or whose name somebody takes."""
    before, after = (
        frozenset(entry.hostnames if entry is not None else ())
        for entry in (change.before, change.after)
    )
    # A route can take requests by other things than its host names; a model holds these or does not.
    hostnames = before ^ after if change.kind == MODELS else before | after
    for model in store.with_hostnames(MODELS, hostnames) if hostnames else ():
        if model != change.name:
            yield Wake(Key(MODEL, *model))
