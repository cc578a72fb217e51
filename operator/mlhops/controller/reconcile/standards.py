"""The standards that apply to a model, as they were heard of or as they are; where that cannot be read, why.

A cluster that has never had the kind has no standards. One that had it, or does not let the operator read it, may have
some: then nobody knows what is asked of a model at least.
"""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from mlhops.api.base import Manifest
from mlhops.api.conditions import ConditionType, find
from mlhops.api.model import ClinicalModel
from mlhops.api.standard import ClinicalStandard
from mlhops.controller.cache.lean import LEFT_OUT
from mlhops.controller.kube.client import ApiError, NotInstalled
from mlhops.controller.kube.reader import KindGone, Reader
from mlhops.controller.resources import NAMESPACES
from mlhops.json_access import at, text
from mlhops.rollout.standards.applying import (
    Standards,
    in_namespace,
    of_class,
    selects_namespaces,
)

_GONE = (
    "there were ClinicalStandards, and the API server does not know the kind any more: install its definition again "
    "(crds/mlhops.io_clinicalstandards.yaml), with no standards where none is wanted"
)


async def standards_of(reader: Reader, model: ClinicalModel) -> Standards:
    """Return the standards that apply to a model."""
    try:
        live = await reader.standards()
    except KindGone:
        return Standards(unknown=_GONE)
    except NotInstalled:
        # What an operator knew that was stopped since stands in the status.
        known = find(model.status.conditions, ConditionType.MEETS_STANDARD) is not None
        return Standards(unknown=_GONE if known else "")
    except ApiError as error:
        return _refused(error, "clinicalstandards.mlhops.io (verb list)")
    read = _read(live)
    if isinstance(read, str):
        return Standards(unknown=read)
    meant = of_class(read, model.spec.card.risk_class)
    if not any(selects_namespaces(one) for one in meant):
        return Standards(tuple(meant))
    return await _in_namespace(reader, meant, model.metadata.namespace)


async def _in_namespace(
    reader: Reader, meant: Sequence[ClinicalStandard], namespace: str
) -> Standards:
    """Return those of some standards that are for a namespace."""
    try:
        labels = _labels(await reader.get(NAMESPACES, "", namespace))
    except ApiError as error:
        return _refused(error, "namespaces (verb get)")
    if labels is None:
        problem = f"the labels of namespace {namespace} cannot be read, and a ClinicalStandard asks for them"
        return Standards(unknown=f"{problem}: give the namespace fewer or smaller labels")
    return Standards(tuple(one for one in meant if in_namespace(one.spec.applies_to, labels)))


def _labels(namespace: Manifest | None) -> Mapping[str, str] | None:
    """Return the labels of a namespace, None where they are not known."""
    if namespace is None or LEFT_OUT in namespace:
        return None
    labels = at(namespace, "metadata", "labels")
    return {k: str(v) for k, v in labels.items()} if isinstance(labels, dict) else {}


def _refused(error: ApiError, what: str) -> Standards:
    """Return that nobody knows what is asked.

    Raises:
        ApiError: it is no missing right, and passes by itself.
    """
    if error.status != 403:
        raise error
    problem = (
        f"the operator may not read {what}, so that nobody knows which ClinicalStandards apply"
    )
    return Standards(unknown=f"{problem}: install the roles of this version (docs/install.md)")


def _read(live: Sequence[Manifest]) -> list[ClinicalStandard] | str:
    """Return the standards, or which of them cannot be understood: it may ask for anything, of any model."""
    found = []
    for one in live:
        try:
            found.append(ClinicalStandard.model_validate(one))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            name = text(one, "metadata", "name")
            return (
                f"ClinicalStandard {name} cannot be understood: {field}: {first['msg']}: correct that "
                "field, or upgrade the operator to the version of its definition"
            )
    return found
