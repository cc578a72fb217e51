"""No small number of people is told by a report, nor follows from what is told."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.statistics.arrays import Bools, Floats

from ..made_up import people_of
from .reading import EVERY_KIND, Page, evaluated, plain, rendered, rows_of, spec_of

SMALLEST = 10
_GATES = (
    {**EVERY_KIND[0], "minPositives": 1, "minNegatives": 1},
    {
        "name": "worth",
        "type": "Fairness",
        "metric": "PositivePredictiveValue",
        "across": {"groups": ["ageBand"]},
        "limit": 0.2,
        "minPositives": 1,
        "required": False,
    },
    {
        "name": "finds",
        "type": "Performance",
        "metric": "Sensitivity",
        "limit": 0.5,
        "minPositives": 1,
        "nonInferiority": {"margin": 0.05},
        "across": {"groups": ["sex"]},
    },
    {"name": "good", "type": "Performance", "metric": "AUROC", "limit": 0.7, "minPositives": 1},
)
_KINDS = {"n1": (True, True), "n2": (True, False), "n3": (False, True)}
"""Which classes the columns count: positives, negatives."""


def groups_of(who: LabelledRows) -> dict[str, Bools]:
    """Return who belongs to each group that a report may name."""
    sex, band = who.levels["sex"], who.levels["ageBand"]
    found = {"everybody": np.ones(who.rows, dtype=bool)}
    for i, name in enumerate(sex.values):
        found[f"sex={name}"] = sex.codes == i
        for j, part in enumerate(band.values):
            found[f"ageBand={part}"] = band.codes == j
            found[f"sex={name},ageBand={part}"] = (sex.codes == i) & (band.codes == j)
    return found


def cells_of(who: LabelledRows, members: Bools, kinds: tuple[bool, bool]) -> Floats:
    """Return which of the finest cells, of sex, band and class, a number is the sum of."""
    cell = who.levels["sex"].codes * 6 + who.levels["ageBand"].codes * 2 + who.label
    chosen = members & np.where(who.label, *kinds)
    return (np.bincount(cell[chosen], minlength=18) > 0).astype(np.float64)


@pytest.mark.thorough
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_small_count_is_told_or_follows_from_sums_and_differences(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, 45), min_size=18, max_size=18))
    most = data.draw(st.sampled_from([1, 4, 45]))  # of a rare outcome there are few even in all
    sizes = [min(size, most) if i % 2 else size for i, size in enumerate(sizes)]
    cell = np.repeat(np.arange(18), sizes)
    label = cell % 2 == 1
    if label.sum() < 2 or (~label).sum() < 2:
        return
    levels = {
        "sex": Levels((cell // 6).astype(np.intp), ["F", "M", "Unknown"]),
        "ageBand": Levels((cell % 6 // 2).astype(np.intp), ["<40", "40-65", ">=65"]),
    }
    who = LabelledRows(label, frozenset({"0", "1"}), levels)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    score = np.clip(random.normal(np.where(label, 0.6, 0.4), 0.2), 0, 1)
    answers = Predictions(score >= 0.5, score)

    source = rendered(evaluated(spec_of(*_GATES), who, answers, answers))

    text = Page(source).text
    told = re.findall(r"(?:positives|negatives|rows|called \w+)[: ]+\(?([\d,]+)", text)
    assert all(int(number.replace(",", "")) >= SMALLEST for number in told)
    groups = groups_of(who)
    known = []
    for name, columns in rows_of(source):
        for style, kinds in _KINDS.items():
            if columns.get(style, "hidden") != "hidden":
                number = int(columns[style].replace(",", ""))
                assert number == (groups[name] & np.where(label, *kinds)).sum()
                assert number >= SMALLEST or number == 0
                known.append(cells_of(who, groups[name], kinds))
    fact = re.search(r"<dt>Rows</dt><dd>([\d,]+)</dd>", source)
    if fact is not None and plain(fact[1]).replace(",", "").isdigit():
        known.append(cells_of(who, groups["everybody"], (True, True)))
    _nothing_follows(known, who, groups)


def _nothing_follows(known: list[Floats], who: LabelledRows, groups: dict[str, Bools]) -> None:
    if not known:
        return
    table = np.array(known)
    for name, members in groups.items():
        for kinds in _KINDS.values():
            if 0 < (members & np.where(who.label, *kinds)).sum() < SMALLEST:
                secret = cells_of(who, members, kinds)
                weights, *_ = np.linalg.lstsq(table.T, secret, rcond=None)
                assert not np.allclose(weights @ table, secret, atol=1e-6), (name, kinds)


def test_a_group_whose_number_is_hidden_has_no_curve() -> None:
    # Of 300 there are 5 positives of unknown sex, so that those of one of the others hide, too.
    sizes = {(0, 1): 60, (0, 0): 60, (1, 1): 50, (1, 0): 60, (2, 1): 5, (2, 0): 65}
    sex = np.concatenate([np.full(n, key[0]) for key, n in sizes.items()]).astype(np.intp)
    label = np.concatenate([np.full(n, key[1] == 1) for key, n in sizes.items()])
    levels = {"sex": Levels(sex, ["F", "M", "Unknown"])}
    who = LabelledRows(label, frozenset({"0", "1"}), levels)
    score = np.clip(np.random.default_rng(1).normal(np.where(label, 0.6, 0.4), 0.2), 0, 1)
    answers = Predictions(score >= 0.5, score)
    spec = spec_of({**EVERY_KIND[0], "across": {"groups": ["sex"]}})
    source = rendered(evaluated(spec, who, answers, answers))
    panels = source[source.index('id="roc"') : source.index('id="calibration"')].split("<figure>")[
        1:
    ]
    drawn = {plain(each.split("<span>")[0]): "<svg" in each for each in panels}
    hidden = {name for name, cells in rows_of(source) if cells.get("n2") == "hidden"}
    assert len(hidden) == 2
    assert drawn == {
        name: name not in hidden for name in ("everybody", "sex=F", "sex=M", "sex=Unknown")
    }


def test_few_people_with_the_outcome_do_not_follow_from_the_number_of_those_without() -> None:
    who, answers = people_of({"F": (1, 2, 100, 400), "M": (1, 1, 90, 405)})
    gates = evaluated(spec_of({**EVERY_KIND[0], "across": {"groups": ["sex"]}}), who, answers).gates
    assert [group.negatives for group in gates[0].groups] == [None, None]
    good = {**EVERY_KIND[3], "metric": "Specificity", "minPositives": 1}
    (result,) = evaluated(spec_of(good), who, answers).gates
    assert "positives: fewer than 10, negatives: at least 10" in result.message
