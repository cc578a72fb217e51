"""How long the evaluator takes from predictions to a verdict."""

import time

import numpy as np

from bench.results import Result, milliseconds
from mlhops.api.evaluation import Evaluation
from mlhops.evaluator.groups import Levels
from mlhops.evaluator.judge import judge
from mlhops.evaluator.measured import Measured, Predictions
from mlhops.evaluator.people import People
from tests.builders import evaluation

ROWS = 10_000
RUNS = 20


def verdict() -> list[Result]:
    """Judge one fairness gate over sex, and sex by age band, on made-up people."""
    spec = Evaluation.model_validate(evaluation()).spec
    random = np.random.default_rng(0)
    label = random.random(ROWS) < 0.3
    levels = {
        "sex": Levels(random.integers(2, size=ROWS), ["F", "M"]),
        "ageBand": Levels(random.integers(3, size=ROWS), ["<40", "40-65", ">=65"]),
    }
    score = np.where(label, random.random(ROWS) + 0.2, random.random(ROWS) - 0.2)
    people = People(label, frozenset({"0", "1"}), levels)
    predictions = Predictions(score >= 0.4, score)
    taken = []
    for _ in range(RUNS):
        before = time.perf_counter()
        judge(spec, people, Measured(predictions))
        taken.append(time.perf_counter() - before)
    return milliseconds(f"bootstrap verdict on {ROWS:,} rows", taken)
