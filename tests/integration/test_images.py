"""What each image holds is enough for it, and its process starts and answers on nothing else."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab.control import ControlPlane, free_ports
from mlhops.api.result import decode
from testkit.api import until
from testkit.images import MODULES, OLDER, Image, installed, pins, requirements
from testkit.sidecar import headers
from tests.unit.evaluator.conftest import SPEC, columns, serving

COMPILED = {("evaluator", "aarch64"): "psutil"}
"""What has no wheel for a machine: the Dockerfile compiles it from the pinned source."""
# What writes crds/ and docs/reference.md is run from a checkout alone.
_IMPORT_ALL = """
import importlib, pkgutil
for part in PARTS:
    package = importlib.import_module(f"mlhops.{part}")
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(("__main__", "api.crd", "api.reference")):
            importlib.import_module(module.name)
"""
_PARTS = {
    "operator": ("api", "kserve", "rollout", "controller"),
    "evaluator": ("api", "inputs", "statistics", "evaluator"),
    "detector": ("api", "inputs", "statistics", "detector", "alibi.sidecar"),
    "detector-alibi": ("api", "inputs", "statistics", "detector", "alibi.sidecar"),
}


@contextmanager
def started(
    image: Image, log: Path, *command: str, **environment: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run an image's process, and end it as the kubelet does."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [image.python, "-m", *command],
            env=image.environment | environment,
            stdout=file,
            stderr=file,
        )
    try:
        yield process
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def answer(port: int, path: str) -> int:
    """Return the status of a page, 0 where nobody answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize("name", MODULES)
def test_an_image_holds_what_is_pinned_and_its_code_needs_no_more(name: str) -> None:
    image = installed(name)
    assert image.packages() == set(pins(name))
    image.run(f"PARTS = {_PARTS[name]!r}{_IMPORT_ALL}")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("name", MODULES)
def test_there_is_a_wheel_for_each_machine_or_it_is_known_to_be_compiled(
    name: str, machine: str, tmp_path: Path
) -> None:
    def resolves(text: str) -> bool:
        pinned = tmp_path / "pinned.txt"
        pinned.write_text(text)
        command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--no-deps"]
        command += [
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--python-version",
            "3.12" if name in OLDER else "3.13",
        ]
        command += ["--python-platform", f"{machine}-manylinux_2_28"]
        command += ["--target", str(tmp_path / "target"), "--requirement", str(pinned)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "no usable wheels" in done.stderr, done.stderr
        return done.returncode == 0

    whole = requirements(name).read_text()
    compiled = COMPILED.get((name, machine))
    assert resolves(whole) is (compiled is None)
    if compiled is not None:
        before, _, rest = whole.partition(f"\n{compiled}==")
        assert resolves(before + "\n" + rest[_end(rest) :])


def _end(text: str) -> int:
    """Return where a pin ends that began before: after the first line without a backslash."""
    at = 0
    for line in text.splitlines(keepends=True):
        at += len(line)
        if not line.rstrip().endswith("\\"):
            break
    return at


def test_the_operator_starts_on_its_own_packages_and_answers(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    health, metrics = free_ports(2)
    arguments = [f"--namespace={namespace}", "--health-address=127.0.0.1"]
    arguments += [f"--health-port={health}", f"--metrics-port={metrics}"]
    with started(
        installed("operator"),
        tmp_path / "log",
        MODULES["operator"],
        *arguments,
        KUBECONFIG=str(control_plane.kubeconfig),
    ):
        until("readiness", lambda: answer(health, "/readyz") == 200)
        assert answer(health, "/healthz") == 200
        assert answer(metrics, "/metrics") == 200


def test_the_detector_starts_on_its_own_packages_and_counts(tmp_path: Path) -> None:
    sink, report = free_ports(2)
    arguments = (f"--sink-port={sink}", "--report-host=127.0.0.1", f"--report-port={report}")
    with started(installed("detector"), tmp_path / "log", MODULES["detector"], *arguments):
        until("the detector", lambda: answer(report, "/readyz") == 200)
        assert answer(report, "/healthz") == 200
        url = f"http://127.0.0.1:{sink}/"
        posted = httpx.post(url, content=b"{}", headers=headers(), trust_env=False)
        assert posted.status_code == 200
        told = httpx.get(f"http://127.0.0.1:{report}/report", trust_env=False).json()
        assert told["counters"]["received"] == 1


def test_the_evaluator_judges_on_its_own_packages(tmp_path: Path) -> None:
    data = tmp_path / "data.parquet"
    pq.write_table(pa.table(columns()), data)
    log = tmp_path / "termination-log"
    with serving("model_server.py", {"KINDS": "good"}) as endpoint:
        spec = {**SPEC, "endpoint": endpoint, "data": {**SPEC["data"], "uri": data.as_uri()}}
        image = installed("evaluator")
        done = subprocess.run(
            [image.python, "-m", MODULES["evaluator"], "--termination-log", str(log)],
            env=image.environment | {"MLHOPS_EVALUATION": json.dumps(spec)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert decode(log.read_text()).phase == "Successful"
