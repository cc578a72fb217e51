"""What gates asked for and what they measured, from one Evaluation: its spec says the one, its status the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlhops.cli.card.entries import CardEvidence, GateFinding
from mlhops.cli.views.fields import decimal, texts
from mlhops.cli.views.gates import GateView, evaluation
from mlhops.json_access import at, items, text
from mlhops.measures.measure import MEASURES

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_AGAINST = {
    "Best": "the group with the best value",
    "Reference": "its reference group",
}


def evidence(manifest: Manifest) -> CardEvidence:
    """Return what is told of an Evaluation itself."""
    view = evaluation(manifest)
    return CardEvidence(
        name=view.name,
        uid=text(manifest, "metadata", "uid"),
        phase=view.phase,
        message=view.message,
        finished=view.finished,
        rows=view.rows,
        data_digest=view.data_digest,
        seed=view.seed,
        evaluator=view.evaluator,
        report=text(manifest, "status", "report", "uri"),
        report_digest=text(manifest, "status", "report", "digest"),
    )


def findings(manifest: Manifest, overridden: tuple[str, ...]) -> tuple[GateFinding, ...]:
    """Return each gate of an Evaluation with its verdict; one that was not measured says so.

    Args:
        manifest: the Evaluation.
        overridden: the gates that a person let pass.
    """
    measured = {gate.name: gate for gate in evaluation(manifest, overridden).gates}
    asked = {text(gate, "name"): gate for gate in items(manifest, "spec", "gates")}
    names = [*measured, *(name for name in asked if name not in measured)]
    unit = text(manifest, "spec", "interface", "output", "unit")
    return tuple(
        _finding(asked.get(name), measured.get(name), name in overridden, name, unit)
        for name in names
    )


def _finding(
    asked: Json, found: GateView | None, overridden: bool, name: str, outcome: str
) -> GateFinding:
    type_ = text(asked, "type")
    metric = text(asked, "metric") or (found.metric if found else "")
    return GateFinding(
        name=name,
        type=type_,
        metric=metric,
        what=_what(asked, metric),
        required=found.required if found else at(asked, "required") is not False,
        primary=found.primary if found else at(asked, "primary") is True,
        phase=found.phase if found else "Not measured",
        overridden=overridden,
        goal=goal(asked),
        confidence=_confidence(asked),
        estimate=found.estimate if found else None,
        lower=found.lower if found else None,
        upper=found.upper if found else None,
        limit=found.limit if found and found.limit is not None else decimal(asked, "limit"),
        unit=_unit(asked, outcome),
        group=found.group if found else "",
        message=found.message if found else "",
        groups=found.groups if found else (),
    )


def _unit(asked: Json, outcome: str) -> str:
    """Return the unit of what a gate measures: a ratio has none, and most metrics have none either."""
    if text(asked, "type") == "Latency":
        return "s"
    measure = MEASURES.get(text(asked, "metric"))
    counted = measure is not None and measure.in_units and text(asked, "comparison") != "Ratio"
    return outcome if counted else ""


def _what(asked: Json, metric: str) -> str:
    if text(asked, "type") == "Fairness":
        return f"{'ratio' if text(asked, 'comparison') == 'Ratio' else 'gap'} of {metric}"
    if asked is not None and decimal(asked, "limit") is None:
        return f"loss of {metric} against what served"
    return metric


def _confidence(asked: Json) -> float | None:
    if asked is None:
        return None
    given = decimal(asked, "confidence")
    return 0.95 if given is None else given


def goal(asked: Json) -> str:
    """Return what a gate asks, in a sentence; empty where its spec is not known."""
    if asked is None:
        return ""
    metric = text(asked, "metric")
    measure = MEASURES.get(metric)
    defined = f" ({measure.definition})" if measure is not None else ""
    parts = [_bound(asked)] if decimal(asked, "limit") is not None else []
    margin = decimal(asked, "nonInferiority", "margin")
    if margin is not None:
        parts.append(f"must be proven not worse than in what serves by more than {margin:g}")
    across = [*texts(asked, "across", "groups"), *_crossed(asked)]
    where = f", across {', '.join(across)}" if across else ""
    proof = "unless refuted" if text(asked, "assurance") == "NotRefuted" else "to be proven"
    level = 100 * (_confidence(asked) or 0.0)
    return f"{metric}{defined} {' and '.join(parts)}{where}; {proof} at {level:g} % confidence"


def _crossed(asked: Json) -> list[str]:
    found = at(asked, "across", "intersections")
    each = found if isinstance(found, list) else []
    return [" with ".join(str(name) for name in one) for one in each if isinstance(one, list)]


def _bound(asked: Json) -> str:
    limit, type_ = f"{decimal(asked, 'limit'):g}", text(asked, "type")
    if type_ == "Latency":
        return f"must be at most {limit} s"
    if type_ == "Performance":
        measure = MEASURES.get(text(asked, "metric"))
        side = "at most" if measure is not None and measure.better == "Lower" else "at least"
        target = measure.target if measure is not None else None
        off = "" if target is None else f" off {target:g}"
        return f"must be {side} {limit}{off}{_tolerance(asked)}"
    other = _AGAINST.get(text(asked, "against"), "everybody else")
    if text(asked, "comparison") == "Ratio":
        return (
            f"of a group and of {other} must be alike: the smaller at least {limit} of the larger"
        )
    return f"of a group may differ from that of {other} by at most {limit}{_tolerance(asked)}"


def _tolerance(asked: Json) -> str:
    found = decimal(asked, "tolerance")
    return "" if found is None else f", with a tolerance of {found:g}"
