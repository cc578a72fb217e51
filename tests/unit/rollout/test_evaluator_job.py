"""An Evaluation's Job, and what its pod's last words come to."""

import base64
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.data import StoredReport
from mlhops.api.evaluation import Evaluation, EvaluationPhase, EvaluationStatus
from mlhops.api.model import ClinicalModel
from mlhops.api.predictor import Resources
from mlhops.api.profile import StoredProfile
from mlhops.api.result import PREFIX, Result, encode
from mlhops.controller.cache.lean import lean
from mlhops.controller.resources import PODS
from mlhops.json_access import at, text
from mlhops.rollout.evaluation.evaluator_job import next_status, render
from mlhops.rollout.evaluation.evaluator_pod import CaBundle, EvaluatorImage, pod_spec
from testkit.builders import at_path, clinical_model, evaluation
from testkit.last_words import said

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
JOB: Manifest = {
    "metadata": {"creationTimestamp": "2026-11-01T12:00:00Z"},
    "spec": {"activeDeadlineSeconds": 600},
}


def an_evaluation(**status: object) -> Evaluation:
    return Evaluation.model_validate({**evaluation(), "status": status})


def ended(message: str, code: int = 0) -> list[Manifest]:
    state = {"terminated": {"exitCode": code, "message": message}}
    container = {"name": "evaluator", "state": state}
    return [cast(Manifest, {"status": {"phase": "Failed", "containerStatuses": [container]}})]


def job(condition: str, message: str = "") -> Manifest:
    conditions = [{"type": condition, "status": "True", "message": message}]
    return {**JOB, "status": cast(Manifest, {"conditions": conditions})}


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_a_verdict_is_taken_over_as_it_is() -> None:
    subject = an_evaluation()
    result = said(subject.spec, EvaluationPhase.SUCCESSFUL)
    status = next_status(subject, JOB, ended(encode(result)), after(1))
    assert status.phase is EvaluationPhase.SUCCESSFUL
    assert (status.passed, status.gates, status.rows) == ("1/1", result.gates, result.rows)
    assert status.finished_at == after(1)


def test_whether_the_model_goes_by_names_is_taken_over_and_may_be_missing() -> None:
    subject = an_evaluation()
    for told in ("False", None):
        result = said(subject.spec, EvaluationPhase.SUCCESSFUL, honours_names=told)
        status = next_status(subject, JOB, ended(encode(result)), after(1))
        assert (status.phase, status.honours_names) == (EvaluationPhase.SUCCESSFUL, told)


def test_passed_counts_the_gates_that_let_pass_as_the_message_does() -> None:
    advisory: Json = {
        "name": "quick",
        "type": "Latency",
        "metric": "P99",
        "limit": 1,
        "required": False,
    }
    gates = cast("list[Json]", at_path(evaluation(), "spec.gates"))
    subject = Evaluation.model_validate(evaluation({"spec.gates": [*gates, advisory]}))
    status = next_status(
        subject, JOB, ended(encode(said(subject.spec, EvaluationPhase.SUCCESSFUL))), after(1)
    )
    assert status.passed == "1/1"


def test_a_result_that_makes_no_sense_is_an_error_with_the_reason_and_nothing_of_it() -> None:
    subject = an_evaluation()
    result = said(subject.spec, EvaluationPhase.SUCCESSFUL, rows=10**30)
    status = next_status(subject, JOB, ended(encode(result)), after(1))
    assert status.phase is EvaluationPhase.ERROR
    assert status.message == (
        "the evaluator's result makes no sense: rows is no number of rows; evaluate again"
    )
    assert (status.gates, status.rows, status.finished_at) == ([], None, after(1))


