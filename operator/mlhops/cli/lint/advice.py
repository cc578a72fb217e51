"""Advice across objects: what the API server accepts, and people would want to know before they apply it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from mlhops.cli.lint import codes, kinds
from mlhops.cli.lint.finding import Document, Fault, Path, identity
from mlhops.cli.lint.planning import least_cases
from mlhops.json_access import at, items, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

Told: TypeAlias = "tuple[Document, Fault]"

_RELIED_ON = (
    *("users", "population", "outOfScope", "limitations", "label", "trainingData"),
    *("decisionRole", "howToUse"),
)
NEEDED_BY_CLASS: Mapping[str, tuple[str, ...]] = {
    "III": _RELIED_ON,
    "IV": (*_RELIED_ON, "clinicalOwner", "developer", "regulatory"),
}
"""Optional fields of a card without which nobody can rely on a model of that class (docs/reference.md tells each)."""
_LONGEST_OVERRIDE = timedelta(days=30)
_FEWEST_POSITIVES = 20
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Together:
    """The manifests that are linted together, by kind, namespace and name."""

    documents: Sequence[Document]
    by_kind: Mapping[str, Sequence[Document]] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Sequence[Document]) -> Together:
        """Return the documents, sorted by kind."""
        sorted_: dict[str, list[Document]] = {}
        for each in documents:
            sorted_.setdefault(identity(each.manifest)[0], []).append(each)
        return cls(documents, sorted_)

    def near(self, kind: str, namespace: str) -> dict[str, Document]:
        """Return the objects of a kind in a namespace, by name."""
        found = [(identity(each.manifest), each) for each in self.by_kind.get(kind, ())]
        return {name: each for (_, where, name), each in found if where == namespace}


def advice(together: Together, now: datetime) -> Iterator[Told]:
    """Return what is to be said of manifests beyond their schema."""
    yield from _twice(together.documents)
    for document in together.by_kind.get("ClinicalModel", ()):
        yield from ((document, fault) for fault in _of_model(document, together))
    for document in together.by_kind.get("MonitoringPolicy", ()):
        yield from ((document, fault) for fault in _of_policy(document, together))
    for document in together.by_kind.get("Decision", ()):
        yield from ((document, fault) for fault in _of_decision(document, together, now))
    for document in together.by_kind.get("Evaluation", ()):
        yield from ((document, fault) for fault in _of_its_model(document, together))
    for kind in ("ClinicalModel", "MonitoringPolicy", "Evaluation"):
        for document in together.by_kind.get(kind, ()):
            yield from ((document, fault) for fault in _secrets(document, together))


def _twice(documents: Iterable[Document]) -> Iterator[Told]:
    seen: dict[tuple[str, ...], Document] = {}
    for each in documents:
        kind, namespace, name = identity(each.manifest)
        group = str(each.manifest.get("apiVersion", "")).rpartition("/")[0]
        if not name:
            continue
        first = seen.setdefault((group, kind, namespace, name), each)
        if first is not each:
            line, _ = first.mark(())
            said = f"{kind} {name} stands in {first.file}:{line} as well"
            yield each, Fault(codes.TWICE, ("metadata", "name"), said)


def _of_model(document: Document, together: Together) -> Iterator[Fault]:
    model = document.manifest
    yield from _policy_of(model, together)
    yield from _card(model)
    yield from _digests(model)
    yield from _groups(model)
    for i, gate in enumerate(items(model, "spec", "evaluation", "gates")):
        yield from _few_cases(gate, ("spec", "evaluation", "gates", i), model)


def _policy_of(model: Manifest, together: Together) -> Iterator[Fault]:
    _, namespace, _ = identity(model)
    name = text(model, "spec", "monitoring", "policyRef", "name")
    if not name:
        said = "no MonitoringPolicy is named, so nobody looks for drift"
        yield Fault(codes.NO_POLICY, ("spec", "monitoring"), said)
        return
    known = together.near("MonitoringPolicy", namespace)
    if known and name not in known:
        said = f"there is no MonitoringPolicy {name} here: there is {', '.join(sorted(known))}"
        yield Fault(codes.POLICY_MISSING, ("spec", "monitoring", "policyRef", "name"), said)


def _card(model: Manifest) -> Iterator[Fault]:
    risk = text(model, "spec", "card", "riskClass")
    card = at(model, "spec", "card")
    needed = NEEDED_BY_CLASS.get(risk, ())
    missing = [each for each in needed if not at(card, each)]
    if missing:
        said = f"the card of a model of class {risk} does not say: {', '.join(missing)}"
        yield Fault(codes.CARD_INCOMPLETE, ("spec", "card"), said)


def _digests(model: Manifest) -> Iterator[Fault]:
    for path, what in (
        (("spec", "predictor"), "the model"),
        (("spec", "evaluation", "data"), "the held-out data"),
    ):
        if isinstance(at(model, *path), dict) and not text(model, *path, "digest"):
            said = f"{what} has no digest: nobody notices when it is another file"
            yield Fault(codes.NO_DIGEST, (*path, "digest"), said)


def _groups(model: Manifest) -> Iterator[Fault]:
    sent = {text(each, "name") for each in items(model, "spec", "interface", "features")}
    for i, group in enumerate(items(model, "spec", "interface", "groups")):
        column = text(group, "feature")
        if column and column not in sent:
            said = f"{column} is no feature: it has to be in the held-out data, and live requests lack it"
            yield Fault(codes.GROUP_UNKNOWN, ("spec", "interface", "groups", i, "feature"), said)


def _few_cases(gate: Manifest, path: Path, model: Manifest) -> Iterator[Fault]:
    """Return whether a gate judges groups of so few cases that they cannot decide it."""
    limit, cases = gate.get("limit"), kinds.cases().get(text(gate, "metric"))
    asked = gate.get("minPositives", _FEWEST_POSITIVES)
    share = gate.get("comparison", "Difference") == "Difference" and cases == "positives"
    if gate.get("type") != "Fairness" or not share or not _within(limit, 0, 1):
        return
    confidence = gate.get("confidence", _CONFIDENCE)
    if not _within(confidence, 0.5, 1) or not isinstance(asked, int):
        return
    assert isinstance(limit, int | float)
    assert isinstance(confidence, int | float)
    least = least_cases(limit, confidence, _comparisons(gate, model))
    if asked < least:
        said = (
            f"gate {text(gate, 'name')} judges groups from {asked} {cases} on, but with fewer than about {least:,} "
            f"in each it stays Inconclusive at limit {limit} even where groups do not differ"
        )
        yield Fault(codes.FEW_CASES, (*path, "limit"), said)


def _within(value: Json, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low < value < high


def _comparisons(gate: Manifest, model: Manifest) -> int:
    """Return how many groups a gate compares, as far as a manifest tells; of two that are all, one comparison."""
    sizes = {
        text(each, "name"): _levels(each) for each in items(model, "spec", "interface", "groups")
    }
    named = at(gate, "across", "groups")
    single = [sizes.get(str(each), 2) for each in (named if isinstance(named, list) else [])]
    crossed = at(gate, "across", "intersections")
    many = [
        math.prod(sizes.get(str(name), 2) for name in each)
        for each in (crossed if isinstance(crossed, list) else [])
        if isinstance(each, list)
    ]
    return sum(1 if size == 2 else size for size in (*single, *many))


def _levels(group: Manifest) -> int:
    """Return how many values a group has; 2 where only the data tell."""
    for key, more in (("values", 0), ("bins", 1), ("dateBins", 1)):
        told = group.get(key)
        if isinstance(told, list) and told:
            return len(told) + more
    return 2


def _of_policy(document: Document, together: Together) -> Iterator[Fault]:
    _, namespace, name = identity(document.manifest)
    models = together.near("ClinicalModel", namespace).values()
    named = {text(each.manifest, "spec", "monitoring", "policyRef", "name") for each in models}
    if name not in named:
        said = f"no model here names the policy {name}"
        yield Fault(codes.POLICY_UNUSED, ("metadata", "name"), said)


def _of_decision(document: Document, together: Together, now: datetime) -> Iterator[Fault]:
    yield from _of_its_model(document, together)
    decision = document.manifest
    _, namespace, _ = identity(decision)
    model = together.near("ClinicalModel", namespace).get(text(decision, "spec", "model"))
    gates = at(decision, "spec", "gates")
    if model is not None and isinstance(gates, list):
        known = {
            text(each, "name") for each in items(model.manifest, "spec", "evaluation", "gates")
        }
        for i, each in enumerate(gates):
            if each not in known:
                said = f"the model has no gate {each}: it has {', '.join(sorted(known))}"
                yield Fault(codes.GATE_MISSING, ("spec", "gates", i), said)
    yield from _end(decision, now)


def _end(decision: Manifest, now: datetime) -> Iterator[Fault]:
    path = ("spec", "expires")
    try:
        ends = datetime.fromisoformat(text(decision, *path).replace("Z", "+00:00"))
        left = ends - now
    except (ValueError, TypeError, OverflowError):
        return
    if left <= timedelta():
        yield Fault(codes.OVERRIDE_LONG, path, "it has ended already: such a Decision is Ignored")
    elif left > _LONGEST_OVERRIDE:
        said = f"it says {left.days} days from now, and ends 30 days after it was made whatever it says"
        yield Fault(codes.OVERRIDE_LONG, path, said)


def _of_its_model(document: Document, together: Together) -> Iterator[Fault]:
    _, namespace, _ = identity(document.manifest)
    name = text(document.manifest, "spec", "model")
    known = together.near("ClinicalModel", namespace)
    if name and known and name not in known:
        said = f"there is no model {name} here: there is {', '.join(sorted(known))}"
        yield Fault(codes.MODEL_MISSING, ("spec", "model"), said)


def _secrets(document: Document, together: Together) -> Iterator[Fault]:
    _, namespace, _ = identity(document.manifest)
    there = together.near("Secret", namespace)
    for path, name in _named_secrets(at(document.manifest, "spec"), ("spec",)):
        if name not in there:
            said = f"the Secret {name} is not among the manifests"
            yield Fault(codes.SECRET_MISSING, path, said)


def _named_secrets(value: Json, path: Path) -> Iterator[tuple[Path, str]]:
    """Return the Secrets that a spec names, as Kubernetes' own fields and ours do."""
    if isinstance(value, list):
        for i, each in enumerate(value):
            yield from _named_secrets(each, (*path, i))
        return
    if not isinstance(value, dict):
        return
    for key, each in value.items():
        if key in ("secretRef", "secretKeyRef"):
            named: Json = at(each, "name")
            if isinstance(named, str) and at(each, "optional") is not True:
                yield (*path, key, "name"), named
        elif key == "secretName" and isinstance(each, str):
            if value.get("optional") is not True:
                yield (*path, key), each
        else:
            yield from _named_secrets(each, (*path, key))
