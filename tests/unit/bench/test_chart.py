"""A chart shows every number, where a logarithmic scale has its place."""

import re
from xml.etree import ElementTree

from bench.chart import Panel, Series, svg

NAMESPACE = "{http://www.w3.org/2000/svg}"
PANEL = Panel("Time <of> all", "s", [Series("deploy", [(10, 1), (100, 10), (1000, 100)])])


def test_it_is_well_formed_and_has_every_word() -> None:
    root = ElementTree.fromstring(svg("Growth & more", "models", [PANEL, PANEL]))

    words = "".join(root.itertext())
    for word in ("Growth & more", "models", "Time <of> all", "(s)", "deploy", "1,000"):
        assert word in words


def test_equal_factors_are_equal_distances_on_both_axes() -> None:
    root = ElementTree.fromstring(svg("", "", [PANEL]))

    dots = [
        (float(c.get("cx", "")), float(c.get("cy", ""))) for c in root.iter(f"{NAMESPACE}circle")
    ]

    (x1, y1), (x2, y2), (x3, y3) = dots
    assert abs((x2 - x1) - (x3 - x2)) < 0.2
    assert abs((y1 - y2) - (y2 - y3)) < 0.2
    assert x1 < x2 < x3
    assert y1 > y2 > y3


def test_a_flat_line_is_not_blown_up_to_look_like_growth() -> None:
    flat = Panel("", "", [Series("", [(10, 16.0), (1000, 16.3)])])

    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', svg("", "", [flat]))]

    assert abs(heights[0] - heights[1]) < 3
