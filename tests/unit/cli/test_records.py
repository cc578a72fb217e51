"""Records: history with its chain, Events, explanations, differences, waits, and what `check` finds."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import HistoryEntry, Outcome
from mlhops.cli.text.line import Line
from mlhops.cli.text.marks import ASCII
from mlhops.cli.text.page import Page
from mlhops.cli.text.record import (
    difference_lines,
    evaluation_lines,
    event_lines,
    explanation_lines,
    finding_lines,
    history_lines,
)
from mlhops.cli.views.answer import Answer
from mlhops.cli.views.difference import difference, newest, revision_of
from mlhops.cli.views.events import events
from mlhops.cli.views.explanation import explanation
from mlhops.cli.views.gates import evaluation
from mlhops.cli.views.goal import reached
from mlhops.cli.views.history import history
from mlhops.cli.views.installation import KINDS, POLICIES, RIGHTS, Cluster, State, findings
from mlhops.rollout.revisions.history import append
from testkit.builders import with_path
from testkit.standings import NEW, NOW, OLD, STANDINGS, an_evaluation, candidate

PAGE = Page(NOW, ASCII)


def written(lines: "list[Line]") -> str:
    """Lines as they are printed."""
    return "\n".join(each.written(color=False) for each in lines)


def recorded() -> Manifest:
    """A model with two rollouts on record, one of them with a reason that is not ASCII."""
    deciders = candidate(4).deciders
    entries: list[HistoryEntry] = []
    for number, outcome in enumerate((Outcome.PROMOTED, Outcome.ABORTED), 1):
        entry = HistoryEntry(
            revision=OLD,
            version=f"{number}.0.0",
            outcome=outcome,
            message="geprüft",
            finished_at=NOW - timedelta(days=9 - number),
            deciders=deciders,
        )
        entries = append(entries, entry)
    return with_path(
        STANDINGS["healthy"](), "status.history", [entry.to_json() for entry in entries]
    )


def test_history_is_whole_as_the_operator_wrote_it_and_the_newest_rollout_comes_first() -> None:
    view = history(recorded())

    assert view.intact
    assert [each.version for each in view.rollouts] == ["2.0.0", "1.0.0"]
    assert "2.0.0 (aaaaaaaaaa), attempt 1" in written(list(history_lines(view, PAGE)))


@pytest.mark.parametrize(
    "path",
    ["status.history.0.outcome", "status.history.1.message", "status.history.1.previousHash"],
)
def test_a_history_that_somebody_has_changed_is_told(path: str) -> None:
    view = history(with_path(recorded(), path, "Promoted by nobody"))

    assert not view.intact
    assert "chain of hashes is broken" in written(list(history_lines(view, PAGE)))


def test_events_of_all_forms_are_listed_the_newest_last() -> None:
    told: list[Manifest] = [
        {"reason": "Promoted", "type": "Normal", "eventTime": "2026-05-01T11:59:00.000000Z"},
        {"reason": "Drift", "type": "Warning", "lastTimestamp": "2026-05-01T11:00:00Z", "count": 3},
        {"reason": "Odd"},
    ]

    found = events(told)

    assert [each.reason for each in found] == ["Odd", "Drift", "Promoted"]
    assert [each.count for each in found] == [1, 3, 1]
    assert "1h          Warning   Drift" in written(event_lines(found, PAGE, header=True))


def test_an_evaluation_is_told_gate_by_gate_and_a_small_group_without_numbers() -> None:
    told = written(list(evaluation_lines(evaluation(an_evaluation()), PAGE)))

    assert "equal-misses   Inconclusive   FalseNegativeRate" in told
    assert "sex=F   Inconclusive   400      80          0.34   0.2    0.14" in told
    assert "sex=X   Inconclusive   untold   untold" in told


@pytest.mark.parametrize("standing", STANDINGS)
def test_each_condition_of_each_standing_is_explained(standing: str) -> None:
    found = explanation(STANDINGS[standing]())

    assert all(each.asks and each.meaning for each in found)
    assert [each.good for each in found] == sorted(each.good for each in found)
    assert all(each.remedy == "" for each in found if each.good)


def test_what_is_wrong_is_explained_with_what_helps_and_where_to_read_on() -> None:
    told = written(list(explanation_lines(explanation(STANDINGS["blocked"]()), PAGE)))

    assert "Stalled is True (KServeMissing), for 1h" in told
    assert "what helps: install it" in told
    assert "runbook: docs/runbooks/MLHOpsModelBlocked.md" in told


def record(revision: str, version: str, uri: str, cpu: str) -> Manifest:
    """A ControllerRevision."""
    env: list[Json] = [{"name": "THREADS", "value": cpu}, {"name": "MODE", "value": "fast"}]
    predictor: Manifest = {"storageUri": uri, "env": env}
    data: Manifest = {"digest": revision * 6, "version": version, "predictor": predictor}
    return {"metadata": {"name": f"sepsis-{revision}"}, "data": data}


def test_a_difference_names_fields_that_differ_and_gates_as_they_were_measured() -> None:
    records = (record(OLD, "1.0.0", "s3://m/1", "2"), record(NEW, "2.0.0", "s3://m/2", "4"))
    measured = [
        an_evaluation(OLD, EvaluationPhase.SUCCESSFUL),
        an_evaluation(number=1),
        an_evaluation(phase=EvaluationPhase.FAILED, number=2),
    ]

    view = difference(
        STANDINGS["approval"](), (OLD, NEW), records, (newest(measured, OLD), newest(measured, NEW))
    )

    assert [(each.path, each.before, each.after) for each in view.changes] == [
        ("predictor.env[THREADS].value", "2", "4"),
        ("predictor.storageUri", "s3://m/1", "s3://m/2"),
    ]
    told = written(list(difference_lines(view)))
    assert "equal-misses   Successful   0.14 [0.05, 0.23]   Failed" in told


def test_a_revision_that_is_no_longer_on_record_is_said_so() -> None:
    view = difference(STANDINGS["approval"](), (OLD, NEW), (None, None), (None, None))

    assert "no longer on record" in written(list(difference_lines(view)))


def test_a_revision_is_meant_by_its_place_its_version_or_its_name() -> None:
    model = STANDINGS["approval"]()

    assert [revision_of(model, name) for name in ("stable", "2.0.0", "cccc", "previous")] == [
        *(OLD, NEW, "cccc", "")
    ]


@pytest.mark.parametrize(
    ("standing", "goal", "found"),
    [
        ("healthy", "settled", Answer.WELL),
        ("gates failed", "settled", Answer.BAD),
        ("timed pause", "settled", Answer.UNDECIDED),
        ("timed pause", "available", Answer.WELL),
        ("requests fail", "available", Answer.UNDECIDED),
        ("healthy", "promoted", Answer.UNDECIDED),
        ("gates failed", "promoted", Answer.BAD),
        ("approval", "decision-needed", Answer.WELL),
        ("timed pause", "decision-needed", Answer.UNDECIDED),
        ("healthy", "decision-needed", Answer.UNDECIDED),
        ("not looked at", "settled", Answer.UNDECIDED),
    ],
)
def test_a_wait_ends_where_the_model_is_or_can_no_longer_come(
    standing: str, goal: str, found: Answer
) -> None:
    assert reached(STANDINGS[standing](), goal) is found


def test_a_status_about_an_earlier_spec_ends_no_wait() -> None:
    stale = with_path(STANDINGS["healthy"](), "metadata.generation", 99)

    assert reached(stale, "healthy") is Answer.UNDECIDED


def well(image: str = "registry/mlhops/operator:1.2.3", ready: int = 2) -> Cluster:
    """A cluster with all that is needed."""
    containers: list[Json] = [{"name": "operator", "image": image}]
    deployment: Manifest = {
        "metadata": {"namespace": "mlhops-system", "name": "mlhops-operator"},
        "spec": {"replicas": 2, "template": {"spec": {"containers": containers}}},
        "status": {"readyReplicas": ready},
    }
    return Cluster(
        version={"gitVersion": "v1.36.1", "major": "1", "minor": "36+"},
        group={"resources": [{"name": name} for name in KINDS]},
        groups={"serving.kserve.io/v1beta1": True, "gateway.networking.k8s.io/v1": True},
        deployments=[deployment],
        policies=[name for names in POLICIES.values() for name in names],
        rights={words: True for words, *_ in RIGHTS},
    )


def test_a_good_installation_gives_no_finding() -> None:
    assert {each.state for each in findings(well(), "1.2.3")} == {State.OK}


def test_what_is_missing_is_found_with_a_hint() -> None:
    bad = Cluster(version={"gitVersion": "v1.30.0", "major": "1", "minor": "30"}, group=None)

    found = findings(bad, "1.2.3")

    failed = [each.what for each in found if each.state is State.FAILED]
    assert failed == [
        "Kubernetes is 1.32 or later",
        "KServe is installed",
        "Gateway API is installed",
        "its kinds are served",
    ]
    assert all(each.hint for each in found if each.state is not State.OK)
    assert "  x its kinds are served: NO (missing: clinicalmodels" in written(
        list(finding_lines(found, PAGE))
    )


@pytest.mark.parametrize(
    ("cluster", "state", "what"),
    [
        (well(ready=0), State.FAILED, "a Deployment of it is ready"),
        (well("registry/mlhops/operator:1.2.2"), State.WARNING, "it is of the plug-in's version"),
    ],
)
def test_an_operator_that_is_down_or_of_another_version_is_found(
    cluster: Cluster, state: State, what: str
) -> None:
    (found,) = [each for each in findings(cluster, "1.2.3") if each.state is not State.OK]

    assert (found.state, found.what) == (state, what)


@pytest.mark.parametrize("what", POLICIES)
def test_policies_that_are_missing_are_found(what: str) -> None:
    others = [name for of, names in POLICIES.items() for name in names if of != what]
    cluster = replace(well(), policies=[*others, *POLICIES[what][1:]])

    (found,) = [each for each in findings(cluster, "1.2.3") if each.state is not State.OK]
    assert (found.state, found.what) == (State.WARNING, what)
    assert found.detail == f"missing: {POLICIES[what][0]}"


def test_an_image_by_tag_and_digest_tells_its_version() -> None:
    image = "registry:5000/mlhops/operator:1.2.3@sha256:" + "0" * 64

    assert {each.state for each in findings(well(image), "1.2.3")} == {State.OK}
