"""Kinds of mlhops.io, with the schemas that the API server gets: read from `schemas.json`, which `make crds` writes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

GROUP = "mlhops.io"
_FILE = Path(__file__).with_name("schemas.json")


@cache
def _read() -> Manifest:
    return cast("Manifest", json.loads(_FILE.read_text(encoding="utf-8")))


def version() -> str:
    """Return the version that the schemas are of, as apiVersion has it."""
    return str(_read()["apiVersion"])


def schemas() -> dict[str, Manifest]:
    """Return the schema of each kind."""
    return cast("dict[str, Manifest]", _read()["kinds"])


def cases() -> dict[str, str]:
    """Return the kind of cases of which each metric is a share; metrics that are no share have none."""
    return cast("dict[str, str]", _read()["cases"])
