"""A plan in the making: the status as it will be, and the intents and Events gathered so far."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self, TypeVar

from mlhops.api.decision import Decision, DecisionStatus
from mlhops.api.status import (
    Candidate,
    ClinicalModelStatus,
    HistoryEntry,
    Hold,
    Hostname,
    MonitoringStatus,
    Outcome,
    RolledBack,
    Serving,
    ServingStatus,
    StandingOverride,
    Stop,
)
from mlhops.api.step import Step
from mlhops.rollout.intents import AnswerDecision, Event, Intent
from mlhops.rollout.observed import Observed, Service
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions import history
from mlhops.rollout.revisions.identity import adopted, renewed, target_of
from mlhops.rollout.revisions.revision import Asked, steps_hash

R = TypeVar("R", Serving, Candidate)
MESSAGE_LIMIT = 1024
_ANSWERS = 20
"""So many Decisions are answered in one pass, so that nobody's Abort waits for the answers to others."""
_WORRYING = (
    Reason.GATES_INCONCLUSIVE,
    Reason.EVALUATION_ERROR,
    Reason.PAUSED_BY_POLICY,
    Reason.BELOW_STANDARD,
    Reason.STANDARD_UNKNOWN,
)


@dataclass
class Draft:
    """Collects one plan; lives no longer than the call of `plan`."""

    seen: Observed
    now: datetime
    target: str
    """The name of the revision that the spec asks for."""
    digest: str
    """The sha256 of what that revision serves."""
    clash: bool
    """Whether another revision has that name."""
    gates_hash: str
    """The gates that the spec asks for."""
    steps_hash: str
    """The steps that the spec asks for."""
    stable: Serving | None
    candidate: Candidate | None
    hold: Hold | None
    """The Pause of a person that holds the model."""
    previous: Serving | None
    history: list[HistoryEntry]
    monitoring: MonitoringStatus | None
    serving: ServingStatus | None
    hostnames: list[Hostname]
    override: StandingOverride | None
    """What a person overrode on which what serves rests."""
    rolled_back: RolledBack | None
    """What was rolled back from, for as long as the spec asks for it."""
    blocked: Stop | None = None
    """Why the candidate cannot get more traffic whatever its evidence."""
    below: Stop | None = None
    """Why the spec is, or may be, below a standard, so that no revision gets more requests."""
    progress: str = ""
    """What a candidate that nothing holds is doing, and what it gets no more traffic before."""
    before: list[Intent] = field(default_factory=list)
    after: list[Intent] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    wake_at: datetime | None = None
    stopping: bool = False
    """This pass hears what stops the rollout, and nothing else that people decided."""
    unheard: bool = False
    """Some Decisions wait for the next pass, which is due at once."""

    @classmethod
    def begin(cls, seen: Observed, now: datetime) -> Self:
        """Return an empty plan on these facts."""
        spec, status = seen.model.spec, seen.model.status
        target, asked = target_of(spec, status, seen.recorded), Asked.of(spec)

        def known(of: R | None) -> R | None:
            if of is None:
                return None
            of = adopted(of, seen.recorded)
            return of.model_copy(update={"proof": renewed(of.proof, asked)})

        return cls(
            seen=seen,
            now=now,
            target=target.name,
            digest=target.digest,
            clash=target.clash,
            gates_hash=asked.digest,
            steps_hash=steps_hash(seen.model.spec.rollout.steps),
            stable=known(status.stable),
            candidate=known(status.candidate),
            hold=status.hold,
            previous=known(status.previous),
            history=list(status.history),
            monitoring=status.monitoring,
            serving=status.serving,
            hostnames=list(status.hostnames),
            override=status.override,
            rolled_back=status.rolled_back,
        )

    @property
    def name(self) -> str:
        """The model's name."""
        return self.seen.model.metadata.name

    @property
    def seen_at(self) -> str | None:
        """The resourceVersion of the model on which this plan is made."""
        return self.seen.model.metadata.resource_version or None

    @property
    def old(self) -> ClinicalModelStatus:
        """The status as it was observed."""
        return self.seen.model.status

    @property
    def steps(self) -> list[Step]:
        """The steps that the spec asks for."""
        return self.seen.model.spec.rollout.steps

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions on this model that nobody has withdrawn."""
        return tuple(
            decision
            for decision in self.seen.decisions
            if decision.spec.model == self.name and decision.metadata.deletion_timestamp is None
        )

    def is_known(self, of: Serving | Candidate) -> bool:
        """Whether a record says what a revision is, whatever replicas it has."""
        return of.digest is not None and self.seen.recorded.get(of.revision) == of.digest

    def recorded(self, of: Serving | Candidate) -> bool:
        """Whether what a revision is stands in its record, so that its InferenceService can be applied again."""
        return self.is_known(of) and of.revision not in self.seen.stale

    def service(self, of: Serving | Candidate | None) -> Service | None:
        """Return the InferenceService of a revision, if there is one that is not on its way out."""
        service = self.seen.services.get(of.inference_service) if of else None
        return None if service is None or service.deleting else service

    def actual(self, service: str) -> int | None:
        """Return an InferenceService's weight in force, None where nobody says so.

        Without a route there is no weight only before the first promotion; later somebody has
        deleted it, and nobody says whether the Gateway has noticed.
        """
        route = self.seen.route
        if route is None:
            unrouted = self.seen.gateway_api_installed and self.stable is None
            return 0 if unrouted else None
        return None if route.actual is None else route.actual.of(service)

    def routed(self, service: str) -> int:
        """Return an InferenceService's weight as the route's spec has it, whoever has set it."""
        route = self.seen.route
        return route.traffic.of(service) if route is not None else 0

    def has_had(self, candidate: Candidate) -> int:
        """Return what a candidate has of what was in force for it before: nobody else gives it more."""
        before = self.old.candidate.weight if self.old.candidate is not None else 0
        return min(self.routed(candidate.inference_service), candidate.desired_weight, before)

    def change(self, **fields: object) -> None:
        """Change fields of the candidate."""
        if self.candidate is None:
            raise AssertionError("there is no candidate to change")
        self.candidate = self.candidate.model_copy(update=fields)

    def tell(self, reason: Reason, message: str, *, warning: bool = False) -> None:
        """Send an Event once the status is written; one that says the same again says nothing."""
        self.announce(Event(reason, message, warning))

    def announce(self, event: Event) -> None:
        """Send an Event as `tell` does."""
        if event not in self.events:
            self.events.append(event)

    def wake(self, moment: datetime) -> None:
        """Plan again at that moment at the latest."""
        if moment > self.now and (self.wake_at is None or moment < self.wake_at):
            self.wake_at = moment

    def fail(self, reason: Reason, message: str, outcome: Outcome = Outcome.ROLLED_BACK) -> None:
        """End the attempt: weight 0 from here on, recorded in history."""
        candidate = self.candidate
        if candidate is None or candidate.failure is not None:
            return
        message = message[:MESSAGE_LIMIT]
        self.record(outcome, message)
        self.change(
            failure=Stop(reason=reason, message=message, at=self.now),
            desired_weight=0,
            pause=None,
            hold=None,
            promoting=False,
            proof=None,
        )
        self.tell(reason, f"{candidate.version}: {message}", warning=True)

    def waits_since(self, reason: Reason) -> datetime:
        """Return since when the candidate waits where it is for one reason, whatever was said of it meanwhile."""
        before = self._waited()
        return before.at if before is not None and before.reason == reason else self.now

    def _waited(self) -> Stop | None:
        """Return the wait of the status, if the candidate is still where it was."""
        candidate, old = self.candidate, self.old.candidate
        if candidate is None or old is None or _place(old) != _place(candidate):
            return None
        return old.pause

    def wait(
        self, reason: Reason, message: str, *, final: bool = False, since: datetime | None = None
    ) -> None:
        """Hold the candidate where it is, and say why; the time of a wait that goes on stays."""
        candidate, before = self.candidate, self._waited()
        if candidate is None:
            return
        message = message[:MESSAGE_LIMIT]
        same = before and (before.reason, before.message, before.final)
        if before is not None and same == (reason, message, final):
            self.change(pause=before)
            return
        stop = Stop(reason=reason, message=message, at=since or self.now, final=final)
        self.change(pause=stop)
        if before is None or before.reason != reason:
            warning = reason in _WORRYING
            self.tell(reason, f"{candidate.version}: {message}", warning=warning)

    def record(self, outcome: Outcome, message: str) -> None:
        """Add how the candidate ended to the history, and what kept it from being ready: both go with it."""
        candidate = self.candidate
        if candidate is None:
            return
        trouble = candidate.trouble
        if trouble and trouble not in message and outcome is not Outcome.PROMOTED:
            message = f"{message} ({trouble})"
        entry = HistoryEntry(
            revision=candidate.revision,
            digest=candidate.digest,
            version=candidate.version,
            outcome=outcome,
            message=message[:MESSAGE_LIMIT],
            started_at=candidate.started_at,
            finished_at=self.now,
            attempt=candidate.attempt,
            evaluation=candidate.evaluation,
            overridden=candidate.proof.overridden if candidate.proof else [],
            deciders=[d for d in candidate.deciders if d.attempt == candidate.attempt],
        )
        self.history = history.append(self.history, entry)

    def answer(self, decision: str, status: DecisionStatus) -> None:
        """Say what became of a Decision."""
        self.after.append(AnswerDecision(decision, status))

    def may_answer(self) -> bool:
        """Whether this pass has room for one more answer; what it has none for is left to the next."""
        room = sum(isinstance(intent, AnswerDecision) for intent in self.after) < _ANSWERS
        self.unheard = self.unheard or not room
        return room

    def seconds_to_wake(self) -> float | None:
        """Return how long until time alone changes the plan."""
        if self.unheard:
            return 0.0
        if self.wake_at is None:
            return None
        return max((self.wake_at - self.now) / timedelta(seconds=1), 0.0)


def _place(candidate: Candidate) -> tuple[str, int, int, int | None]:
    """Return where a candidate stands; a wait belongs to one such place."""
    step = candidate.taken.present if candidate.taken is not None else None
    number = step.id if step is not None else None
    return (candidate.revision, candidate.attempt, candidate.step_index, number)
