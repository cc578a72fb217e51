"""kubectl mlhops against a real API server through a real kubectl: a model in each standing, and Decisions."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lab.binaries import kubectl as real_kubectl
from lab.control import ControlPlane
from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.cli.audit.keys import SigningKey
from mlhops.cli.audit.statements import sha256
from mlhops.cli.completion import lines
from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import Connection, Kubectl
from mlhops.cli.main import main
from mlhops.controller.resources import DECISIONS, EVALUATIONS, MODELS
from mlhops.json_access import at, items, text
from testkit.api import Api, until
from testkit.builders import with_path
from testkit.fake_controllers import MODEL, Hands
from testkit.standings import STANDINGS, an_evaluation

Run = Callable[..., tuple[int, str, str]]
_PLUGIN = '#!/bin/sh\nexec "{python}" -m mlhops.cli "$@"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, control_plane: ControlPlane) -> Path:
    """A folder on the PATH with kubectl and the plug-in, and the cluster's kubeconfig."""
    (tmp_path / "kubectl").symlink_to(real_kubectl())
    plugin = tmp_path / "kubectl-mlhops"
    plugin.write_text(_PLUGIN.format(python=sys.executable))
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    return tmp_path


@pytest.fixture
def run(folder: Path, namespace: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """The plug-in in this process: exit code, output and what it says beside that."""

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*arguments, "--namespace", namespace])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def create_standings(api: Api, namespace: str) -> list[str]:
    """A model in each standing, with the Evaluation that it names."""
    names = []
    for standing, make in STANDINGS.items():
        name, shown = standing.replace(" ", "-"), make()
        metadata: Manifest = {"name": name}
        api.create(MODELS, namespace, {**shown, "metadata": metadata})
        if "status" in shown:
            patch = cast(Manifest, {"status": shown["status"]})
            api.patch(MODELS, namespace, name, patch, "status")
        names.append(name)
    measured = an_evaluation()
    spec = {**cast(Manifest, measured["spec"]), "model": "inconclusive"}
    name = text(measured, "metadata", "name")
    api.create(EVALUATIONS, namespace, {**measured, "metadata": {"name": name}, "spec": spec})
    patch = cast(Manifest, {"status": measured["status"]})
    api.patch(EVALUATIONS, namespace, name, patch, "status")
    return names


def test_a_model_in_each_standing_is_listed_and_shown_through_kubectl(
    api: Api, namespace: str, folder: Path, run: Run
) -> None:
    names = create_standings(api, namespace)

    code, out, _ = run("status", "-o", "json")
    listed = [text(row, "name") for row in items(json.loads(out), "models")]
    assert code == Exit.BAD
    assert sorted(listed) == sorted(names)
    assert listed[-1] == "healthy"

    everywhere = subprocess.run(
        ["kubectl", "mlhops", "status", "-A"], capture_output=True, text=True, check=False
    )
    assert everywhere.returncode == Exit.BAD
    assert all(name in everywhere.stdout for name in names)
    assert "\x1b" not in everywhere.stdout

    codes = {}
    for name in names:
        codes[name], out, _ = run("get", name)
        assert f"{namespace}/{name}" in out
    assert codes["healthy"] == Exit.WELL
    assert codes["approval"] == Exit.UNDECIDED
    assert codes["gates-failed"] == Exit.BAD
    _, out, _ = run("get", "inconclusive")
    assert "0.14 [0.05, 0.23]   limit 0.1" in out
    assert "--gate equal-misses" in out
    code, out, _ = run("explain", "blocked")
    assert (code, "KServe is not installed" in out) == (Exit.BAD, True)
    code, out, _ = run("evaluation", text(an_evaluation(), "metadata", "name"))
    assert (code, "untold" in out) == (Exit.UNDECIDED, True)
    assert "blocked\tDegraded" in lines(["explain", "-n", namespace, "bl"])
    assert lines(["override", "inconclusive", "-n", namespace, "--gate", "eq"])[0] == "equal-misses"


def test_who_may_not_look_is_told_which_role_lets_them(
    control_plane: ControlPlane, run: Run
) -> None:
    eve = str(control_plane.kubeconfig_for("eve@hospital.example"))

    code, _, said = run("status", "--kubeconfig", eve)

    assert code == Exit.UNREACHED
    assert "ClusterRole mlhops-view" in said


