"""`python -m lab.demo`: a fair model serves, an unfair one is stopped, a fair one takes over, and an assay changes.

Exits with 1 and says why if any of it did not happen. With KEEP=1 in the environment the cluster stays up
until Ctrl-C. With `--stage` there is no story: the cluster stays up as it is before the first model, which is
where docs/tutorial.md begins.
"""

import argparse
import json
import os
import socket
import sys
import threading
import time
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path

import pandas as pd

from lab.binaries import kubectl
from lab.cluster import Cluster
from lab.demo.screen import MODEL, NAMESPACE, Failed, Screen, ready
from lab.demo.traffic import Traffic
from lab.demo.train import load, train
from lab.images import detector, program
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.model import ClinicalModel
from mlhops.api.status import Outcome, Phase

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
POLICIES = [REPOSITORY / "manifests" / "base" / f"{name}.yaml" for name in ("roles", "admission")]
HOST = "mortality.models.example"
HELD_OUT_FILE = "held-out.parquet"
RETRAIN_IMAGE = "demo/retrain"
ADA, GRACE = "ada@hospital.example", "grace@hospital.example"
DRIFT_SECONDS = 120
SEVERAL_LOOKS = 25


def main(argv: list[str] | None = None) -> int:
    """Tell the story once, or only set the stage for it."""
    parser = argparse.ArgumentParser(prog="python -m lab.demo", description=main.__doc__)
    parser.add_argument("--stage", action="store_true", help="no story: leave the cluster up")
    only_stage = parser.parse_args(argv).stage
    started = time.monotonic()
    print(
        "starting a cluster: etcd, kube-apiserver, kube-controller-manager, KServe, Envoy",
        flush=True,
    )
    images = {
        "mlhops/evaluator": program("mlhops.evaluator"),
        "mlhops/detector": detector("mlhops.detector"),
        RETRAIN_IMAGE: program("lab.demo.retrain"),
    }
    with Cluster.start(images=images, install=[REPOSITORY / "crds"]) as cluster:
        screen = Screen(cluster)
        if only_stage:
            stage(cluster, screen)
            keep(cluster)
            return 0
        try:
            tell(cluster, screen)
        except Failed as failure:
            print(f"\nFAILED: {failure}", file=sys.stderr)
            print(f"the operator's log: {cluster.control.root}/logs/operator.log", file=sys.stderr)
            if os.environ.get("KEEP"):
                keep(cluster)
            return 1
        print(f"\nAll of it happened, in {time.monotonic() - started:.0f} s.", flush=True)
        if os.environ.get("KEEP"):
            keep(cluster)
    return 0


def stage(cluster: Cluster, screen: Screen) -> pd.DataFrame:
    """Put in place what is there before the first model; return the held-out people."""
    screen.title("Three models are trained on survival/flchain")
    people = prepare(cluster)
    start_operator(cluster)
    for file in (*POLICIES, HERE / "cluster.yaml"):
        cluster.kubectl("apply", "--server-side", "-f", file)
    return people


def tell(cluster: Cluster, screen: Screen) -> None:
    """Run the three versions, one after the other."""
    people = stage(cluster, screen)
    screen.title("1.0.0, the first version, goes through the gates before it serves")
    for file in (HERE / "policy.yaml", HERE / "model.yaml"):
        print(f"$ kubectl apply -f {file.relative_to(REPOSITORY)}")
        cluster.kubectl("apply", "--server-side", "-f", file)
    approve(cluster, screen, 90)
    screen.watch(ready, "1.0.0 serves", 30)
    first = serving(screen, "1.0.0")
    address = cluster.gateway_address(NAMESPACE, "clinical")
    with Traffic(address, HOST, MODEL, people) as traffic:
        unfair(cluster, screen, first)
        fair(cluster, screen)
        drift(cluster, screen, traffic)
    screen.title("What is on record")
    screen.command("get", "-n", NAMESPACE, "evaluations")
    screen.command(
        "get",
        "-n",
        NAMESPACE,
        "events",
        "--sort-by=.metadata.name",
        "--field-selector=involvedObject.kind=ClinicalModel",
        "-o=custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message",
    )
    print(f"\nlive requests: {traffic.answered} answered, {len(traffic.failures)} failed")
    if traffic.failures or traffic.answered < 50:
        raise Failed(f"live requests failed or were too few: {traffic.failures[:3]}")


