"""A server that runs and has no model of the name that it is asked for, as the kubelet's probes of it tell."""

import re
from collections.abc import Iterable

from mlhops.api.base import Manifest
from mlhops.json_access import number, text
from mlhops.kserve.names import MODEL_LABEL

UNHEALTHY = "Unhealthy"
"""The reason of the kubelet's Events about probes."""
_ANSWERED = re.compile(r"^\w+ probe failed: HTTP probe failed with statuscode: (40[04])\b")
_TIMES = 3
"""So many answers in a row are no server that has only begun to load its model."""


def unknown_model(live: Manifest, events: Iterable[Manifest]) -> str:
    """Return what a server answers that does not know its model, from Events of a pod; empty where it does not say.

    Triton answers 400 where others answer 404.
    """
    for event in events:
        answered = _ANSWERED.match(text(event, "message"))
        times = max(number(event, "count") or 1, number(event, "series", "count") or 0)
        if answered and times >= _TIMES:
            model = text(live, "metadata", "labels", MODEL_LABEL)
            return f"its server answers HTTP {answered[1]} for a model {model}"
    return ""
