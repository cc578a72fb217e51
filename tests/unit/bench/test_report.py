"""The report says where a target is missed, and why."""

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

from bench.audit import Requests
from bench.fleet import Arrival
from bench.report import Machine, Run, record, render
from bench.results import Result, percentile
from bench.scaled import DEPLOY, Phase, Scale, results
from bench.usage import Usage

MACHINE = Machine("cpu", 2, 4.0, "Linux", "CPython", "abc", "today", load=0.1)


def row(result: Result, load: float = 0.1) -> str:
    told = render([Run("speed", replace(MACHINE, load=load), [result])]).splitlines()
    return next(line for line in told if line.startswith(f"| {result.name} |"))


def test_a_target_that_is_met_needs_no_reason() -> None:
    assert row(Result("time", 30, "s", 30.0, note="why")).endswith("| yes |")


def test_a_target_that_is_missed_comes_with_the_reason_that_is_known() -> None:
    told = row(Result("time", 31, "s", 30.0, note="only 437 of 1000 had arrived"))

    assert told.endswith("| no: only 437 of 1000 had arrived |")


def test_what_the_host_took_is_told_and_is_a_reason_where_it_is_much() -> None:
    late = Result("time", 31, "s", 30.0)

    told = render([Run("speed", MACHINE, [late], stolen=31.8)])
    assert "its host took 31.8 % of the cores' time meanwhile" in told
    assert "| no: the host took 31.8 % of the cores' time |" in told
    assert "the host took" not in row(late)


def test_no_number_of_writes_but_zero_meets_a_target_of_zero() -> None:
    assert row(Result("writes", 0, "", 0)).endswith("| yes |")
    assert "| no: " in row(Result("writes", 1, "", 0))


def test_other_processes_are_a_reason_for_a_long_time_and_not_for_much_memory() -> None:
    assert "no: 1.5 processes wanted" in row(Result("time", 2, "s", 1), load=1.5)
    assert "no: it is the operator's own" in row(Result("RSS", 2, "MiB", 1), load=1.5)


def test_what_was_not_measured_is_said_and_meets_nothing(tmp_path: Path) -> None:
    unended = Result("time", math.nan, "s", 30.0, note="it did not end")
    record(Run("speed", MACHINE, [unended]), tmp_path)

    stored = json.loads((tmp_path / "results.json").read_text())
    assert stored[0]["results"][0]["value"] is None
    told = (tmp_path / "RESULTS.md").read_text()
    assert "| time | not measured | s | ≤ 30 | no: it did not end |" in told


def test_one_benchmark_is_measured_again_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    for name, value in (("speed", 1.0), ("size", 2.0), ("speed", 3.0)):
        record(Run(name, MACHINE, [Result(f"{name} of it", value, "s")]), tmp_path)

    told = (tmp_path / "RESULTS.md").read_text()
    assert "| speed of it | 3 |" in told
    assert "| size of it | 2 |" in told
    assert "| speed of it | 1 |" not in told


def test_a_phase_that_did_not_end_meets_none_of_its_targets() -> None:
    usage = Usage(240.0, {"operator": 14.0, "API server": 25.0, "etcd": 4.0, "others": 1.0})
    few = Requests(Counter({("create", "events"): 5000}))
    deploy = Phase(DEPLOY, 1000, Arrival(3.0, 240.0, 437), few, False, usage)

    found = results(Scale(1000, 1, [deploy], None, 79.0, 95.0, 95.0, 0.1))

    met = {result.name: result.met for result in found if result.target is not None}
    assert [name for name, reached in met.items() if reached] == [
        "1,000 models, operator RSS at its peak"
    ]
    assert not any("writes" in name for name in met if "idle" not in name)


def test_a_percentile_is_a_sample_that_so_many_do_not_exceed() -> None:
    hundred = [float(n) for n in range(1, 101)]

    assert percentile(hundred, 50) == 50
    assert percentile(hundred, 99) == 99
    assert percentile([*hundred[:3], 1000.0], 99) == 1000
    assert percentile([7.0], 50) == 7
