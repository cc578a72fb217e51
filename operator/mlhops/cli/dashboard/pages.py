"""The pages: what each asks of the cluster, and the view that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlhops.cli.dashboard import links, reading
from mlhops.cli.dashboard.cluster import ApiReader
from mlhops.cli.views import records
from mlhops.cli.views.chronicle import chronicle
from mlhops.cli.views.events import events
from mlhops.cli.views.explanation import explanation
from mlhops.cli.views.fleet import fleet
from mlhops.cli.views.gates import evaluation
from mlhops.cli.views.model import model_view
from mlhops.cli.views.selection import FleetFilter, selected
from mlhops.cli.views.watch_history import watch_history
from mlhops.json_access import text

_TRUE = ("1", "true", "yes")


@dataclass(frozen=True)
class WebPage:
    """A view, and how it is shown."""

    kind: str
    """What `-o json` of the plug-in calls it."""
    view: object
    template: str
    title: str
    stream: str = ""
    """Where its changes are told; empty where nothing is."""
    more: Mapping[str, object] = field(default_factory=dict)
    """What else the template names."""


def fleet_page(source: reading.FleetSource, namespace: str, query: Mapping[str, str]) -> WebPage:
    """Return the fleet: the models of a namespace, or of all.

    Args:
        source: where they come from.
        namespace: theirs; empty for all.
        query: which of them are asked for.
    """
    found = source.read()
    everything = fleet(found.objects)
    wanted = FleetFilter(
        namespace=namespace,
        phase=query.get("phase", ""),
        waits=query.get("waits", ""),
        look=query.get("look", "") in _TRUE,
        words=query.get("words", ""),
    )
    return WebPage(
        kind="Fleet",
        view=selected(everything, wanted),
        template="fleet.html",
        title=f"Models of {namespace}" if namespace else "All models",
        stream=links.stream(namespace, "", found.version),
        more={"wanted": wanted, "everything": everything},
    )


def model_page(cluster: ApiReader, namespace: str, name: str) -> WebPage:
    """Return a model: what serves, what is on its way, who is waited for, and its gates."""
    found = reading.facts(cluster, namespace, name)
    view = model_view(found.model, found.evaluations, found.decisions)
    return _of_model("Model", view, "model.html", namespace, name, found.version)


def timeline_page(cluster: ApiReader, namespace: str, name: str) -> WebPage:
    """Return what became of a model, the newest first."""
    found = reading.facts(cluster, namespace, name)
    view = chronicle(found.model, found.evaluations, found.decisions)
    return _of_model("Chronicle", view, "timeline.html", namespace, name, found.version)


def monitoring_page(cluster: ApiReader, namespace: str, name: str) -> WebPage:
    """Return what monitoring found of a model over time."""
    found = reading.facts(cluster, namespace, name)
    view = watch_history(found.model, found.evaluations)
    return _of_model("Watch", view, "monitoring.html", namespace, name, found.version)


def events_page(cluster: ApiReader, namespace: str, name: str) -> WebPage:
    """Return what the operator told of a model, the newest first."""
    found = reading.model(cluster, namespace, name)
    view = events(reading.events(cluster, namespace, name))
    return _of_model("Events", view, "events.html", namespace, name, found.version)


def explanation_page(cluster: ApiReader, namespace: str, name: str) -> WebPage:
    """Return why a model is as it is, and what helps."""
    found = reading.model(cluster, namespace, name)
    view = explanation(found.objects[0])
    return _of_model("Explanation", view, "explanation.html", namespace, name, found.version)


def records_page(cluster: ApiReader, namespace: str, name: str) -> WebPage:
    """Return where the card and the audit of a model are."""
    found = reading.model(cluster, namespace, name)
    view = records.records(found.objects[0])
    return _of_model("Records", view, "records.html", namespace, name, found.version)


def evaluation_page(cluster: ApiReader, namespace: str, name: str) -> WebPage:
    """Return what an Evaluation measured, gate by gate and group by group."""
    manifest = reading.evaluation(cluster, namespace, name)
    view = evaluation(manifest)
    changes = links.stream(namespace, view.model, text(manifest, "metadata", "resourceVersion"))
    model = (namespace, view.model)
    return WebPage("Evaluation", view, "evaluation.html", name, changes, {"model": model})


def _of_model(
    kind: str, view: object, template: str, namespace: str, name: str, version: str
) -> WebPage:
    title = f"{namespace}/{name}"
    changes = links.stream(namespace, name, version)
    return WebPage(kind, view, template, title, changes, {"model": (namespace, name)})
