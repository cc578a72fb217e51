"""A few interferences, the same at every run: `make campaign` has them all."""

from campaign.cases import run
from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.interference.source import INTERFERENCE

NAMES = (
    "route: the candidate's weight raised",
    "InferenceService: stable deleted",
    "InferenceService: an image of theirs",
    "Gateway: removed while a candidate climbs",
)


def test_what_others_do_is_put_right_or_told_and_no_loop(plane: Plane, recorder: Recorder) -> None:
    tally = run(INTERFERENCE, NAMES, plane, recorder, print, jobs=2)

    assert not tally.failed
    assert tally.tried == len(NAMES)
