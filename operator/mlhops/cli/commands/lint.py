"""lint: what is wrong with manifests, without a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from mlhops import __version__
from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.lint.codes import CODES, KUSTOMIZATION, Level
from mlhops.cli.lint.documents import read, unreadable
from mlhops.cli.lint.finding import Document, Fault, LintView
from mlhops.cli.lint.github import commands
from mlhops.cli.lint.linter import Sources, Wanted
from mlhops.cli.lint.linter import lint as linted
from mlhops.cli.lint.rules import engine
from mlhops.cli.lint.sarif import sarif
from mlhops.cli.options import colored
from mlhops.cli.output import to_text, write
from mlhops.cli.terminal import Terminal, now
from mlhops.cli.text.lint import lint_lines

_STDIN = "-"
_SUFFIXES = (".yaml", ".yml", ".json")
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_LEVELS = {each.value.lower(): each for each in Level}


@click.command()
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|-]...")
@click.option("-f", "--filename", "named", multiple=True, metavar="FILE", help="As kubectl has it.")
@click.option("-R", "--recursive", is_flag=True, help="Look into folders of folders as well.")
@click.option(
    "--against", default="", metavar="FILE", help="The manifests as they were: what may not change."
)
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings as well.")
@click.option(
    "--ignore",
    multiple=True,
    type=click.Choice(sorted(CODES)),
    metavar="CODE",
    help="Do not tell warnings and notes of that code.",
)
@click.option(
    "--level", type=click.Choice(tuple(_LEVELS)), default="info", help="Tell these and graver ones."
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(("table", "json", "yaml", "sarif", "github")),
    default="table",
    help="What the output looks like.",
)
@colored
def lint(
    paths: Sequence[str],
    named: Sequence[str],
    *,
    recursive: bool,
    against: str,
    strict: bool,
    ignore: Sequence[str],
    level: str,
    form: str,
    color: str,
) -> Exit:
    """Say what the API server would refuse of manifests, and what no schema can say of them, without a cluster.

    What Helm or Kustomize writes is read from the standard input: `kubectl kustomize FOLDER | kubectl mlhops lint -`.
    """
    asked = (*paths, *named)
    if not asked:
        raise Trouble(
            "no file is named", "name files or folders, or - for the standard input", Exit.USAGE
        )
    sources = _read(asked, recursive=recursive)
    if against:
        earlier = _read((against,), recursive=recursive)
        wrong = (*sources.faults, *earlier.faults)
        sources = Sources(sources.files, sources.documents, wrong, earlier.documents)
    if not sources.documents and not sources.faults:
        remedy = "-R looks into folders of folders; only .yaml, .yml and .json of a folder are read"
        raise Trouble(f"there is no object in {', '.join(asked)}", remedy, Exit.USAGE)
    view = linted(sources, engine(), Wanted(frozenset(ignore), _LEVELS[level]), now())
    _show(view, form, color)
    return _exit(view, strict=strict)


def _exit(view: LintView, *, strict: bool) -> Exit:
    if view.errors or (strict and view.warnings > view.unchecked):
        return Exit.BAD
    return Exit.UNDECIDED if view.unchecked else Exit.WELL


def _show(view: LintView, form: str, color: str) -> None:
    if form in ("json", "yaml"):
        write("Lint", view, form)
    elif form == "sarif":
        click.echo(to_text(sarif(view, __version__), "json"), nl=False)
    elif form == "github":
        for each in commands(view):
            click.echo(each)
    else:
        terminal = Terminal.of(color)
        terminal.show(lint_lines(view, terminal.page()))


def _read(asked: Sequence[str], *, recursive: bool) -> Sources:
    """Read the files that are named, each once."""
    documents: list[Document] = []
    faults: list[tuple[Document, Fault]] = []
    files = dict.fromkeys(
        each for name in asked for each in _files(name, recursive=recursive, faults=faults)
    )
    for name in files:
        try:
            text = _text(name)
        except (OSError, UnicodeDecodeError) as error:
            faults.append(unreadable(_shown(name), _why(error)))
            continue
        more, wrong = read(text, _shown(name))
        documents += more
        faults += wrong
    return Sources(len(files), documents, faults)


def _files(name: str, *, recursive: bool, faults: list[tuple[Document, Fault]]) -> Iterator[str]:
    """Return the files that a name stands for.

    Raises:
        Trouble: there is no such file.
    """
    path = Path(name)
    if name == _STDIN or path.is_file() or path.is_fifo():
        yield name
        return
    if not path.is_dir():
        raise Trouble(f"there is no file or folder {name}", exit_=Exit.USAGE)
    if any((path / each).is_file() for each in _KUSTOMIZATIONS):
        said = "this folder is a Kustomization; its files are linted as they are"
        faults.append((Document(str(path), None, {}), Fault(KUSTOMIZATION, (), said)))
    found = sorted(path.rglob("*") if recursive else path.iterdir())
    for each in found:
        hidden = any(part.startswith(".") for part in each.relative_to(path).parts)
        if (
            not hidden
            and each.suffix in _SUFFIXES
            and each.name not in _KUSTOMIZATIONS
            and each.is_file()
        ):
            yield str(each)


def _text(name: str) -> str:
    read_ = sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
    return read_.decode("utf-8-sig")


def _shown(name: str) -> str:
    return "stdin" if name == _STDIN else name


def _why(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it is no UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
    return error.strerror or str(error)
