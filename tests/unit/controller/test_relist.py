import pytest

from mlhops.controller.relist import back_off, pause


@pytest.mark.parametrize(
    ("cost", "seconds"),
    [(0.01, 30.0), (0.15, 30.0), (1.0, 200.0), (60.0, 600.0)],
    ids=["a few models", "some hundred", "thousands", "too many"],
)
def test_the_more_a_look_costs_the_rarer_it_is_up_to_ten_minutes(
    cost: float, seconds: float
) -> None:
    assert pause(cost) == pytest.approx(seconds)


def test_an_api_server_that_cannot_be_asked_is_asked_ever_more_rarely() -> None:
    waits = [back_off(failures) for failures in (1, 2, 3, 4, 5, 60)]
    usual = [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert all(0.7 * each <= wait <= 1.3 * each for wait, each in zip(waits, usual, strict=True))
