"""What bends the line of growth is read from the numbers."""

from xml.etree import ElementTree

from bench.growth import Measured, Point, chart, sentence


def point(models: int, seconds: float, operator_ms: float, server_ms: float) -> Point:
    update = Measured(seconds, writes=14, reads=3, operator_ms=operator_ms, server_ms=server_ms)
    return Point(models, {"update": update}, rss_before=70, rss_peak=90)


def test_a_straight_line_is_called_straight() -> None:
    told = sentence([point(10, 5, 90, 90), point(100, 6, 20, 40), point(3000, 190, 21, 42)])

    assert "From 100 to 3,000 models" in told
    assert told.endswith("the line is straight.")


def test_the_part_that_grows_most_is_named() -> None:
    told = sentence([point(100, 6, 20, 40), point(3000, 600, 90, 60)])

    assert told.endswith("it is the operator's CPU that bends it.")


def test_time_that_nobody_worked_in_is_waiting() -> None:
    told = sentence([point(100, 6, 20, 40), point(3000, 600, 20, 40)])

    assert "waits for something" in told


def test_a_size_that_was_not_completed_says_nothing_and_has_no_dot() -> None:
    unfinished = Point(3000, {}, rss_before=70, rss_peak=90)

    told, drawn = sentence([point(100, 6, 20, 40), unfinished]), chart([unfinished])

    assert "Too few sizes" in told
    words = list(ElementTree.fromstring(drawn).itertext())
    assert words.count("not measured") == 3
    assert {"70", "90"} <= {*words}  # the memory, which was measured all the same
