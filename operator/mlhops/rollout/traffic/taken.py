"""Which steps an attempt has taken, each known by a number of its own, and what an edit makes of them.

A number is given when a step begins, and never again in the attempt: an approval, a Resume, an Evaluation or
a time belongs to that number, so none of them can count for a step that somebody puts in its place.
"""

from datetime import datetime
from math import ceil

from mlhops.api.base import later
from mlhops.api.decision import Action
from mlhops.api.model import ClinicalModel
from mlhops.api.status import Candidate, Decider, Hold, Taken, TakenStep
from mlhops.api.step import Step
from mlhops.rollout.draft import Draft
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions.revision import evaluation_name
from mlhops.rollout.traffic.traffic import ObservedTraffic
from mlhops.rollout.traffic.weights import ceiling

EVALUATE, APPROVE, PAUSE, OBSERVE = "evaluate", "approve", "pause", "observe"
_WAITS_AT: dict[str, str] = {Reason.APPROVAL_REQUIRED: APPROVE, Reason.PAUSE_STEP: PAUSE}


def of(candidate: Candidate) -> Taken:
    """Return what a candidate has taken."""
    return candidate.taken if candidate.taken is not None else Taken()


def present(candidate: Candidate) -> TakenStep | None:
    """Return the step that is under way, None where none has begun."""
    return of(candidate).present


def present_id(candidate: Candidate) -> int | None:
    """Return the number of the step that is under way."""
    here = present(candidate)
    return here.id if here is not None else None


def live_evaluations(model: ClinicalModel, candidate: Candidate) -> list[str]:
    """Return the names of the Evaluations that steps of this attempt ran, that under way included."""
    taken = candidate.taken
    if taken is None:  # of an earlier operator, which knew steps by their place
        steps = model.spec.rollout.steps[: candidate.step_index + 1]
        ids = [i for i, step in enumerate(steps) if step.evaluate is not None]
    else:
        here = [taken.present] if taken.present is not None else []
        ids = [one.id for one in (*taken.passed, *taken.owed, *here) if one.step == EVALUATE]
    about = (model.metadata.name, candidate.revision, candidate.attempt)
    return [evaluation_name(*about, number) for number in ids]


def follow_edits(draft: Draft) -> None:
    """Keep to a list that was edited on the way: what it begins with, as it was taken, is done.

    The rest is still to come, and asks anew. What the rollout waits at is owed: it is not passed by an edit.
    """
    adopt(draft)
    candidate = draft.candidate
    if candidate is None or candidate.failure is not None or candidate.promoting:
        return
    names = [step.name for step in draft.steps]
    taken = of(candidate)
    passed = _begins_with(names, taken.passed)
    here = names[len(passed)] if len(passed) < len(names) else None
    changed = taken.model_copy(update={"passed": passed})
    step = changed.present
    if step is not None and not step.removed:
        asked = draft.seen.model.spec.rollout.evidence.min_requests
        changed = _edited(candidate, changed, step, here, asked)
    if changed.present is not None and changed.present.removed and _same(changed.present, here):
        back = changed.present.model_copy(update={"removed": False, "step": here})
        changed = changed.model_copy(update={"present": back})
    _keep(draft, changed, len(passed))
    _lower(draft)


def begin(draft: Draft) -> TakenStep | None:
    """Return the step under way, after beginning the one that is due; None where the list is done.

    Before a weight is raised above that at which the rollout waited, and before the end, what it waited at
    and was taken off the list comes first.
    """
    candidate = draft.candidate
    if candidate is None:
        return None
    taken = of(candidate)
    if taken.present is not None:
        return taken.present
    steps = draft.steps
    step = steps[len(taken.passed)] if len(taken.passed) < len(steps) else None
    owed = next((one for one in taken.owed if _exceeds(step, one.weight)), None)
    if owed is not None:
        return _begin_owed(draft, taken, owed)
    if step is None:
        return None
    begun = TakenStep(
        id=taken.begun, step=step.name, weight=candidate.desired_weight, since=draft.now
    )
    left = [one for one in taken.owed if not _covers(begun.step, one.step)]
    update = {"present": begun, "begun": taken.begun + 1, "owed": left, "until": None}
    draft.change(taken=taken.model_copy(update=update), step_started_at=draft.now)
    return begun


