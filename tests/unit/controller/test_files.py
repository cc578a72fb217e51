"""What the operator's open files are for."""

import resource
from dataclasses import astuple

import pytest
from structlog.testing import capture_logs

from mlhops.controller import files


def test_no_use_takes_the_files_of_another() -> None:
    budget = files.budget(1024)
    assert sum(astuple(budget)) < 1024
    assert budget.inbound == 2 * (64 + 2)
    assert budget.held > 500


def test_each_namespace_has_watches_of_its_own() -> None:
    assert files.budget(65536, ["a", "b", "c"]).watches == 3 * files.budget(65536).watches


def test_too_few_files_are_told_with_the_way_out() -> None:
    with capture_logs() as told:
        assert files.budget(256).held == 1
    assert "raise the hard limit" in told[0]["event"]


def test_the_limit_is_raised_as_far_as_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: limits.append(given))
    assert files.raise_limit() == 4096
    assert limits[-1] == (4096, 4096)
    assert files.raise_limit() == 4096
    limits.append((resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert files.raise_limit() == 65536
    assert len(limits) == 3
