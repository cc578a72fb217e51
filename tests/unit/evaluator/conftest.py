"""Held-out data with known gaps, and the servers that score them."""

import copy
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.given import VARIABLE
from mlhops.api.result import Result, decode, encode
from mlhops.evaluator.run import RunOptions, run
from mlhops.rollout.evaluation import last_words
from testkit.loopback import LOOPBACK

HERE = Path(__file__).parent
KINDS = "good,matrix32,tensors,pairs,first,class,truth,wide,short,nan,inf,large,foreign,slow,echo"
ROWS = 1500

SPEC: dict[str, Any] = {
    "model": "good",
    "revision": "r1",
    "version": "1.0.0",
    "endpoint": "http://127.0.0.1:1",
    "protocolVersion": "v2",
    "interface": {
        "features": [{"name": "age"}, {"name": "creatinine"}],
        "output": {"type": "Probability", "threshold": 0.5},
        "groups": [
            {"name": "sex", "feature": "sex", "values": ["F", "M"]},
            {"name": "ageBand", "feature": "age", "bins": [60]},
        ],
    },
    "data": {"uri": "", "labelColumn": "death", "idColumn": "id"},
    "gates": [
        {
            "name": "missed",
            "type": "Fairness",
            "metric": "FalseNegativeRate",
            "across": {"groups": ["sex"]},
            "limit": 0.15,
        },
        {"name": "discrimination", "type": "Performance", "metric": "AUROC", "limit": 0.7},
    ],
    "seed": 11,
}


def columns(rows: int = ROWS, seed: int = 5) -> dict[str, Any]:
    """Return people whose outcome depends on age and creatinine, and not on sex."""
    random = np.random.default_rng(seed)
    age = random.normal(60, 12, rows)
    known = random.lognormal(0, 0.3, rows)
    creatinine = np.where(random.random(rows) < 0.2, np.nan, known)
    risk = 1 / (1 + np.exp(-(age - 60) / 6))
    return {
        "id": np.arange(rows),
        "age": age,
        "creatinine": pa.array(creatinine, from_pandas=True),
        "sex": np.where(random.random(rows) < 0.5, "F", "M"),
        "death": (random.random(rows) < risk).astype(np.int64),
    }


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the spec with one field, named by its path, set to something else."""
    spec = copy.deepcopy(SPEC)
    *parents, last = path.split(".")
    place: Any = spec
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    place[int(last) if last.isdigit() else last] = value
    return spec


class Bench:
    """Writes data and runs the evaluator on them."""

    def __init__(self, folder: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.endpoint = endpoint
        self.said: list[str] = []
        self.profile: str | None = None
        """What the latest run would hand over."""
        self._monkeypatch = monkeypatch

    def write(self, data: dict[str, Any] | None = None, name: str = "data.parquet") -> str:
        """Write data as parquet and return their URI."""
        path = self.folder / name
        pq.write_table(pa.table(columns() if data is None else data), path)
        return path.as_uri()

    def run(
        self,
        spec: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        **given: object,
    ) -> Result:
        """Run the evaluator in this process."""
        spec = copy.deepcopy(SPEC if spec is None else spec)
        if not spec["data"]["uri"]:
            spec["data"]["uri"] = self.write(data)
        text = EvaluationSpec.model_validate(spec).model_dump_json(by_alias=True)
        self._monkeypatch.setenv(VARIABLE, text)
        options: dict[str, Any] = {
            "endpoint": self.endpoint,
            "model_name": None,
            "claim_root": self.folder / "claim",
            "report_root": self.folder / "report",
            "batch_size": 500,
            "timeout": 60.0,
            "request_timeout": 20.0,
            "allowed": LOOPBACK,
        }
        found = run(RunOptions(**{**options, **given}), self.said.append)
        self.profile = found.profile
        # Whatever the evaluator says, the operator must be able to believe.
        asked = EvaluationSpec.model_validate_json(text)
        assert last_words.problem(asked, decode(encode(found.result))) == ""
        return found.result


@pytest.fixture(scope="session")
def models() -> Iterator[str]:
    """A real KServe ModelServer with a model of each kind; its base URL."""
    with serving("model_server.py", {"KINDS": KINDS}) as url:
        yield url


@pytest.fixture(scope="session")
def faults() -> Iterator[str]:
    """A server that fails on request; its base URL."""
    with serving("fault_server.py", {}) as url:
        yield url


@pytest.fixture
def bench(tmp_path: Path, models: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Runs against the model server."""
    return Bench(tmp_path, models, monkeypatch)


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Runs that must end before anything is scored: nobody listens."""
    return Bench(tmp_path, "http://127.0.0.1:1", monkeypatch)


@contextmanager
def serving(program: str, environment: dict[str, str]) -> Iterator[str]:
    """Run a server on a free port for as long as it is needed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = {**os.environ, **environment, "PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, str(HERE / program)],
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_ready(url, process)
            yield url
        finally:
            process.send_signal(signal.SIGKILL)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended before it was ready"
        try:
            with urllib.request.urlopen(f"{url}/v2/health/ready", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise AssertionError("the server did not get ready")
