"""A small part of the campaign, the same at every run: `make campaign` is the whole."""

import random

import pytest

from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.points import PATTERNS, Point, choose, point
from campaign.run import Campaign
from lab.faults.script import Action

STORIES = ["supersede", "whole-canary"]
SEED = 2
EACH = {"kill": 3, "older": 3, "freeze": 2, "drop": 2, "misbehave": 2, "restored": 1}
# These take minutes, or concern everybody on the control plane.
TOO_LONG = {Action.AWAY, Action.OVERLOAD, Action.OUTAGE, Action.LATE, Action.RESTART}
# A story takes some writes more or less from run to run: one near its end may not be reached.
EARLY = 20


# Points at which the operator once went wrong.
FOUND = ["whole-canary:older@write21~11", "whole-canary:older@write21~12"]


def _sample(points: list[Point], pattern: str) -> list[Point]:
    fit = [
        point
        for point in points
        if point.fault.at <= EARLY and point.fault.action not in TOO_LONG | {Action.LOST}
    ]
    return random.Random(SEED).sample(fit, EACH[pattern])


@pytest.fixture(scope="module")
def campaign(plane: Plane, recorder: Recorder) -> Campaign:
    whole = Campaign(plane, recorder, print)
    whole.undisturbed(STORIES, jobs=2)
    return whole


def test_whatever_goes_wrong_a_story_comes_to_the_same_end(campaign: Campaign) -> None:
    points = [
        point
        for pattern in PATTERNS
        for point in _sample(choose(campaign.traces, [pattern], STORIES), pattern)
    ]

    campaign.run(points, jobs=4)

    assert not campaign.tally.failed
    assert campaign.tally.by_pattern == EACH


def test_what_once_went_wrong_no_longer_does(campaign: Campaign) -> None:
    before = dict(campaign.tally.failed)

    campaign.run([point(name) for name in FOUND], jobs=2)

    assert campaign.tally.failed == before


def test_every_point_of_every_pattern_has_a_name_of_its_own(campaign: Campaign) -> None:
    points = choose(campaign.traces, list(PATTERNS), STORIES)
    names = [str(point) for point in points]
    assert len(set(names)) == len(names)
    assert {point.pattern for point in points} == set(PATTERNS)
