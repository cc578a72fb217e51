"""What a card tells that nobody wrote for it: it follows from spec, status, history and Evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlhops.cli.card.entries import CardEvidence
from mlhops.cli.card.findings import goal
from mlhops.cli.card.subject import Subject
from mlhops.cli.views.fields import decimal, moment, texts
from mlhops.json_access import at, items, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Json

Values = tuple[tuple[str, ...], str]
"""What is told, and where it comes from."""
_SERVED = ("Promoted", "FastPromoted")


def when(of: Json, key: str) -> str:
    """Return a moment in UTC to the second, empty where there is none."""
    found = moment(of, key)
    return found.isoformat(timespec="seconds").replace("+00:00", "Z") if found is not None else ""


def citation(of: Json) -> str:
    """Return a citation in a line."""
    where = f" <{text(of, 'url')}>" if text(of, "url") else ""
    return f"{text(of, 'kind')}: {text(of, 'text')}{where}"


def stage(of: Subject) -> Values:
    """Return where a revision stands."""
    told = {
        "serves": f"serves since {when(of.holder, 'since')}",
        "candidate": (
            f"candidate at step {text(of.holder, 'step')}, {number(of.holder, 'weight') or 0} % of requests"
        ),
        "previous": "served before what serves now; kept without requests",
        "rolled back": "was rolled back from",
        "earlier": f"an earlier rollout: {text(of.entry, 'outcome') or 'its end is not on record'}",
        "not deployed": "not deployed yet",
    }
    return (told[of.role],), "status"


def released(of: Subject) -> Values:
    """Return since when a revision served, where it did."""
    since = when(of.holder, "since") if of.role in ("serves", "previous") else ""
    if not since and text(of.entry, "outcome") in _SERVED:
        since = when(of.entry, "finishedAt")
    return (since,), "status"


def model_type(of: Subject) -> Values:
    """Return the format of the artefact, where nobody says what kind of model it is."""
    name, version = (text(of.predictor, "modelFormat", key) for key in ("name", "version"))
    told = f"a model of the format {name} {version}".strip() if name else ""
    return (told,), "spec.predictor.modelFormat"


def artefact(of: Subject) -> Values:
    """Return what identifies the artefact; not where it lies, which is nobody's business but the cluster's."""
    digest = text(of.predictor, "digest")
    served = text(of.holder, "digest") or text(of.entry, "digest")
    told = (
        f"digest {digest}" if digest else "",
        f"sha256 of all that is served: {served}" if served else "",
    )
    return told, "spec.predictor and status"


def output(of: Subject) -> Values:
    """Return what the model answers."""
    told = at(of.interface, "output")
    if told is None:
        return (), "spec.interface.output"
    type_ = text(told, "type") or "Probability"
    if type_ == "Value":
        return (_value(told),), "spec.interface.output"
    name = text(told, "name") or "probability"
    if text(of.interface, "task") == "Multiclass":
        classes = ", ".join(texts(told, "classes"))
        return (f"{name}: {type_} of the classes {classes}",), "spec.interface.output"
    threshold = decimal(told, "threshold")
    called = f", called positive from {threshold:g} on" if threshold is not None else ""
    positive = text(told, "positiveClass") or "1"
    return (f"{name}: {type_} of the class {positive}{called}",), "spec.interface.output"


def _value(output: Json) -> str:
    parts = [f"{text(output, 'name') or 'probability'}: a number", *_span(output)]
    return ", ".join(parts)


def _span(of: Json) -> list[str]:
    """Return the unit and the plausible range of a number."""
    unit, low, high = text(of, "unit"), decimal(of, "range", "min"), decimal(of, "range", "max")
    parts = [f"in {unit}"] if unit else []
    parts += [f"from {low:g}"] if low is not None else []
    return parts + ([f"to {high:g}"] if high is not None else [])


def inputs(of: Subject) -> Values:
    """Return the inputs, each with its unit, range and categories."""
    kinds = {text(each, "name"): text(each, "kind") for each in items(of.card, "sensitiveInputs")}
    features = items(of.interface, "features")
    return tuple(_input(each, kinds) for each in features), "spec.interface.features"


def _input(feature: Json, kinds: dict[str, str]) -> str:
    name = text(feature, "name")
    parts = [text(feature, "type") or "Numeric", *_span(feature)]
    categories = texts(feature, "categories")
    parts.append(f"one of {', '.join(categories)}" if categories else "")
    parts.append(f"tells of {kinds[name]}" if kinds.get(name) else "")
    about = text(feature, "description")
    return f"{name}: {', '.join(filter(None, parts))}{f'. {about}' if about else ''}"


def groups(of: Subject) -> Values:
    """Return the groups of people that gates compare."""
    found = []
    for each in items(of.interface, "groups"):
        column = text(each, "feature") or f"header {text(each, 'header')}"
        found.append(f"{text(each, 'name')} (by {column})")
    return tuple(found), "spec.interface.groups"


def gates(of: Subject) -> Values:
    """Return what is asked of a version before it gets any request."""
    if of.evaluation is not None:
        asked = items(of.evaluation, "spec", "gates")
        origin = f"Evaluation {text(of.evaluation, 'metadata', 'name')}"
    elif of.is_asked_for:
        asked, origin = items(of.model, "spec", "evaluation", "gates"), "spec.evaluation.gates"
    else:
        return (), "an Evaluation"
    return tuple(
        f"{text(each, 'name')}{'' if at(each, 'required') is not False else ' (advisory)'}: {goal(each)}"
        for each in asked
    ), origin


def maintenance(of: Subject) -> Values:
    """Return how a model is watched as it serves; that is the model's, whichever revision serves."""
    policy = text(of.model, "spec", "monitoring", "policyRef", "name")
    every = text(of.model, "spec", "evaluation", "every")
    found = (
        f"inputs and scores are watched for drift by the MonitoringPolicy {policy}"
        if policy
        else "nobody looks for drift: no MonitoringPolicy is named",
        f"what serves is measured on the held-out data again every {every}" if every else "",
        f"the version before is kept for {text(of.model, 'spec', 'rollout', 'keepPrevious') or '7d'}",
    )
    return found, "spec"


