"""Measures of many groups, whatever the groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhops.measures import binary
from mlhops.measures.measure import Measure, measures_of
from mlhops.statistics.inference import influence
from mlhops.statistics.inference.noninferiority import noninferiority
from mlhops.statistics.inference.performance import LabelledAnswers
from testkit.gaps import gaps_of

ROWS = 400
METRICS = st.sampled_from(measures_of("Performance", "Binary"))


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Return the atom of each row, and groups that may overlap, nest, repeat, or cover everybody."""
    atoms = draw(st.integers(1, 6))
    groups = draw(st.lists(st.integers(1, 2**atoms - 1), min_size=1, max_size=12))
    members = np.array([[group >> atom & 1 for atom in range(atoms)] for group in groups]) == 1
    covering = np.concatenate([members, np.eye(atoms, dtype=bool)])
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).integers(atoms, size=ROWS), covering


def people(atom: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, and the risks of two models."""
    random = np.random.default_rng(int(atom.sum()))
    risk = random.beta(1, 2, ROWS)
    return random.random(ROWS) < risk, risk, np.clip(risk + random.normal(0, 0.05, ROWS), 0, 1)


@pytest.mark.thorough
@settings(deadline=None)
@given(cohorts(), METRICS)
def test_any_groups_can_be_compared_between_two_models(
    who: tuple[np.ndarray, np.ndarray], metric: Measure
) -> None:
    label, new, old = people(who[0])
    candidate, stable = (
        LabelledAnswers(label, new, new > 0.4),
        LabelledAnswers(label, old, old > 0.4),
    )
    for each in noninferiority(metric, candidate, stable, *who, 0.95, [1]):
        assert each.reason or -1 <= each.lower <= each.better + 1e-12 <= each.upper + 2e-12


@pytest.mark.thorough
@settings(deadline=None)
@given(cohorts())
def test_areas_of_any_groups_can_be_compared(who: tuple[np.ndarray, np.ndarray]) -> None:
    label, score, _ = people(who[0])
    for gap in gaps_of(binary.AUROC, label, score, *who, seed=[1]):
        assert gap.reason or 0 <= gap.lower <= gap.gap + 1e-12 <= gap.upper + 2e-12


@pytest.mark.parametrize("metric", [binary.AUROC, binary.BRIER], ids=str)
def test_so_many_rows_that_only_some_are_looked_at_come_to_nearly_the_same(
    metric: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(1)
    risk = random.beta(1, 2, 40_000)
    label = random.random(40_000) < risk
    model, rows = LabelledAnswers(label, risk, risk > 0.4), np.arange(40_000)
    parts = [rows, rows[:20_000], rows[10_000:]]

    def covariance() -> np.ndarray:
        return influence.arms((metric.piece(model, part) for part in parts), 3, 40_000)[
            0
        ].covariance

    full = covariance()
    monkeypatch.setattr(influence, "_MOST_CELLS", 30_000)
    assert covariance() == pytest.approx(full, rel=0.1)
