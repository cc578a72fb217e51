"""The tutorial works word for word: its commands are typed as they stand, and print what the page shows."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.cluster import Cluster
from lab.demo.train import Data
from mlhops.api.status import Outcome
from testkit.api import Api, until
from testkit.lab_operator import LabOperator
from testkit.ward import Ward

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "tutorial.md"
LEFT_OUT = "..."
END = "that was all"
# What is another one each time or in another release: revisions, names that the API server makes up, moments, spans.
_CHANGES = (
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ", "MOMENT"),
    (r"\b[bcdfghjklmnpqrstvwxz2456789]{10}\b", "REVISION"),
    (r"(approve)-[a-z0-9]{5}\b", r"\1-NAME"),
    (r"\b(\d+[smhd])+\b", "SPAN"),
    (r"\(v\d+\.\d+\.\d+\)", "(RELEASE)"),
    (r"\s+", " "),
)


@dataclass(frozen=True)
class Typed:
    """A command of the page, with the lines that the page shows of what it prints."""

    command: str
    shown: tuple[str, ...]


def commands() -> list[Typed]:
    """The commands of the page's console blocks, in their order."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found = []
    for part in "".join(blocks).removeprefix("$ ").split("\n$ "):
        command, *shown = part.splitlines()
        found.append(Typed(command, tuple(line for line in shown if line.strip())))
    return found


def steady(line: str) -> str:
    """A line without what is another one each time."""
    for pattern, instead in _CHANGES:
        line = re.sub(pattern, instead, line)
    return line.strip()


def missing(shown: tuple[str, ...], printed: str) -> str:
    """The first line that is shown and was not printed in its turn; empty where there is none.

    Between two shown lines others may be printed only where `...` says so, and so it is at the end.
    """
    lines = [steady(line) for line in printed.splitlines() if line.strip()]
    gap = False
    for line in map(steady, shown):
        if line == LEFT_OUT:
            gap = True
            continue
        before = lines.index(line) if line in lines else None
        if before is None or (before and not gap):
            return line
        lines, gap = lines[before + 1 :], False
    return f"nothing more, and there is {lines[0]}" if lines and not gap else ""


class Terminal:
    """One bash in which the page's commands are typed, one after the other."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=REPOSITORY,
            env=environment,
        )

    def type(self, command: str) -> str:
        """Type a command, and return what it prints; its exit code stays in `$?`."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{command}\n(c=$?; printf '\\n{END}\\n'; exit $c)\n")
        self._bash.stdin.flush()
        printed = []
        while (line := self._bash.stdout.readline()) not in (f"{END}\n", ""):
            printed.append(line.replace("\r\n", "\n"))
        return "".join(printed)

    def close(self) -> None:
        """End the shell."""
        self._bash.kill()
        self._bash.communicate()


@pytest.fixture
def demo(
    cluster: Cluster, api: Api, operator: LabOperator, people: Data, models: Path
) -> Iterator[Ward]:
    """The namespace of the page, as `make lab` leaves it."""
    ward = Ward(cluster, api, "demo")
    ward.prepare(people.held_out, models)
    yield ward
    cluster.kubectl("delete", "namespace", ward.namespace, "--wait=false")


@pytest.fixture
def terminal(demo: Ward, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal with what `make lab` has people paste."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_bytes(demo.cluster.kubeconfig.read_bytes())
    kubeconfig.chmod(0o600)
    environment = {
        "HOME": str(tmp_path),
        "KUBECONFIG": str(kubeconfig),
        "GATEWAY": f"http://{demo.cluster.gateway_address(demo.namespace, 'clinical')}",
        "PATH": f"{REPOSITORY / '.venv/bin'}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "COLUMNS": "250",
        "PYTHONUNBUFFERED": "1",  # into a pipe, else, what is printed comes after what is warned of
        "no_proxy": "*",
    }
    found = Terminal(environment)
    yield found
    found.close()


def test_the_tutorial_stops_the_unfair_version_and_a_fair_one_can_take_over(
    demo: Ward, terminal: Terminal
) -> None:
    # when the page is followed
    for typed in commands():
        printed = terminal.type(typed.command)
        lacking = missing(typed.shown, printed)
        assert not lacking, f"$ {typed.command}\n{printed}\nlacks: {lacking}"
    # then the unfair version has had no traffic, and is on record and gone
    model = demo.model()
    first = model.status.stable
    assert first is not None
    assert first.version == "1.0.0"
    assert demo.weights() == {f"{first.inference_service}-predictor": 100}
    assert model.status.history[-1].outcome is Outcome.ROLLED_BACK
    until("removal of 2.0.0", lambda: demo.services() == [first.inference_service])
    # when a fair version comes
    demo.apply("3.0.0")
    model = demo.wait("Healthy", version="3.0.0")
    # then it serves, and the one before is kept
    assert model.status.previous is not None
    assert model.status.previous.version == "1.0.0"
    assert 0 <= demo.ask()[-1] <= 1
    # when the spec goes back
    demo.apply("1.0.0")
    model = demo.wait("Healthy", 10, version="1.0.0")
    # then so does the service, at once
    assert model.status.history[-1].outcome is Outcome.FAST_ROLLED_BACK


def test_a_line_that_is_not_printed_or_left_out_in_silence_is_found() -> None:
    printed = "one\n  1.0.0 for 12s, as mlpnchrdqx\nthree\n"
    assert missing(("one", "1.0.0 for 3m4s, as drzfmdmmvz", "three"), printed) == ""
    assert missing(("one", "...", "three"), printed) == ""
    assert missing(("...", "three"), printed) == ""
    assert missing(("one", "..."), printed) == ""
    assert missing(("one", "three"), printed) == "three"
    assert missing(("one", "...", "two"), printed) == "two"
    assert missing(("one",), printed) != ""