def prepare(cluster: Cluster) -> pd.DataFrame:
    """Put models and held-out data where the cluster's volumes are; return the held-out people."""
    volumes = cluster.volumes / NAMESPACE
    data = load()
    train(data, volumes / "models")
    (volumes / "data").mkdir(parents=True, exist_ok=True)
    data.held_out.to_parquet(volumes / "data" / HELD_OUT_FILE, index=False)
    print(f"trained on {len(data.training)} people, held out {len(data.held_out)}", flush=True)
    return data.held_out


def start_operator(cluster: Cluster) -> None:
    """Start the operator as a process of its own."""
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    images = [
        f"--{name}-image=mlhops/{name}:{installed('mlhops')}" for name in ("evaluator", "detector")
    ]
    argv = (*program("mlhops.controller"), *images, f"--metrics-port={metrics_port()}")
    cluster.control.processes.spawn("operator", argv, env=environment)


@cache
def metrics_port() -> int:
    """A port of this machine that was free when it was first asked for."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def approve(cluster: Cluster, screen: Screen, seconds: float) -> None:
    """Decide on what waits for a person, as one who may; in another's name nobody can."""
    screen.watch(waits_for_approval, "a person is asked", seconds)
    candidate = screen.model().status.candidate
    revision = candidate.revision if candidate is not None else ""
    decision = {
        "apiVersion": "mlhops.io/v1alpha1",
        "kind": "Decision",
        "metadata": {"generateName": f"{MODEL}-", "namespace": NAMESPACE},
        "spec": {
            "model": MODEL,
            "revision": revision,
            "action": "Approve",
            "reason": "reviewed with the ward",
            "decidedBy": ADA,
        },
    }
    file = cluster.root / "decision.json"
    file.write_text(json.dumps(decision))
    try:
        cluster.kubectl("create", "-f", file)
    except RuntimeError as error:
        refused = str(error)
    else:
        raise Failed(f"the administrator could decide as {ADA}")
    if "you are lab-admin" not in refused:
        raise Failed(f"a Decision in another's name was not refused for that: {refused}")
    print(f"\n$ kubectl create -f decision.yaml   # action: Approve, decidedBy: {ADA}")
    print(f"  refused: {refused.partition('denied request: ')[2]}")
    print(f"$ kubectl create -f decision.yaml --as={ADA}")
    print(cluster.kubectl("create", "-f", file, f"--as={ADA}").rstrip(), flush=True)


def waits_for_approval(model: ClinicalModel) -> bool:
    """Whether the candidate waits for a person."""
    candidate = model.status.candidate
    pause = candidate.pause if candidate is not None else None
    return pause is not None and pause.reason == "ApprovalRequired"


def serving(screen: Screen, version: str) -> dict[str, int]:
    """Check that a version serves alone, and print the evidence; return the weights."""
    status = screen.model().status
    if status.stable is None or status.stable.version != version or status.stable.proof is None:
        raise Failed(f"{version} does not serve")
    screen.verdict(status.stable.proof.evaluation)
    return screen.weights()


def set_version(cluster: Cluster, version: str) -> None:
    """Change the model's version, as a GitOps pipeline would."""
    text = (HERE / "model.yaml").read_text().replace("1.0.0", version)
    changed = cluster.root / f"model-{version}.yaml"
    changed.write_text(text)
    print(
        f'$ kubectl apply -f model.yaml   # version: "{version}", storageUri: pvc://models/{version}'
    )
    cluster.kubectl("apply", "--server-side", "-f", changed)


