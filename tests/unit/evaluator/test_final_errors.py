"""Errors of an evaluation that no other run ends otherwise, and those that may pass."""

from pathlib import Path

import pytest

from mlhops.api.destinations import Destinations
from mlhops.api.result import decode, encode
from mlhops.evaluator import run as module
from mlhops.evaluator.errors import EvaluationError, UnavailableError
from mlhops.evaluator.run import Run, RunOptions, run


def _options() -> RunOptions:
    return RunOptions(None, None, Path("/data"), Path("/report"), 10, 10, 10, Destinations())


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (EvaluationError("the data have no column died"), True),
        (UnavailableError("the server does not answer in time"), False),
        (KeyError("a fault of the evaluator"), False),
    ],
)
def test_only_what_has_to_be_changed_is_final(
    error: Exception, final: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Run:
        raise error

    monkeypatch.setattr(module, "spec_of", fails)
    result = run(_options(), lambda _: None).result

    assert (result.phase, result.final) == ("Error", final)
    assert decode(encode(result)).final is final


def test_words_of_an_earlier_evaluator_are_not_final() -> None:
    result = run(_options(), lambda _: None).result  # without a spec
    words = encode(result.model_copy(update={"final": False}))
    assert decode(words).final is False