def test_what_is_not_there_is_told_apart_from_kinds_that_are_missing(
    folder: Path, run: Run
) -> None:
    code, _, said = run("get", "nobody")
    assert code == Exit.UNREACHED
    assert '"nobody" not found' in said

    with pytest.raises(Trouble, match="does not know unicorns"):
        Kubectl(Connection()).list_of("unicorns.mlhops.io")


@pytest.fixture
def waiting(hands: Hands) -> Hands:
    """A second version that waits for its approval at ten percent."""
    hands.promote_first(rollout={"steps": []})
    steps = [{"setWeight": 10}, {"approve": {}}, {"setWeight": 50}, {"approve": {}}]
    hands.apply_model("2.0.0", rollout={"steps": steps})
    hands.load(hands.candidate_service())
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)
    until("a wait", lambda: text(hands.candidate(), "pause", "reason") == "ApprovalRequired")
    return hands


def test_an_approval_of_one_line_is_about_what_was_seen_and_ends_with_its_answer(
    waiting: Hands, run: Run
) -> None:
    seen = waiting.candidate()
    code, out, _ = run("get", MODEL)
    assert code == Exit.UNDECIDED
    assert f"kubectl mlhops approve {MODEL} -n {waiting.namespace} --reason" in out
    _, wanted, _ = run("approve", MODEL, "--reason", "later", "--dry-run", "client", "-o", "json")
    code, _, _ = run("approve", MODEL, "--reason", "fine", "--dry-run", "server")
    assert (code, waiting.api.list(DECISIONS, waiting.namespace)) == (Exit.WELL, [])

    code, out, said = run("approve", MODEL, "--reason", "a quiet week", "--yes", "-o", "json")

    made = json.loads(out)
    spec = cast(Manifest, made["spec"])
    assert code == Exit.WELL
    assert text(made, "status", "phase") == "Honoured"
    assert (spec["decidedBy"], spec["reason"]) == ("lab-admin", "a quiet week")
    assert all(spec[name] == seen[name] for name in ("digest", "gatesHash", "stepsHash"))
    assert "passes the approve step; then setWeight 50" in said
    code, out, _ = run("approve", MODEL, "--reason", "again", "--yes")
    assert (code, "Ignored" in out) == (Exit.BAD, True)

    # What was approved on an earlier look is void once somebody has edited the steps.
    waiting.api.patch(MODELS, waiting.namespace, MODEL, {"spec": {"rollout": {"steps": []}}})
    generation = at(waiting.model(), "metadata", "generation")
    until("a look", lambda: at(waiting.model(), "status", "observedGeneration") == generation)
    late = {**json.loads(wanted), "metadata": {"name": "late"}}
    waiting.api.create(DECISIONS, waiting.namespace, late)

    def answer() -> str:
        return text(waiting.api.get(DECISIONS, waiting.namespace, "late"), "status", "phase")

    assert until("an answer", lambda: answer() if answer() != "Pending" else "") == "Ignored"


def test_a_rollout_is_followed_and_looked_back_at(waiting: Hands, run: Run, folder: Path) -> None:
    name = ("sepsis", "-n", waiting.namespace)
    assert run("wait", MODEL, "--for", "decision-needed", "--timeout", "20s")[0] == Exit.WELL
    assert run("wait", MODEL, "--for", "promoted", "--timeout", "1s")[0] == Exit.UNDECIDED
    command = ["kubectl", "mlhops", "get", *name, "--watch"]
    with started(command, stdout=subprocess.PIPE) as following:
        assert following.stdout is not None
        paused = "Paused 2.0.0 2/4 at 10 % waits for a decider (ApprovalRequired)"
        assert paused in following.stdout.readline()

        assert run("approve", MODEL, "--reason", "a quiet week", "-y")[0] == Exit.WELL

        going = "Progressing 2.0.0 3/4 at 10 % waits for the operator"
        assert any(going in line for line in following.stdout)
    code, out, _ = run("history", MODEL)
    assert (code, "Promoted" in out, "1.0.0" in out) == (Exit.WELL, True, True)
    _, out, _ = run("events", MODEL)
    assert "ApprovalRequired" in out
    _, out, _ = run("diff", MODEL, "-o", "json")
    changed = {
        text(each, "path"): text(each, "after") for each in items(json.loads(out), "changes")
    }
    assert changed["predictor.storageUri"] == "s3://models/sepsis/2.0.0"
    code, out, _ = run("check")
    assert "its kinds are served: yes" in out
    assert "decide: yes" in out


