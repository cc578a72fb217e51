"""One control plane for the campaign's own tests, and a record of all that happens on it."""

from collections.abc import Iterator

import pytest

from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.run import start_plane


@pytest.fixture(scope="package")
def plane() -> Iterator[Plane]:
    with start_plane() as plane:
        yield plane


@pytest.fixture(scope="package")
def recorder(plane: Plane) -> Iterator[Recorder]:
    with Recorder(plane.kubeconfig) as recorder:
        yield recorder
