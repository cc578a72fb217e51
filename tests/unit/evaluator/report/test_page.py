"""The page: complete, self-contained, readable without eyes, and safe whatever it is about."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bench.rendering import GATES, GROUPS, names
from bench.rendering import evaluated as largest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.report.collect import Evaluated
from mlhops.evaluator.report.figures import Counts
from mlhops.evaluator.report.forests import forests
from mlhops.evaluator.report.markup import STYLE
from mlhops.evaluator.scoring.measured import Measured, Missing
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict.fairness import Fairness
from mlhops.evaluator.verdict.judge import judgement

from ..made_up import people_of
from .reading import (
    AT,
    DIGEST,
    EVERY_KIND,
    Page,
    drawn,
    evaluated,
    people,
    predictions,
    rendered,
    rows_of,
    seconds,
    spec_of,
    svgs,
)

HOSTILE = "<script>alert('x')</script><img src=http://evil.example/a onerror=alert(1)>\"&"


@pytest.fixture(scope="module")
def source() -> str:
    return rendered()


@pytest.mark.thorough
def test_every_gate_is_there_with_its_verdict_and_its_sentence(source: str) -> None:
    run, text = evaluated(), Page(source).text
    assert len(run.gates) == len(EVERY_KIND)
    summary = dict(rows_of(source)[: len(run.gates)])
    words = {"Successful": "Passed", "Failed": "Failed", "Inconclusive": "Inconclusive"}
    for gate in run.gates:
        (cells,) = [cells for name, cells in summary.items() if name.startswith(gate.name)]
        assert words[gate.phase] in cells["v"]
        assert gate.message[1:] in text


def test_a_gate_across_groups_shows_each_group_with_estimate_interval_and_verdict(
    source: str,
) -> None:
    section = source[source.index('id="gate-1"') : source.index('id="gate-2"')]
    found = dict(rows_of(section))
    gate = evaluated().gates[0]
    assert set(found) == {group.group for group in gate.groups}
    assert len(found) == 3 + 9
    assert sum('class="s ' in row for row in section.split("<tr>")) == sum(
        group.gap is not None for group in gate.groups
    )
    for group in gate.groups:
        if group.gap is not None and group.rate is not None and group.rest is not None:
            told = found[group.group]["d"]
            assert told.replace("\N{MINUS SIGN}", "-").startswith(f"{group.rate - group.rest:+.3f}")


def test_a_plot_puts_the_estimate_inside_its_interval_and_the_limits_around_no_difference(
    source: str,
) -> None:
    section = source[source.index('id="gate-1"') : source.index('id="gate-2"')]
    strips = re.findall(
        r'<line class="i" x1="([\d.]+)%" x2="([\d.]+)%".*?(?:cx|<svg class="o" x)="([\d.]+)%"',
        section,
    )
    assert len(strips) >= 6
    assert all(float(low) <= float(at) <= float(high) for low, high, at in strips)
    limits = [float(x) for x in re.findall(r'<line class="l" x1="([\d.]+)%"', section)]
    (middle,) = [float(x) for x in re.findall(r'<line class="y" x1="([\d.]+)%"', section)]
    assert sum(limits) / 2 == pytest.approx(middle, abs=0.1)


def test_candidate_and_stable_stand_side_by_side_for_everybody_and_each_group(source: str) -> None:
    section = source[source.index("against 0.9.0, on the same people") :]
    names = [name for name, _ in rows_of(section)][:4]
    assert names == ["everybody", "sex=F", "sex=M", "sex=Unknown"]


def test_the_data_are_described_with_those_whose_group_is_not_known(source: str) -> None:
    who = people()
    section = source[source.index('id="people"') :]
    found = dict(rows_of(section))
    unknown = int((who.levels["sex"].codes == 2).sum())
    assert found["everybody"]["n1"] == f"{who.rows:,}"
    assert found["sex=Unknown"]["n1"] == f"{unknown:,}"
    assert found["everybody"]["n4"] == f"{100 * who.label.mean():.1f} %"


def test_facts_say_what_was_measured_on_what() -> None:
    text = Page(rendered()).text
    for fact in ("good", "1.0.0", "r1", "01 March 2026, 08:05 UTC", "0.1.0", DIGEST, "4,000"):
        assert fact in text
    assert "file:///data.parquet" in text


@pytest.mark.thorough
def test_the_same_inputs_give_the_same_bytes() -> None:
    assert rendered(evaluated()) == rendered(evaluated())


def test_the_browser_is_told_to_load_nothing_and_there_is_nothing_to_load(source: str) -> None:
    found = Page(source)
    (policy,) = [
        meta["content"]
        for meta in found.named("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "iframe", "object", "base"})
    references = [*found.attributes("href"), *found.attributes("src")]
    assert all(each.startswith("#") or each == "data:," for each in references)
    assert "url(" not in source
    assert "@import" not in source
    assert not [name for _, attributes in found.tags for name in attributes if name[:2] == "on"]


def test_every_reference_within_the_page_has_its_target_and_no_id_is_given_twice(
    source: str,
) -> None:
    found = Page(source)
    ids = found.attributes("id")
    assert len(ids) == len(set(ids))
    targets = {each[1:] for each in found.attributes("href") if each.startswith("#")}
    targets |= {part for each in found.attributes("aria-labelledby") for part in each.split()}
    assert targets <= set(ids)


def test_pictures_are_valid_xml_and_have_a_name_or_are_silent(source: str) -> None:
    found = svgs(source)
    assert len(found) > 50
    for svg in found:
        if svg.get("role") == "img":
            title, description = svg.find("title"), svg.find("desc")
            assert title is not None
            assert description is not None
            assert title.text
            assert description.text
        else:
            assert svg.get("aria-hidden") == "true"
    assert sum(svg.get("role") == "img" for svg in found) >= 1 + 2 * (1 + 2 + 3)


def test_tables_have_captions_and_headers_with_scope_and_headings_leave_no_level_out(
    source: str,
) -> None:
    found = Page(source)
    assert len(found.named("table")) == len(found.named("caption"))
    assert all(head["scope"] in {"row", "col"} for head in found.named("th"))
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_a_verdict_is_never_told_by_colour_alone(source: str) -> None:
    for style, mark in (("ok", "circle"), ("no", "path"), ("un", "circle")):
        for svg in re.findall(rf'<svg class="s {style}".*?</td>', source, re.S):
            assert f"<{mark} class=" in svg
    assert '<circle class="h"' in source


def colours(scheme: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+):(#[0-9a-f]{3,8})", scheme))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) > 4 else "".join(2 * sign for sign in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(scheme: int) -> None:
    found = colours(STYLE.split(":root{")[1 + scheme].split("}")[0])
    pairs = [(text, "bg") for text in ("ink", "soft", "link", "ok", "no", "un", "er")]
    pairs += [("ink", "card"), *((name, f"{name}b") for name in ("ok", "no", "un", "er"))]
    pairs += [("ink", f"{name}b") for name in ("ok", "no", "un", "er")]
    for text, behind in pairs:
        high, low = sorted((luminance(found[text]), luminance(found[behind])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, behind)


def test_hostile_names_are_only_ever_text() -> None:
    who = people()
    levels = {"sex": Levels(who.levels["sex"].codes, [HOSTILE[:63], "M\u202e\x00", "</table>"])}
    who = LabelledRows(who.label, who.classes, levels | {"ageBand": who.levels["ageBand"]})
    spec = spec_of(EVERY_KIND[0])
    output = spec.interface.output.model_copy(update={"positive_class": HOSTILE[:63]})
    spec = spec.model_copy(
        update={
            "version": f"\u202e{HOSTILE[:62]}",
            "interface": spec.interface.model_copy(update={"output": output}),
            "stable": None,
        }
    )
    source = rendered(evaluated(spec, who))
    found = Page(source)
    clean = {tag for tag, _ in Page(rendered(evaluated(spec_of(EVERY_KIND[0])))).tags}
    assert {tag for tag, _ in found.tags} == clean
    assert "<script" not in source
    assert "\u202e" not in source
    assert "\x00" not in source
    assert "sex=</table>" in found.text
    assert svgs(source)


def test_secrets_in_the_uri_of_the_data_are_not_told() -> None:
    spec = spec_of()
    uri = "https://me:hush@data.example/x.parquet?sig=hush"
    spec = spec.model_copy(update={"data": spec.data.model_copy(update={"uri": uri})})
    assert "hush" not in rendered(evaluated(spec))


def test_what_would_decide_an_inconclusive_gate_is_told() -> None:
    spec = spec_of({**EVERY_KIND[0], "limit": 0.06, "across": {"groups": ["ageBand"]}})
    run = evaluated(spec)
    (gate,) = run.gates
    assert gate.needed is not None
    section = rendered(run).split("What would decide it")[1].split("</ul>")[0]
    assert f"about {gate.needed.more:,} more {gate.needed.cases}" in section


def test_a_model_without_scores_has_no_curves_but_all_verdicts() -> None:
    who = people()
    answers = Predictions(predictions(who).called, None)
    source = rendered(evaluated(None, who, answers))
    assert 'id="roc"' not in source
    assert 'id="calibration"' not in source
    assert source.count('class="gate ') == len(EVERY_KIND)


@pytest.mark.parametrize("number", [np.nan, np.inf, 7.0])
def test_answers_that_cannot_be_used_leave_a_report_that_says_so(number: float) -> None:
    who = people()
    score = predictions(who).score
    assert score is not None
    score[3] = number
    run = evaluated(None, who, Predictions(score >= 0.5, score))
    source = rendered(run)
    assert run.phase is EvaluationPhase.ERROR
    assert "could not be measured" in Page(source).text
    assert 'id="roc"' not in source


def test_a_stable_revision_that_could_not_be_asked_leaves_a_report_that_says_so() -> None:
    text = Page(rendered(evaluated(stable=Missing("0.9.0 was away")))).text
    assert "0.9.0 was away" in text


def test_data_that_cannot_answer_still_get_a_report() -> None:
    run = evaluated()
    untold = Evaluated(
        run.spec, EvaluationPhase.INCONCLUSIVE, "only one class", DIGEST, AT, "0.1.0", run.gates
    )
    found = Page(rendered(untold))
    assert "only one class" in found.text
    assert "could not be decided on" in found.text


def test_all_groups_in_the_data_may_be_too_small_to_draw() -> None:
    who, answers = people_of({"F": (2, 3, 1, 4), "M": (1, 4, 2, 3)})
    spec = spec_of({**EVERY_KIND[0], "across": {"groups": ["sex"]}})
    text = Page(rendered(evaluated(spec, who, answers, answers))).text
    assert "too small to judge" in text


@pytest.mark.thorough
def test_the_largest_report_is_small_enough_and_leaves_nobody_out() -> None:
    run = largest(rows=20_000)
    source = rendered(run)
    assert len(source.encode()) <= 2 * 2**20
    assert source.count('<section class="gate ') == GATES
    listed = {name.removeprefix("place=") for name, _ in rows_of(source)}
    assert run.people is not None
    present = set(run.people.levels["place"].codes.tolist())
    assert len(present) > GROUPS / 2
    assert {names()[code].strip() for code in present} <= listed
    assert isinstance(svgs(source)[0], ET.Element)


def test_a_gate_over_more_groups_than_can_be_read_lists_the_gravest_and_says_so() -> None:
    run = evaluated(spec_of({**EVERY_KIND[0], "limit": 0.2}))
    assert run.judgement is not None
    (gate,), (finding,) = run.gates, run.judgement.findings
    (all_of_it,) = forests(run.spec.gates[0], finding, gate, Counts(1, 1, 1), 99)
    (figure,) = forests(run.spec.gates[0], finding, gate, Counts(1, 1, 1), 5)
    assert {row.phase for row in all_of_it.rows} > {EvaluationPhase.SUCCESSFUL}
    assert [row.name for row in figure.rows if row.phase is not EvaluationPhase.SUCCESSFUL] == [
        row.name for row in all_of_it.rows if row.phase is not EvaluationPhase.SUCCESSFUL
    ][:5]
    assert len(figure.rows) == 5
    assert figure.left_out == len(all_of_it.rows) - 5
    assert f"{figure.left_out} more groups are not listed" in drawn(figure)


def test_an_estimate_without_an_interval_is_not_drawn_as_if_it_were_certain() -> None:
    run = evaluated(spec_of(EVERY_KIND[0]))
    assert run.judgement is not None
    (gate,), (finding,) = run.gates, run.judgement.findings
    assert isinstance(finding, Fairness)
    unsure = replace(finding.found[0], lower=np.nan, upper=np.nan, signed_lower=np.nan)
    finding = replace(finding, found={**finding.found, 0: unsure})
    (figure,) = forests(run.spec.gates[0], finding, gate, Counts(1, 1, 1), 99)
    assert figure.rows[0].span is None
    assert "no interval" in drawn(figure)
    assert not figure.signed
    assert figure.rows[1].span is not None


def test_an_interval_without_a_bound_goes_on_beyond_the_axis() -> None:
    spec, who = spec_of(EVERY_KIND[5]), people()
    measured = Measured(predictions(who), None, seconds(20))
    judged = judgement(spec, who, measured)
    (gate,), (finding,) = judged.gates, judged.findings
    assert gate.upper is None
    (figure,) = forests(spec.gates[0], finding, gate, Counts(1, 1, 1), 99)
    text = drawn(figure)
    assert "no bound" in text
    assert 'class="o"' in text
