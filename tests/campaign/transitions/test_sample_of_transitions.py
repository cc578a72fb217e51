"""A small part of the transitions, the same at every run: `make campaign` has them all."""

from campaign.cases import run
from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.transitions.play import Covered
from campaign.transitions.source import TRANSITIONS

FIELDS = ("predictor.env[].value", "exposure.gateway.hostnames[]")
MISTAKES = ("gates fail", "Gateway does not exist")


def test_a_changed_model_is_as_one_that_was_installed_that_way(
    plane: Plane, recorder: Recorder
) -> None:
    tally = run(TRANSITIONS, (*FIELDS, *MISTAKES), plane, recorder, print, jobs=2)

    assert not tally.failed
    assert tally.tried == len(FIELDS) + len(MISTAKES)
    covered = [one for one in tally.played.values() if isinstance(one, Covered)]
    assert len(covered) == len(FIELDS)
    assert all(one.changed and one.removed for one in covered)
