"""What is no longer needed, and when it may go."""

from collections.abc import Callable

from mlhops.api.decision import Action
from mlhops.api.evaluation import FINISHED, EvaluationPhase
from mlhops.api.status import Candidate, Outcome, Serving
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.measuring import numbers_of
from mlhops.rollout.intents import ConfigureDetector, EnsureService, Remove, SetTraffic
from mlhops.rollout.observed import Record, Service
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions.revision import evaluation_name

EVALUATIONS_KEPT = 10
"""How many Evaluations stay that neither let a revision serve nor are cited."""
MEASUREMENTS_KEPT = 100
"""How many measurements of what serves stay; of one that is measured each day a quarter of a year."""


def keep_serving(draft: Draft, served: tuple[Serving | None, ...]) -> None:
    """Put right the InferenceServices of what serves that somebody changed or deleted."""
    if not draft.seen.kserve_installed:
        return
    for serving in served:
        if serving is None:
            continue
        service = draft.seen.services.get(serving.inference_service)
        recorded = draft.recorded(serving)
        known = recorded or serving.digest == draft.digest
        if known and (service is None or _can_be_put_right(service, recorded)):
            draft.before.append(EnsureService(serving.revision))


def expire_previous(draft: Draft) -> None:
    """Let go of the previous revision when its time is over, or when it serves again.

    After an instant rollback it has all requests still: until the Gateway surely sends it none, it stays.
    """
    previous = draft.previous
    if previous is None:
        return
    in_use = {of.revision for of in (draft.stable, draft.candidate) if of is not None}
    over = previous.kept_until is None or previous.kept_until <= draft.now
    idle = draft.actual(previous.inference_service) == 0
    if (over and idle) or previous.revision in in_use:
        draft.previous = None
        if previous.revision not in in_use:
            message = f"{previous.version} is no longer kept for an instant rollback"
            draft.tell(Reason.PREVIOUS_REMOVED, message)
    elif previous.kept_until is not None:
        draft.wake(previous.kept_until)


def remove_retired(draft: Draft) -> None:
    """Delete InferenceServices that nothing needs, once the Gateway surely sends them nothing."""
    needed = {of.inference_service for of in (draft.stable, draft.previous) if of is not None}
    if draft.candidate is not None and not _may_go(draft, draft.candidate):
        needed.add(draft.candidate.inference_service)
    if any(isinstance(intent, SetTraffic) for intent in (*draft.before, *draft.after)):
        return  # first the Gateway has to accept these
    for service in draft.seen.services.values():
        unused = service.name not in needed and not service.deleting
        if unused and draft.actual(service.name) == 0:
            draft.after.append(Remove("InferenceService", service.name))


def remove_old_records(draft: Draft) -> None:
    """Keep the evidence of all that may have served and the latest others; drop what is gone."""
    cited = {entry.evaluation for entry in draft.history}
    for of in (draft.stable, draft.previous):
        if of is not None and of.proof is not None:
            cited.add(of.proof.evaluation)
        both = (of.remeasured, of.measuring) if of is not None else ()
        cited |= {each.evaluation for each in both if each is not None}
    lasting = _may_have_served(draft)
    gone = {
        name
        for name, record in draft.seen.records.items()
        if record.phase not in FINISHED and not _awaited(draft, name)
    }
    for name in sorted(gone):  # nobody waits for its verdict, so its Job need not go on
        draft.after.append(Remove("Evaluation", name))
    others = sorted(
        (record.created or draft.now, name)
        for name, record in draft.seen.records.items()
        if not lasting(record) and name not in cited | gone and not _of_attempt(draft, name)
    )
    measured = sorted(
        (record.created or draft.now, name)
        for name, record in draft.seen.records.items()
        if name not in cited | gone and numbers_of(draft.name, record.revision, [name])
    )
    old = [*others[: max(len(others) - EVALUATIONS_KEPT, 0)], *measured[:-MEASUREMENTS_KEPT]]
    for name in dict.fromkeys(name for _, name in old):
        draft.after.append(Remove("Evaluation", name))
    in_use = {of.revision for of in (draft.stable, draft.candidate, draft.previous) if of}
    served = {service.revision for service in draft.seen.services.values()}
    for name, revision in sorted(draft.seen.config_maps.items()):
        if revision not in in_use | served:
            draft.after.append(Remove("ConfigMap", name))
    for revision in sorted(draft.seen.recorded.keys() - in_use - served):
        draft.after.append(Remove("ControllerRevision", f"{draft.name}-{revision}"))


def configure_detectors(draft: Draft, of: tuple[Serving | Candidate | None, ...]) -> None:
    """Tell the detectors beside model servers what to count; last of all, since nothing rests on that."""
    coming = {i.revision for i in (*draft.before, *draft.after) if isinstance(i, EnsureService)}
    needed = {each.revision for each in of if each is not None}
    there = {s.revision for s in draft.seen.services.values() if not s.deleting}
    for revision in sorted(draft.seen.unconfigured & needed & there - coming):
        draft.after.append(ConfigureDetector(revision))


def _may_have_served(draft: Draft) -> Callable[[Record], bool]:
    """Return whether an Evaluation is of a revision that patients may have been on.

    That record is kept for good, and outlives the history, which has an end. What the history no
    longer tells, the Evaluation itself does: only one that passed lets a revision serve, or one that
    did not and was overridden, by a Decision that is still there.
    """
    served = {entry.revision for entry in draft.history if entry.outcome in _PROMOTIONS}
    served |= {of.revision for of in (draft.stable, draft.previous) if of is not None}
    served |= {d.spec.revision for d in draft.decisions if d.spec.action is Action.OVERRIDE}

    def may_have(record: Record) -> bool:
        return record.phase is EvaluationPhase.SUCCESSFUL or record.revision in served

    return may_have


_PROMOTIONS = (Outcome.PROMOTED, Outcome.FAST_PROMOTED)


def _can_be_put_right(service: Service, recorded: bool) -> bool:
    """Whether applying it again is of use: not on its way out, not claimed by somebody else.

    A record that somebody has deleted is made again while the spec still says what stood in it.
    """
    amiss = not service.current or not recorded
    return amiss and not service.deleting and not service.foreign_logger


def _awaited(draft: Draft, name: str) -> bool:
    measuring = draft.stable.measuring if draft.stable is not None else None
    if measuring is not None and measuring.evaluation == name:
        return True
    failed = draft.candidate is not None and draft.candidate.failure is not None
    return _of_attempt(draft, name) and not failed


def _of_attempt(draft: Draft, name: str) -> bool:
    candidate = draft.candidate
    if candidate is None:
        return False
    base = evaluation_name(draft.name, candidate.revision, candidate.attempt)
    return name == base or name.startswith(f"{base}-s")


def _may_go(draft: Draft, candidate: Candidate) -> bool:
    """Whether a candidate's InferenceService is given up, or is to be replaced by a new one."""
    rollback = draft.seen.model.spec.rollout.on_failure == "Rollback"
    return candidate.renew or (candidate.failure is not None and rollback)