class RouteWatch:
    """Looks at the weights all the while: what a rollout must not do, it must not do for a moment either."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seen: list[dict[str, int]] = []

    def __enter__(self) -> "RouteWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            weights = self._screen.weights()
            if not self.seen or self.seen[-1] != weights:
                self.seen.append(weights)


def unfair(cluster: Cluster, screen: Screen, first: dict[str, int]) -> None:
    """Version 2 misses deaths of women; the gate stops it before any traffic."""
    screen.title("2.0.0 was trained on records that lack most deaths of women")
    with RouteWatch(screen) as route:
        set_version(cluster, "2.0.0")
        screen.watch(lambda m: m.status.phase is Phase.DEGRADED, "2.0.0 is stopped", 90)
    history = screen.model().status.history
    evaluation = screen.verdict(history[-1].evaluation or "")
    if evaluation.status.phase is not EvaluationPhase.FAILED:
        raise Failed("2.0.0 did not fail its gates")
    if any(weights != first for weights in route.seen):
        raise Failed(f"2.0.0 got traffic: {route.seen}")
    if history[-1].outcome is not Outcome.ROLLED_BACK:
        raise Failed(f"2.0.0 ended as {history[-1].outcome}")


def fair(cluster: Cluster, screen: Screen) -> None:
    """Version 3 is fair, and climbs step by step while requests flow."""
    screen.title("3.0.0 is fair, and takes over step by step")
    with RouteWatch(screen) as route:
        set_version(cluster, "3.0.0")
        approve(cluster, screen, 90)
        screen.watch(
            lambda m: ready(m) and bool(m.status.stable and m.status.stable.version == "3.0.0"),
            "3.0.0 serves",
            60,
        )
    serving(screen, "3.0.0")
    service = f"{screen.model().status.stable.inference_service}-predictor"  # type: ignore[union-attr]
    climbed = [weights.get(service, 0) for weights in route.seen]
    if [weight for weight in climbed if weight] != [10, 50, 100]:
        raise Failed(f"3.0.0 did not climb 10, 50, 100 but {climbed}")
    print(f"\nweights of 3.0.0: {' -> '.join(str(weight) for weight in climbed)}", flush=True)


def drift(cluster: Cluster, screen: Screen, traffic: Traffic) -> None:
    """A laboratory reports creatinine in other units; the policy notices, and starts its Job once."""
    screen.watch(lambda m: verdict_of(m) == "NoDrift", "the served model shows no drift", 120)
    screen.title("Creatinine starts arriving in umol/L in place of mg/dL: 88.4 times as large")
    began = time.monotonic()
    traffic.convert("creatinine", 88.4)
    screen.watch(lambda m: verdict_of(m) == "Drift", "drift is seen", DRIFT_SECONDS)
    print(f"\nseen after {time.monotonic() - began:.0f} s", flush=True)
    monitoring = screen.model().status.monitoring
    worst = monitoring.worst if monitoring is not None else None
    if worst is None or worst.of != "creatinine":
        raise Failed(f"what drifted is told as {worst}")
    events = screen.command(
        "get",
        "-n",
        NAMESPACE,
        "events",
        "--field-selector=reason=DriftDetected",
        "-o=custom-columns=REASON:.reason,MESSAGE:.message",
    )
    if "creatinine" not in events:
        raise Failed("no Event names creatinine")
    screen.wait(lambda: retrained(cluster), "the Retrain Job has ended", 60)
    time.sleep(SEVERAL_LOOKS)  # drift goes on; the Job must not start again
    jobs = retrained(cluster)
    if len(jobs) != 1:
        raise Failed(f"the Retrain Job was to start once: {jobs}")
    screen.command("get", "-n", NAMESPACE, "monitoringpolicies")
    screen.command("logs", "-n", NAMESPACE, f"job/{jobs[0]}")


def verdict_of(model: ClinicalModel) -> str:
    """What monitoring found last, empty before it found anything."""
    monitoring = model.status.monitoring
    return (monitoring.verdict or "") if monitoring is not None else ""


def retrained(cluster: Cluster) -> list[str]:
    """The Retrain Jobs that have ended well."""
    jobs = json.loads(cluster.kubectl("get", "-n", NAMESPACE, "jobs", "-o=json"))["items"]
    return [
        job["metadata"]["name"]
        for job in jobs
        if job["spec"]["template"]["spec"]["containers"][0]["image"] == RETRAIN_IMAGE
        and job["status"].get("succeeded")
    ]


def keep(cluster: Cluster) -> None:
    """Leave the cluster up until Ctrl-C."""
    print("\nThe cluster stays up until Ctrl-C. In another terminal:\n")
    print(f"  export KUBECONFIG={cluster.kubeconfig}")
    print(f"  export PATH={Path(kubectl()).parent}:$PATH")
    print(f"  export LAB={cluster.volumes / NAMESPACE}")
    print(f"  export GATEWAY=http://{cluster.gateway_address(NAMESPACE, 'clinical')}\n")
    print("docs/tutorial.md goes on from here, and docs/first-model.md with a model of your own:")
    print(
        f"  of the namespace {NAMESPACE} each claim is a folder in $LAB; kubectl mlhops is there."
    )
    print(
        "A Decision: decidedBy is who creates it. You are lab-admin (kubectl auth whoami), who may;"
    )
    print(f"  as somebody else: kubectl create -f decision.yaml --as={ADA}")
    print(f"The operator's log: {cluster.control.root}/logs/operator.log")
    print(f"  its metrics: curl -s http://127.0.0.1:{metrics_port()}/metrics | grep ^mlhops")
    print("Ctrl-C deletes all of it: the cluster, its folders, and the files that you put there.\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nstopping")


if __name__ == "__main__":
    sys.exit(main())
