import pytest

from mlhops.controller.relist import pause


@pytest.mark.parametrize(
    ("cost", "seconds"),
    [(0.01, 30.0), (0.15, 30.0), (1.0, 200.0), (60.0, 600.0)],
    ids=["a few models", "some hundred", "thousands", "too many"],
)
def test_the_more_a_look_costs_the_rarer_it_is_up_to_ten_minutes(
    cost: float, seconds: float
) -> None:
    assert pause(cost) == pytest.approx(seconds)
