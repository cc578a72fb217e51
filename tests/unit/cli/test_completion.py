"""Completion: what is offered for the word under the cursor, and how little that loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlhops.cli.catalog import COMMANDS
from mlhops.cli.completion import lines, parsed
from tests.unit.cli.test_plugin import HEAVY


@pytest.fixture(autouse=True)
def no_kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No kubectl on the PATH: what needs a cluster offers nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))


def offered(*words: str) -> list[str]:
    """The candidates for these words, the last one under the cursor."""
    *found, directive = lines(words)
    assert directive == ":4"
    return [each.partition("\t")[0] for each in found]


def test_commands_are_offered_first_and_narrowed_as_they_are_typed() -> None:
    assert offered("") == list(COMMANDS)
    assert offered("re") == ["report", "reject", "retry", "resume"]
    assert offered("-n", "ward", "ap") == ["approve"]
    assert "approve\tLet the approve step pass." in lines(["ap"])


def test_flags_of_the_command_are_offered() -> None:
    assert offered("override", "--g") == ["--gate"]
    assert offered("override", "sepsis", "--fa") == ["--failed"]
    assert "--namespace" in offered("get", "--")
    assert offered("--cont") == ["--context"]


def test_what_stands_below_a_command_is_offered_with_its_flags() -> None:
    assert offered("audit", "") == ["timeline", "export", "verify"]
    assert offered("audit", "export", "--si") == ["--sign-key"]


def test_what_a_flag_takes_is_offered() -> None:
    assert offered("status", "-o", "") == ["table", "wide", "json", "yaml", "name"]
    assert offered("wait", "sepsis", "--for", "pro") == ["promoted"]
    assert offered("approve", "--dry-run", "s") == ["server"]


def test_revisions_are_offered_to_a_diff_by_their_place() -> None:
    assert offered("diff", "sepsis", "") == ["stable", "candidate", "previous"]


def test_the_shell_offers_files_to_lint() -> None:
    assert lines(["lint", "manifests/"]) == [":0"]
    assert lines(["lint", "-o", "sa"]) == ["sarif", ":4"]


@pytest.mark.parametrize(
    "words", [("get", ""), ("nonsense", ""), ("status", "-n", ""), ("override", "--gate", ""), ()]
)
def test_without_a_cluster_nothing_is_offered_and_nothing_fails(words: tuple[str, ...]) -> None:
    assert offered(*words) in ([], list(COMMANDS))


def test_the_cluster_is_asked_where_the_flags_say() -> None:
    found = parsed(["get", "-n", "ward", "--context=prod", "--as-group", "g", "sep"])

    assert found.command == "get"
    assert found.flags == ("--namespace=ward", "--context=prod", "--as-group=g")
    assert found.current == "sep"
    assert parsed(["get", "x", "-n", ""]).pending == "-n"


def test_a_press_of_the_tab_key_loads_nothing_that_takes_long() -> None:
    program = (
        "import sys\nfrom mlhops.cli.completion import lines\n"
        "lines(['']); early = set(sys.modules)\nlines(['override', '--'])\n"
        f"print(*{{'click'}} & early, *{set(HEAVY)!r} & {{n.partition('.')[0] for n in sys.modules}})"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""
