"""What kubectl mlhops costs in CPU time, apart from kubectl's own and from the network."""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.results import Result, milliseconds
from mlhops.api.base import Json
from testkit.builders import with_path
from testkit.standings import STANDINGS
from tools.everything import whole_model

_RUNS = 10
_MODELS = 1000
_HELP = "from mlhops.cli.main import main; main(['--help'])"
_COMPLETE = "from mlhops.cli.completion import lines; print(lines({words!r}))"
_LINT = "import sys; from mlhops.cli.main import main; main(['lint', *sys.argv[1:]])"
_FILES = 10
_STATUS = """
import json, sys
from mlhops.cli.terminal import Terminal, now
from mlhops.cli.text.fleet import fleet_lines
from mlhops.cli.views.fleet import fleet
found = fleet(json.load(open(sys.argv[1]))["items"])
Terminal.of("always").show(fleet_lines(found, now(), wide=True, header=True))
"""


def plugin() -> list[Result]:
    """Run each several times, as a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models.json"
        models.write_text(json.dumps({"items": _models()}))
        return [
            *milliseconds("plug-in: --help, CPU", _cpu(_HELP), 200),
            *milliseconds("plug-in: a command's name, CPU", _cpu(_complete("")), 150),
            *milliseconds("plug-in: a flag, CPU", _cpu(_complete("override", "--")), 150),
            *milliseconds(
                f"plug-in: status of {_MODELS:,} models, CPU", _cpu(_STATUS, str(models)), 1500
            ),
            *milliseconds(
                f"plug-in: lint of {_FILES} files, CPU",
                _cpu(_LINT, *_manifests(Path(folder))),
                1000,
            ),
        ]


def _complete(*words: str) -> str:
    return _COMPLETE.format(words=list(words))


def _models() -> list[Json]:
    """As many models, in all standings in turn."""
    makers = list(STANDINGS.values())
    turns = (makers[number % len(makers)]() for number in range(_MODELS))
    return [with_path(made, "metadata.name", f"m{i:04}") for i, made in enumerate(turns)]


def _manifests(folder: Path) -> list[str]:
    """As many files as are linted, each with a model that has every field that there is."""
    files = [folder / f"{number}.yaml" for number in range(_FILES)]
    for file in files:
        file.write_text(whole_model())
    return [str(file) for file in files]


def _cpu(program: str, *arguments: str) -> Sequence[float]:
    """Return the CPU time of each run, in seconds."""
    seconds = []
    for _ in range(_RUNS):
        before = _spent()
        command = [sys.executable, "-c", program, *arguments]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds.append(_spent() - before)
    return seconds


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
