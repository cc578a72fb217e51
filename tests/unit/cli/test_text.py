"""Texts for people: columns, times, and nothing that could move a terminal's cursor."""

import json
from datetime import timedelta

import pytest

from mlhops.api.base import Json
from mlhops.cli.output import API_VERSION, document, to_text
from mlhops.cli.text.fleet import fleet_lines, summary
from mlhops.cli.text.line import Line, Span, Style, line, table, wrapped
from mlhops.cli.text.marks import ASCII, UNICODE
from mlhops.cli.text.model import model_lines
from mlhops.cli.text.page import Page
from mlhops.cli.text.times import length
from mlhops.cli.views.fleet import fleet
from mlhops.cli.views.model import model_view
from testkit.builders import with_path
from testkit.standings import NOW, STANDINGS, a_decision, an_evaluation

EVIL = "x\x1b]0;owned\x07\x1b[2J\r\x9bm\u202e\nnext"


def written(lines: list[Line], *, color: bool = False) -> str:
    """Lines as they are printed."""
    return "\n".join(each.written(color=color) for each in lines)


def shown(standing: str, width: int = 100) -> str:
    """A model in a standing, as `get` shows it."""
    view = model_view(STANDINGS[standing](), [an_evaluation()], [a_decision()])
    return written(model_lines(view, Page(NOW, UNICODE, width)))


@pytest.mark.parametrize("standing", STANDINGS)
def test_each_standing_can_be_shown_in_a_terminal_of_any_width(standing: str) -> None:
    for width in (0, 20, 80):
        assert "ward/sepsis" in shown(standing, width)


def test_a_timed_pause_tells_how_long_it_has_been_and_how_long_it_will_be() -> None:
    told = shown("timed pause")

    assert "2. pause 1h               now, for 20m, 40m left" in told
    assert "$ kubectl mlhops resume sepsis -n ward --reason '...'" in told


def test_a_gate_is_told_with_its_interval_limit_and_what_would_decide_it() -> None:
    (gate,) = [each for each in shown("inconclusive").splitlines() if "equal-misses   I" in each]

    assert "sex=F   0.14 [0.05, 0.23]   limit 0.1   about 1,200 more positives in sex=F" in gate


@pytest.mark.parametrize(
    "path", ["status.message", "status.url", "status.candidate.version", "spec.version"]
)
def test_hostile_text_moves_no_cursor(path: str) -> None:
    bad = with_path(STANDINGS["approval"](), path, EVIL)
    bad = with_path(bad, "status.candidate.pause.message", EVIL)
    decision = with_path(a_decision(), "spec.reason", EVIL)
    view = model_view(
        bad, [with_path(an_evaluation(), "status.gates.0.worstGroup", EVIL)], [decision]
    )

    lines = model_lines(view, Page(NOW, UNICODE, 80)) + fleet_lines(
        fleet([bad]), NOW, wide=True, header=True
    )

    assert all(sign.isprintable() for each in lines for sign in each.written(color=False))


def test_json_holds_what_the_text_shows_with_times_that_programs_read() -> None:
    view = model_view(STANDINGS["timed pause"](), [an_evaluation()])

    found: Json = json.loads(to_text(document("Model", view), "json"))

    assert isinstance(found, dict)
    assert (found["apiVersion"], found["kind"]) == (API_VERSION, "Model")
    waiting = found["waiting"]
    assert isinstance(waiting, dict)
    assert (waiting["party"], waiting["until"]) == ("time", "2026-05-01T12:40:00Z")


def test_yaml_and_json_are_the_same_document() -> None:
    import yaml

    told = document("Fleet", fleet([STANDINGS["drift"](), STANDINGS["approval"]()]))

    assert yaml.safe_load(to_text(told, "yaml")) == json.loads(to_text(told, "json"))


def test_columns_stand_below_each_other_whatever_is_in_them() -> None:
    rows: list[tuple[str | Span, ...]] = [
        ("a", Span("b", Style.GOOD)),
        ("größe", "x"),
        ("日本", "y"),
    ]

    lines = [each.written(color=False) for each in table(("NAME", "IT"), rows)]

    assert lines == ["NAME    IT", "a       b", "größe   x", "日本    y"]


def test_a_summary_counts_models_by_phase() -> None:
    one = fleet([STANDINGS["healthy"]()])
    two = fleet([STANDINGS["healthy"](), STANDINGS["approval"]()])

    assert summary(one).written(color=False) == "1 model: 1 Healthy"
    assert summary(two).written(color=False) == "2 models: 1 Paused, 1 Healthy"


def test_states_are_told_by_words_beside_marks_and_colours() -> None:
    assert ASCII.of("Failed").text != ASCII.of("Successful").text
    told = line("phase ", Span("Degraded", Style.BAD))
    assert told.written(color=True) == "phase \x1b[31mDegraded\x1b[0m"
    assert told.written(color=False) == "phase Degraded"


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(seconds=0), "0s"),
        (timedelta(seconds=59.9), "59s"),
        (timedelta(minutes=5, seconds=12), "5m12s"),
        (timedelta(hours=2), "2h"),
        (timedelta(days=2, hours=3, minutes=9), "2d3h"),
        (timedelta(days=1, seconds=5), "1d"),
        (timedelta(seconds=-5), "0s"),
    ],
)
def test_lengths_of_time_are_told_in_two_units(span: timedelta, told: str) -> None:
    assert length(span.total_seconds()) == told


def test_a_sentence_is_wrapped_for_a_person_and_whole_for_a_program() -> None:
    text = "word " * 40

    assert all(len(each.written(color=False)) <= 60 for each in wrapped(text, 60, "  "))
    assert len(wrapped(text, 0, "  ")) == 1
