"""A small part of the transitions, the same at every run: `make campaign` has them all."""

from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.transitions.run import run

FIELDS = ("predictor.env[].value", "exposure.gateway.hostnames[]")
MISTAKES = ("gates fail", "Gateway does not exist")


def test_a_changed_model_is_as_one_that_was_installed_that_way(
    plane: Plane, recorder: Recorder
) -> None:
    tally = run(plane, recorder, print, jobs=2, fields=FIELDS, mistakes=MISTAKES)

    assert not tally.failed
    assert tally.tried == len(FIELDS) + len(MISTAKES)
    assert all(covered.changed and covered.removed for covered in tally.covered.values())
