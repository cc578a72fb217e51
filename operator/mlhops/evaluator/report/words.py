"""How a report says numbers, verdicts and measures."""

import math

from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.gate import Gate, measure_of
from mlhops.evaluator.report.figures import Forest, PlotSpan

HIDDEN = "hidden"
"""Stands in the place of a count that may not be told."""
NONE = "\N{EN DASH}"

VERDICTS = {
    EvaluationPhase.SUCCESSFUL: ("ok", "✓", "Passed"),
    EvaluationPhase.FAILED: ("no", "✕", "Failed"),
    EvaluationPhase.INCONCLUSIVE: ("un", "?", "Inconclusive"),
    EvaluationPhase.ERROR: ("er", "!", "Error"),
}
"""For each phase the style's class, a sign and the word."""

_HEADLINES = {
    EvaluationPhase.SUCCESSFUL: "passed its gates",
    EvaluationPhase.FAILED: "did not pass its gates",
    EvaluationPhase.INCONCLUSIVE: "could not be decided on",
    EvaluationPhase.ERROR: "could not be measured",
}

_AGAINST = {
    "Rest": "everybody else",
    "Best": "the group with the best value",
    "Reference": "its reference group",
}


def verdict(phase: EvaluationPhase) -> tuple[str, str, str]:
    """Return the class, the sign and the word of a verdict."""
    return VERDICTS.get(phase, ("er", "!", str(phase)))


def headline(phase: EvaluationPhase) -> str:
    """Return what became of a version."""
    return _HEADLINES.get(phase, verdict(phase)[2])


def sentence(message: str) -> str:
    """Return a message as a sentence."""
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def printable(value: str) -> str:
    """Return foreign text without signs that show nothing or turn the line around."""
    if value.isprintable():
        return value
    return "".join(sign if sign.isprintable() else "?" for sign in value)


def number(value: float | None, *, signed: bool = False, unit: str = "") -> str:
    """Return a number to three places, a dash where there is none."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "no bound"
    rounded = round(value, 3) + 0.0
    text = f"{rounded:+.3f}" if signed and rounded else f"{rounded:.3f}"
    text = text.replace("-", "\N{MINUS SIGN}")
    return f"{text} {unit}" if unit else text


def span(found: PlotSpan, forest: Forest) -> str:
    """Return an estimate with its interval."""
    low, high = (number(x, signed=forest.signed) for x in (found.lower, found.upper))
    estimate = number(found.estimate, signed=forest.signed, unit=forest.unit)
    return f"{estimate} ({low} to {high})"


def interval(lower: float | None, upper: float | None) -> str:
    """Return an interval, a dash where neither end is known."""
    if lower is None and upper is None:
        return NONE
    return f"{number(lower)} to {number(upper)}"


def count(value: int | None) -> str:
    """Return a count, or that it may not be told."""
    return HIDDEN if value is None else f"{value:,}"


def percent(value: float | None) -> str:
    """Return a share in per cent."""
    return NONE if value is None else f"{100 * value:.1f} %"


def kind(gate: Gate, *, primary: bool) -> str:
    """Return what a gate's verdict is for."""
    if primary:
        return "Required, primary"
    return "Required" if gate.required else "Advisory"


def limits(forest: Forest) -> str:
    """Return the limits of a figure."""
    unit = f" {forest.unit}" if forest.unit else ""
    if forest.signed and forest.good == "between":
        return f"±{forest.limits[-1]:g}{unit}"
    return " and ".join(f"{round(limit, 3):g}{unit}" for limit in forest.limits)


def asked(gate: Gate) -> str:
    """Return what a gate's metric is and what the gate asks of it."""
    parts = [_bound(gate)] if gate.limit is not None else []
    if gate.non_inferiority is not None:
        where = ", overall and in every group" if gate.across else ""
        parts.append(
            f"must be proven not worse than in the version that serves now by more than "
            f"{gate.non_inferiority.margin:g}, on the same people{where}"
        )
    level = f"{gate.confidence * 100:g}"
    together = " Its intervals hold for all groups together." if gate.across else ""
    proof = {
        "Proven": "It passes only if the whole interval is on the acceptable side.",
        "NotRefuted": "It passes unless the whole interval is on the wrong side.",
    }[gate.assurance]
    return (
        f"({measure_of(gate).definition}) {'; and '.join(parts)}. "
        f"{proof} Confidence {level} %.{together}"
    )


def _bound(gate: Gate) -> str:
    limit = f"{gate.limit:g}"
    if gate.type == "Latency":
        return f"must be at most {limit} s"
    if gate.type == "Performance":
        side = "at most" if measure_of(gate).better == "Lower" else "at least"
        target = measure_of(gate).target
        off = "" if target is None else f" off {target:g}"
        return f"must be {side} {limit}{off}{_tolerance(gate)}"
    other = _AGAINST[gate.against or "Rest"]
    if gate.reference:
        named = ", ".join(f"{each.group}={each.value}" for each in gate.reference)
        other = f"the reference ({named})"
    if gate.comparison == "Ratio":
        return (
            f"of a group and that of {other} must be alike: the smaller at least {limit} times the "
            "larger"
        )
    return f"of a group may differ from that of {other} by at most {limit}{_tolerance(gate)}"


def _tolerance(gate: Gate) -> str:
    """Return which errors a gate counts as right, where it does so."""
    return "" if gate.tolerance is None else f", with a tolerance of {gate.tolerance:g}"
