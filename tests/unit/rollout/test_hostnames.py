"""What a model claims, what it keeps while it cannot have all, and what people are told."""

from datetime import UTC, datetime

from mlhops.api.status import Hostname
from mlhops.rollout.intents import SetTraffic
from mlhops.rollout.observed import Hostnames
from tests.unit.rollout.test_canary import canary
from tests.unit.rollout.test_robustness import at_ten_percent, condition
from tests.unit.rollout.world import World

PLACE = "icu/clinical"
OLD = Hostname(name="old.example", gateway=PLACE, since=datetime(2029, 1, 1, tzinfo=UTC))


def asks(*names: str, held: tuple[Hostname, ...] = (), taken: str | None = None) -> Hostnames:
    return Hostnames(gateway=PLACE, asked=names, held=held, taken=taken)


def held(world: World) -> list[str]:
    return [each.name for each in world.status.hostnames]


def test_a_model_claims_what_it_asks_for_and_says_since_when() -> None:
    world = World()
    world.hostnames = asks("a.example", "b.example")
    world.run()
    assert held(world) == ["a.example", "b.example"]
    assert {(each.gateway, each.since) for each in world.status.hostnames} == {(PLACE, world.now)}


def test_it_claims_all_that_it_asks_for_or_nothing() -> None:
    world = World()
    world.hostnames = asks("a.example", "b.example", taken="b.example is held by icu/other")
    world.run()
    assert held(world) == []
    assert condition(world, "Stalled") == ("True", "HostnameTaken")


def test_it_keeps_what_it_holds_until_it_has_all_that_it_asks_for() -> None:
    world = World()
    world.hostnames = asks("old.example")
    world.run()
    (mine,) = world.status.hostnames
    world.hostnames = asks("new.example", held=(mine,), taken="new.example is held by icu/other")
    world.run()
    assert world.status.hostnames == [mine]
    world.hostnames = asks("old.example", "new.example", held=(mine,))
    world.run()
    assert held(world) == ["old.example", "new.example"]
    assert world.status.hostnames[0] == mine, "its time does not begin anew"


def test_it_gives_up_what_another_holds_with_more_right() -> None:
    world = World()
    world.hostnames = asks("a.example", "b.example")
    world.run()
    kept = tuple(each for each in world.status.hostnames if each.name == "a.example")
    world.hostnames = asks("a.example", "b.example", held=kept, taken="b.example is held")
    world.run()
    assert held(world) == ["a.example"]


def test_a_gateway_that_is_not_there_takes_no_host_name_from_the_one_that_is() -> None:
    world = World()
    world.hostnames = asks("old.example")
    world.run()
    before = world.status.hostnames
    world.gateway_exists = False
    world.hostnames = Hostnames("icu/elsewhere", ("old.example",), tuple(before))
    world.run()
    assert world.status.hostnames == before


def test_people_hear_once_whose_route_takes_their_requests_and_no_candidate_gets_more() -> None:
    world, old, new = at_ten_percent()
    world.hostnames = Hostnames(stolen="HTTPRoute billing/web takes requests")
    world.decisions.clear()
    world.edit({"spec.rollout.steps": [{"setWeight": 50}]})
    world.run()
    world.run()
    assert condition(world, "Ready") == ("False", "RequestsTaken")
    told = [event for event in world.events if event.reason == "RequestsTaken"]
    assert [event.warning for event in told] == [True]
    assert world.shares() == {old: 90, new: 10}


def test_a_message_that_is_longer_than_a_status_takes_is_told_once_as_well() -> None:
    world, _, _ = at_ten_percent()
    listeners = ", ".join(f"listener-{number} (*.ward-{number}.example)" for number in range(64))
    world.hostnames = Hostnames(refused=f"Gateway icu/clinical has no listener: it has {listeners}")
    world.run()
    world.wait(600)
    assert world.told().count("HostnameNotAllowed") == 1


def test_without_a_host_name_there_is_no_route() -> None:
    world, _, _ = canary([])
    world.hostnames = Hostnames(routable=False)
    world.route = None
    plan = world.plan()
    assert not any(isinstance(each, SetTraffic) for each in (*plan.before, *plan.after))
