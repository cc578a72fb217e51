"""How long it takes to render the largest report, and how large it is.

It has 32 gates over the 64 values that a group may have at most, with names as long as they may be.
"""

import argparse
import sys
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.results import Result, milliseconds
from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import UNKNOWN, Levels
from mlhops.evaluator.report.collect import Evaluated, collect
from mlhops.evaluator.report.page import page
from mlhops.evaluator.run import summary
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict.judge import judgement, phase_of_run
from mlhops.measures.measure import MEASURES, measures_of

GATES = 32
GROUPS = 64
ROWS = 50_000
MOST_MIB = 2.0
MOST_MS = 1000.0
_RUNS = 5
_LONGEST = 63
_SCRIPTS = (
    "Ελληνικά ",
    "日本語の名前",
    "עברית ",
    "Ünïcødé-",
    "한국어이름",
    "Кириллица ",
    "العربية ",
    "नाम ",
)
_RATES = [each.name for each in measures_of("Fairness", "Binary")]
_SCORES = ["AUROC", "Brier", "Sensitivity"]


def rendering() -> list[Result]:
    """Render the largest report several times."""
    run = evaluated()
    seconds, content = [], b""
    for _ in range(_RUNS):
        began = time.perf_counter()
        content = page(collect(run))
        seconds.append(time.perf_counter() - began)
    tracemalloc.start()
    page(collect(run))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    name = f"report of {GATES} gates over {GROUPS} groups"
    return [
        *milliseconds(f"{name}, rendered", seconds, MOST_MS),
        Result(f"{name}, size", round(len(content) / 2**20, 2), "MiB", MOST_MIB),
        Result(f"{name}, memory to render it", round(peak / 2**20, 1), "MiB"),
    ]


def evaluated(rows: int = ROWS) -> Evaluated:
    """Return an evaluation with as many gates and groups as there may be."""
    spec, (who, measured) = _spec(), _people(rows)
    judged = judgement(spec, who, measured)
    phase, told = phase_of_run(judged.gates), summary(judged.gates)
    at = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    return Evaluated(
        spec, phase, told, "sha256:" + "0" * 64, at, "0.0.0", judged.gates, judged, who, measured
    )


def names() -> list[str]:
    """Return the values of the group, the longest that there may be, and Unknown."""
    long = [f"{n} {_SCRIPTS[n % len(_SCRIPTS)] * _LONGEST}"[:_LONGEST] for n in range(GROUPS - 1)]
    return [*long, UNKNOWN]


def _people(rows: int) -> tuple[LabelledRows, Measured]:
    random = np.random.default_rng(7)
    weights = np.geomspace(1, 4000, GROUPS)
    group = random.choice(GROUPS, size=rows, p=weights / weights.sum()).astype(np.intp)
    label = random.random(rows) < 0.3
    lean = np.where(group % 5 == 0, -0.8, 0.0)
    score, other = (
        1 / (1 + np.exp(-random.normal(np.where(label, 0.5, -1.2) + lean, 1.0))) for _ in range(2)
    )
    who = LabelledRows(label, frozenset({"0", "1"}), {"place": Levels(group, names())})
    answers = [Predictions(each >= 0.5, each) for each in (score, other)]
    return who, Measured(answers[0], answers[1], random.lognormal(-3, 0.4, 1000))


def _spec() -> EvaluationSpec:
    return EvaluationSpec.model_validate(
        {
            "model": "m" * _LONGEST,
            "revision": "r" * _LONGEST,
            "version": "1.0.0-" + "v" * 50,
            "endpoint": "http://127.0.0.1",
            "interface": {
                "features": [{"name": "x"}],
                "output": {"threshold": 0.5},
                "groups": [{"name": "place", "feature": "place"}],
            },
            "data": {"uri": f"s3://bucket/{'folder/' * 20}data.parquet", "labelColumn": "y"},
            "gates": [_gate(n) for n in range(GATES)],
            "stable": {"revision": "s", "version": "0.9.0"},
        }
    )


def _gate(n: int) -> Json:
    name, across = f"{'gate-' * 12}{n:02d}"[-_LONGEST:], ["place"]
    if n == GATES - 1:
        return {"name": name, "type": "Latency", "metric": "P99", "limit": 0.1}
    if n % 4 == 3:
        return {
            "name": name,
            "type": "Performance",
            "metric": _SCORES[n // 4 % len(_SCORES)],
            "limit": 0.2,
            "nonInferiority": {"margin": 0.05},
            "across": {"groups": [*across]},
            "required": n % 2 == 0,
        }
    metric = _RATES[n % len(_RATES)]
    ratio = n % 2 == 0 and MEASURES[metric].how.ratio
    return {
        "name": name,
        "type": "Fairness",
        "metric": metric,
        "across": {"groups": [*across]},
        "limit": 0.8 if ratio else 0.1,
        "comparison": "Ratio" if ratio else "Difference",
        "against": "Best" if n % 5 == 4 else "Rest",
        "required": n % 3 != 0,
        "primary": n == 1,
    }


def main() -> int:
    """Render the largest report into a file, to look at it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.parse_args().file.write_bytes(page(collect(evaluated())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
