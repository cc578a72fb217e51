"""The host names that a model holds: claimed in its status first, in its route from the next pass on.

All or none of what the spec asks for is claimed. While it cannot be, the model keeps what it holds, and its route
goes on as it was.
"""

from mlhops.api.conditions import ConditionType, find
from mlhops.api.status import Hostname
from mlhops.rollout.candidate.blockers import hopeless
from mlhops.rollout.draft import Draft
from mlhops.rollout.reasons import Reason

_REASONS = (Reason.HOSTNAME_TAKEN, Reason.HOSTNAME_NOT_ALLOWED, Reason.REQUESTS_TAKEN)


def claim_hostnames(draft: Draft) -> None:
    """Claim what the spec asks for, or say who has it."""
    found = draft.seen.hostnames
    _tell(draft)
    if hopeless(draft) or not draft.seen.gateway_api_installed:
        return  # it serves nobody, and who else has routes is not known
    if not draft.seen.gateway_exists:
        return  # callers stay on the Gateway that there is
    if found.problem is not None:
        held = {each.name for each in found.held}
        draft.hostnames = [each for each in draft.hostnames if each.name in held]
        return
    known = {each.name: each for each in found.held if each.gateway == found.gateway}
    draft.hostnames = [
        known.get(name) or Hostname(name=name, gateway=found.gateway, since=draft.now)
        for name in found.asked
    ]


def _tell(draft: Draft) -> None:
    """People hear at once that somebody has their host name, or their requests."""
    blocked = draft.blocked
    if blocked is None or blocked.reason not in _REASONS:
        return
    old = find(draft.old.conditions, ConditionType.STALLED)
    if old is None or (old.reason, old.message) != (blocked.reason, blocked.message):
        draft.tell(Reason(blocked.reason), blocked.message, warning=True)
