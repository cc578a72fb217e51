"""The traffic of the route: what each revision may have, and in which order that is written."""

from mlhops.api.status import Candidate
from mlhops.api.step import Step
from mlhops.rollout import reasons
from mlhops.rollout.candidate.replicas import is_short
from mlhops.rollout.candidate.servers import is_proven
from mlhops.rollout.draft import Draft
from mlhops.rollout.intents import Intent, SetTraffic
from mlhops.rollout.reasons import Reason
from mlhops.rollout.standards.floor import below_standard
from mlhops.routing.traffic import Traffic


def ceiling(steps: list[Step], index: int) -> int:
    """Return the most that a candidate may have at a step: the weight last set, 100 at the end."""
    if index >= len(steps):
        return 100
    weights = [step.set_weight for step in steps[: index + 1] if step.set_weight is not None]
    return min(max(weights[-1], 0), 100) if weights else 0


def wanted_traffic(draft: Draft) -> Traffic:
    """Return who is to get which share; a candidate without proof gets none."""
    if draft.stable is None:
        return Traffic()
    candidate = draft.candidate
    if candidate is None or candidate.inference_service == draft.stable.inference_service:
        return Traffic({draft.stable.inference_service: 100})
    share = _share(draft, candidate)
    weights = {
        draft.stable.inference_service: 100 - share,
        candidate.inference_service: share,
    }
    return Traffic(weights).given


def in_force(draft: Draft) -> bool:
    """Whether the Gateway has accepted the wanted traffic, and nothing else in the route is off."""
    route = draft.seen.route
    if route is None or not route.current or route.foreign:
        return False
    return route.actual == wanted_traffic(draft)


def set_traffic(draft: Draft) -> None:
    """Apply the route: traffic is taken from a candidate first of all, given after the status."""
    wanted = wanted_traffic(draft)
    route = draft.seen.route
    if not draft.seen.gateway_api_installed or (route and route.foreign):
        return
    if wanted.empty:
        # Nothing is proven. A route that came back from a backup, or is all that is left of a status, sends nobody
        # any request until something is.
        if route is not None and not route.traffic.empty:
            draft.before.insert(0, SetTraffic(wanted))
        return
    if not draft.seen.hostnames.routable:
        return  # a route without host names would take all requests
    if route is not None and route.current and route.traffic == wanted:
        return
    if route is not None and route.unsupported:
        message = reasons.route_simplified(route.unsupported)
        draft.tell(Reason.ROUTE_SIMPLIFIED, message, warning=True)
    serving = draft.old.stable.inference_service if draft.old.stable else None
    now = route.traffic if route is not None else Traffic()
    others = sorted({*wanted.weights, *now.weights} - {serving})
    given = _given(draft.old.candidate, now)
    raises = any(wanted.of(name) > given.of(name) for name in others)
    lowers = any(wanted.of(name) < now.of(name) for name in others)
    if not raises:
        draft.before.insert(0, SetTraffic(wanted))
    elif lowers and serving is not None:
        # The share that is taken away goes to the revision that serves; the next pass raises.
        kept = {name: min(wanted.of(name), given.of(name)) for name in others}
        rest = {serving: 100 - sum(kept.values())}
        draft.before.insert(0, SetTraffic(Traffic({**rest, **kept}).given))
    else:
        draft.after.insert(0, SetTraffic(wanted))


def owes_way_back(draft: Draft) -> bool:
    """Whether the route has nothing of what serves: going back to it was decided, and only begun."""
    candidate = draft.candidate
    if draft.stable is None or draft.seen.route is None:
        return False
    if candidate is not None and candidate.failure is None:
        return False  # it may have all requests
    return draft.routed(draft.stable.inference_service) == 0


def give_no_more(draft: Draft) -> None:
    """Leave out what would give the candidate a greater share than the route gives it."""
    candidate = draft.candidate
    if candidate is None:
        return
    name = candidate.inference_service

    def is_fine(intent: Intent) -> bool:
        return not isinstance(intent, SetTraffic) or intent.traffic.of(name) <= draft.routed(name)

    draft.before = [intent for intent in draft.before if is_fine(intent)]
    draft.after = [intent for intent in draft.after if is_fine(intent)]


def _given(candidate: Candidate | None, now: Traffic) -> Traffic:
    """Return a candidate's weight in the route as far as its status has given it.

    What somebody else has set beyond that, or for a revision that is kept, is given only when the status says so.
    """
    if candidate is None:
        return Traffic()
    name = candidate.inference_service
    return Traffic({name: min(now.of(name), candidate.desired_weight)})


def _share(draft: Draft, candidate: Candidate) -> int:
    """Return a candidate's share: none without proof, no more than it has while it is not well, in doubt, or below a
    standard.
    """
    proof = candidate.proof
    if candidate.failure is not None or proof is None or proof.digest != candidate.digest:
        return 0
    service = draft.service(candidate)
    well = service is not None and service.ready is True and draft.blocked is None
    enough = candidate.desired_weight < 100 or not is_short(draft, candidate)
    if well and enough and is_proven(service, candidate.proof):
        if below_standard(draft, candidate) is None:
            return candidate.desired_weight
        # What the route has of it was given while the standard was met: that is not taken away.
        return min(draft.routed(candidate.inference_service), candidate.desired_weight)
    return draft.has_had(candidate)