def test_a_stop_needs_no_more_than_a_reason_and_a_wrong_revision_stops_nothing(
    waiting: Hands, run: Run
) -> None:
    code, _, said = run("abort", MODEL, "--reason", "wrong", "-y", "--revision", "0000000000")
    assert (code, "look at the model again" in said) == (Exit.BAD, True)
    assert run("abort", MODEL, "-y")[0] == Exit.USAGE
    assert run("abort", MODEL, "--reason", "two wrong calls", "--as", "bob", "-y")[0] == Exit.USAGE

    code, out, said = run("abort", MODEL, "--reason", "two wrong calls", "-y")

    assert (code, "Honoured" in out) == (Exit.WELL, True), said
    assert len(waiting.weights()) == 1


@contextmanager
def started(command: list[str], **streams: int) -> Iterator[subprocess.Popen[str]]:
    """A program for a minute that can be interrupted, also where a shell in the background has tests ignore that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, text=True, **streams)  # type: ignore[call-overload]
    finally:
        signal.signal(signal.SIGINT, before)
    over = threading.Timer(60, process.kill)
    over.start()
    with process:
        try:
            yield process
        finally:
            over.cancel()
            process.kill()


def read_until(terminal: int, wanted: Callable[[str], bool], seconds: float = 30.0) -> str:
    """What a program has written to a terminal, once that is as wanted."""
    told, end = "", time.monotonic() + seconds
    while not wanted(told):
        left = end - time.monotonic()
        ready, _, _ = select.select([terminal], [], [], max(left, 0))
        assert ready, f"not within {seconds} s; last: {told[-3000:]}"
        told += os.read(terminal, 65536).decode(errors="replace")
    return told


def test_a_page_is_drawn_anew_in_place_on_a_terminal_and_counts_the_time_down(
    api: Api, namespace: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = STANDINGS["timed pause"]()
    begun = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    shown = with_path(shown, "status.candidate.stepStartedAt", begun)
    api.create(MODELS, namespace, {**shown, "metadata": {"name": MODEL}})
    api.patch(MODELS, namespace, MODEL, {"status": shown["status"]}, "status")
    for name, value in (
        ("COLUMNS", "100"),
        ("LINES", "60"),
        ("TERM", "xterm"),
        ("LANG", "C.UTF-8"),
    ):
        monkeypatch.setenv(name, value)
    ours, theirs = os.openpty()
    command = ["kubectl", "mlhops", "get", MODEL, "-n", namespace, "--watch"]
    with started(command, stdin=theirs, stdout=theirs, stderr=theirs) as watching:
        os.close(theirs)

        def counted(told: str) -> bool:
            return len(set(re.findall(r"59m[0-9]+s left", told))) >= 2

        told = read_until(ours, counted)
        assert "\x1b[2K" in told  # lines are erased and written anew, and nothing scrolls
        assert "\x1b[1mWaits for:" in told
        well: Manifest = {"phase": "Healthy", "candidate": None, "message": "all is well"}
        api.patch(MODELS, namespace, MODEL, {"status": well}, "status")
        read_until(ours, lambda told: "all is well" in told)

        watching.send_signal(signal.SIGINT)
        read_until(ours, lambda told: "stopped" in told)
        assert watching.wait(timeout=20) == 130
    os.close(ours)


def test_the_card_of_each_version_is_told_and_all_that_is_on_record_is_signed(
    waiting: Hands, run: Run, tmp_path: Path
) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    waiting.api.patch(
        MODELS, waiting.namespace, MODEL, {"spec": {"card": {"users": "Nurses of ward 3"}}}
    )
    code, out, _ = run("card", MODEL, "--revision", "1.0.0", "-o", "json")
    before = json.loads(out)
    assert (code, before["role"], before["version"]) == (Exit.WELL, "serves", "1.0.0")
    assert before["toldBy"] == f"ControllerRevision {MODEL}-{before['revision']}"
    _, out, _ = run("card", MODEL, "--revision", "candidate")
    assert "Nurses of ward 3 (asked: spec.card.users)" in out
    _, out, _ = run("card", MODEL, "--revision", "1.0.0")
    assert "Nurses of ward 3" not in out
    for form in ("html", "fhir"):
        assert run("card", MODEL, "-o", form, "-f", str(tmp_path / form))[0] == Exit.WELL
    code, _, said = run("card", MODEL, "-o", "chai", "--strict")
    assert (code, "not stated: Funding (spec.card.funding)" in said) == (Exit.BAD, True)
    assert run("card", MODEL, "--revision", "9.9.9")[0] == Exit.UNREACHED
    code, _, said = run("report", MODEL)
    assert (code, "name a folder in spec.evaluation.report" in said) == (Exit.UNREACHED, True)
    report = tmp_path / "report.html"
    report.write_text("<title>a report</title>")
    digest = f"sha256:{sha256(report.read_bytes())}"
    stored: Manifest = {"report": {"uri": report.as_uri(), "digest": digest}}
    measured = text(waiting.candidate(), "evaluation")
    patch: Manifest = {"status": stored}
    waiting.api.patch(EVALUATIONS, waiting.namespace, measured, patch, "status")
    code, _, said = run("report", MODEL, "--revision", "candidate", "-f", str(tmp_path / "copy"))
    assert (code, (tmp_path / "copy").read_bytes()) == (Exit.WELL, report.read_bytes()), said
    (tmp_path / "copy").write_text("another")
    code, _, said = run("report", MODEL, "--evaluation", measured, "--from", str(tmp_path / "copy"))
    assert (code, "is not the report of" in said) == (Exit.BAD, True)

    assert run("approve", MODEL, "--reason", "a quiet week", "--yes")[0] == Exit.WELL
    _, out, _ = run("audit", "timeline", MODEL, "-o", "json")
    records = items(json.loads(out), "records")
    approved = next(each for each in records if text(each, "what") == "Decision Approve")
    assert (text(approved, "who"), text(approved, "told")) == ("lab-admin", "a quiet week")
    assert text(approved, "at") >= now[:19]

    key, private, public = (
        SigningKey(Ed25519PrivateKey.generate()),
        tmp_path / "private",
        tmp_path / "pub",
    )
    pem = key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private.write_bytes(pem)
    public.write_bytes(key.signer.pem)
    bundle = str(tmp_path / "bundle.tar.gz")
    assert run("audit", "export", MODEL, "--to", bundle)[0] == Exit.USAGE
    export = ("audit", "export", MODEL, "--to", bundle, "--sign-key", str(private))
    assert run(*export, "--report", str(tmp_path / "copy"))[0] == Exit.USAGE
    code, out, _ = run(*export, "--report", str(report))
    assert (code, "signed by sha256:" in out) == (Exit.WELL, True)
    assert main(["audit", "verify", bundle, "--key", str(public)]) == Exit.WELL
    stored_by_night(waiting.namespace, tmp_path)


def stored_by_night(namespace: str, folder: Path) -> None:
    """The CronJob of the examples is one, and what it runs exports each model of its namespace."""
    example = Path("manifests/examples/audit/cronjob.yaml")
    command = ["kubectl", "create", "--dry-run=server", "-n", namespace, "-f", str(example)]
    subprocess.run(command, check=True, capture_output=True)
    (script,) = next(
        one["args"]
        for each in yaml.safe_load_all(example.read_text())
        if each["kind"] == "CronJob"
        for one in each["spec"]["jobTemplate"]["spec"]["template"]["spec"]["initContainers"]
    )
    # Where its container has volumes there is one folder, and its pod's namespace is that of a context.
    script = re.sub(r"/(bundles|tmp|key)/", lambda found: f"{folder}{found[0]}", script)
    for path in ("bundles", "tmp", "key"):
        (folder / path).mkdir()
    (folder / "key" / "key.pem").write_bytes((folder / "private").read_bytes())
    config = folder / "config"
    config.write_bytes(Path(os.environ["KUBECONFIG"]).read_bytes())
    environment = {**os.environ, "KUBECONFIG": str(config)}
    context = ["kubectl", "config", "set-context", "--current", f"--namespace={namespace}"]
    subprocess.run(context, env=environment, check=True, capture_output=True)

    subprocess.run(["/bin/sh", "-euc", script], env=environment, check=True, capture_output=True)

    (made,) = (folder / "bundles").iterdir()
    assert made.name.startswith(f"{MODEL}-20")
    assert main(["audit", "verify", str(made), "--key", str(folder / "pub")]) == Exit.WELL
