"""The dashboard asks only for what the operator tells, and its panels have their places."""

import json
import re
from itertools import combinations
from typing import cast

import pytest

from mlhops.api.base import Manifest
from mlhops.json_access import at, items, number, text
from testkit.images import REPOSITORY
from testkit.promql import LABELS, selectors, unknown

DASHBOARD = cast(
    Manifest, json.loads((REPOSITORY / "charts/mlhops/files/dashboard.json").read_text())
)
PANELS = [each for each in items(DASHBOARD, "panels") if text(each, "type") != "row"]
QUERIES = {
    f"{text(panel, 'title')} {text(target, 'refId')}": text(target, "expr")
    for panel in PANELS
    for target in items(panel, "targets")
}


def promql(query: str) -> str:
    """A query as Grafana sends it: with durations for its variables."""
    return re.sub(r"\[\$__(rate_interval|range)\]", "[5m]", query)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_query_asks_only_for_what_is_told(query: str) -> None:
    assert selectors(promql(query))
    assert unknown(promql(query)) == []


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_query_of_models_asks_for_those_that_are_chosen(query: str) -> None:
    chosen = {("namespace", "$namespace"), ("name", "$model")}
    for selector in selectors(promql(query)):
        asked = {(matcher.name, matcher.value) for matcher in selector.matchers.matchers}
        assert (asked & chosen == chosen) == ("name" in LABELS[selector.name or ""])


def test_the_variables_are_labels_that_there_are() -> None:
    variables = {text(each, "name"): each for each in items(DASHBOARD, "templating", "list")}

    assert variables.keys() == {"datasource", "namespace", "model"}
    for name, label in (("namespace", "namespace"), ("model", "name")):
        query = text(variables[name], "query", "query")
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        assert found is not None
        assert unknown(found[1]) == []
        assert unknown(f'{found[1].partition("{")[0]}{{{label}=""}}') == []
        assert found[2] == label


def test_a_legend_names_labels_that_the_query_keeps() -> None:
    for panel in PANELS:
        for target in items(panel, "targets"):
            kept = set(
                re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", text(target, "expr"))))
            )
            assert set(re.findall(r"{{(\w+)}}", text(target, "legendFormat"))) <= kept


def test_each_panel_says_what_it_shows_and_covers_no_other() -> None:
    places = []
    for panel in items(DASHBOARD, "panels"):
        x, y, width, height = (number(panel, "gridPos", side) or 0 for side in "xywh")
        assert 0 < width <= 24 - x
        places.append({(x + across, y + down) for across in range(width) for down in range(height)})
    assert all(not a & b for a, b in combinations(places, 2))
    for panel in PANELS:
        assert text(panel, "title")
        assert text(panel, "description").endswith(".")
        assert at(panel, "datasource") == {"type": "prometheus", "uid": "${datasource}"}
    numbers = [number(panel, "id") for panel in items(DASHBOARD, "panels")]
    assert len(set(numbers)) == len(numbers)