def test_the_words_of_an_error_are_told_without_what_could_not_be_printed() -> None:
    result = Result(phase="Error", message="no\nsuch \u202efile")
    raw = PREFIX + base64.b85encode(zlib.compress(result.model_dump_json().encode())).decode()
    status = next_status(an_evaluation(), JOB, ended(raw), after(1))
    assert status.message == "no?such ?file"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"estimate": 0.3437, "upper": 0.4, "worst_group": "sex=F"}, "sex=F 0.34, limit 0.1"),
        ({"estimate": None, "lower": None, "upper": None}, "not measured, limit 0.1"),
    ],
)
def test_what_the_primary_gate_found_is_told_in_a_few_words(
    found: dict[str, object], told: str
) -> None:
    subject = an_evaluation()
    result = said(subject.spec, EvaluationPhase.FAILED)
    gate = result.gates[0].model_copy(update={"limit": 0.1, **found})
    result = result.model_copy(update={"gates": [gate]})
    assert next_status(subject, JOB, ended(encode(result)), after(1)).primary == told


@pytest.mark.parametrize("words", ["", "all good", "mlhops.io/evaluation.v1:!!"])
@pytest.mark.parametrize("condition", ["Failed", "Complete"])
def test_an_end_without_a_verdict_is_an_error_whatever_the_job_says(
    words: str, condition: str
) -> None:
    status = next_status(an_evaluation(), job(condition, "why"), ended(words), after(1))
    assert status.phase is EvaluationPhase.ERROR
    assert "left no result" in status.message
    assert ("cut off" in status.message) == words.startswith("mlhops.io")


def test_a_killed_evaluator_that_is_tried_again_is_still_running() -> None:
    running = cast(Manifest, {"status": {"phase": "Running"}})
    status = next_status(an_evaluation(), JOB, [*ended("", 137), running], after(1))
    assert status.phase is EvaluationPhase.RUNNING


OOM = "killed for lack of memory (OOMKilled), of which it may use 4Gi: set evaluation.resources.limits.memory"
NODE = "The node was low on resource: ephemeral-storage."


def killed(minute: int = 0) -> Manifest:
    """A pod of 4Gi that was killed for memory."""
    state: Manifest = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    limits: Manifest = {"limits": {"memory": "4Gi"}}
    pod: Manifest = {
        "metadata": {"creationTimestamp": f"2026-11-01T12:{minute:02}:00Z"},
        "spec": {"containers": [{"name": "evaluator", "resources": limits}]},
        "status": {
            "phase": "Failed",
            "containerStatuses": [{"name": "evaluator", "state": state}],
        },
    }
    return lean(PODS, pod)


def evicted(minute: int = 0) -> Manifest:
    pod: Manifest = {
        "metadata": {"creationTimestamp": f"2026-11-01T12:{minute:02}:00Z"},
        "status": {"phase": "Failed", "reason": "Evicted", "message": NODE},
    }
    return lean(PODS, pod)


def test_an_evaluator_that_had_too_little_memory_is_told_with_the_field_that_helps() -> None:
    status = next_status(an_evaluation(), job("Failed", "why"), [killed()] * 3, after(1))
    assert status.phase is EvaluationPhase.ERROR
    assert OOM in status.message
    assert "exit code 137, 137, 137" in status.message


def test_an_evicted_evaluator_is_told_with_what_the_node_lacked() -> None:
    status = next_status(an_evaluation(), job("Failed"), [evicted()], after(1))
    assert f"its node ended it (Evicted: {NODE}): request what it lacked" in status.message


def test_what_ended_an_evaluator_is_told_while_it_is_tried_again_and_the_latest_counts() -> None:
    running = cast(Manifest, {"status": {"phase": "Running"}})
    status = next_status(an_evaluation(), JOB, [killed(), running], after(1))
    assert status.phase is EvaluationPhase.RUNNING
    assert status.message.startswith("the evaluator runs, once more: it was killed for lack of")
    waits = next_status(an_evaluation(), JOB, [evicted(2), killed(1)], after(3))
    assert waits.message.startswith("the evaluator starts, once more: its node ended it (Evicted")


def test_the_verdict_of_an_evaluator_counts_whatever_ended_an_earlier_one() -> None:
    subject = an_evaluation()
    pods = [killed(), *ended(encode(said(subject.spec, EvaluationPhase.SUCCESSFUL)))]
    assert next_status(subject, JOB, pods, after(1)).phase is EvaluationPhase.SUCCESSFUL


