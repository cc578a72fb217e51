"""What keeps a model from being served, as a chain of checks; the first that applies is named."""

from collections.abc import Callable
from datetime import timedelta

from mlhops.api.conditions import ConditionType, find
from mlhops.api.status import Stop
from mlhops.kserve.names import app_of
from mlhops.rollout import reasons
from mlhops.rollout.draft import MESSAGE_LIMIT, Draft
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions.revision import service_name
from mlhops.routing.router import Blocker

_HOPELESS = (Reason.MODE_NOT_SUPPORTED, Reason.NAME_TOO_LONG, Reason.REVISION_CLASH)
LOOK_AGAIN = timedelta(seconds=30)

Check = Callable[[Draft], tuple[Reason, str] | None]


def find_blocker(draft: Draft) -> None:
    """Note the first thing that keeps the model from being served."""
    for check in CHAIN:
        found = check(draft)
        if found is not None:
            reason, message = found
            draft.blocked = Stop(reason=reason, message=message[:MESSAGE_LIMIT], at=draft.now)
            draft.wake(
                draft.now + LOOK_AGAIN
            )  # what is missing may appear where nothing is watched
            return


def hopeless(draft: Draft) -> bool:
    """Whether no revision of this spec can ever serve, so that none is begun."""
    return draft.blocked is not None and draft.blocked.reason in _HOPELESS


def was_blocked(draft: Draft) -> bool:
    """Whether the last status had the candidate wait for something that is not its own fault."""
    stalled = find(draft.old.conditions, ConditionType.STALLED)
    failed = draft.old.candidate is not None and draft.old.candidate.failure is not None
    return stalled is not None and stalled.status == "True" and not failed


def _mode(draft: Draft) -> tuple[Reason, str] | None:
    if not draft.seen.router.takes(draft.seen.model):
        return Reason.MODE_NOT_SUPPORTED, reasons.MODE_KNATIVE
    return None


def _name(draft: Draft) -> tuple[Reason, str] | None:
    metadata = draft.seen.model.metadata
    service = service_name(metadata.name, draft.target)
    host, label = f"{service}-predictor-{metadata.namespace}", app_of(service)
    if len(host) > 63:
        return Reason.NAME_TOO_LONG, reasons.name_too_long(host, len(host))
    if len(label) > 63:
        return Reason.NAME_TOO_LONG, reasons.label_too_long(label)
    return None


def _clash(draft: Draft) -> tuple[Reason, str] | None:
    if not draft.clash:
        return None
    return Reason.REVISION_CLASH, reasons.revision_clash(draft.target, draft.digest)


def _kserve(draft: Draft) -> tuple[Reason, str] | None:
    return None if draft.seen.kserve_installed else (Reason.KSERVE_MISSING, reasons.KSERVE_MISSING)


def _router_lacks(draft: Draft) -> tuple[Reason, str] | None:
    return _of_router(draft.seen.router.missing(draft.seen))


def _router_refuses(draft: Draft) -> tuple[Reason, str] | None:
    return _of_router(draft.seen.router.refused(draft.seen))


def _of_router(found: Blocker | None) -> tuple[Reason, str] | None:
    return (Reason(found[0]), found[1]) if found is not None else None


def _logger(draft: Draft) -> tuple[Reason, str] | None:
    for service in draft.seen.services.values():
        if service.foreign_logger and not service.deleting:
            return Reason.FOREIGN_LOGGER, reasons.foreign_logger(service.name)
    return None


def _field(draft: Draft) -> tuple[Reason, str] | None:
    for service in draft.seen.services.values():
        if service.foreign_field and not service.deleting:
            message = reasons.foreign_field(service.name, service.foreign_field)
            return Reason.FOREIGN_FIELD, message
    return None


def _pod(draft: Draft) -> tuple[Reason, str] | None:
    for service in draft.seen.services.values():
        if service.foreign_pod and not service.deleting:
            return Reason.FOREIGN_POD, reasons.foreign_pod(service.name, service.foreign_pod)
    return None


def _deployment_mode(draft: Draft) -> tuple[Reason, str] | None:
    for service in draft.seen.services.values():
        if service.mode not in ("", "Standard") and not service.deleting:
            return Reason.MODE_IGNORED, reasons.mode_ignored(service.name, service.mode)
    return None


def _lost(draft: Draft) -> tuple[Reason, str] | None:
    stable = draft.stable
    if stable is None or stable.digest == draft.digest:
        return None
    gone = stable.inference_service not in draft.seen.services
    if not gone or draft.recorded(stable):
        return None
    return (
        Reason.REVISION_LOST,
        reasons.revision_lost(stable.inference_service, stable.version),
    )


CHAIN: tuple[Check, ...] = (
    _mode,
    _name,
    _clash,
    _kserve,
    _router_lacks,
    _deployment_mode,
    _router_refuses,
    _logger,
    _field,
    _pod,
    _lost,
)
