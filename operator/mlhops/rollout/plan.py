"""The rollout as a pure function: gathered facts and a time in, intents out."""

from dataclasses import replace
from datetime import datetime

from mlhops.rollout.candidate.blockers import find_blocker
from mlhops.rollout.candidate.candidate import choose_candidate
from mlhops.rollout.candidate.candidate_health import check_candidate
from mlhops.rollout.candidate.hostnames import claim_hostnames
from mlhops.rollout.candidate.servers import record_servers, tell_servers
from mlhops.rollout.cleanup import (
    configure_detectors,
    expire_previous,
    keep_serving,
    remove_old_records,
    remove_retired,
)
from mlhops.rollout.decisions.decisions import hear_decisions, wants_stop
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.gates import answer_overrides
from mlhops.rollout.evaluation.remeasure import ask_again, measure_again
from mlhops.rollout.evaluation.standing import tell_override
from mlhops.rollout.intents import Plan
from mlhops.rollout.leaving import is_leaving, leave
from mlhops.rollout.monitoring.actions import act
from mlhops.rollout.monitoring.monitoring import hear_looks
from mlhops.rollout.monitoring.retrained import hear_retrainings
from mlhops.rollout.monitoring.serving import hear_serving
from mlhops.rollout.observed import Observed
from mlhops.rollout.standards.floor import check_standards, tell_standards
from mlhops.rollout.status import new_status, without_progress
from mlhops.rollout.traffic.advance import advance
from mlhops.rollout.traffic.taken import adopt, follow_edits
from mlhops.rollout.traffic.traffic import check_traffic
from mlhops.rollout.traffic.weights import give_no_more, owes_way_back, set_traffic

_READING_SECONDS = 10.0
"""How soon it is looked again whether all Evaluations were read; whoever reads them tells as well."""


def plan(seen: Observed, now: datetime) -> Plan:
    """Return what to write next.

    The order of the calls is the order of the rollout: choose a candidate, hear people, check it,
    look at what monitoring found and act on it, take the steps that are due, and clear away what nothing needs.
    Of a model that is being deleted only what serves is kept right.
    """
    draft = Draft.begin(seen, now)
    find_blocker(draft)
    check_standards(draft)
    if is_leaving(draft):
        leave(draft)
        hear_serving(draft)
        return _finish(draft)
    if not seen.all_recorded:
        return _stop(draft)
    claim_hostnames(draft)
    record_servers(draft)
    adopt(draft)
    choose_candidate(draft)
    follow_edits(draft)
    hear_decisions(draft)
    check_candidate(draft)
    answer_overrides(draft)
    measure_again(draft)
    hear_looks(draft)
    hear_retrainings(draft)
    check_traffic(draft)
    act(draft)
    advance(draft)
    hear_serving(draft)
    expire_previous(draft)
    keep_serving(draft, (draft.stable, draft.previous))
    set_traffic(draft)
    remove_retired(draft)
    remove_old_records(draft)
    configure_detectors(draft, (draft.stable, draft.candidate, draft.previous))
    tell_servers(draft)
    ask_again(draft)
    tell_override(draft)
    tell_standards(draft)
    return _finish(draft)


def _stop(draft: Draft) -> Plan:
    """Return what stops the rollout or goes back, which does not wait until all Evaluations were read; nothing else.

    The Evaluations that let a revision serve were read. Those that were not may count attempts and measurements that
    nothing new must take for its own.
    """
    wanted = wants_stop(draft)
    if not (wanted or owes_way_back(draft)):
        return Plan((), None, (), (), _READING_SECONDS)
    record_servers(draft)
    adopt(draft)
    if wanted:
        hear_decisions(draft)
    hear_serving(draft)
    keep_serving(draft, (draft.stable, draft.previous))
    set_traffic(draft)
    give_no_more(draft)
    tell_servers(draft)
    tell_override(draft)
    return _finish(draft)


def plan_to_tell(seen: Observed, refusal: str, now: datetime) -> Plan:
    """Return what to write about a write that the API server refuses: the reason, and nothing that rests on it."""
    told = plan(replace(seen, refusal=refusal), now)
    status = told.status and without_progress(told.status, seen.model.status)
    return replace(told, before=(), status=status, after=(), events=())


def _finish(draft: Draft) -> Plan:
    status = new_status(draft)
    changed = status.to_json() != draft.old.to_json()
    return Plan(
        before=tuple(draft.before),
        status=status if changed else None,
        after=tuple(draft.after),
        events=tuple(draft.events),
        requeue_after=draft.seconds_to_wake(),
    )