def test_a_verdict_once_given_stays() -> None:
    given = an_evaluation(phase="Failed", message="too far apart")
    fine = encode(Result(phase="Successful"))
    assert next_status(given, JOB, ended(fine), after(1)) == given.status


def test_an_evaluation_that_nobody_ends_is_an_error_after_its_time() -> None:
    assert next_status(an_evaluation(), JOB, [], after(10.5)).phase is EvaluationPhase.PENDING
    late = next_status(an_evaluation(), JOB, [], after(11))
    assert late.phase is EvaluationPhase.ERROR


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    container = {"name": "evaluator", "state": state}
    pod = cast(Manifest, {"status": {"phase": "Pending", "containerStatuses": [container]}})
    status = next_status(an_evaluation(), JOB, [pod], after(1))
    assert status.message == "the evaluator cannot start: ImagePullBackOff: no such image"


def test_planning_twice_changes_nothing() -> None:
    once = next_status(an_evaluation(), JOB, [], after(1))
    subject = an_evaluation().model_copy(update={"status": once})
    assert next_status(subject, JOB, [], after(2)) == once
    assert once != EvaluationStatus()


def pod_of(*changes: tuple[str, Json], report: Manifest | None = None) -> Manifest:
    """Return the pod of an Evaluation with these values in its spec, of a model with such a report."""
    settings = ClinicalModel.model_validate(
        clinical_model(
            {
                "metadata.uid": "u",
                "spec.evaluation.resources": {"limits": {"memory": "1Gi"}},
                "spec.evaluation.serviceAccountName": "reader",
                "spec.evaluation.report": report,
            }
        )
    ).spec.evaluation
    subject = Evaluation.model_validate(evaluation(dict(changes)))
    image = EvaluatorImage("registry.example/evaluator:1", arguments=("--allowed-host=*.example",))
    rendered = render(subject, settings, image)
    policy = at_path(rendered, "spec.podFailurePolicy")
    # A drained evaluator is tried again, though it says exit code 1 on its way out.
    assert [rule["action"] for rule in cast("list[Manifest]", cast(Manifest, policy)["rules"])] == [
        "Ignore",
        "FailJob",
    ]
    return cast(Manifest, at_path(rendered, "spec.template.spec"))


def container_of(pod: Manifest) -> Manifest:
    (container,) = cast("list[Manifest]", pod["containers"])
    return container


def claims_of(pod: Manifest) -> dict[Json, Json]:
    """Return each claim that is mounted by where, and whether it can be written."""
    volumes = {volume["name"]: volume for volume in cast("list[Manifest]", pod["volumes"])}
    found: dict[Json, Json] = {}
    for mount in cast("list[Manifest]", container_of(pod)["volumeMounts"]):
        source = cast(Manifest, volumes[mount["name"]].get("persistentVolumeClaim", {}))
        if source:
            read_only = mount.get("readOnly", False) or source.get("readOnly", False)
            found[mount["mountPath"]] = f"{source['claimName']} {'ro' if read_only else 'rw'}"
    return found


def test_the_evaluator_is_told_where_it_may_be_led() -> None:
    assert "--allowed-host=*.example" in cast("list[Json]", container_of(pod_of())["args"])


def test_the_pod_gets_pull_secrets_variables_and_a_ca_bundle_and_our_own_variables_count() -> None:
    image = EvaluatorImage(
        "e",
        pull_secrets=("registry",),
        env=(("NO_PROXY", ".svc"), ("MLHOPS_EVALUATION_NAME", "theirs")),
        ca_bundle=CaBundle("configmap", "trust", "ca.crt"),
    )
    model = ClinicalModel.model_validate(clinical_model({"metadata.uid": "u"}))
    pod = pod_spec(an_evaluation(), model.spec.evaluation, image)
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    (volume,) = (one for one in cast("list[Manifest]", pod["volumes"]) if one["name"] == "ca")
    assert volume["configMap"] == {"name": "trust", "optional": True}
    environment = cast("list[Manifest]", container_of(pod)["env"])
    told = {text(each, "name"): text(each, "value") for each in environment}  # the last one counts
    assert told["NO_PROXY"] == ".svc"
    assert told["MLHOPS_EVALUATION_NAME"] == an_evaluation().metadata.name
    (mount,) = (
        one
        for one in cast("list[Manifest]", container_of(pod)["volumeMounts"])
        if one["name"] == "ca"
    )
    assert told["SSL_CERT_FILE"] == f"{mount['mountPath']}/ca.crt"
    assert mount["readOnly"] is True


