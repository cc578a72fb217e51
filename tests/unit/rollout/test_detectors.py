"""The detectors beside model servers are told what to count, and nothing else depends on that."""

from mlhops.api.evaluation import EvaluationPhase
from mlhops.rollout.intents import ConfigureDetector, EnsureService
from mlhops.rollout.plan import plan
from mlhops.rollout.staleness import may_rest_on_cached_state
from tests.unit.rollout.world import World


def climbing() -> tuple[World, str, str]:
    """A world with two revisions that patients are on."""
    world = World(steps=[{"setWeight": 10}, {"pause": {}}])
    stable = world.deploy("1.0.0")
    candidate = world.release("2.0.0")
    world.run()
    assert world.candidate.desired_weight == 10
    return world, stable, candidate


def test_another_policy_is_told_to_all_detectors_that_are_there_and_restarts_nothing() -> None:
    world, stable, candidate = climbing()
    world.windows = "week"

    decided = world.reconcile()

    told = tuple(ConfigureDetector(revision) for revision in sorted((stable, candidate)))
    assert (decided.before, decided.status, decided.after) == ((), None, told)
    assert may_rest_on_cached_state(world.status, decided)
    assert world.reconcile().empty


def test_a_detector_whose_configuration_somebody_took_away_gets_it_again() -> None:
    world, stable, _ = climbing()
    del world.config_maps[f"sepsis-{stable}-detector"]
    assert world.reconcile().after == (ConfigureDetector(stable),)


def test_what_is_brought_up_anyway_is_not_told_twice() -> None:
    world, stable, candidate = climbing()
    world.windows = "week"
    world.revisions.pop(candidate, None)  # somebody took the record away
    assert world.plan().after == (EnsureService(candidate), ConfigureDetector(stable))


def test_nothing_is_told_where_no_model_server_stands() -> None:
    world = World()
    world.gateway_api_installed = False
    world.kserve_installed = False
    world.run()
    world.windows = "week"
    assert plan(world.observe(), world.now).after == ()


def test_telling_comes_last_since_nothing_may_wait_for_it() -> None:
    world, stable, _ = climbing()
    world.windows = "week"
    world.set_service(world.service_of(), ready=False, trouble="gone", fatal=True)
    decided = world.plan()
    assert decided.status is not None
    assert decided.after[-1] in (ConfigureDetector(stable), ConfigureDetector(world.target))
    assert not any(isinstance(intent, ConfigureDetector) for intent in decided.before)


def test_the_configuration_goes_with_its_revision() -> None:
    world, stable, candidate = climbing()
    world.verdict = EvaluationPhase.FAILED
    newest = world.release("3.0.0")
    world.run()
    assert set(world.config_maps) == {f"sepsis-{stable}-detector", f"sepsis-{newest}-detector"}
    assert f"sepsis-{candidate}-detector" not in world.config_maps
    assert {f"sepsis-{r}-detector" for r in world.revisions} == set(world.config_maps)
