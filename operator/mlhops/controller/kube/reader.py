"""Two ways to read what a pass is about: as last heard, and as it is now."""

import asyncio
from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol, TypeAlias

import structlog
from pydantic import ValidationError

from mlhops.api.base import Manifest
from mlhops.api.status import Hostname
from mlhops.controller.cache.decisions import Urgent
from mlhops.controller.cache.entry import Name, OwnedRecord, name_of, owned_record
from mlhops.controller.cache.store import Store
from mlhops.controller.kube import decisions
from mlhops.controller.kube.client import ApiError, Client, NotInstalled
from mlhops.controller.resources import (
    DECISIONS,
    EVALUATIONS,
    EVENTS,
    MODELS,
    PODS,
    SERVICES,
    STANDARDS,
    Kind,
)
from mlhops.json_access import items
from mlhops.kserve.names import APP_LABEL, MODEL_LABEL, app_of
from mlhops.rollout.evaluation.evaluator_job import EVALUATION_LABEL
from mlhops.routing.hostnames import Claim, Rivals
from mlhops.routing.registry import PARENTS

Manifests: TypeAlias = list[Manifest]

_log = structlog.get_logger(__name__)
_FEW = 6
"""Up to so many objects are read one by one; a list costs the API server a look at all of its kind."""


class EvaluationsRead(NamedTuple):
    """A model's Evaluations."""

    named: list[Manifest]
    """Those that were asked for, whole."""
    records: list[OwnedRecord]
    """What is known of each."""
    complete: bool = True
    """Whether there are no others."""


def chosen_by(services: Collection[str]) -> str:
    """Return the selector that the Kubernetes Services of these InferenceServices have together."""
    return f"{APP_LABEL} in ({','.join(sorted(app_of(service) for service in services))})"


class Reader(Protocol):
    """Reads objects; each call raises NotInstalled where the API server does not know the kind."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object, None where there is none."""
        ...

    async def of_model(
        self, kind: Kind, namespace: str, model: str, names: Collection[str] = ()
    ) -> list[Manifest]:
        """Return the objects of a kind that belong to a model; those named are there if they are."""
        ...

    async def all_of(self, kind: Kind, namespace: str) -> list[Manifest]:
        """Return all objects of a kind that is kept whole, in a namespace or in the cluster."""
        ...

    async def standards(self) -> list[Manifest]:
        """Return all ClinicalStandards; raises KindGone where the API server no longer knows them."""
        ...

    async def of_evaluation(self, namespace: str, evaluation: str) -> list[Manifest]:
        """Return the pods of an Evaluation's Job, which are none of the model's own."""
        ...

    async def chosen_for(self, namespace: str, services: Collection[str]) -> list[Manifest]:
        """Return the pods that the Kubernetes Services of these InferenceServices choose, whoever made them."""
        ...

    async def events_of(self, namespace: str, uid: str, reason: str) -> list[Manifest]:
        """Return the Events about an object that have a reason, none where the operator may not read them."""
        ...

    async def decisions(self, namespace: str, model: str, urgent: Urgent = ()) -> decisions.Decided:
        """Return the Decisions on a model that matter to a pass: few, however many there are."""
        ...

    async def evaluations(
        self, namespace: str, model: str, names: Collection[str]
    ) -> EvaluationsRead:
        """Return those of a model's Evaluations that are named, and what is known of all.

        While they are listed for the first time, of all that were heard of: there may be thousands, which no pass lists
        by itself.
        """
        ...

    async def rivals(self, kind: Kind, model: Name, hostnames: Collection[str]) -> Rivals:
        """Return what others have of host names like these in routes of a kind, wherever the operator sees them."""
        ...


class KindGone(Exception):
    """The API server does not know a kind any more that it knew."""