@pytest.mark.parametrize(
    ("uri", "secret", "account", "labelled"),
    [
        ("https://hospital.blob.core.windows.net/held-out/d.csv", None, "reader", True),
        ("https://hospital.blob.core.windows.net/held-out/d.csv", "key", "reader", False),
        ("https://hospital.blob.core.windows.net/held-out/d.csv", None, None, False),
        ("https://hospital.example/held-out/d.csv", None, "reader", False),
        ("s3://held-out/d.csv", None, "reader", False),
    ],
)
def test_azures_webhook_is_asked_who_the_pod_is_where_its_service_account_reads(
    uri: str, secret: str | None, account: str | None, labelled: bool
) -> None:
    subject = an_evaluation()
    data = subject.spec.data.model_copy(update={"uri": uri, "secret_name": secret})
    subject = subject.model_copy(update={"spec": subject.spec.model_copy(update={"data": data})})
    settings = ClinicalModel.model_validate(clinical_model()).spec.evaluation.model_copy(
        update={"service_account_name": account, "report": None}
    )
    where = ("spec", "template", "metadata", "labels", "azure.workload.identity/use")
    told = at(render(subject, settings, EvaluatorImage("e:1")), *where)
    assert told == ("true" if labelled else None)


def test_the_job_gets_no_credentials_and_only_the_claim_that_the_data_are_on() -> None:
    pod = pod_of(("spec.data.uri", "pvc://held-out/a/b.parquet"))
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == "reader"
    assert claims_of(pod) == {"/data": "held-out ro"}
    container = container_of(pod)
    assert container["resources"] == {"limits": {"memory": "1Gi"}}
    assert "envFrom" not in container


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "4Gi"}}),
        (
            {"requests": {"memory": "8Gi"}},
            {"requests": {"cpu": "100m", "memory": "8Gi"}},
        ),
        (
            {"requests": {"ephemeral-storage": "5Gi"}, "limits": {"cpu": "2"}},
            {
                "requests": {"memory": "1Gi", "ephemeral-storage": "5Gi"},
                "limits": {"memory": "4Gi", "cpu": "2"},
            },
        ),
    ],
)
def test_of_a_resource_that_the_model_does_not_name_the_operators_default_counts(
    asked: Json, given: Json
) -> None:
    usual = Resources.model_validate(
        {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "4Gi"}}
    )
    model = clinical_model({"metadata.uid": "u", "spec.evaluation.resources": asked})
    settings = ClinicalModel.model_validate(model).spec.evaluation
    pod = pod_spec(an_evaluation(), settings, EvaluatorImage("e", resources=usual))
    assert container_of(pod)["resources"] == given
    bare = pod_spec(an_evaluation(), settings, EvaluatorImage("e"))
    assert container_of(bare).get("resources") == asked


def test_the_log_of_the_evaluator_can_name_its_evaluation_and_two_renders_are_the_same() -> None:
    environment = cast("list[Manifest]", container_of(pod_of())["env"])
    told = {text(each, "name"): text(each, "value") for each in environment}
    meta = an_evaluation().metadata
    assert told["MLHOPS_EVALUATION_NAME"] == meta.name
    assert told["MLHOPS_EVALUATION_NAMESPACE"] == meta.namespace
    assert pod_of() == pod_of()


