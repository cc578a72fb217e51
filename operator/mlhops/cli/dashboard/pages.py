"""The pages: what each asks of the cluster, and the view that it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from markupsafe import Markup

from mlhops.cli.audit.timeline import timeline
from mlhops.cli.card.assemble import model_card
from mlhops.cli.card.page import body
from mlhops.cli.card.subject import subject
from mlhops.cli.dashboard import links, reading
from mlhops.cli.dashboard.cluster import ApiReader, ApiRefusal
from mlhops.cli.exits import Trouble
from mlhops.cli.views import records
from mlhops.cli.views.events import events
from mlhops.cli.views.explanation import explanation
from mlhops.cli.views.fleet import fleet
from mlhops.cli.views.gates import evaluation
from mlhops.cli.views.history import history
from mlhops.cli.views.model import model_view
from mlhops.cli.views.selection import FleetFilter, selected
from mlhops.cli.views.watch_history import watch_history
from mlhops.json_access import text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

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
    """Return what is on record of a model; without what the caller may not read, which it names."""
    found = reading.facts(cluster, namespace, name)
    revisions = _readable(lambda: reading.revisions(cluster, namespace, name))
    events = _readable(lambda: reading.events(cluster, namespace, name))
    view = timeline(found.model, found.evaluations, found.decisions, revisions or (), events or ())
    hidden = [kind for kind, of in (("revisions", revisions), ("Events", events)) if of is None]
    page = _of_model("Timeline", view, "timeline.html", namespace, name, found.version)
    more = {"intact": history(found.model).intact, "hidden": hidden}
    return replace(page, more={**page.more, **more})


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


def card_page(cluster: ApiReader, namespace: str, name: str, named: str) -> WebPage:
    """Return the card of a revision.

    Args:
        cluster: that is asked.
        namespace: the model's.
        name: the model's.
        named: a revision, a version, `stable`, `candidate` or `previous`; empty for what serves.

    Raises:
        ApiRefusal: there is no such revision on record, or its record may not be read.
    """
    found = reading.facts(cluster, namespace, name)
    records = _readable(lambda: reading.revisions(cluster, namespace, name))
    about = subject(found.model, named, records or (), found.evaluations)
    if about is None or (records is None and not about.is_asked_for):
        trouble = Trouble(
            f"{name} has no revision or version {named!r} on record that you may read",
            "its timeline lists those that ended; records need Kubernetes' own ClusterRole view",
        )
        raise ApiRefusal(HTTPStatus.NOT_FOUND, trouble)
    card = model_card(about)
    page = _of_model("Card", card, "card.html", namespace, name, found.version)
    # The card's own template escapes what it is given.
    return replace(page, more={**page.more, "body": Markup(body(card))})  # noqa: S704


def evaluation_page(cluster: ApiReader, namespace: str, name: str) -> WebPage:
    """Return what an Evaluation measured, gate by gate and group by group."""
    manifest = reading.evaluation(cluster, namespace, name)
    view = evaluation(manifest)
    changes = links.stream(namespace, view.model, text(manifest, "metadata", "resourceVersion"))
    model = (namespace, view.model)
    return WebPage("Evaluation", view, "evaluation.html", name, changes, {"model": model})


def _readable(read: Callable[[], list[Manifest]]) -> list[Manifest] | None:
    """Return what is read, None where the caller may not: who may see models need not see those."""
    try:
        return read()
    except ApiRefusal as refusal:
        if refusal.status != HTTPStatus.FORBIDDEN:
            raise
        return None


def _of_model(
    kind: str, view: object, template: str, namespace: str, name: str, version: str
) -> WebPage:
    title = f"{namespace}/{name}"
    changes = links.stream(namespace, name, version)
    return WebPage(kind, view, template, title, changes, {"model": (namespace, name)})
