"""Addresses of pages: stable, each with a twin that ends in `.json`."""

from __future__ import annotations

from dataclasses import fields
from urllib.parse import quote, urlencode

from mlhops.cli.views.selection import FleetFilter

FLEET = "/models"


def fleet(wanted: FleetFilter | None = None, *, form: str = "") -> str:
    """Return the address of the fleet, of what a filter lets through."""
    path = FLEET + form
    if wanted is None:
        return path
    given = {each.name: getattr(wanted, each.name) for each in fields(wanted)}
    query = urlencode({name: "1" if said is True else said for name, said in given.items() if said})
    return f"{path}?{query}" if query else path


def model(namespace: str, name: str, part: str = "") -> str:
    """Return the address of a model, or of a part of what there is of it, such as `events`."""
    path = f"{FLEET}/{quote(namespace, safe='')}/{quote(name, safe='')}"
    return f"{path}/{part}" if part else path


def evaluation(namespace: str, name: str) -> str:
    """Return the address of an Evaluation."""
    return f"/evaluations/{quote(namespace, safe='')}/{quote(name, safe='')}"


def stream(namespace: str, name: str, version: str) -> str:
    """Return the address of the changes from a version on."""
    given = {"namespace": namespace, "name": name, "version": version}
    return f"/stream?{urlencode({key: said for key, said in given.items() if said})}"
