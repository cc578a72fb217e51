"""Which of the API server's words about a pod are a LimitRange's, and what is said of them."""

import pytest

from mlhops.kserve.limit_range import name_limit_range

FIELD = "spec.predictor.resources"
POD = 'pods "sepsis-1" is forbidden: '


@pytest.mark.parametrize(
    "words",
    [
        f"{POD}minimum cpu usage per Container is 100m, but request is 50m",
        f"{POD}[maximum cpu usage per Pod is 1, but limit is 2, maximum memory usage per Pod is 1Gi]",
        f"{POD}maximum memory usage per Container is 1Gi.  No limit is specified",
        f"{POD}cpu max limit to request ratio per Container is 2, but provided ratio is 20.000000",
    ],
)
def test_a_bound_is_called_a_limit_range(words: str) -> None:
    assert name_limit_range(words, FIELD) == (
        f"{words} (a LimitRange of the namespace: keep within it in {FIELD}, or change it)"
    )


@pytest.mark.parametrize(
    "words",
    [
        "",
        f"{POD}exceeded quota: q, requested: limits.memory=3584Mi, used: 0, limited: 1Gi",
        f'{POD}violates PodSecurity "restricted:latest": seccompProfile',
        f'{POD}error looking up service account ward/nobody: serviceaccount "nobody" not found',
    ],
)
def test_what_others_say_stays_as_it_is(words: str) -> None:
    assert name_limit_range(words, FIELD) == words