def all_done(draft: Draft) -> bool:
    """Whether every step of the list is done, and nothing is owed."""
    candidate = draft.candidate
    if candidate is None:
        return False
    taken = of(candidate)
    return taken.present is None and not taken.owed and len(taken.passed) >= len(draft.steps)


def finish(draft: Draft) -> None:
    """Note that the step under way is done."""
    candidate = draft.candidate
    if candidate is None:
        return
    taken = of(candidate)
    step = taken.present
    if step is None:
        return
    passed = taken.passed if step.removed else [*taken.passed, step]
    done = taken.model_copy(update={"present": None, "passed": passed, "until": None})
    draft.change(taken=done, step_index=len(passed), step_started_at=draft.now, pause=None)


def pause_ends(candidate: Candidate, step: TakenStep, now: datetime) -> datetime | None:
    """Return when a timed pause ends, None for one that a person ends."""
    if _length(step.step) is None:
        return None
    end = later(candidate.step_started_at or now, step.step.removeprefix("pause "))
    until = of(candidate).until
    return end if until is None else max(end, until)


def adopt(draft: Draft) -> None:
    """Number the steps of a candidate that an earlier operator left, which knew them by their place.

    Where the list may have changed since that operator wrote, nothing counts as passed, and no earlier
    answer counts for anything.
    """
    candidate = draft.candidate
    if candidate is None or candidate.taken is not None or candidate.failure is not None:
        return
    index, steps = candidate.step_index, draft.steps
    same = draft.old.observed_generation == draft.seen.model.metadata.generation
    started = candidate.step_started_at
    names = [step.name for step in steps]
    waits = candidate.pause.reason if candidate.pause is not None else ""
    at = _WAITS_AT.get(waits)
    passed = [TakenStep(id=i, step=name) for i, name in enumerate(names[:index])] if same else []
    here = names[index] if same and index < len(names) else at
    step = None
    if here is not None and started is not None:
        step = TakenStep(id=index, step=here, weight=candidate.desired_weight, since=started)
    begun = index + 1 if started is not None or index > 0 else 0
    draft.change(
        taken=Taken(begun=begun, passed=passed, present=step),
        deciders=_numbered(candidate, keep=same),
    )
    if draft.hold is None:
        draft.hold = _held(candidate)


def _held(candidate: Candidate) -> Hold | None:
    """Return the Pause that no Resume followed in this attempt."""
    hold = None
    for one in candidate.deciders:
        if one.attempt != candidate.attempt:
            continue
        if one.action is Action.PAUSE:
            hold = Hold(
                decision=one.decision,
                uid=one.uid,
                decided_by=one.decided_by,
                reason=one.reason,
                revision=candidate.revision,
                version=candidate.version,
                at=one.at,
            )
        elif one.action in (Action.RESUME, Action.PROMOTE):
            hold = None
    return hold


def _numbered(candidate: Candidate, *, keep: bool) -> list[Decider]:
    """Return the deciders, each with the step that it answers; a Resume that ended a hold answers none."""
    held, found = False, []
    for one in candidate.deciders:
        answers = one.action is Action.APPROVE or (one.action is Action.RESUME and not held)
        if one.attempt == candidate.attempt:
            held = one.action is Action.PAUSE or (
                held and one.action not in (Action.RESUME, Action.PROMOTE)
            )
        step = one.step_index if keep and answers and one.step_id is None else one.step_id
        found.append(one.model_copy(update={"step_id": step}))
    return found


def _begins_with(names: list[str], passed: list[TakenStep]) -> list[TakenStep]:
    """Return the steps that the list begins with, as they were passed."""
    for number, step in enumerate(passed):
        if number >= len(names) or names[number] != step.step:
            return passed[:number]
    return passed


