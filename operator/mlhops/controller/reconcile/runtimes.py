"""The runtimes around a model: those that its InferenceServices name, and those that KServe may choose from.

Each is kept in two kinds, one of the namespace and one of the cluster. Either may be missing, and either may be
forbidden to the operator, which ends no pass: what rests on it says so where it matters.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from mlhops.api.base import Manifest
from mlhops.controller.kube.client import ApiError, NotInstalled
from mlhops.controller.kube.reader import Reader
from mlhops.controller.reconcile.revisions import NOTHING_OFFERED, Offered
from mlhops.controller.resources import CLUSTER_RUNTIMES, RUNTIMES, Kind
from mlhops.json_access import text
from mlhops.kserve.servers import Runtimes, runtime_names

_Ask: TypeAlias = Callable[[Kind, str], Awaitable[list[Manifest]]]
"""Asks for runtimes of a kind, in a namespace or in the cluster."""


class _Forbidden(Exception):
    """The operator has no right to a kind."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(f"{kind.plural}.{kind.group}")


async def runtimes_of(reader: Reader, namespace: str, services: list[Manifest]) -> Runtimes:
    """Return the runtimes that InferenceServices may have; a right that is missing is said where it matters."""
    names = sorted({name for service in services for name in runtime_names(service)})

    async def named(kind: Kind, where: str) -> list[Manifest]:
        read = await asyncio.gather(*(reader.get(kind, where, name) for name in names))
        return [one for one in read if one is not None]

    try:
        own, cluster = await _both(named, namespace)
    except _Forbidden as kind:
        return Runtimes({}, {}, f"the operator may not read {kind} (verb get)")
    return Runtimes(_by_name(own), _by_name(cluster))


async def offered(reader: Reader, namespace: str) -> Offered:
    """Return the runtimes that there are; of a right that is missing KServe's own choice is let be."""
    try:
        return Offered(*await _both(reader.all_of, namespace))
    except _Forbidden:
        return NOTHING_OFFERED


async def _both(ask: _Ask, namespace: str) -> tuple[list[Manifest], list[Manifest]]:
    """Return what there is of the namespace's kind and of the cluster's; of one that is not installed, nothing.

    Raises:
        _Forbidden: the operator has no right to one of them.
    """
    found: list[list[Manifest]] = []
    for kind, where in ((RUNTIMES, namespace), (CLUSTER_RUNTIMES, "")):
        try:
            found.append(await ask(kind, where))
        except NotInstalled:
            found.append([])
        except ApiError as error:
            if error.status != 403:
                raise
            raise _Forbidden(kind) from error
    own, cluster = found
    return own, cluster


def _by_name(runtimes: list[Manifest]) -> dict[str, Manifest]:
    return {text(one, "metadata", "name"): one for one in runtimes}