class _Live:
    """Reads from the API server; a kind that turns out not to be installed is no longer taken as known."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._client = client

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        try:
            return await self._client.get(kind, namespace, name)
        except NotInstalled:
            self._store.doubt(kind)
            raise

    async def list(self, kind: Kind, namespace: str, model: str = "") -> Manifests:
        labels = f"{MODEL_LABEL}={model}" if model else ""
        if labels and kind == PODS:
            labels += f",!{EVALUATION_LABEL}"
        return await self._list(kind, namespace, labels)

    async def standards(self) -> Manifests:
        try:
            found = await self._list(STANDARDS, "", "")
        except NotInstalled as error:
            if self._store.was_listed(STANDARDS):
                raise KindGone(STANDARDS.plural) from error
            if self._store.is_first_absence(STANDARDS):
                _log.warning(
                    "ClinicalStandard is not installed: models have no floor but their own gates"
                )
            raise
        self._store.note_listed(STANDARDS)  # it may be gone before all kinds are listed again
        return found

    async def of_evaluation(self, namespace: str, evaluation: str) -> Manifests:
        return await self._list(PODS, namespace, f"{EVALUATION_LABEL}={evaluation}")

    async def events_of(self, namespace: str, uid: str, reason: str) -> Manifests:
        fields = f"involvedObject.uid={uid},reason={reason}"
        try:
            return await self._client.list(EVENTS, namespace, fields=fields)
        except ApiError as error:
            if error.status != 403:
                raise
            return []

    async def decisions(self, namespace: str, model: str, urgent: Urgent) -> decisions.Decided:
        try:
            return await decisions.LiveDecisions(self._store, self._client).read(
                namespace, model, urgent
            )
        except NotInstalled:
            self._store.doubt(DECISIONS)
            raise

    async def _list(self, kind: Kind, namespace: str, labels: str) -> Manifests:
        try:
            return await self._client.list(kind, namespace, labels)
        except NotInstalled:
            self._store.doubt(kind)
            raise

    async def chosen_for(self, namespace: str, services: Collection[str]) -> Manifests:
        if not services:
            return []
        return await self._list(PODS, namespace, chosen_by(services))

    async def evaluations(
        self, namespace: str, model: str, names: Collection[str]
    ) -> EvaluationsRead:
        if self._store.awaits(EVALUATIONS, namespace):
            found = await asyncio.gather(*(self.get(EVALUATIONS, namespace, one) for one in names))
            return so_far(self._store, namespace, model, found)
        live = await self.list(EVALUATIONS, namespace, model)
        records = [record for each in live if (record := owned_record(each)) is not None]
        return EvaluationsRead([each for each in live if name_of(each).name in names], records)


def so_far(
    store: Store, namespace: str, model: str, found: Iterable[Manifest | None]
) -> EvaluationsRead:
    """Return what is known of a model's Evaluations before all of them were listed, those that were found included."""
    named = [manifest for manifest in found if manifest is not None]
    read = [record for each in named if (record := owned_record(each)) is not None]
    known = {record.name: record for record in [*store.records(namespace, model), *read]}
    return EvaluationsRead(named, list(known.values()), complete=False)


def _claims(model: Manifest) -> list[Claim]:
    """Return what a model holds by its status; what cannot be read holds nothing."""
    name, found = name_of(model), []
    for one in items(model, "status", "hostnames"):
        try:
            found.append(Claim(name.namespace, name.name, Hostname.model_validate(one)))
        except ValidationError:
            continue
    return found


class CachedReader:
    """What the watches have told; asks the API server only for what they do not cover."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._live = _Live(store, client)

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object as it was last heard of."""
        if self._store.covers(kind, namespace):
            return self._store.get(kind, Name(namespace, name))
        return await self._live.get(kind, namespace, name)

    async def of_model(
        self,
        kind: Kind,
        namespace: str,
        model: str,
        names: Collection[str] = (),  # noqa: ARG002
    ) -> list[Manifest]:
        """Return the objects of a model that were heard of."""
        if self._store.covers(kind, namespace):
            return self._store.of_model(kind, namespace, model)
        return await self._live.list(kind, namespace, model)

    async def all_of(self, kind: Kind, namespace: str) -> list[Manifest]:
        """Return the objects of a kind that were heard of."""
        if self._store.covers(kind, namespace):
            return self._store.all_of(kind, namespace)
        return await self._live.list(kind, namespace)

    async def standards(self) -> list[Manifest]:
        """Return the ClinicalStandards that were heard of."""
        if self._store.covers(STANDARDS, ""):
            return self._store.all_of(STANDARDS, "")
        return await self._live.standards()

    async def of_evaluation(self, namespace: str, evaluation: str) -> list[Manifest]:
        """Return the pods of an Evaluation's Job that were heard of."""
        if self._store.covers(PODS, namespace):
            return self._store.of_evaluation(namespace, evaluation)
        return await self._live.of_evaluation(namespace, evaluation)

    async def chosen_for(self, namespace: str, services: Collection[str]) -> list[Manifest]:
        """Return such pods as they were heard of: without a model's label only by lists, by no watch."""
        if self._store.covers(PODS, namespace):
            return self._store.pods_by_app(namespace, [app_of(service) for service in services])
        return await self._live.chosen_for(namespace, services)

    async def events_of(self, namespace: str, uid: str, reason: str) -> list[Manifest]:
        """Return the Events about an object as they are now: they are not watched."""
        return await self._live.events_of(namespace, uid, reason)

    async def decisions(self, namespace: str, model: str, urgent: Urgent = ()) -> decisions.Decided:
        """Return such Decisions as they were heard of."""
        if self._store.covers(DECISIONS, namespace):
            return decisions.heard(self._store, namespace, model, urgent)
        return await self._live.decisions(namespace, model, urgent)

    async def evaluations(
        self, namespace: str, model: str, names: Collection[str]
    ) -> EvaluationsRead:
        """Return the named Evaluations and the records of all that were heard of."""
        found = [self._store.get(EVALUATIONS, Name(namespace, name)) for name in names]
        named = [manifest for manifest in found if manifest is not None]
        if self._store.covers(EVALUATIONS, namespace):
            return EvaluationsRead(named, self._store.records(namespace, model))
        if len(named) == len(names) and self._store.awaits(EVALUATIONS, namespace):
            return so_far(self._store, namespace, model, named)
        return await self._live.evaluations(namespace, model, names)

    async def rivals(self, kind: Kind, model: Name, hostnames: Collection[str]) -> Rivals:
        """Return what was heard of others' routes and models with host names like these."""
        if not hostnames:
            return Rivals()
        routes = await self._with_hostnames(kind, model, hostnames)
        models = await self._with_hostnames(MODELS, model, hostnames)
        claims = [claim for each in models for claim in _claims(each)]
        # What is about to be claimed counts as claimed; nothing is awaited from here to the plan that rests on it.
        reserved = self._store.reserved()
        about_to = [
            Claim(other.namespace, other.name, each)
            for other, names in reserved.items()
            if other != model
            for each in names
        ]
        return Rivals(routes, [*claims, *about_to])

    async def _with_hostnames(
        self, kind: Kind, model: Name, hostnames: Collection[str]
    ) -> list[Manifest]:
        """Return the others' objects of a kind; a route of the model's own name is its own."""
        if not self._store.is_complete(kind):
            return [
                one
                for namespace in self._store.namespaces or [""]
                for one in await self._live.list(kind, namespace)
                if name_of(one) != model
            ]
        names = self._store.with_hostnames(kind, hostnames)
        found = [self._store.get(kind, name) for name in names if name != model]
        return [one for one in found if one is not None]


