"""Decisions as the API server has them now: a few requests for a few objects, however many there are."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from mlhops.api.base import Manifest
from mlhops.api.decision import Action
from mlhops.controller.cache.decisions import DecisionIndex, Standing, Urgent, heard_decision
from mlhops.controller.cache.entry import Name, name_of
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.resources import DECISIONS

AT_ONCE = 20
"""So many new Decisions are read in one pass; a person's stop is among them however many there are."""
FEW = 200
"""Up to so many Decisions are listed together; of more, only the first of those without an answer are read."""
_NO_ANSWER = "status.phase!=Honoured,status.phase!=Ignored"
_LASTING = f"spec.action={Action.OVERRIDE},status.phase=Honoured"


class Decided(NamedTuple):
    """What people decided that matters to a pass, the most urgent first."""

    decisions: list[Manifest]
    more: bool
    """Whether there are more that nobody has heard yet."""


def first_of(found: Iterable[Manifest], namespace: str, model: str, urgent: Urgent) -> Decided:
    """Return what matters to a pass of the Decisions that were read."""
    by_name, index = {name_of(one).name: one for one in found}, DecisionIndex()
    for name, manifest in by_name.items():
        heard = heard_decision(manifest)
        if heard is not None:
            index.add(namespace, name, heard)
    chosen = index.choose(namespace, model, urgent, AT_ONCE)
    return Decided([by_name[name] for name in chosen.names], chosen.more)


class LiveDecisions:
    """Reads the Decisions on a model; the store tells where to look, the API server what is there."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._client = client

    async def read(self, namespace: str, model: str, urgent: Urgent) -> Decided:
        """Return what matters to a pass."""
        of, many = (namespace, model), False
        try:
            if self._store.awaits(DECISIONS, namespace):
                found, many = await self._unlisted(of, urgent)
            elif not self._store.covers(DECISIONS, namespace):
                found = await self._list(of)
            elif self._store.count_decisions(*of, *Standing) <= FEW:
                found = await self._list(of, "status.phase!=Ignored")
            else:
                many = self._store.count_decisions(*of, Standing.NEW) > FEW
                open_ = self._first(of, urgent) if many else self._list(of, _NO_ANSWER)
                found = [
                    each
                    for some in await asyncio.gather(open_, self._list(of, _LASTING))
                    for each in some
                ]
        except ApiError as error:
            if error.status != 400:
                raise
            # The kinds are those of an earlier operator: they select by the model alone.
            found, many = await self._list(of), False
        decided = first_of(found, namespace, model, urgent)
        return decided._replace(more=decided.more or many)

    async def _unlisted(self, of: tuple[str, str], urgent: Urgent) -> tuple[list[Manifest], bool]:
        """Return what matters while all are listed for the first time, and whether very many have no answer.

        Of those, only what stops the rollout: which of the others came first is not known yet.
        """
        open_, lasting = await asyncio.gather(
            self._list(of, _NO_ANSWER, FEW + 1), self._list(of, _LASTING)
        )
        many = len(open_) > FEW
        return [*(await self._stops(of, urgent) if many else open_), *lasting], many

    async def _first(self, of: tuple[str, str], urgent: Urgent) -> list[Manifest]:
        """Return the first of very many, and what stops the rollout as it is now, heard of or not."""
        first = self._store.decisions(*of, urgent, AT_ONCE).new
        listed, read = await asyncio.gather(
            self._stops(of, urgent),
            asyncio.gather(*(self._client.get(DECISIONS, of[0], name) for name in first)),
        )
        return [*listed, *(one for one in read if one is not None)]

    async def _stops(self, of: tuple[str, str], urgent: Urgent) -> list[Manifest]:
        """Return some of what stops the rollout, and of what was noted."""
        stops = [f"spec.action={action},spec.revision={revision}" for action, revision in urgent]
        lists = [*(f"{each},{_NO_ANSWER}" for each in stops), "status.phase=Pending"]
        listed = await asyncio.gather(*(self._list(of, each, AT_ONCE) for each in lists))
        return [one for found in listed for one in found]

    async def _list(self, of: tuple[str, str], fields: str = "", most: int = 0) -> list[Manifest]:
        namespace, model = of
        selector = ",".join([f"spec.model={model}", *([fields] if fields else [])])
        return await self._client.list(DECISIONS, namespace, fields=selector, most=most)


def heard(store: Store, namespace: str, model: str, urgent: Urgent) -> Decided:
    """Return what matters to a pass as it was heard of."""
    chosen = store.decisions(namespace, model, urgent, AT_ONCE)
    found = [store.get(DECISIONS, Name(namespace, name)) for name in chosen.names]
    return Decided([one for one in found if one is not None], chosen.more)