def test_a_secret_is_seen_by_the_evaluator_alone_under_a_prefix_and_must_be_there() -> None:
    pod = pod_of(
        ("spec.data.uri", "s3://held-out/a.parquet"),
        ("spec.data.secretName", "held-out-reader"),
        report={"uri": "s3://reports", "secretName": "report-writer"},
    )
    assert len(cast("list[Manifest]", pod["containers"])) == 1
    assert "initContainers" not in pod
    assert container_of(pod)["envFrom"] == [
        {"prefix": "DATA_", "secretRef": {"name": "held-out-reader", "optional": False}},
        {"prefix": "REPORT_", "secretRef": {"name": "report-writer", "optional": False}},
    ]


def test_data_from_elsewhere_may_fill_only_so_much_of_the_node() -> None:
    for uri, bound in (("s3://b/a", str(11 * 2**30)), ("pvc://held-out/a", None)):
        pod = pod_of(("spec.data.uri", uri))
        (scratch,) = (v for v in cast("list[Manifest]", pod["volumes"]) if v["name"] == "tmp")
        assert cast(Manifest, scratch["emptyDir"]).get("sizeLimit") == bound


@pytest.mark.parametrize(
    ("data", "report", "claims"),
    [
        ("pvc://a/x", "pvc://b/y", {"/data": "a ro", "/report": "b rw"}),
        ("pvc://a/x", "pvc://a", {"/data": "a ro", "/report": "a rw"}),
        ("s3://a/x", "pvc://b", {"/report": "b rw"}),
        ("pvc://a/x", "s3://b", {"/data": "a ro"}),
    ],
)
def test_only_the_claim_of_the_report_can_be_written(
    data: str, report: str, claims: dict[Json, Json]
) -> None:
    pod = pod_of(("spec.data.uri", data), report={"uri": report})
    assert claims_of(pod) == claims
    names = [volume["name"] for volume in cast("list[Manifest]", pod["volumes"])]
    assert len(names) == len(set(names))


def test_a_forged_evaluation_does_not_say_where_the_report_goes() -> None:
    forged = ("spec.report", {"uri": "s3://elsewhere", "secretName": "anything"})
    for report in (None, {"uri": "s3://reports"}):
        pod = pod_of(cast("tuple[str, Json]", forged), report=cast("Manifest | None", report))
        (given,) = [
            str(each["value"])
            for each in cast("list[Manifest]", container_of(pod)["env"])
            if each["name"] == "MLHOPS_EVALUATION"
        ]
        assert json.loads(given).get("report") == report
        assert "envFrom" not in container_of(pod)


def test_where_the_report_is_is_taken_over_and_changes_no_verdict() -> None:
    lost = StoredReport(error="the volume is full")
    result = said(an_evaluation().spec, EvaluationPhase.SUCCESSFUL, report=lost)
    status = next_status(an_evaluation(), JOB, ended(encode(result)), after(1))
    assert status.phase is EvaluationPhase.SUCCESSFUL
    assert status.report == lost


def test_only_a_pod_that_makes_a_profile_hands_one_over_and_has_longer_for_it() -> None:
    plain = container_of(pod_of())
    assert {"readinessProbe", "ports"}.isdisjoint(plain)
    container = container_of(pod_of(("spec.profile", True), ("metadata.uid", "uid-7")))
    assert at_path(container, "readinessProbe.httpGet") == {"path": "/readyz", "port": 9502}
    assert cast("list[Json]", container["args"])[-1] == "--profile-host=$(POD_IP)"
    environment = {e["name"]: e.get("value") for e in cast("list[Manifest]", container["env"])}
    assert environment["MLHOPS_EVALUATION_UID"] == "uid-7"
    settings = ClinicalModel.model_validate(clinical_model()).spec.evaluation
    deadlines = [
        at_path(
            render(
                Evaluation.model_validate(evaluation({"spec.profile": profile})),
                settings,
                EvaluatorImage("e"),
            ),
            "spec.activeDeadlineSeconds",
        )
        for profile in (False, True)
    ]
    assert deadlines == [1800, 1920]


def test_which_profile_was_made_is_taken_over() -> None:
    made = StoredProfile(digest="sha256:" + "0f" * 32)
    result = said(an_evaluation().spec, EvaluationPhase.SUCCESSFUL, profile=made)
    assert next_status(an_evaluation(), JOB, ended(encode(result)), after(1)).profile == made
