"""Names of columns, and how they stand in a sentence."""

import pytest
from pydantic import ValidationError

from mlhops.api.columns import told
from mlhops.api.interface import Feature


@pytest.mark.parametrize(
    "name",
    [
        "HbA1c (%)",
        "mean radius",
        "Größe/cm",
        "ηλικία",
        " sex ",
        "1",
        "$",
        "\N{ZERO WIDTH NON-JOINER}a",
    ],
)
def test_a_name_is_kept_as_data_have_it(name: str) -> None:
    assert Feature(name=name).name == name


@pytest.mark.parametrize(
    "name", ["", "  ", "\xa0", "a\tb", "a\n", "a\x00", "a\u2028b", "a\u202eb", "x" * 254]
)
def test_a_name_that_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Feature(name=name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("heart_rate.min-1", "heart_rate.min-1"),
        ("Größe", "Größe"),
        ("Na+, serum", "'Na+, serum'"),
        (" sex ", "'␣sex␣'"),
        ("HbA1c\xa0(%)", "'HbA1c␣(%)'"),
        ("a\nb", "'a?b'"),
    ],
)
def test_where_a_name_ends_can_be_seen(name: str, shown: str) -> None:
    assert told(name) == shown
