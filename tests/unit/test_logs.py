"""Each line of a process that handles rows is JSON, whoever says it, and quotes no row."""

import os
import subprocess
import sys

import pytest

from testkit.logged import Line, lines

WORDS = "Petrova, 61"
FAULTS = f"""
import gc, logging, sys, threading, warnings

class Bad:
    def __del__(self):
        raise LookupError({WORDS!r})

def fail(kind):
    raise kind({WORDS!r})

def trouble(*_):
    Bad()
    thread = threading.Thread(target=fail, args=(KeyError,))
    thread.start()
    thread.join()
    warnings.warn("of Python")
    logging.getLogger("aiohttp").info("left out")
    logging.getLogger("aiohttp").error("%d rows", "many")
    try:
        fail(ValueError)
    except ValueError:
        logging.getLogger("aiohttp").exception("of a library")
    fail(RuntimeError)
"""
SEEN = [
    ("LookupError that nobody handles at a clean-up", "critical", "mlhops", "LookupError"),
    ("KeyError that nobody handles in a thread", "critical", "mlhops", "KeyError"),
    ("<string>:16: UserWarning: of Python", "warning", "py.warnings", ""),
    ("%d rows", "error", "aiohttp", ""),
    ("of a library", "error", "aiohttp", "ValueError"),
]
LAST = ("RuntimeError that nobody handles", "critical", "mlhops", "RuntimeError")
DETECTOR = """
from mlhops.detector import __main__ as command, service
service.DetectorService.run = trouble
command.main(["--sink-port", "0"])
"""
EVALUATOR = """
from mlhops.evaluator import __main__ as command, run
run.spec_of = trouble
command._leave = lambda *_: fail(RuntimeError)
command.main(["--termination-log", "/dev/null"])
"""
MEASURED = {"MLHOPS_EVALUATION_NAMESPACE": "ward", "MLHOPS_EVALUATION_NAME": "sepsis-1"}


def said(program: str, **environment: str) -> list[Line]:
    """Run a program to its end, and return its log."""
    own = {"PYTHONPATH": os.pathsep.join(sys.path), **environment}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS + program],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert WORDS not in done.stderr
    return lines(done.stderr)


def told(line: Line) -> tuple[str, str, str, str]:
    """Return what was said first and last."""
    first, last = line["event"].split("\n")[0], line.get("exception", "").split("\n")[-1]
    return first, line["level"], line["logger"], last


@pytest.mark.thorough
def test_the_detector_says_all_as_json_up_to_the_fault_that_ends_it() -> None:
    assert [told(line) for line in said(DETECTOR)] == [*SEEN, LAST]


@pytest.mark.thorough
def test_the_evaluator_says_all_as_json_and_of_which_evaluation() -> None:
    found = said(EVALUATOR, **MEASURED)

    own = [
        ("an unknown error", "error", "mlhops.evaluator.run", "RuntimeError"),
        ("Error: the evaluator met an error", "error", "mlhops.evaluator", ""),
    ]
    assert [(event[:33], *more) for event, *more in map(told, found[-3:-1])] == own
    assert [told(line) for line in [*found[:-3], found[-1]]] == [*SEEN, LAST]
    for line in found:
        assert (line["kind"], line["namespace"], line["name"]) == ("Evaluation", "ward", "sepsis-1")
