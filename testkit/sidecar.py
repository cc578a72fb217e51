"""A real drift detector as a process, and what is posted to it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from mlhops.api.detector import DetectorConfig
from mlhops.api.profile import Profile
from mlhops.api.summary import DetectorReport
from mlhops.statistics.drift import edges, fourier
from testkit.images import Image

HOST = "127.0.0.1"
PATIENCE = 20.0
_TYPE = "org.kubeflow.serving.inference"


def config(features: Sequence[str] = ("age", "creatinine"), **more: object) -> DetectorConfig:
    """A configuration of numeric features."""
    return DetectorConfig.model_validate(
        {
            "revision": "r1",
            "features": [{"name": name} for name in features],
            "output": {"name": "risk", "threshold": 0.5},
            "windows": [
                {"name": "hour", "length": "1h"},
                {"name": "all", "length": "30d", "mode": "Cumulative"},
            ],
        }
        | more
    )


def profile(features: Sequence[str] = ("age", "creatinine"), revision: str = "r1") -> Profile:
    """The profile of normal features and uniform scores."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(5000, len(features)))
    parts = [edges.numeric(name, rows[:, i]) for i, name in enumerate(features)]
    return Profile(
        revision=revision,
        created_from=f"sha256:{'0' * 64}",
        rows=len(rows),
        features=parts,
        score=edges.numeric("score", random.random(5000)),
        joint=fourier.profile(parts, rows, seed=1),
    )


def headers(kind: str = "request", identity: str = "a", **more: str) -> dict[str, str]:
    """The headers of KServe's agent."""
    return {
        "User-Agent": "Go-http-client/1.1",
        "Ce-Component": "predictor",
        "Ce-Id": identity,
        "Ce-Metadata": "{}",
        "Ce-Specversion": "1.0",
        "Ce-Time": "2026-11-23T18:57:30.573819445Z",
        "Ce-Type": f"{_TYPE}.{kind}",
        "Content-Type": "application/json",
    } | {name.replace("_", "-"): value for name, value in more.items()}


@dataclass
class Sidecar:
    """A running detector."""

    process: subprocess.Popen[bytes]
    folder: Path
    sink: int
    reports: int

    def post(self, body: bytes, given: Mapping[str, str]) -> int:
        """Post one event on a connection of its own; return the answer's status."""
        connection = http.client.HTTPConnection(HOST, self.sink, timeout=PATIENCE)
        connection.request("POST", "/", body, dict(given))
        status = connection.getresponse().status
        connection.close()
        return status

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a page."""
        connection = http.client.HTTPConnection(HOST, self.reports, timeout=PATIENCE)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def report(self) -> DetectorReport:
        """Return what the operator would fetch."""
        return DetectorReport.model_validate_json(self.get("/report")[1])

    def counts(self) -> dict[str, int]:
        """Return all counters that are not zero, without those of the state."""
        counters = self.report().counters
        return {name: n for name, n in counters.items() if n and name.split(".")[0] != "state"}

    def until(
        self, what: str, true: Callable[[DetectorReport], bool], patience: float = PATIENCE
    ) -> DetectorReport:
        """Wait until the report says so."""
        deadline = time.monotonic() + patience
        while not true(report := self.report()):
            assert time.monotonic() < deadline, f"{what} did not come: {self.counts()}"
            time.sleep(0.05)
        return report

    def settled(self, received: int) -> DetectorReport:
        """Wait until so many events have arrived, and something has become of each."""
        return self.until(
            f"{received} events",
            lambda report: (
                report.counters["received"] >= received
                and outcomes(report) == report.counters["received"]
            ),
        )

    def write(self, name: str, text: str) -> None:
        """Replace a mounted file at once, as the kubelet does."""
        fresh = self.folder / f".{name}"
        fresh.write_text(text)
        fresh.replace(self.folder / name)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def resident(self) -> float:
        """Its memory in MiB."""
        return float(psutil.Process(self.process.pid).memory_info().rss / 2**20)


def outcomes(report: DetectorReport) -> int:
    """Return of how many events it is known what became of them."""
    return sum(n for name, n in report.counters.items() if name.startswith("outcome."))


@contextmanager
def sidecar(
    folder: Path,
    given: DetectorConfig | None = None,
    reference: Profile | None = None,
    image: Image | None = None,
    reports: int = 0,
) -> Iterator[Sidecar]:
    """Run a detector with these files, or without; on an image's packages, or on all; its reports at some port."""
    if given is not None:
        (folder / "config.json").write_text(json.dumps(given.to_json()))
    if reference is not None:
        (folder / "profile.json").write_text(reference.to_text())
    ports = {"--sink-port": free_port(), "--report-port": reports or free_port()}
    python = image.python if image else sys.executable
    own = image.environment if image else {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [str(python), "-m", "mlhops.detector", "--report-host", HOST]
    command += ["--config", str(folder / "config.json"), "--profile", str(folder / "profile.json")]
    command += [str(word) for pair in ports.items() for word in pair]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env={**os.environ, **own},
        )
    running = Sidecar(process, folder, *ports.values())
    try:
        _wait(running)
        yield running
    finally:
        process.terminate()
        process.wait(PATIENCE)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(running: Sidecar) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            running.get("/readyz")
            return
        except OSError:
            assert running.process.poll() is None, running.log
            assert time.monotonic() < deadline, "it does not listen"
            time.sleep(0.01)
