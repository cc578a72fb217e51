"""Gates with as many more cases as the evaluator asked for, on some of the bench's designs."""

import pytest

from bench.planning import designs, outcome


@pytest.mark.parametrize(
    "name",
    [
        "FNR, 2 groups, 25 and 169 positives",
        "FNR, sex, race and both, two too small",
        "AUROC, 2 groups",
    ],
)
def test_a_gate_as_a_whole_is_decided_about_as_often_as_promised(name: str) -> None:
    (design,) = [each for each in designs() if each.name == name]
    found = outcome(design, runs=120)
    assert found.before < 50
    assert 68 <= found.decided <= 94  # 80 are promised; three standard errors of 120 runs
