"""How long the evaluator takes from data on disk to a verdict, and how much memory.

The model is not asked: its scores are a column of the data, as if it had answered at once. All
else is the evaluator's own: the digest, the groups, the labels, the ids, the gates.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from bench.results import Result
from mlhops.api import given
from mlhops.api.base import Json
from mlhops.api.destinations import ANYWHERE
from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator import run
from mlhops.evaluator.data.convert import floats
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.scoring import score as scoring
from mlhops.evaluator.tasks.predictions import Predictions

ROWS = 1_000_000
MANY = 10_000_000
_SECONDS = 10.0
_MIB = 1024.0
_PIECE = 500_000
_ROWS_AT_ONCE = 65_536
_BANDS: list[Json] = [40, 65, 80]
_INTERSECTION: list[Json] = ["sex", "ageBand"]


def evaluate() -> list[Result]:
    """Evaluate data of both formats in processes of their own."""
    found = []
    for rows in (ROWS, MANY):
        for form in ("parquet", "csv"):
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                path = Path(folder) / f"data.{form}"
                _in_process("--write", str(path), "--rows", str(rows))
                seconds, mib = _in_process("--measure", str(path))
            bounded = rows == ROWS
            name = f"{rows:,} rows of {form}, scored, to a verdict"
            found += [
                Result(name, round(seconds, 2), "s", _SECONDS if bounded else None),
                Result(f"{name}, peak RSS", round(mib, 1), "MiB", _MIB if bounded else None),
            ]
    return found


def _in_process(*arguments: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "bench.evaluate", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["seconds"]), float(found["mib"])


def write(path: Path, rows: int) -> None:
    """Write made-up people, whose score is about as good for one sex as for the other."""
    random = np.random.default_rng(0)
    parts = _people(random, rows)
    first = next(parts)
    with (
        pq.ParquetWriter(path, first.schema)
        if path.suffix == ".parquet"
        else pyarrow.csv.CSVWriter(path, first.schema)
    ) as writer:
        writer.write_table(first)
        for part in parts:
            writer.write_table(part)


def _people(random: np.random.Generator, rows: int) -> Iterator["pa.Table"]:
    for start in range(0, rows, _PIECE):
        size = min(_PIECE, rows - start)
        age = np.clip(random.normal(62, 16, size), 18, 100).round(1)
        label = random.random(size) < 1 / (1 + np.exp(-(age - 75) / 8))
        score = np.clip(np.where(label, 0.55, 0.35) + random.normal(0, 0.15, size), 0, 1)
        features = {f"lab{n}": random.lognormal(0, 0.4, size).round(4) for n in range(12)}
        sexes = np.array(["F", "M"])[random.integers(2, size=size)]
        yield pa.table(
            {
                "id": pa.array([f"patient-{start + n:09d}" for n in range(size)]),
                "age": age,
                "sex": sexes,
                **features,
                "death": label.astype(np.int8),
                "score": score,
            }
        )


def measure(path: Path) -> tuple[float, float, str]:
    """Return the seconds that an evaluation takes, the process's largest RSS in MiB, the verdict.

    Imports are not in it.
    """
    spec = {
        "model": "mortality",
        "revision": "r1",
        "version": "1",
        "endpoint": "http://127.0.0.1:1",
        "interface": {
            "features": [{"name": "age"}, *({"name": f"lab{n}"} for n in range(12))],
            "output": {"threshold": 0.45},
            "groups": [
                {"name": "sex", "feature": "sex", "values": ["F", "M"]},
                {"name": "ageBand", "feature": "age", "bins": _BANDS},
            ],
        },
        "data": {
            "uri": path.as_uri(),
            "format": path.suffix.removeprefix("."),
            "labelColumn": "death",
            "idColumn": "id",
        },
        "gates": [
            {
                "name": "missed",
                "type": "Fairness",
                "metric": "FalseNegativeRate",
                "across": {"groups": ["sex", "ageBand"], "intersections": [_INTERSECTION]},
                "limit": 0.5,
            },
            {"name": "ranks", "type": "Performance", "metric": "AUROC", "limit": 0.7},
        ],
    }
    os.environ[given.VARIABLE] = EvaluationSpec.model_validate(spec).model_dump_json(by_alias=True)
    # What is measured is all but the model server.
    setattr(scoring, "predict", _scored)  # noqa: B010 a name that is not for others
    options = run.RunOptions(None, None, path.parent, path.parent, 500, 1800.0, 30.0, ANYWHERE)
    began = time.perf_counter()
    result = run.run(options, lambda text: print(text, file=sys.stderr)).result
    seconds = time.perf_counter() - began
    # Of this process alone: it was started by one that is small.
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _unit(), result.message


def _unit() -> float:
    """Return how many of the system's units of memory are a MiB."""
    return 2**20 if sys.platform == "darwin" else 2**10


def _scored(
    table: Table, people: LabelledRows, spec: EvaluationSpec, *_rest: object
) -> Predictions:
    """Take the column `score` for what the model answers."""
    score = np.empty(people.rows)
    start = 0
    for batch in table.batches(["score"], _ROWS_AT_ONCE):
        part = floats(batch["score"], "score")
        score[start : start + len(part)] = part
        start += len(part)
    return Predictions(score >= (spec.interface.output.threshold or 0), score)


def main() -> int:
    """Do one part of it in this process."""
    parser = argparse.ArgumentParser(prog="python -m bench.evaluate", description=__doc__)
    parser.add_argument("--write", type=Path, help="write such data")
    parser.add_argument("--rows", type=int, default=ROWS, help="how many")
    parser.add_argument("--measure", type=Path, help="evaluate data that were written so")
    options = parser.parse_args()
    if options.write:
        write(options.write, options.rows)
        print(json.dumps({"seconds": 0, "mib": 0}))
    elif options.measure:
        seconds, mib, verdict = measure(options.measure)
        print(verdict, file=sys.stderr)
        print(json.dumps({"seconds": seconds, "mib": mib}))
    else:
        for result in evaluate():
            print(f"{result.name}: {result.value:g} {result.unit}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
