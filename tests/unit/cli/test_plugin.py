"""The plug-in as a program: what it loads, how it ends, and what it says when the cluster is not there."""

import io
import subprocess
import sys
from pathlib import Path

import click
import pytest

from lab.binaries import kubectl as real_kubectl
from lab.control import free_ports
from mlhops.cli.catalog import COMMANDS
from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import documents
from mlhops.cli.main import main, plugin
from mlhops.cli.refusals import ApiRequest, explained
from mlhops.cli.terminal import shows_color

HEAVY = (
    "pydantic",
    "rich",
    "kubernetes",
    "kopf",
    "numpy",
    "yaml",
    "jsonschema",
    "aiohttp",
    "jinja2",
    "starlette",
    "uvicorn",
    "cryptography",
)
_LOADED = """
import sys
from mlhops.cli.main import main
main({arguments!r})
print(*{heavy!r} & {{name.partition(".")[0] for name in sys.modules}}, file=sys.stderr)
"""


def loaded(*arguments: str) -> str:
    """Which heavy modules a command has loaded at its end, as a process of its own."""
    program = _LOADED.format(arguments=list(arguments), heavy=set(HEAVY))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stderr.strip()


@pytest.fixture
def kubectl_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """kubectl on the PATH, and no kubeconfig but what a test writes."""
    (tmp_path / "kubectl").symlink_to(real_kubectl())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_help_loads_nothing_that_takes_long() -> None:
    assert loaded("--help") == ""
    assert loaded("get", "--help") == ""
    assert loaded("card", "--help") == ""


def test_lint_loads_yaml_and_no_types_of_the_api() -> None:
    assert loaded("lint", "manifests/examples/model") == "yaml"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_of_the_list_is_there_and_has_help(name: str) -> None:
    group = plugin()
    command = group.get_command(click.Context(group), name)

    assert command is not None
    assert command.name == name
    assert command.help


def test_usage_begins_with_the_words_that_people_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == Exit.WELL
    assert capsys.readouterr().out.startswith("Usage: kubectl mlhops")


def test_a_word_that_is_no_command_is_wrong_usage_with_the_nearest_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["stats"]) == Exit.USAGE
    assert "did you mean status?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["--all", "Sepsis", "a b", "../x", "a;b", ""])
def test_what_is_no_name_never_reaches_kubectl(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert main(["get", "--", name]) == Exit.USAGE


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["abort", "sepsis", "-y"], "--reason"),
        (["abort", "sepsis", "--reason", "two wrong calls"], "--yes"),
        (["abort", "sepsis", "--reason", "x", "-y", "--as", "bob"], "--allow-impersonation"),
        (["override", "sepsis", "--gate", "g", "--for", "31d"], "30d at most"),
        (["override", "sepsis", "--gate", "g", "--for", "soon"], "write it like 90s"),
    ],
)
def test_what_a_decision_lacks_is_asked_for_before_the_cluster_is(
    arguments: list[str],
    wanted: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert main(arguments) == Exit.USAGE
    assert wanted in capsys.readouterr().err


def test_without_kubectl_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")

    assert main(["status"]) == Exit.UNREACHED
    assert "install kubectl" in capsys.readouterr().err


def test_a_cluster_that_does_not_answer_is_told_apart_from_a_bad_model(
    kubectl_on_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (port,) = free_ports(1)
    (kubectl_on_path / "config").write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        f"clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{port}'}}}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n"
    )

    assert main(["get", "sepsis"]) == Exit.UNREACHED
    assert "the cluster does not answer" in capsys.readouterr().err
    assert main(["status", "--context", "other"]) == Exit.USAGE


@pytest.mark.parametrize(
    ("said", "asked", "told"),
    [
        (
            'error: the server doesn\'t have a resource type "clinicalmodels"',
            ApiRequest("get", "clinicalmodels.mlhops.io"),
            "is the operator installed",
        ),
        (
            'Error from server (Forbidden): clinicalmodels.mlhops.io is forbidden: User "eve" cannot list',
            ApiRequest("list", "clinicalmodels.mlhops.io"),
            "ClusterRole mlhops-view",
        ),
        (
            'Error from server (Forbidden): decisions.mlhops.io is forbidden: User "eve" cannot create',
            ApiRequest("create", "decisions.mlhops.io"),
            "ClusterRole mlhops-decider",
        ),
        (
            'Error from server (NotFound): clinicalmodels.mlhops.io "sepsi" not found',
            ApiRequest("get", "clinicalmodels.mlhops.io", "sepsi"),
            "status -A",
        ),
        (
            "error: You must be logged in to the server (Unauthorized)",
            ApiRequest("list", "clinicalmodels.mlhops.io"),
            "kubectl auth whoami",
        ),
        ("E0501 memcache.go: nonsense\nfailed", ApiRequest("list", "events"), ""),
    ],
)
def test_what_kubectl_says_comes_with_what_helps(said: str, asked: ApiRequest, told: str) -> None:
    found = explained(said, asked)

    assert isinstance(found, Trouble)
    assert found.exit is Exit.UNREACHED
    assert told in found.remedy
    assert not found.message.startswith(("error:", "Error from server"))


def test_objects_are_read_one_after_another_in_a_line_or_in_several() -> None:
    text = '{"a": {"b": 1}}\n{\n  "c": {\n  }\n}\n{"d": 2'

    assert list(documents(text.splitlines(keepends=True))) == [{"a": {"b": 1}}, {"c": {}}]


@pytest.mark.parametrize(
    ("asked", "environment", "watched", "shown"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {}, True, False),
    ],
)
def test_colours_are_for_who_can_and_wants_to_see_them(
    asked: str, environment: dict[str, str], *, watched: bool, shown: bool
) -> None:
    assert shows_color(asked, environment, watched=watched) is shown
