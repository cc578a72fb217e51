"""What the detector is told is checked before it works by it."""

import pytest
from pydantic import ValidationError

from mlhops.api.detector import DetectorBounds, DetectorConfig
from testkit.sidecar import config


def test_a_configuration_survives_its_own_json() -> None:
    given = config(bounds={"bodyBytes": 4096})
    assert DetectorConfig.model_validate(given.to_json()) == given
    assert given.bounds == DetectorBounds(body_bytes=4096)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"windows": [{"name": "a", "length": "1h"}, {"name": "a", "length": "2h"}]}, "windows"),
        ({"features": [{"name": "age"}, {"name": "age"}]}, "features"),
        ({"features": []}, "features"),
        ({"windows": [{"name": "a", "length": "59s"}]}, "length"),
        ({"bounds": {"connections": 1}}, "connections"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(change: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        DetectorConfig.model_validate(config().to_json() | change)