class LiveReader:
    """What the API server says now of all that a step rests on.

    What other people and controllers make at any time (pods, Decisions) is listed. Of what the operator
    alone makes, that which is named is read, and the rest is taken as heard; so is a Gateway, of which the
    route's own status tells whether it plays its part.
    """

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._live = _Live(store, client)
        self._heard = CachedReader(store, client)

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object as it is now.

        A model is taken as heard: its status is written on that very version or not at all.
        """
        if kind == MODELS or kind in PARENTS:
            heard = await self._heard.get(kind, namespace, name)
            if heard is not None or kind in PARENTS:
                return heard
        return await self._live.get(kind, namespace, name)

    async def of_model(
        self, kind: Kind, namespace: str, model: str, names: Collection[str] = ()
    ) -> list[Manifest]:
        """Return the objects of a model: those that are named as they are now."""
        if kind == PODS or not self._store.covers(kind, namespace):
            return await self._live.list(kind, namespace, model)
        heard = {name_of(m).name: m for m in self._store.of_model(kind, namespace, model)}
        if kind != SERVICES:
            return list(heard.values())  # written once, never changed
        if len(names) > _FEW:
            return await self._live.list(kind, namespace, model)
        found = await asyncio.gather(*(self.get(kind, namespace, name) for name in names))
        now = [manifest for manifest in found if manifest is not None]
        return [*(manifest for name, manifest in heard.items() if name not in names), *now]

    async def all_of(self, kind: Kind, namespace: str) -> list[Manifest]:
        """Return them as heard: a runtime that is missed here is missed by KServe as well."""
        return await self._heard.all_of(kind, namespace)

    async def standards(self) -> list[Manifest]:
        """Return the ClinicalStandards as they are now: one that was edited a moment ago counts."""
        return await self._live.standards()

    async def of_evaluation(self, namespace: str, evaluation: str) -> list[Manifest]:
        """Return the pods of an Evaluation's Job as they are now."""
        return await self._live.of_evaluation(namespace, evaluation)

    async def chosen_for(self, namespace: str, services: Collection[str]) -> list[Manifest]:
        """Return such pods as they are now."""
        return await self._live.chosen_for(namespace, services)

    async def events_of(self, namespace: str, uid: str, reason: str) -> list[Manifest]:
        """Return the Events about an object as they are now."""
        return await self._live.events_of(namespace, uid, reason)

    async def decisions(self, namespace: str, model: str, urgent: Urgent = ()) -> decisions.Decided:
        """Return such Decisions as they are now."""
        return await self._live.decisions(namespace, model, urgent)

    async def evaluations(
        self, namespace: str, model: str, names: Collection[str]
    ) -> EvaluationsRead:
        """Return the named Evaluations as they are now, and the records of all."""
        if not self._store.covers(EVALUATIONS, namespace):
            return await self._live.evaluations(namespace, model, names)
        found = await asyncio.gather(*(self.get(EVALUATIONS, namespace, name) for name in names))
        named = [manifest for manifest in found if manifest is not None]
        return EvaluationsRead(named, self._store.records(namespace, model))

    async def rivals(self, kind: Kind, model: Name, hostnames: Collection[str]) -> Rivals:
        """Return what others have as heard: it decides nothing but who was first."""
        return await self._heard.rivals(kind, model, hostnames)
