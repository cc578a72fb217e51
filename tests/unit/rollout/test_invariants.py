"""The invariants, over random scripts of users, KServe, gateways, clocks and crashes."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationPhase
from mlhops.api.policy import MonitoringPolicySpec
from mlhops.api.serving import FailureReason, ProbeReport, ServingCounts
from mlhops.kserve.servers import NOBODY, Server
from mlhops.rollout.monitoring.drift_snapshot import Look, Monitored, Side, Verdict
from tests.unit.rollout.traffic import UNANSWERED, counted, tell
from tests.unit.rollout.world import GATE, SERVER, Conflict, Crash, World

WEIGHTS: list[Json] = [{"setWeight": weight} for weight in (0, 5, 10, 50, 100)]
OTHERS: list[Json] = [
    {"pause": {}},
    {"pause": {"duration": "5m"}},
    {"evaluate": {}},
    {"approve": {}},
    {"observe": {"requests": 50}},
]


def in_order(steps: list[Json]) -> list[Json]:
    """The same list as the schema takes it: weights do not go down."""
    given = [one["setWeight"] for one in steps if isinstance(one, dict) and "setWeight" in one]
    left = iter(sorted(cast("list[int]", given)))
    return [
        {"setWeight": next(left)} if isinstance(one, dict) and "setWeight" in one else one
        for one in steps
    ]


STEPS = st.lists(st.sampled_from(WEIGHTS + OTHERS), max_size=5).map(in_order)
VERSIONS = st.sampled_from(["1.0.0", "2.0.0", "3.0.0"])
REPORTS: list[list[Json] | None] = [
    None,
    [],
    [{"name": GATE, "phase": "Successful", "estimate": 0.01}],
    [{"name": GATE, "phase": "Failed", "estimate": 0.4}],
    [{"name": "another", "phase": "Successful", "estimate": 0.01}],
    [
        {"name": GATE, "phase": "Failed", "estimate": 0.4},
        {"name": GATE, "phase": "Successful", "estimate": 0.01},
    ],
]
SERVERS = (
    SERVER,
    Server((*SERVER.parts[:1], "kserve-container=sha256:2")),
    Server((*SERVER.parts, "kserve-container=sha256:2")),
    Server(("ClusterServingRuntime/sklearn=gone", *SERVER.parts[1:])),
    Server(SERVER.parts, doubt="a pod does not say what it runs"),
    NOBODY,
)
HEALTH: list[tuple[bool | None, str | None, bool]] = [
    (True, None, False),
    (None, None, False),
    (False, "the pod was evicted", False),
    (False, "container kserve-container exited with code 1", True),
    (True, "stale last words", True),
]


COUNTS = [
    counted(0),
    counted(40),
    counted(500),
    counted(500),
    counted(5, {UNANSWERED: 50}),
    counted(0, {FailureReason.WRONG_FEATURES: 50}),
]
PROBES = [
    ProbeReport(),
    ProbeReport(state="Answers"),
    ProbeReport(state="Fails", reason="notReady", message="the model is not loaded"),
]
VERDICTS: list[Verdict] = ["Drift", "NoDrift", "Insufficient", "Error"]
POLICY = MonitoringPolicySpec.model_validate(
    {
        "drift": {"for": {"atLeast": 1, "of": 2}},
        "actions": [
            {"name": "tell", "type": "Notify", "when": ["Drift"], "cooldown": "1m"},
            {"name": "hold", "type": "PauseRollout", "when": ["DataQuality"], "cooldown": "1h"},
            {"name": "back", "type": "Rollback", "when": ["Candidate"]},
            {
                "name": "retrain",
                "type": "Retrain",
                "when": ["Drift"],
                "cooldown": "30m",
                "retrain": {"template": {"template": {"spec": {"containers": [{"name": "a"}]}}}},
            },
        ],
    }
)


class RolloutMachine(RuleBasedStateMachine):
    """Everybody acts in any order; the judge in the world objects to any wrong write."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.edit({"spec.rollout.evidence": {"minRequests": 100}})
        self.world.kserve_prompt = self.world.evaluator_prompt = False
        self.world.gateway = "silent"

    # --- the operator

    @rule(passes=st.integers(1, 4))
    def operator_plans(self, passes: int) -> None:
        for _ in range(passes):
            self.world.reconcile()

    @rule(writes=st.integers(1, 6))
    def operator_dies(self, writes: int) -> None:
        self.world.crash_after = len(self.world.writes) + writes
        with suppress(Crash):
            self.world.reconcile()
        self.world.crash_after = None

    @rule(version=VERSIONS)
    def spec_changes_while_operator_writes(self, version: str) -> None:
        with suppress(Conflict):
            self.world.reconcile(meanwhile=lambda: self.world.edit({"spec.version": version}))

    @rule()
    def all_goes_well_for_a_while(self) -> None:
        """Random faults alone seldom get far."""
        world = self.world
        world.kserve_prompt = world.evaluator_prompt = True
        world.gateway = "prompt"
        world.run()
        world.kserve_prompt = world.evaluator_prompt = False
        world.gateway = "silent"

    # --- the user

    @rule(version=VERSIONS)
    def user_releases(self, version: str) -> None:
        self.world.release(version)

    @rule(steps=STEPS)
    def user_edits_steps(self, steps: list[Json]) -> None:
        self.world.edit({"spec.rollout.steps": steps})

    @rule(
        how=st.sampled_from(["insert", "remove", "double", "swap", "change"]),
        at=st.integers(0, 5),
        step=st.sampled_from(WEIGHTS + OTHERS),
    )
    def user_edits_one_step(self, how: str, at: int, step: Json) -> None:
        """At any moment, and so also while the rollout waits at that step."""
        steps = [each.to_json() for each in self.world.model.spec.rollout.steps]
        found: list[Json] = [*steps]
        at %= len(found) + 1
        if how == "insert":
            found.insert(at, step)
        elif at < len(found) and how == "change":
            found[at] = step
        elif at < len(found) and how == "double":
            found.insert(at, found[at])
        elif at < len(found) and how == "remove":
            del found[at]
        elif at + 1 < len(found):
            found[at], found[at + 1] = found[at + 1], found[at]
        self.world.edit({"spec.rollout.steps": in_order(found[:8])})

    @rule(
        change=st.sampled_from(
            [
                ("spec.rollout.paused", True),
                ("spec.rollout.paused", False),
                ("spec.rollout.onFailure", "Pause"),
                ("spec.rollout.onFailure", "Rollback"),
                ("spec.rollout.keepPrevious", "0s"),
                ("spec.rollout.keepPrevious", "1h"),
                ("spec.evaluation.every", "1h"),
                ("spec.evaluation.onStableFailure", "Restore"),
                ("spec.evaluation.onStableFailure", "Alert"),
                ("spec.evaluation.seed", 1),
                ("spec.evaluation.seed", 2),
                ("spec.exposure.mode", "Knative"),
                ("spec.exposure.mode", "Standard"),
            ]
        )
    )
    def user_edits(self, change: tuple[str, Json]) -> None:
        path, value = change
        self.world.edit({path: value})

    @rule(action=st.sampled_from([a for a in Action if a is not Action.OVERRIDE]))
    def user_decides(self, action: Action) -> None:
        self.world.decide(action)

    @rule(action=st.sampled_from([Action.PROMOTE, Action.RETRY, Action.APPROVE, Action.RESUME]))
    def user_helps_on(self, action: Action) -> None:
        self.world.decide(action)

    @rule(
        action=st.sampled_from([Action.PROMOTE, Action.APPROVE, Action.RESUME]),
        stale=st.booleans(),
    )
    def user_decides_on_what_the_status_shows(self, action: Action, stale: bool) -> None:
        found = self.world.status.candidate
        if found is not None and found.steps_hash is not None:
            steps = "0" * 64 if stale else found.steps_hash
            self.world.decide(action, stepsHash=steps, gatesHash=found.gates_hash)

    @rule(action=st.sampled_from([Action.EVALUATE, Action.ROLLBACK, Action.RETRY]))
    def user_decides_on_what_serves(self, action: Action) -> None:
        status = self.world.status
        found = {
            Action.EVALUATE: status.stable,
            Action.ROLLBACK: status.previous,
            Action.RETRY: status.rolled_back,
        }[action]
        if found is not None:
            self.world.decide(action, found.revision)

    @rule(lasts=st.sampled_from([30, 400, 90_000]), failed=st.booleans())
    def user_renews_an_override(self, lasts: float, failed: bool) -> None:
        stable = self.world.status.stable
        if stable is not None:
            end = (self.world.now + timedelta(seconds=lasts)).isoformat()
            given: dict[str, Json] = {"gates": [GATE], "expires": end, "failed": failed}
            self.world.decide(Action.OVERRIDE, stable.revision, **given)

    @rule(seconds=st.sampled_from([-600, -1, 0, 1, 600]))
    def the_clocks_differ(self, seconds: int) -> None:
        self.world.ahead = timedelta(seconds=seconds)

    @rule(action=st.sampled_from(list(Action)))
    def user_decides_on_something_else(self, action: Action) -> None:
        self.world.decide(action, revision="00000000", gates=[GATE])

    @rule(
        gates=st.sampled_from([[GATE], ["another"], [GATE, "another"]]),
        lasts=st.sampled_from([-5, 30, 400, 90_000]),
        failed=st.booleans(),
    )
    def user_overrides(self, gates: list[str], lasts: float, failed: bool) -> None:
        self.world.override(lasts, gates, failed=failed)

    @rule(limit=st.sampled_from([0.1, 0.2]))
    def user_moves_a_limit(self, limit: float) -> None:
        self.world.edit({"spec.evaluation.gates.0.limit": limit})

    @rule(number=st.integers(0, 5))
    def user_withdraws_a_decision(self, number: int) -> None:
        names = sorted(self.world.decisions)
        if names:
            del self.world.decisions[names[number % len(names)]]

    # --- KServe, evaluator, gateway, and whoever else has access

    def _some_service(self, number: int) -> str | None:
        names = sorted(self.world.services)
        return names[number % len(names)] if names else None

    @rule(number=st.integers(0, 5), health=st.sampled_from(HEALTH))
    def a_model_server_changes(
        self, number: int, health: tuple[bool | None, str | None, bool]
    ) -> None:
        name = self._some_service(number)
        if name is not None:
            self.world.set_service(name, *health)

    @rule(number=st.integers(0, 5), left=st.integers(0, 3))
    def pods_are_lost(self, number: int, left: int) -> None:
        name = self._some_service(number)
        if name is not None:
            self.world.lose_pods(name, left)

    @rule(replicas=st.integers(1, 3), room=st.sampled_from([1, 2, 1000]))
    def user_scales(self, replicas: int, room: int) -> None:
        self.world.room = room
        self.world.edit({"spec.predictor.minReplicas": replicas})

    @rule(number=st.integers(0, 5), lost=st.booleans())
    def a_service_is_deleted(self, number: int, lost: bool) -> None:
        name = self._some_service(number)
        if name is not None:
            gone = self.world.services.pop(name)
            if lost:
                self.world.revisions.pop(gone.revision, None)

    @rule(number=st.integers(0, 5), logger=st.booleans())
    def a_service_is_edited(self, number: int, logger: bool) -> None:
        name = self._some_service(number)
        if name is not None:
            changed = replace(self.world.services[name], current=False, foreign_logger=logger)
            self.world.services[name] = changed

    @rule(
        number=st.integers(0, 5), server=st.sampled_from(SERVERS), rogue=st.sampled_from(["", "p"])
    )
    def something_else_answers(self, number: int, server: Server, rogue: str) -> None:
        name = self._some_service(number)
        if name is not None:
            changed = replace(self.world.services[name], server=server, foreign_pod=rogue)
            self.world.services[name] = changed

    @rule()
    def deletions_are_carried_out_late(self) -> None:
        self.world.slow_deletion = not self.world.slow_deletion

    @rule(
        phase=st.sampled_from([*sorted(FINISHED), EvaluationPhase.SUCCESSFUL]),
        gates=st.sampled_from(REPORTS),
    )
    def the_evaluator_reports(self, phase: EvaluationPhase, gates: list[Json] | None) -> None:
        for name, manifest in self.world.evaluations.items():
            if Evaluation.model_validate(manifest).status.phase not in FINISHED:
                self.world.finish(name, phase, gates)
                return

    @rule(phase=st.sampled_from(sorted(EvaluationPhase)))
    def a_verdict_is_tampered_with(self, phase: EvaluationPhase) -> None:
        found = self.world.status.candidate
        if found is not None and found.evaluation in self.world.evaluations:
            self.world.finish(found.evaluation, phase)

    @rule()
    def an_evaluation_is_deleted(self) -> None:
        found = self.world.status.candidate
        if found is not None and found.evaluation is not None:
            self.world.evaluations.pop(found.evaluation, None)

    @rule(
        drift=st.sampled_from(VERDICTS),
        compared=st.sampled_from(VERDICTS),
        later=st.sampled_from([0, 1, 60, 7200]),
    )
    def monitoring_looks(self, drift: Verdict, compared: Verdict, later: float) -> None:
        """At whatever is there, with a policy that does all that a policy can do."""
        world = self.world
        world.now += timedelta(seconds=later)
        status = world.status
        stable, candidate = (
            Side(of.revision, drift, None, drift, None) if of is not None else None
            for of in (status.stable, status.candidate)
        )
        world.monitored = Monitored(POLICY, Look(world.now, stable, candidate, None, compared))

    @rule(there=st.booleans())
    def monitoring_is_gone(self, there: bool) -> None:
        self.world.monitored = Monitored(None, None, "no policy") if there else None

    @rule(
        candidate=st.sampled_from(COUNTS),
        stable=st.sampled_from(COUNTS),
        probe=st.sampled_from(PROBES),
        problem=st.sampled_from(["", "", "a sidecar does not tell"]),
    )
    def sidecars_tell(
        self,
        candidate: ServingCounts,
        stable: ServingCounts,
        probe: ProbeReport,
        problem: str,
    ) -> None:
        tell(self.world, stable=stable, candidate=candidate, probe=probe, problem=problem)

    @rule()
    def the_gateway_accepts(self) -> None:
        self.world.accept_route()

    @rule()
    def the_gateway_refuses(self) -> None:
        route = self.world.route
        if route is not None:
            route.accepted_generation, route.accepted = route.generation, False

    @rule(change=st.sampled_from(["weights", "foreign", "ours", "stale", "gone"]))
    def somebody_edits_the_route(self, change: str) -> None:
        route = self.world.route
        if route is None:
            return
        if change == "gone":
            self.world.route = None
        elif change == "weights":
            route.weights = dict.fromkeys(self.world.services, 7)
            route.generation += 1
        elif change == "stale":
            route.current = False
        else:
            route.foreign = change == "foreign"

    @rule(
        part=st.sampled_from(["gateway_exists", "kserve_installed", "gateway_api_installed"]),
        there=st.booleans(),
    )
    def a_part_of_the_cluster_comes_or_goes(self, part: str, there: bool) -> None:
        setattr(self.world, part, there)

    @rule(seconds=st.sampled_from([-3, 1, 40, 301, 700, 4000]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += timedelta(seconds=seconds)

    # --- the end

    def teardown(self) -> None:
        """Whatever happened: once everybody is well again it comes to rest, on a sound status."""
        world = self.world
        world.crash_after = None
        if world.route is not None:
            world.route.foreign = False
        world.gateway_exists = world.kserve_installed = world.gateway_api_installed = True
        world.services = {
            name: replace(service, foreign_logger=False, foreign_pod="", server=SERVER)
            for name, service in world.services.items()
        }
        world.kserve_prompt = world.evaluator_prompt = True
        world.gateway = "prompt"
        world.accept_route()
        world.run()
        self._at_rest(world)

    def _at_rest(self, world: World) -> None:
        status = world.status
        shares = world.shares()
        if status.stable is None:
            return
        assert sum(shares.values()) == 100
        found = status.candidate
        if found is not None and (found.failure is not None or found.proof is None):
            assert shares.get(found.inference_service, 0) == 0
        kept = {of.inference_service for of in (status.stable, status.previous, found) if of}
        assert set(world.services) <= kept
        assert set(shares) <= kept


RolloutMachine.TestCase.settings = settings(
    max_examples=400,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestInvariants = pytest.mark.thorough(RolloutMachine.TestCase)
