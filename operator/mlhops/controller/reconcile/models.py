"""Reconciles one ClinicalModel: gather, plan, apply, return."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from pydantic import ValidationError

from mlhops.api.base import Manifest
from mlhops.api.conditions import Condition, ConditionType, Verdict, merge
from mlhops.api.decision import DecisionStatus
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.kube.events import Recorder
from mlhops.controller.kube.reader import CachedReader, LiveReader, Reader
from mlhops.controller.outbound.sinks import Sinks
from mlhops.controller.reconcile.apply import Applier
from mlhops.controller.reconcile.facts import Gathered
from mlhops.controller.reconcile.gather import InvalidObject, Unreadable, gather
from mlhops.controller.resources import DECISIONS, MODELS, Key
from mlhops.json_access import condition, items, number, text
from mlhops.kserve.detector import Detectors
from mlhops.rollout.intents import (
    ConfigureDetector,
    EnsureEvaluation,
    EnsureService,
    Plan,
    SetTraffic,
    StartRetraining,
)
from mlhops.rollout.monitoring.drift_snapshot import Look, ServingLook
from mlhops.rollout.observed import Observed
from mlhops.rollout.plan import plan, plan_to_tell
from mlhops.rollout.reasons import Reason
from mlhops.rollout.staleness import may_rest_on_cached_state
from mlhops.routing.hostnames import ANY_HOSTNAME, HostnameRules
from mlhops.routing.registry import ROUTERS
from mlhops.routing.router import Router

_RESTS_ON_MODEL = (EnsureService, ConfigureDetector, EnsureEvaluation, SetTraffic, StartRetraining)
Looks: TypeAlias = Callable[[Key], Look | None]
"""Returns the newest look at a model, None before the first."""
Answers: TypeAlias = Callable[[Key, Observed], ServingLook | None]
"""Returns how a model answers its callers, None where nobody knows."""
GONE = float("inf")
"""Returned in place of a time for a model that is there no more."""


class Models:
    """Brings one ClinicalModel nearer to its spec."""

    def __init__(
        self,
        client: Client,
        store: Store,
        detectors: Detectors,
        clock: Callable[[], datetime],
        sinks: Sinks,
        looks: Looks,
        answers: Answers,
        hostnames: HostnameRules = ANY_HOSTNAME,
        routers: Sequence[Router] = ROUTERS,
    ) -> None:
        self._client = client
        self._store = store
        self._answers = answers
        self._hostnames = hostnames
        self._heard = CachedReader(store, client)
        self._fresh = LiveReader(store, client)
        self._routers = routers
        self._detectors = detectors
        self._clock = clock
        self._applier = Applier(client, Recorder(client, clock), sinks)
        self._looks = looks
        self._refusals: dict[Key, str] = {}

    async def reconcile(self, key: Key) -> float | None:
        """Make one pass; return the seconds until the next is due by time alone."""
        try:
            made = await self._plan(key)
        except InvalidObject as error:
            message = f"the object cannot be read: {error}: correct that field"
            await self._stall(error.manifest, Reason.INVALID_SPEC, message)
            return None
        except Unreadable as error:
            message = (
                f"the operator may not read what it needs: {_stable_text(error.cause.message)}"
            )
            await self._stall(error.manifest, Reason.READ_REFUSED, message)
            raise error.cause from error
        if made is None:
            self._refusals.pop(key, None)
            return 0.0 if await self._answer_nobodys_decisions(key) else GONE
        gathered, decided = made
        refused = gathered.seen.refusal
        try:
            await self._check_current(gathered, decided)
            await self._applier.apply(gathered, decided)
        except ApiError as error:
            if _is_refusal(error):
                await self._tell_refusal(key, gathered, error)
            raise
        if refused is not None:
            del self._refusals[key]
            return 0.0
        return decided.requeue_after

    async def _plan(self, key: Key) -> tuple[Gathered, Plan] | None:
        """Plan on what was heard; where something is at stake, look afresh and plan on that."""
        made = await self._plan_on(self._heard, key)
        if made is not None:
            gathered, decided = made
            old = gathered.seen.model.status
            if decided.empty or may_rest_on_cached_state(old, decided):
                return made
        return await self._plan_on(self._fresh, key)

    async def _plan_on(self, reader: Reader, key: Key) -> tuple[Gathered, Plan] | None:
        gathered = await gather(reader, self._detectors, key, self._hostnames, self._routers)
        if gathered is None:
            return None
        monitored = gathered.seen.monitored
        if monitored is not None:
            monitored = replace(monitored, look=self._looks(key))
        seen = replace(
            gathered.seen,
            refusal=self._refusals.get(key),
            monitored=monitored,
            serving=self._answers(key, gathered.seen),
        )
        decided = plan(seen, self._clock())
        self._reserve(key, decided)
        return replace(gathered, seen=seen), decided

    def _reserve(self, key: Key, decided: Plan) -> None:
        """What is about to be claimed nobody else claims meanwhile: passes go on beside each other."""
        claimed = decided.status.hostnames if decided.status is not None else []
        self._store.reserve(Name(key.namespace, key.name), claimed)

    async def _check_current(self, gathered: Gathered, decided: Plan) -> None:
        """Make sure that the model is as the plan has it, before what no write of its status precedes.

        Of a model that was deleted meanwhile nothing may be made again. And what was heard of a model may
        be old: a weight that an old status does not know may be the one that the present status gives.

        Raises:
            ApiError: it has changed.
        """
        unchecked = decided.before if decided.status else (*decided.before, *decided.after)
        meta = gathered.seen.model.metadata
        if meta.orphaned and gathered.route:
            # The model may be gone by now. Its route stays, and by its uid none is made; no other pass comes.
            unchecked = tuple(each for each in unchecked if not isinstance(each, SetTraffic))
        if not any(isinstance(intent, _RESTS_ON_MODEL) for intent in unchecked):
            return
        live = await self._client.get(MODELS, meta.namespace, meta.name)
        if text(live, "metadata", "resourceVersion") != meta.resource_version:
            raise ApiError(409, "Conflict", "the model has changed since it was read")

    async def _tell_refusal(self, key: Key, gathered: Gathered, error: ApiError) -> None:
        """Say in the status what the API server does not take; once for each thing that it says."""
        message = _stable_text(f"{error.reason}: {error.message}")[:512]
        if self._refusals.get(key) == message:
            return
        self._refusals[key] = message
        await self._applier.apply(gathered, plan_to_tell(gathered.seen, message, self._clock()))

    async def _stall(self, live: Manifest, reason: Reason, message: str) -> None:
        """Say why no plan can be made; nothing but phase, message and two conditions is touched."""
        if text(condition(live, ConditionType.STALLED), "message") == message:
            return
        generation = number(live, "metadata", "generation") or 0
        wanted: list[tuple[str, Verdict, str, str]] = [
            (ConditionType.STALLED, "True", reason, message),
            (ConditionType.READY, "False", reason, message),
            (ConditionType.RECONCILING, "False", Reason.SETTLED, ""),
        ]
        conditions = merge(_conditions(live), wanted, generation, self._clock())
        manifest: Manifest = {
            "metadata": {
                "name": text(live, "metadata", "name"),
                "namespace": text(live, "metadata", "namespace"),
            },
            "status": {
                "phase": "Degraded",
                "message": message,
                "observedGeneration": generation,
                "conditions": [condition.to_json() for condition in conditions],
            },
        }
        await self._client.patch_status(MODELS, manifest)

    async def _answer_nobodys_decisions(self, key: Key) -> bool:
        """Say of Decisions on a model that does not exist that they have no effect; return whether there are more."""
        decided = await self._fresh.decisions(key.namespace, key.name)
        message = f"there is no ClinicalModel {key.name} in {key.namespace}"
        for live in decided.decisions:
            if text(live, "status", "phase") == "Honoured":
                continue
            status = DecisionStatus(phase="Ignored", message=message, observed_at=self._clock())
            metadata: Manifest = {
                "name": text(live, "metadata", "name"),
                "namespace": key.namespace,
            }
            manifest: Manifest = {"metadata": metadata, "status": status.to_json()}
            await self._client.patch_status(DECISIONS, manifest)
        return decided.more


def _conditions(live: Manifest) -> list[Condition]:
    """Return the conditions that can be read."""
    found = []
    for item in items(live, "status", "conditions"):
        try:
            found.append(Condition.model_validate(item))
        except ValidationError:
            continue
    return found


def _stable_text(message: str) -> str:
    """Return a message without what differs each time, such as a port; a new text is a new write."""
    return re.sub(r":[0-9]{4,5}\b", "", message)


def _is_refusal(error: ApiError) -> bool:
    """Whether trying again will not help by itself: not a conflict, and not a server that is busy."""
    busy = error.status in (429, 502, 503, 504)
    return not busy and error.reason not in ("Conflict", "AlreadyExists", "NotFound")
