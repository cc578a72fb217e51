"""What others in the cluster can do to the operator: connect to it, and give their objects the labels of a model."""

import resource
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from lab.control import ControlPlane, free_ports
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import CONFIG_MAPS, JOBS, PODS
from testkit.api import Api, until
from testkit.fake_controllers import Hands, OperatorProcess
from testkit.noise import crowded_pod, noisy_job, noisy_map, resident

LIMIT = 1024
MANY = 60
IDLE = 1000
FEW_FILES = (
    "-c",
    f"""
import resource, runpy
resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))
runpy.run_module("mlhops.controller", run_name="__main__")
""",
)


@dataclass(frozen=True)
class Scene:
    """An operator that may have few files open, and its namespace."""

    hands: Hands
    process: psutil.Process
    metrics: int
    health: int

    def asked(self) -> dict[str, float]:
        """How long each page took, of which all were there."""
        took = {}
        for port, path in (
            (self.health, "healthz"),
            (self.health, "readyz"),
            (self.metrics, "metrics"),
        ):
            began = time.monotonic()
            answer = httpx.get(f"http://127.0.0.1:{port}/{path}", trust_env=False, timeout=10)
            took[path] = time.monotonic() - began
            assert answer.status_code == 200, answer.text
        return took

    def metric(self, name: str, kind: str) -> float:
        """What the operator tells of a kind."""
        page = httpx.get(f"http://127.0.0.1:{self.metrics}/metrics", trust_env=False).text
        wanted = f'mlhops_{name}{{kind="{kind}"}} '
        found = (line.removeprefix(wanted) for line in page.splitlines() if wanted in line)
        return float(next(found, "0"))


@pytest.fixture
def scene(control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path) -> Iterator[Scene]:
    log, (metrics, health) = tmp_path / "operator.log", free_ports(2)
    arguments = (
        f"--metrics-port={metrics}",
        f"--health-port={health}",
        "--health-address=127.0.0.1",
    )
    operator = OperatorProcess(control_plane.kubeconfig, namespace, log, arguments, FEW_FILES)
    operator.start()
    try:
        hands = Hands(api, namespace)
        hands.make_gateway()
        until("the operator", lambda: "operator ready" in log.read_text(), 60)
        yield Scene(hands, psutil.Process(operator.pid), metrics, health)
        assert operator.stop() == 0
    finally:
        operator.kill()
        print(log.read_text()[-6000:])


@contextmanager
def connected(ports: Sequence[int], number: int, words: bytes) -> Iterator[None]:
    """So many connections to each port, on each of which something is said and nothing read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, min(hard, 4 * number + 1024))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    with ExitStack() as opened:
        for _ in range(number):
            for port in ports:
                one = opened.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                one.sendall(words)
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_connections_keep_nobody_from_passes_probes_and_metrics(scene: Scene) -> None:
    hands, ports = scene.hands, (scene.metrics, scene.health)
    hands.promote_first(rollout={"steps": [{"setWeight": 10}]})
    until("readiness", lambda: scene.asked()["readyz"] >= 0)
    files, threads = scene.process.num_fds(), scene.process.num_threads()
    idle, slow, greedy = b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\n\r\n"

    with (
        connected(ports, IDLE, idle),
        connected(ports, IDLE, slow),
        connected(ports, IDLE, greedy),
    ):
        hands.apply_model("2.0.0")
        hands.load(hands.candidate_service())
        hands.finish(EvaluationPhase.SUCCESSFUL)
        took = [scene.asked() for _ in range(10)]
        assert scene.process.num_fds() <= files + 2 * 64 + 16
        assert scene.process.num_threads() <= threads + 4
        hands.accept_weight(10)

    assert max(max(each.values()) for each in took) < 2.0


def test_large_objects_with_the_label_of_a_model_cost_the_operator_next_to_nothing(
    scene: Scene,
) -> None:
    hands = scene.hands
    service = hands.promote_first()
    until("readiness", lambda: scene.asked()["readyz"] >= 0)
    before = resident(scene.process)

    for number in range(MANY):
        hands.api.create(JOBS, hands.namespace, noisy_job(f"noise-{number}"))
        hands.api.create(CONFIG_MAPS, hands.namespace, noisy_map(f"noise-{number}"))
    hands.api.create(PODS, hands.namespace, crowded_pod("crowd", service))
    until("that it tells what it left out", lambda: scene.metric("left_out_objects", "pods") == 1)
    after = resident(scene.process)

    assert scene.metric("store_bytes", "jobs") + scene.metric("store_bytes", "configmaps") < 2**16
    assert after - before < 40, f"{before:.0f} to {after:.0f} MiB"
    until("the word for it", lambda: hands.condition("Stalled").get("reason") == "ForeignPod")
