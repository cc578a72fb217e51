"""How soon the status says that callers are not answered, in the lab, with real model servers behind a real Envoy.

Callers ask five times a second, as a ward might. The clock starts when something happens to the model server or to
what callers send, and stops when the condition Available is False, or when the candidate is taken back.
"""

import os
import signal
import time
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from bench.results import Result
from bench.wards import wards
from mlhops.api.conditions import find
from testkit.api import until
from testkit.callers import GOOD, NARROW, at_server, callers, server_process
from testkit.lab_operator import LabOperator
from testkit.ward import MODEL, Ward

_PATIENCE = 120.0
_ALL, _PART = 15.0, 60.0
_REST = 180.0
_UNLOAD = f"/v2/repository/models/{MODEL}/unload"


def serving() -> list[Result]:
    """Let a model server fail in each way, and look how long the status takes to say so."""
    with wards() as (ward, operator, _):
        # First of all, while no other model is asked.
        rest = _at_rest(ward(), operator)
        back = _candidate(ward())
        return [
            *_of_what_serves(ward),
            _named("a candidate at 50 % whose model is unloaded: taken back", back, _ALL),
            rest,
        ]


def _of_what_serves(ward: Callable[[], Ward]) -> list[Result]:
    return [
        _named("all requests malformed", _from_start(ward(), lambda _: NARROW), _ALL),
        _named(
            "one request in five malformed",
            _from_start(ward(), lambda number: NARROW if number % 5 == 0 else GOOD),
            _PART,
        ),
        _named("the model is unloaded", _harmed(ward(), _unload), _ALL),
        _named("the model server hangs", _harmed(ward(), _freeze), _ALL),
    ]


def _named(what: str, seconds: float, target: float) -> Result:
    return Result(f"Until the status says it: {what}", round(seconds, 1), "s", target)


def _from_start(ward: Ward, bodies: Callable[[int], object]) -> float:
    ward.serve()
    begun = time.monotonic()
    with callers(ward, bodies):
        until("not available", lambda: not _is_available(ward), _PATIENCE)
    return time.monotonic() - begun


def _harmed(ward: Ward, harm: Callable[[Ward, str], None]) -> float:
    ward.serve()
    with callers(ward, lambda _: GOOD):
        until("an answer is counted", lambda: _verdict(ward) == "Serving", _PATIENCE)
        begun = time.monotonic()
        harm(ward, _stable(ward))
        until("not available", lambda: not _is_available(ward), _PATIENCE)
        return time.monotonic() - begun


def _candidate(ward: Ward) -> float:
    ward.serve()
    ward.apply("3.0.0", rollout__steps=[{"setWeight": 50}], rollout__evidence={"minRequests": 500})
    ward.wait_for_message("waits for live requests", _PATIENCE)
    candidate = ward.model().status.candidate
    assert candidate is not None
    with callers(ward, lambda _: GOOD):
        begun = time.monotonic()
        _unload(ward, candidate.revision)
        until("taken back", lambda: ward.weights().keys() == {_backend(ward)}, _PATIENCE)
        return time.monotonic() - begun


def _at_rest(ward: Ward, operator: LabOperator) -> Result:
    """Count the questions to the sidecar of a model that nobody calls."""
    ward.serve()
    until("silence", lambda: _verdict(ward) == "Silent", _PATIENCE)
    before, begun = _asked(operator), time.monotonic()
    time.sleep(_REST)
    minutes = (time.monotonic() - begun) / 60
    asked = (_asked(operator) - before) / minutes
    return Result("Questions to the sidecar of a model at rest", round(asked, 2), "a minute", 1.1)


def _asked(operator: LabOperator) -> float:
    found = text_string_to_metric_families(operator.metrics())
    return sum(
        sample.value
        for family in found
        for sample in family.samples
        if sample.name == "mlhops_serving_reports_total"
    )


def _unload(ward: Ward, revision: str) -> None:
    at_server(ward, revision, _UNLOAD)


def _freeze(ward: Ward, revision: str) -> None:
    os.kill(server_process(ward, revision), signal.SIGSTOP)


def _stable(ward: Ward) -> str:
    stable = ward.model().status.stable
    assert stable is not None
    return stable.revision


def _backend(ward: Ward) -> str:
    return f"{MODEL}-{_stable(ward)}-predictor"


def _verdict(ward: Ward) -> str:
    found = ward.model().status.serving
    return (found.verdict or "") if found is not None else ""


def _is_available(ward: Ward) -> bool:
    found = find(ward.model().status.conditions, "Available")
    return found is None or found.status != "False"
