"""`python -m lab.demo.report FILE` renders the report on a version of the demo's model, with no cluster.

The models answer in this process in place of a server; everything else is what the evaluator does.
"""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import cast

import joblib
import numpy as np
import pandas as pd

from lab.demo.train import FEATURES, load, train
from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.data import labelled_rows
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.report.collect import Evaluated, collect
from mlhops.evaluator.report.page import page
from mlhops.evaluator.run import summary
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict.judge import judgement, phase_of_run
from mlhops.statistics.arrays import Floats

_AT = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
"""Always the same, so that the same code renders the same bytes."""
_THRESHOLD = 0.12
_VERSIONS = ("2.0.0", "3.0.0")
_STABLE = "1.0.0"


def main(arguments: Sequence[str] | None = None) -> int:
    """Render the report of a version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the HTML file")
    parser.add_argument("--version", default=_VERSIONS[-1], choices=_VERSIONS)
    options = parser.parse_args(arguments)
    data = load()
    with tempfile.TemporaryDirectory(prefix="report-") as name:
        models, file = Path(name), Path(name) / "held-out.parquet"
        train(data, models)
        data.held_out.to_parquet(file, index=False)
        content = page(collect(evaluated(options.version, models, file, data.held_out)))
    options.file.write_bytes(content)
    return 0


def evaluated(version: str, models: Path, file: Path, rows: pd.DataFrame) -> Evaluated:
    """Return what the evaluator finds about a version."""
    spec = _spec(version)
    who = labelled_rows.read(Table(file, "parquet"), spec)
    answers = [_answers(models / each, rows) for each in (version, _STABLE)]
    measured = Measured(answers[0], answers[1], _times())
    judged = judgement(spec, who, measured)
    digest = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    phase = phase_of_run(judged.gates)
    told = summary(judged.gates)
    return Evaluated(
        spec, phase, told, digest, _AT, installed("mlhops"), judged.gates, judged, who, measured
    )


def _answers(model: Path, rows: pd.DataFrame) -> Predictions:
    asked = rows[FEATURES].to_numpy(dtype=float)
    score = joblib.load(model / "model.joblib").predict_proba(asked)[:, 1]
    return Predictions(score >= _THRESHOLD, score.astype(np.float64))


def _times() -> Floats:
    """Return made-up times: nothing is asked over a network here."""
    return np.random.default_rng(1).lognormal(-4.2, 0.35, 1000)


def _spec(version: str) -> EvaluationSpec:
    across: Json = {"groups": ["sex", "ageBand"], "intersections": [["sex", "ageBand"]]}
    fairness: dict[str, Json] = {"type": "Fairness", "across": {"groups": ["sex"]}}
    gates: list[dict[str, Json]] = [
        {**fairness, "name": "missed-deaths", "metric": "FalseNegativeRate", "limit": 0.15},
        {
            **fairness,
            "name": "alarms-alike",
            "metric": "SelectionRate",
            "comparison": "Ratio",
            "against": "Reference",
            "reference": [{"group": "sex", "value": "M"}],
            "limit": 0.8,
        },
        {
            **fairness,
            "name": "hits-by-age",
            "metric": "TruePositiveRate",
            "across": across,
            "limit": 0.25,
            "required": False,
        },
        {
            **fairness,
            "name": "calibrated-alike",
            "metric": "CalibrationError",
            "limit": 0.02,
            "required": False,
        },
        {"name": "discrimination", "type": "Performance", "metric": "AUROC", "limit": 0.7},
        {
            "name": "no-worse-than-before",
            "type": "Performance",
            "metric": "Sensitivity",
            "nonInferiority": {"margin": 0.05},
            "across": {"groups": ["sex"]},
        },
        {"name": "quick", "type": "Latency", "metric": "P99", "limit": 0.2},
    ]
    gates[0]["primary"] = True
    return EvaluationSpec.model_validate(
        {
            "model": "mortality",
            "revision": f"mortality-{version.replace('.', '-')}",
            "version": version,
            "endpoint": "http://mortality.demo.svc",
            "interface": {
                "features": [{"name": name} for name in FEATURES],
                "output": {"name": "risk", "positiveClass": "1", "threshold": _THRESHOLD},
                "groups": [
                    {"name": "sex", "feature": "sex", "values": ["F", "M"]},
                    {"name": "ageBand", "feature": "age", "bins": [60, 70, 80]},
                ],
            },
            "data": {
                "uri": "pvc://data/held-out.parquet",
                "labelColumn": "died",
                "idColumn": "person",
            },
            "gates": cast(list[Json], gates),
            "stable": {"revision": "mortality-1-0-0", "version": _STABLE},
            "seed": 20,
        }
    )


if __name__ == "__main__":
    sys.exit(main())
