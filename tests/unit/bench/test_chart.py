"""A chart shows every number and word, and looks the same for the same numbers."""

import math
from xml.etree import ElementTree

from bench.chart import Panel, Series, limits, svg

PANEL = Panel("Time <of> all", "s", [Series("deploy", [(10, 1), (100, 10.5), (1000, 100)])])


def test_it_is_well_formed_and_has_every_word_and_number() -> None:
    nothing = Panel("Memory", "MiB", [Series("at its peak", [])])
    root = ElementTree.fromstring(svg("Growth & more $5", "models", [PANEL, nothing]))

    words = "\n".join(root.itertext())
    told = ("Growth & more $5", "models", "Time <of> all (s)", "deploy", "1,000", "10.5")
    for word in (*told, "Memory (MiB)", "not measured"):
        assert word in words


def test_the_same_numbers_are_the_same_bytes() -> None:
    assert svg("Growth", "models", [PANEL]) == svg("Growth", "models", [PANEL])


def test_a_flat_line_is_not_blown_up_to_look_like_growth() -> None:
    low, high = limits(16.0, 16.3)

    assert math.log(16.3 / 16.0) / math.log(high / low) < 0.01
