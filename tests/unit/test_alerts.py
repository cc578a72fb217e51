"""Alerts ask for what the operator tells, fire when they should, and each has a runbook."""

import re
import subprocess
from typing import cast

import pytest
import yaml

from mlhops.api.base import Manifest
from mlhops.api.conditions import ConditionType
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Phase
from mlhops.json_access import items, text
from mlhops.rollout.reasons import Reason
from testkit.images import REPOSITORY
from testkit.promql import selectors, unknown

RUNBOOKS = REPOSITORY / "docs" / "runbooks"
FILES = REPOSITORY / "charts" / "mlhops" / "files"
RULES = cast(Manifest, yaml.safe_load((FILES / "alerts.yaml").read_text()))
ALERTS = {
    text(rule, "alert"): rule for group in items(RULES, "groups") for rule in items(group, "rules")
}
TESTS = sorted(FILES.glob("*_test.yaml"))
WORDS: dict[str, set[str]] = {
    "type": {*ConditionType},
    "reason": {*Reason, *EvaluationPhase},
    "phase": {*Phase, "Holds", "Ending", "Ended"},
    "role": {"stable", "candidate", "previous"},
    "result": {"ok", "conflict", "error", "fenced"},
}


@pytest.mark.parametrize("rule", ALERTS.values(), ids=ALERTS.keys())
def test_an_alert_asks_only_for_what_is_told(rule: Manifest) -> None:
    query = text(rule, "expr")

    assert selectors(query)
    assert unknown(query) == []
    for selector in selectors(query):
        for matcher in selector.matchers.matchers:
            if matcher.name in WORDS:
                assert set(matcher.value.split("|")) <= WORDS[matcher.name], matcher


def test_a_metric_or_label_that_nobody_tells_is_found() -> None:
    assert unknown("mlhops_rollout_wait > 1") == ["mlhops_rollout_wait"]
    assert unknown('rate(mlhops_looks_total{word="Drift"}[5m])') == ["mlhops_looks_total{word}"]
    assert unknown("sum(mlhops_queue_wait_seconds)") == ["mlhops_queue_wait_seconds"]


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == ALERTS.keys()
    for name, rule in ALERTS.items():
        assert text(rule, "annotations", "runbook_url") == f"docs/runbooks/{name}.md"
        page = (RUNBOOKS / f"{name}.md").read_text()
        headings = re.findall("^#+ .*$", page, re.MULTILINE)
        assert headings == [f"# {name}", "## What it means", "## How to look", "## What to do"]
        assert "kubectl" in page


def test_an_alert_says_how_bad_it_is_and_of_what() -> None:
    for rule in ALERTS.values():
        assert text(rule, "labels", "severity") in ("critical", "warning", "info")
        by_model = "(namespace, name" in text(rule, "expr")
        assert ("$labels.name " in text(rule, "annotations", "summary")) == by_model


def test_runbooks_speak_of_metrics_and_alerts_that_there_are() -> None:
    for path in RUNBOOKS.glob("*.md"):
        page = path.read_text()
        for query in re.findall(r"`(mlhops_[^`]*|sum [^`]*)`", page):
            assert unknown(query) in ([], [query]), path.name
            assert not unknown(query) or unknown(f"{query}_bucket") == [], path.name
        assert set(re.findall(r"\bMLHOps[A-Z]\w+", page)) <= ALERTS.keys(), path.name


def test_each_alert_is_tested() -> None:
    fired = {
        text(case, "alertname")
        for file in TESTS
        for test in items(cast(Manifest, yaml.safe_load(file.read_text())), "tests")
        for case in items(test, "alert_rule_test")
        if items(case, "exp_alerts")
    }

    assert fired == ALERTS.keys()


@pytest.mark.program("promtool")
def test_alerts_fire_when_they_should() -> None:
    done = subprocess.run(
        ["promtool", "test", "rules", *TESTS],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
