"""Quantities in every notation that the API server takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.quantity import canonical, nanos

SAME = [
    # What KServe's webhook writes back for what was applied (measured on v0.20.0).
    ("100000000n", "100m"),
    ("500000u", "500m"),
    ("1e-1", "100e-3"),
    ("+0.1", "100m"),
    ("0.002Pi", "2251799813685248m"),
    ("1000m", "1"),
    ("1000m", 1),
    ("0.5Gi", "512Mi"),
    ("1024Mi", "1Gi"),
    ("1073741824", "1Gi"),
    ("1.5Gi", "1536Mi"),
    ("2E9", "2e9"),
    ("2E", "2000P"),
    ("1e3", "1k"),
    (".5", "500m"),
    ("5.", "5"),
    ("-1", "-1000m"),
    ("0", "0Gi"),
    ("0.1n", "1n"),
    ("9223372036854775807", "1e30"),
    ("1e-999999", "1n"),
    ("1e99999999999999999999999999", "9223372036854775807"),
]
NONE = [
    "",
    ".",
    "+",
    "m",
    "1 Gi",
    "1KiB",
    "0x10",
    "1e",
    "1e1.5",
    "Infinity",
    "nan",
    "१",
    True,
    None,
    1.5,
    [],
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_amount_in_another_notation_is_the_same(one: str, other: str | int) -> None:
    assert nanos(one) == nanos(other)
    assert canonical(one) == canonical(other)


def test_other_amounts_are_others() -> None:
    others = ["1", "1001m", "1Ki", "1k", "1m", "1u", "1M", "1Mi", "1E", "1Ei", "-1", "0"]
    assert len({nanos(quantity) for quantity in others}) == len(others)


@pytest.mark.parametrize("value", NONE)
def test_what_is_no_quantity_has_no_amount(value: str | None) -> None:
    assert nanos(value) is None
    assert canonical(value) == value


@given(st.integers(0, 10**9), st.sampled_from(["", "m", "k", "Mi"]))
def test_a_thousand_of_one_unit_is_one_of_the_next(number: int, unit: str) -> None:
    amount, thousand = nanos(f"{number}{unit}"), nanos(f"{number * 1000}{unit}")
    assert amount is not None
    assert thousand == min(amount * 1000, (2**63 - 1) * 10**9)
