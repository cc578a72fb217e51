"""A program that is forked from a process that has imported it behaves as one that was started."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lab.fork_server import REPOSITORY, ForkedProcess, ForkServer, ForkServers
from lab.processes import Processes, group_lives

PATIENCE = 60.0
PROGRAM = """
import json, os, sys, time
STARTED_BY = os.getpid()
if __name__ == "__main__":
    print(json.dumps([sys.argv[1:], os.getcwd(), os.environ.get("WORD"), sys.stdin.read()]), flush=True)
    if sys.argv[1:] == ["stay"]:
        time.sleep(600)
    sys.exit(sys.argv[1])
"""


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkServers]:
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    servers = ForkServers(["program"])
    yield servers
    servers.close()


def started(servers: ForkServers, folder: Path, *arguments: str) -> ForkedProcess:
    """Start the program as soon as its server is warm."""
    deadline = time.monotonic() + PATIENCE
    with (folder / "log").open("ab") as log:
        while True:
            process = servers.start(command(*arguments), {"WORD": "own"}, folder, log.fileno())
            if process is not None:
                return process
            assert time.monotonic() < deadline
            time.sleep(0.05)


def command(*arguments: str) -> Sequence[str]:
    return (sys.executable, "-m", "program", *arguments)


def test_it_has_its_own_arguments_folder_environment_and_log(
    servers: ForkServers, tmp_path: Path
) -> None:
    process = started(servers, tmp_path, "failed", "why")
    assert process.wait(PATIENCE) == 1
    told, error = (tmp_path / "log").read_text().splitlines()
    assert json.loads(told) == [["failed", "why"], str(tmp_path), "own", ""]
    assert error == "failed"


def test_it_is_signalled_and_its_end_is_seen_as_that_of_a_child(
    servers: ForkServers, tmp_path: Path
) -> None:
    process = started(servers, tmp_path, "stay")
    assert process.poll() is None
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE) == process.poll() == -signal.SIGKILL


def test_what_is_no_such_program_is_left_to_others(servers: ForkServers, tmp_path: Path) -> None:
    for argv in ((sys.executable, "-c", "program"), ("python", "-m", "program"), (sys.executable,)):
        assert servers.start(argv, {}, tmp_path, 2) is None


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise RuntimeError('no such model')", "no such model"),
        ("import threading\nthreading.Timer(60, print).start()", "program starts threads"),
    ],
)
def test_one_that_cannot_be_forked_is_left_to_others(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    program: str,
    why: str,
) -> None:
    (tmp_path / "program.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = ForkServer("program")
    with pytest.raises(RuntimeError, match="python -m program cannot be imported, or forked"):
        server.wait_until_warm()
    assert why in capfd.readouterr().err
    assert server.start([], {}, tmp_path, 2, None) is None
    server.close()


def test_a_supervisor_ends_it_with_all_others(servers: ForkServers, tmp_path: Path) -> None:
    started(servers, tmp_path, "").wait(PATIENCE)
    processes = Processes(tmp_path / "root", servers)
    process = processes.spawn("it", command("stay"))
    assert isinstance(process, ForkedProcess)
    assert (tmp_path / "root" / "pids" / str(process.pid)).exists()
    processes.stop(grace=0)
    assert not group_lives(process.pid)
    assert not (tmp_path / "root").exists()


def test_it_is_killed_while_others_wait_for_it(servers: ForkServers, tmp_path: Path) -> None:
    process = started(servers, tmp_path, "stay")
    codes: list[int] = []
    waiting = [
        threading.Thread(target=lambda: codes.append(process.wait(PATIENCE))) for _ in range(2)
    ]
    for each in waiting:
        each.start()
    process.kill()
    for each in waiting:
        each.join(PATIENCE)
    assert codes == [-signal.SIGKILL] * 2


OWNER = """
import os, sys, time
from pathlib import Path
from lab.fork_server import ForkServer

server = ForkServer("program")
server.wait_until_warm()
process = server.start(["stay"], {}, Path.cwd(), 2, None)
print(process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.thorough
def test_it_does_not_outlive_its_owner(servers: ForkServers, tmp_path: Path) -> None:
    paths = {"PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(tmp_path)))}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        env={**os.environ, **paths},
    ) as owner:
        assert owner.stdout is not None
        forked = int(owner.stdout.readline())
        assert group_lives(forked)
        owner.kill()
    deadline = time.monotonic() + PATIENCE
    while group_lives(forked):
        assert time.monotonic() < deadline
        time.sleep(0.02)