def fairness_monitoring(of: Subject) -> Values:
    """Return how fairness is watched; live requests have no outcome, so that only held-out data can tell."""
    every = text(of.model, "spec", "evaluation", "every")
    then = text(of.model, "spec", "evaluation", "onStableFailure") or "Alert"
    told = (
        f"the gates are measured again every {every} on the held-out data; on a failure: {then}"
        if every
        else "not watched by itself: the gates are measured again only when they change, or when a person asks"
    )
    return (f"{told}. Live requests are not compared by group.",), "spec.evaluation"


def deciders(of: Subject) -> Values:
    """Return who decided on a revision, and why."""
    found = items(of.holder, "deciders") or items(of.entry, "deciders")
    before = items(of.entry, "deciders") if found and of.entry is not None else []
    every = [*before, *(each for each in found if each not in before)]
    if not every and (of.holder is not None or of.entry is not None):
        return ("no Decision had an effect on it",), "status"
    return tuple(
        f"{text(each, 'action')} by {text(each, 'decidedBy')} at {when(each, 'at')}: {text(each, 'reason')}"
        for each in every
    ), "status"


def test_data(of: Subject, found: CardEvidence) -> tuple[str, ...]:
    """Return what is known of the held-out data; not where they lie."""
    sizes = [_size(each) for each in _sizes(of)]
    rows = f"{found.rows:,} rows" if found.rows is not None else "the number of rows is not told"
    digest = f"sha256 {found.data_digest.removeprefix('sha256:')}" if found.data_digest else ""
    return (rows, digest, *sizes)


def _sizes(of: Subject) -> list[Json]:
    """Return each group once, with its counts."""
    found: dict[str, Json] = {}
    for gate in items(of.evaluation, "status", "gates"):
        for group in items(gate, "groups"):
            found.setdefault(text(group, "group"), group)
    return list(found.values())


def _size(group: Json) -> str:
    rows, positives = number(group, "rows"), number(group, "positives")
    told = "hidden, since few people are in it" if rows is None else f"{rows:,} rows"
    cases = f", {positives:,} positive" if rows is not None and positives is not None else ""
    return f"{text(group, 'group')}: {told}{cases}"


def validation(of: Subject, found: CardEvidence) -> tuple[str, ...]:
    """Return how the gates were measured."""
    beside = text(of.evaluation, "spec", "stable", "version")
    seed = f", bootstrap seed {found.seed}" if found.seed is not None else ""
    by = f"by the evaluator {found.evaluator or 'of unknown version'}{seed}"
    return (
        "held-out rows were scored through the revision's own endpoint",
        f"{by}; intervals hold for all groups of a gate together",
        f"beside {beside}, which served then, on the same people" if beside else "",
    )
