"""What a run of `bench.scale` came to: its numbers, and how they are told."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

from bench.audit import Requests
from bench.fleet import Arrival
from bench.results import Result
from bench.usage import OTHERS, Usage

OPERATOR, WORLD, CLIENT = "operator", "world", "client"
SERVER, STORE = "API server", "etcd"
DEPLOY, UPDATE = "deploy", "update"
_MUCH = 0.05
"""A share of the machine that makes times too long."""
_WHAT = {
    DEPLOY: "from apply to healthy",
    UPDATE: "a new version, from its change through gates, 10 % and 50 % to promotion",
}
SECONDS = {DEPLOY: 30.0, UPDATE: 60.0}
_WRITES = {DEPLOY: 8.0, UPDATE: 14.0}
_MEMORY = 120.0
_IDLE_PERCENT = 1.0


@dataclass(frozen=True)
class Phase:
    """What it took to bring all models where people want them."""

    name: str
    models: int
    arrival: Arrival
    requests: Requests
    """The operator's, until it was quiet again."""
    quiet: bool
    """Whether it ever was."""
    usage: Usage

    @property
    def complete(self) -> bool:
        """Whether all models got there in time."""
        return self.arrival.arrived == self.models

    def a_model(self, number: float) -> float:
        """A number of all models for each of them."""
        return round(number / self.models, 2)

    @property
    def events(self) -> int:
        """Events that were posted; they are among the writes, too."""
        return self.requests.taken.get(("create", "events"), 0)

    @property
    def operator_ms(self) -> float:
        """The operator's CPU for each model."""
        return round(1000 * self.usage.cpu[OPERATOR] / self.models, 1)

    @property
    def server_ms(self) -> float:
        """The API server's CPU and etcd's for each model."""
        return round(1000 * (self.usage.cpu[SERVER] + self.usage.cpu[STORE]) / self.models, 1)


@dataclass(frozen=True)
class Idle:
    """What the operator does when there is nothing to do."""

    requests: Requests
    usage: Usage

    @property
    def cpu_percent(self) -> float:
        """The operator's share of one core."""
        return 100 * self.usage.cpu[OPERATOR] / self.usage.at


@dataclass(frozen=True)
class Scale:
    """The numbers of one run."""

    models: int
    namespaces: int
    phases: list[Phase]
    """Deployment, then update; the second is missing where the first was not completed."""
    idle: Idle | None
    rss_before: float
    """MiB, with no model."""
    rss_peak: float
    rss_rest: float
    load: float
    """Processes that wanted a core in the minute before."""

    @property
    def taken_by_others(self) -> float:
        """The share of all cores that went to processes that have no part in this."""
        others = sum(phase.usage.cpu[OTHERS] for phase in self.phases)
        return others / ((os.cpu_count() or 1) * sum(phase.usage.at for phase in self.phases))


def lines(found: Scale) -> Iterator[str]:
    """Tell what was measured."""
    yield f"{found.models} models in {found.namespaces} namespaces"
    for phase in found.phases:
        yield from _phase_lines(phase)
    if found.idle is not None:
        idle = found.idle
        yield (
            f"idle for {idle.usage.at:.0f} s: {idle.requests.writes} writes, "
            f"{idle.requests.refused} refused, {idle.requests.reads} reads, "
            f"{idle.cpu_percent:.2f} % of a core"
        )
        yield from (f"  {verb} {kind}: {n}" for (verb, kind), n in idle.requests.taken.items())
    yield (
        f"operator RSS: {found.rss_before} MiB with no model, "
        f"{found.rss_peak} MiB at its peak, {found.rss_rest} MiB at rest"
    )
    if found.load > (os.cpu_count() or 1) / 2 or found.taken_by_others > _MUCH:
        yield (
            f"WARNING: others took {found.taken_by_others:.0%} of this machine meanwhile (load "
            f"average at the start: {found.load:.1f}): every time here is too long"
        )


def _phase_lines(phase: Phase) -> Iterator[str]:
    arrival, requests, n = phase.arrival, phase.requests, phase.models
    if phase.complete:
        yield f"{phase.name}: {arrival.seconds:.1f} s (asked for within {arrival.asked:.1f} s)"
    else:
        yield f"{phase.name}: only {arrival.arrived} of {n} within {arrival.seconds:.0f} s"
    yield (
        f"  per model: {phase.a_model(requests.writes)} writes (of which Events: "
        f"{phase.a_model(phase.events)}), {phase.a_model(requests.refused)} refused, "
        f"{phase.a_model(requests.reads)} reads, {phase.operator_ms} ms CPU"
    )
    yield from (f"    {verb} {kind}: {c / n:.2f}" for (verb, kind), c in requests.taken.items())
    cpu = ", ".join(f"{name} {seconds:.1f}" for name, seconds in phase.usage.cpu.items())
    yield f"  CPU seconds within {phase.usage.at:.1f} s: {cpu}"
    if not phase.quiet:
        yield "  the operator did not come to rest"


def results(found: Scale) -> list[Result]:
    """Return the numbers, with what is known of their reasons; what is missing is not measured."""
    every = f"{found.models:,} models"
    phases = {phase.name: phase for phase in found.phases}
    rows = [row for name in _WHAT for row in _phase_results(name, phases.get(name), every)]
    rows += [
        Result(f"{every}, operator RSS at its peak", found.rss_peak, "MiB", _MEMORY),
        Result(f"{every}, operator RSS at rest", found.rss_rest, "MiB"),
    ]
    idle, length = found.idle, f"{every}, idle operator"
    if idle is None:
        note = "the operator did not come to rest"
        return [*rows, Result(f"{length}, writes", math.nan, "", 0, note=note)]
    writes = idle.requests.writes + idle.requests.refused
    return [
        *rows,
        Result(f"{length} for {idle.usage.at:.0f} s, writes", writes, "", 0),
        Result(f"{length}, reads", idle.requests.reads, ""),
        Result(f"{length}, CPU", round(idle.cpu_percent, 2), "% of a core", _IDLE_PERCENT),
    ]


def _phase_results(name: str, phase: Phase | None, every: str) -> Iterator[Result]:
    what = f"{every}, {_WHAT[name]}"
    if phase is None:
        note = "the deployment did not end"
        yield Result(what, math.nan, "s", SECONDS[name], note=note)
        return
    took = ", ".join(f"{process} {seconds:.0f}" for process, seconds in phase.usage.cpu.items())
    note = f"CPU seconds within {phase.usage.at:.0f} s: {took}"
    if not phase.complete:
        arrived = f"only {phase.arrival.arrived} of {phase.models} had arrived by then"
        yield Result(
            what, round(phase.arrival.seconds, 1), "s", SECONDS[name], note=f"{arrived}; {note}"
        )
        return  # half of the writes, too
    requests = phase.requests
    yield Result(what, round(phase.arrival.seconds, 1), "s", SECONDS[name], note=note)
    events = f"{phase.a_model(phase.events):g} of them are Events"
    writes = phase.a_model(requests.writes)
    yield Result(f"{what}: writes", writes, "a model", _WRITES[name], note=events)
    yield Result(f"{what}: Events among them", phase.a_model(phase.events), "a model")
    yield Result(f"{what}: refused writes", phase.a_model(requests.refused), "a model")
    yield Result(f"{what}: reads", phase.a_model(requests.reads), "a model")
    yield Result(f"{what}: operator CPU", phase.operator_ms, "ms a model")
    yield Result(f"{what}: API server and etcd CPU", phase.server_ms, "ms a model")
