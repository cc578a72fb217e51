"""What a detector counts of requests that the real model server behind KServe's agent answers."""

from mlhops.api.base import Json, Manifest
from mlhops.api.summary import DetectorReport
from mlhops.controller.resources import CONFIG_MAPS, POLICIES, SERVICES
from mlhops.json_access import at, text
from testkit.api import until
from testkit.builders import monitoring_policy
from testkit.ward import Ward

ASKED = 7
WATCHED: Json = {"policyRef": {"name": "ward"}}


def counted(report: DetectorReport) -> tuple[int, int, list[int]]:
    """Rows and scores that were counted so far, and the rows in each window."""
    windows = [window.rows for window in report.windows.values()]
    return report.counters["rows"], report.counters["scores"], windows


def test_each_request_that_is_served_is_counted_beside_its_model_server(ward: Ward) -> None:
    # given a model that serves, and that a policy watches
    ward.api.create(POLICIES, ward.namespace, monitoring_policy())
    stable = ward.serve(monitoring=WATCHED).status.stable
    assert stable is not None
    begun = ward.report(stable.revision)
    assert begun.revision == stable.revision

    # and whose profile has reached the detector without a restart
    profile = f"{stable.inference_service}-profile"
    place = ("metadata", "annotations", "mlhops.io/profile-digest")
    made = until(
        "the profile", lambda: text(ward.api.get(CONFIG_MAPS, ward.namespace, profile), *place)
    )
    until("its use", lambda: ward.report(stable.revision).profile_digest == made, 40)
    before = ward.report(stable.revision)
    assert before.instance == begun.instance
    # of which all that has been asked so far, by the evaluator, is no part
    assert before.counters["outcome.evaluation"] > 0
    assert counted(before) == (0, 0, [0])

    # when it is asked
    for _ in range(ASKED):
        ward.ask()

    # then its detector has counted that, in the window of the policy as well
    expected = (ASKED, ASKED, [ASKED])
    until(f"{ASKED} more", lambda: counted(ward.report(stable.revision)) == expected)
    assert ward.report(stable.revision).counters["note.joined"] == ASKED


def test_another_policy_reaches_a_detector_that_runs_and_restarts_nothing(ward: Ward) -> None:
    ward.api.create(POLICIES, ward.namespace, monitoring_policy())
    stable = ward.serve(monitoring=WATCHED).status.stable
    assert stable is not None
    before = ward.report(stable.revision)
    assert set(before.windows) == {"hour"}

    windows: Json = [{"name": "day", "length": "24h"}]
    change: Manifest = {"spec": {"drift": {"windows": windows}}}
    ward.api.patch(POLICIES, ward.namespace, "ward", change)

    until("another window", lambda: set(ward.report(stable.revision).windows) == {"day"}, 40)
    assert ward.report(stable.revision).instance == before.instance
    live = ward.api.get(SERVICES, ward.namespace, stable.inference_service)
    assert at(live, "metadata", "generation") == 1
