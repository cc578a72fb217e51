"""A MonitoringPolicy is read as the API server has checked it, and by the same rules."""

import pytest
from pydantic import ValidationError

from mlhops.api.base import Json
from mlhops.api.policy import Effects, MonitoringPolicy
from mlhops.statistics.drift.look import EFFECTS
from testkit.builders import monitoring_policy
from testkit.refusal import Refusal
from testkit.refusals_policy import POLICY as REFUSED
from testkit.samples import POLICY


def test_a_policy_survives_its_own_json() -> None:
    read = MonitoringPolicy.model_validate(POLICY)

    assert MonitoringPolicy.model_validate(read.to_json()) == read
    assert read.spec.drift.persistence.at_least == 2
    assert read.spec.drift.effects.by_test()["KS"] == 0.15


def test_what_is_left_out_is_what_the_statistics_take_by_themselves() -> None:
    assert Effects().by_test() == EFFECTS | {"Classifier": 0.1}


@pytest.mark.parametrize(
    "refusal",
    [refusal for refusal in REFUSED if refusal.remedy != "unknown field"],
    ids=lambda refusal: refusal.what,
)
def test_what_the_server_refuses_the_operator_does_not_read(refusal: Refusal) -> None:
    with pytest.raises(ValidationError):
        MonitoringPolicy.model_validate(refusal.manifest)


@pytest.mark.parametrize("length", ["1m", "60s", "007m", "1m30s", "100s", "9d"])
def test_a_window_of_a_minute_or_more_is_read(length: str) -> None:
    windows: Json = [{"name": "w", "length": length}]

    MonitoringPolicy.model_validate(monitoring_policy({"spec.drift.windows": windows}))