def _edited(
    candidate: Candidate, taken: Taken, step: TakenStep, here: str | None, asked: int
) -> Taken:
    """Return what was taken where the list has `here` in the place of the step under way.

    A weight that has not shown so many requests (`asked`) yet still has to before it is raised.
    """
    if step.step == here:
        return taken
    if _length(step.step) is not None and _length(here) is not None:
        # A pause of another length lasts as long as the longer of both.
        end = pause_ends(candidate, step, candidate.step_started_at or candidate.started_at)
        present = step.model_copy(update={"step": here})
        return taken.model_copy(update={"present": present, "until": end})
    owed = taken.owed
    if not step.step.startswith("setWeight"):
        owed = _owing(owed, _as_owed(candidate, step))
    elif candidate.desired_weight > 0:
        unseen = step.model_copy(update={"step": ObservedTraffic(asked, 0).name})
        owed = _owing(owed, _as_owed(candidate, unseen)) if asked else owed
    return taken.model_copy(update={"present": None, "owed": owed, "until": None})


def _as_owed(candidate: Candidate, step: TakenStep) -> TakenStep:
    """Return the step under way as it is owed: a timed pause with the longest that it has ever been."""
    since = candidate.step_started_at or candidate.started_at
    end = pause_ends(candidate, step, since)
    name = step.step if end is None else f"pause {ceil((end - since).total_seconds())}s"
    update = {"step": name, "weight": candidate.desired_weight, "since": since}
    return step.model_copy(update=update)


def _owing(owed: list[TakenStep], step: TakenStep) -> list[TakenStep]:
    """Return what is owed with one step more: each kind once, so that it is little whoever edits how often.

    Of timed pauses and of observing that is the most, from the latest begin and at the lowest weight of them.
    """
    same = [one for one in owed if _kind(one) == _kind(step)]
    for one in same:
        most = _most(step.step, one.step)
        weight, since = min(one.weight, step.weight), max(filter(None, (one.since, step.since)))
        step = step.model_copy(update={"step": most, "weight": weight, "since": since})
    return [*(one for one in owed if _kind(one) != _kind(step)), step]


def _kind(step: TakenStep) -> str:
    if step.step.startswith(OBSERVE):
        return OBSERVE
    return step.step if _length(step.step) is None else "timed pause"


def _most(one: str, other: str) -> str:
    """Return what asks for at least what two steps of a kind ask for."""
    if one.startswith(OBSERVE):
        return ObservedTraffic.of(one).with_all_of(ObservedTraffic.of(other)).name
    return one if _covers(one, other) else other


def _keep(draft: Draft, taken: Taken, index: int) -> None:
    """Note what an edit has changed."""
    candidate = draft.candidate
    if candidate is None:
        return
    if taken != of(candidate) or index != candidate.step_index:
        other = present_id(candidate) != (taken.present.id if taken.present is not None else None)
        draft.change(taken=taken, step_index=index)
        if other:
            draft.change(pause=None, step_started_at=draft.now)


def _lower(draft: Draft) -> None:
    """Take back what the list, as it is now, does not allow."""
    candidate = draft.candidate
    if candidate is None:
        return
    most = ceiling(draft.steps, candidate.step_index)
    if candidate.desired_weight > most:
        draft.change(desired_weight=most, step_started_at=draft.now)
        draft.tell(Reason.WEIGHT_SET, f"{candidate.version} gets {most} % of requests")


def _begin_owed(draft: Draft, taken: Taken, owed: TakenStep) -> TakenStep:
    """Go back to a step that the rollout waited at, with the answers that it has."""
    begun = owed.model_copy(update={"removed": True})
    left = [one for one in taken.owed if one is not owed]
    update = {"present": begun, "owed": left, "until": None}
    draft.change(taken=taken.model_copy(update=update), step_started_at=owed.since or draft.now)
    return begun


def _exceeds(step: Step | None, weight: int) -> bool:
    """Whether a step gives more than that weight; the end of the list gives all."""
    return step is None or (step.set_weight is not None and step.set_weight > weight)


def _same(step: TakenStep, name: str | None) -> bool:
    return name is not None and step.step == name


def _covers(name: str, owed: str) -> bool:
    """Whether a step asks for at least what another asked for."""
    if name.startswith(OBSERVE) and owed.startswith(OBSERVE):
        return _most(name, owed) == name
    length, least = _length(name), _length(owed)
    return name == owed or (length is not None and least is not None and length >= least)


def _length(name: str | None) -> int | None:
    """Return the seconds of a timed pause, None of anything else."""
    if name is None or not name.startswith("pause "):
        return None
    return int(name.removeprefix("pause ").removesuffix("s"))
