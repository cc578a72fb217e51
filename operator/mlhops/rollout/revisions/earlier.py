"""Names and hashes as operators gave them before revisions were known by their digests.

What such an operator left in a cluster goes on to serve under the name that it has. The hashes covered every
field with its default, so the fields and defaults of that time are written down here, and never change.
"""

from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.api.data import DataSource
from mlhops.api.gate import Gate
from mlhops.api.interface import Interface
from mlhops.api.predictor import Predictor

_PREDICTOR: Manifest = {
    "protocolVersion": "v2",
    "args": [],
    "env": [],
    "nodeSelector": {},
    "tolerations": [],
    "labels": {},
    "annotations": {},
}
_FEATURE: Manifest = {"type": "Numeric", "required": False}
_OUTPUT: Manifest = {"name": "probability", "type": "Probability", "positiveClass": "1"}
_GATE: Manifest = {
    "assurance": "Proven",
    "confidence": 0.95,
    "minPositives": 20,
    "minNegatives": 20,
    "required": True,
    "primary": False,
}
_ACROSS: Manifest = {"groups": [], "intersections": []}


def predictor(of: Predictor) -> Manifest:
    """Return a predictor as it was hashed, its scaling included."""
    given = of.given()
    env = [
        {"value": "", **cast(Manifest, each)} for each in cast("list[Json]", given.get("env", []))
    ]
    resources = {} if of.resources is None else {"resources": of.resources.to_json()}
    return {**_PREDICTOR, **given, "env": cast(Json, env), **resources}


def interface(of: Interface) -> Manifest:
    """Return an interface as it was hashed."""
    return {
        "features": [{**_FEATURE, **feature.given()} for feature in of.features],
        "output": {**_OUTPUT, **of.output.given()},
        "groups": [group.given() for group in of.groups],
    }


def gate(of: Gate) -> Manifest:
    """Return a gate as it was hashed."""
    across = {} if of.across is None else {"across": {**_ACROSS, **of.across.given()}}
    return {**_GATE, **of.given(), **across}


def data(of: DataSource) -> Manifest:
    """Return a source of data as it was hashed."""
    return {"format": "parquet", **of.given()}
