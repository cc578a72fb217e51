"""Queries of alerts and dashboards, held against the metrics that there are."""

from collections.abc import Iterator

import promql_parser
from promql_parser import Call, Expr, MatrixSelector, VectorSelector

from tools.metrics_docs import OF_PYTHON, described_of_detector, described_of_operator

OF_TARGET = frozenset({"job", "instance", "pod", "container", "service", "endpoint", "namespace"})
"""Labels that Prometheus gives to all that it reads of one target."""
LABELS = {
    **{name: set(OF_TARGET) for name in OF_PYTHON},
    **{
        each.name: {*each.labels, *OF_TARGET}
        for each in (*described_of_operator(), *described_of_detector())
    },
}
_HISTOGRAMS = {each.name for each in described_of_operator() if each.kind == "histogram"}
for _name in _HISTOGRAMS:
    LABELS[f"{_name}_bucket"] = {*LABELS[_name], "le"}
    LABELS[f"{_name}_sum"] = LABELS[f"{_name}_count"] = LABELS[_name]
    del LABELS[_name]


def selectors(query: str) -> list[VectorSelector]:
    """What a query selects.

    Raises:
        ValueError: it is not PromQL.
    """
    return list(_selectors(promql_parser.parse(query)))


def _selectors(expr: Expr) -> Iterator[VectorSelector]:
    if isinstance(expr, VectorSelector):
        yield expr
    elif isinstance(expr, MatrixSelector):
        yield expr.vector_selector
    elif isinstance(expr, Call):
        for argument in expr.args:
            yield from _selectors(argument)
    else:
        for part in ("lhs", "rhs", "expr"):
            inner = getattr(expr, part, None)
            if isinstance(inner, Expr):
                yield from _selectors(inner)


def unknown(query: str) -> list[str]:
    """What a query asks for that nobody tells: a metric, or a label of one."""
    found = []
    for selector in selectors(query):
        labels = LABELS.get(selector.name or "")
        if labels is None:
            found.append(selector.name or "a selector without a name")
            continue
        asked = {matcher.name for matcher in selector.matchers.matchers}
        found += [f"{selector.name}{{{label}}}" for label in sorted(asked - labels)]
    return found
