"""A small part of the campaign, the same at every run: `make campaign` is the whole."""

import random

from campaign.history import Recorder
from campaign.plane import Plane
from campaign.points import choose
from campaign.run import Campaign

STORIES = ["supersede", "whole-canary"]
SEED = 2
POINTS = 4


def test_killed_at_any_write_a_story_comes_to_the_same_end(
    plane: Plane, recorder: Recorder
) -> None:
    campaign = Campaign(plane, recorder, print)
    campaign.undisturbed(STORIES, jobs=2)
    points = choose(campaign.traces, ["kill"], STORIES)
    # A story takes some writes more or less from run to run: one near its end may not be reached.
    early = [point for point in points if point.fault.at <= 20]

    campaign.run(random.Random(SEED).sample(early, POINTS), jobs=POINTS)

    assert not campaign.tally.failed
    assert campaign.tally.tried == POINTS
