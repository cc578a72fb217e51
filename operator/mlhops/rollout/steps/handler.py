"""What a step is to the rollout: a question whether it is over, with three answers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, TypeAlias

from mlhops.api.decision import Decision
from mlhops.api.status import Candidate, TakenStep
from mlhops.api.step import Verb
from mlhops.rollout.draft import Draft
from mlhops.rollout.intents import EnsureEvaluation, Event
from mlhops.rollout.reasons import Reason


@dataclass(frozen=True)
class Done:
    """The step is over."""

    decisions: tuple[Decision, ...] = ()
    """The Decisions on which that rests."""
    wake: datetime | None = None
    """When that may no longer be so."""


@dataclass(frozen=True)
class Waiting:
    """The candidate gets no more traffic yet."""

    reason: Reason
    message: str
    wake: datetime | None = None
    """When time alone changes that."""
    final: bool = False
    """Whether it does not end by itself."""
    holds: bool = True
    """Whether the rollout is paused; otherwise it is under way, and `message` follows what is said of it."""
    event: Event | None = None
    """What people are told beside that it waits."""
    evaluation: EnsureEvaluation | None = None
    """What has to be measured before."""


@dataclass(frozen=True)
class Failed:
    """The candidate has failed."""

    reason: Reason
    message: str


StepOutcome: TypeAlias = Done | Waiting | Failed


def under_way(
    message: str,
    *,
    wake: datetime | None = None,
    event: Event | None = None,
    evaluation: EnsureEvaluation | None = None,
) -> Waiting:
    """Return a wait in which the operator, or what it has asked of others, is at work."""
    reason = Reason.ROLLOUT_IN_PROGRESS
    return Waiting(reason, message, wake, holds=False, event=event, evaluation=evaluation)


@dataclass(frozen=True)
class StepContext:
    """What a step looks at. It changes nothing of the draft, which a test sees to."""

    draft: Draft
    candidate: Candidate
    step: TakenStep

    @property
    def now(self) -> datetime:
        """The time of the plan."""
        return self.draft.now

    @property
    def removed(self) -> str:
        """What a message adds where people took the step off the list."""
        said = ": that step was taken off the list while the rollout waited at it"
        return said if self.step.removed else ""


class StepHandler(ABC):
    """A verb: what it gives the candidate, and when it is over."""

    verb: ClassVar[Verb]
    live: ClassVar[bool] = False
    """Whether it is about live requests, and so passed over on a first deployment."""

    def weight(self, step: TakenStep) -> int | None:  # noqa: ARG002
        """Return the weight that the candidate gets as the step begins, None where it keeps what it has."""
        return None

    @abstractmethod
    def done(self, context: StepContext) -> StepOutcome:
        """Return whether the step is over."""
