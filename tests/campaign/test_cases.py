"""Cases of interference and transitions: each has a name, is played once, and can be played again."""

import argparse
import shlex

import pytest

from campaign.cases import Lane, Outcome, Source, Tally, Told, choose, replay, run
from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.sections import SOURCES, case

EACH = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


def played(plane: Plane, recorder: Recorder, lane: Lane) -> tuple[Tally, str]:
    """Play a lane, and return what people are told as well."""
    lines: list[str] = []
    source = Source(lane.names, lambda *_: [lane], lambda _: [])
    tally = run(source, lane.names, plane, recorder, lines.append, jobs=1)
    return tally, "\n".join(lines)


def test_a_name_is_that_of_one_case() -> None:
    names = [name for source in SOURCES.values() for name in source.names]
    assert len(names) == len(set(names)) > 150
    assert [case(name) for name in names] == names


@EACH
@pytest.mark.parametrize("jobs", [1, 4])
def test_lanes_hold_every_case_once(source: Source, jobs: int) -> None:
    held = [name for lane in source.lanes(source.names, jobs) for name in lane.names]
    assert sorted(held) == sorted(source.names)


@EACH
def test_a_lane_is_played_for_one_name_alone(source: Source) -> None:
    for name in source.names:
        assert [lane.names for lane in source.lanes([name], 2)] == [(name,)]


@EACH
def test_a_sample_is_the_same_for_the_same_seed(source: Source) -> None:
    assert choose(source, [], 5, 1) == choose(source, [], 5, 1)
    assert choose(source, [], 5, 1) != choose(source, [], 5, 2)
    assert choose(source, [], 0, 1) == list(source.names)
    assert choose(source, source.names[:2], 0, 1) == list(source.names[:2])


def test_a_wrong_name_is_refused_with_one_that_is_near() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"no case 'card.onwer': use 'card.owner'"):
        case("card.onwer")


def test_the_command_that_replays_cases_names_them() -> None:
    names = ("route: the candidate's weight raised", "predictor.env[].value")
    _, _, _, *options = shlex.split(replay(names))
    assert tuple(option.removeprefix("--case=") for option in options) == names


def test_what_goes_wrong_is_told_with_its_replay(plane: Plane, recorder: Recorder) -> None:
    def play(_: Plane, __: Recorder, told: Told) -> list[str]:
        told("fine", Outcome())
        told("bad", Outcome(["no rest"]))
        return ["the judge says no"]

    tally, words = played(plane, recorder, Lane(("fine", "bad"), play))

    assert tally.tried == 2
    assert tally.failed == {("bad",): ["no rest"], ("fine", "bad"): ["the judge says no"]}
    for names in tally.failed:
        assert f"replay: {replay(names)}" in words


def test_a_lane_that_cannot_be_played_has_failed(plane: Plane, recorder: Recorder) -> None:
    def play(_: Plane, __: Recorder, ___: Told) -> list[str]:
        raise RuntimeError("no port is free")

    tally, words = played(plane, recorder, Lane(("a", "b"), play))

    assert tally.tried == 0
    assert tally.failed == {
        ("a", "b"): ["the campaign itself failed: RuntimeError('no port is free')"]
    }
    assert f"replay: {replay(('a', 'b'))}" in words
