"""Step: what a rollout does, one verb at a time, and what live requests must show meanwhile.

A verb has its one place here: the field of `Verbs`, whose type says what it asks and how that is written. The
rule, its message, and the names of steps follow. When a step is over says `rollout/steps`, a file a verb.
"""

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field
from pydantic.alias_generators import to_camel, to_snake

from mlhops.api.base import Duration, Resource, rules, seconds

Verb: TypeAlias = Literal["setWeight", "pause", "evaluate", "approve", "observe"]
"""What a step does."""
VERBS: tuple[Verb, ...] = get_args(Verb)
_ATTRIBUTES = {verb: to_snake(verb) for verb in VERBS}
UNKNOWN = "unknown"
"""The name of a step whose verb only another version of the operator knows."""


class StepArgument(Resource):
    """What a verb asks for, as texts that follow it; empty where the verb says all."""

    @property
    def written(self) -> str:
        """It as a person would write it."""
        return ""

    @property
    def canonical(self) -> str:
        """It in one way for all ways to write it, such as `60s` and `1m`."""
        return self.written


class Pause(StepArgument):
    """Wait for a time, or without a duration for a person."""

    duration: Duration | None = None
    """How long; without it, until a Decision with action Resume or Promote."""

    @property
    def written(self) -> str:
        """The duration as it was written."""
        return self.duration or ""

    @property
    def canonical(self) -> str:
        """The duration in seconds."""
        return _whole_seconds(self.duration)


class Evaluate(StepArgument):
    """Measure the gates again at this point, on the held-out data: no live traffic is measured."""


class Evidence(Resource):
    """What live requests must have shown before a candidate gets more of them."""

    min_requests: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    """So many requests the candidate must have answered at a weight. With 0 a weight is raised without
    any, and without the proof of `maxFailureRate`: there is no other way around it."""
    max_failure_rate: Annotated[float, Field(ge=0.0001, le=1)] = 0.05
    """The share of its requests that may fail. The upper limit of a one-sided 95 % interval (Clopper and
    Pearson) must not be greater; a lower limit of 99.9 % that is greater fails the candidate."""
    max_latency_ratio: Annotated[float, Field(ge=1, le=1000)] = 3.0
    """How many times the median answer time of what serves the candidate's may be. It fails where the
    intervals of both medians prove that it is more."""
    wait: Duration = "1h"
    """How long the requests may take to come, until people are warned; the weight is not raised then either."""


class StepEvidence(Resource):
    """What is asked of live requests at one step in place of `rollout.evidence`."""

    min_requests: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """In place of `rollout.evidence.minRequests`."""
    max_failure_rate: Annotated[float, Field(ge=0.0001, le=1)] | None = None
    """In place of `rollout.evidence.maxFailureRate`."""
    max_latency_ratio: Annotated[float, Field(ge=1, le=1000)] | None = None
    """In place of `rollout.evidence.maxLatencyRatio`."""
    wait: Duration | None = None
    """In place of `rollout.evidence.wait`."""


class Observe(StepArgument):
    """Watch live requests at the present weight; passed over on a first deployment."""

    requests: Annotated[int, Field(ge=1, le=1_000_000)]
    """So many requests the candidate must have answered, and its failures must be proven within
    `rollout.evidence.maxFailureRate`."""
    duration: Duration | None = None
    """For so long at least."""

    @property
    def written(self) -> str:
        """How many requests."""
        return f"{self.requests} requests"

    @property
    def canonical(self) -> str:
        """How many requests, and for how many seconds at least."""
        return f"{self.requests} {_whole_seconds(self.duration)}".rstrip()


class Approve(StepArgument):
    """Wait for a Decision with action Approve."""


class Verbs(Resource):
    """The verbs of a step."""

    set_weight: (
        Annotated[
            int,
            Field(
                json_schema_extra=rules(
                    (
                        "self >= 0 && self <= 100",
                        "setWeight is a percentage: set it to a number from 0 to 100",
                    )
                )
            ),
        ]
        | None
    ) = None
    """The candidate's share of requests, in percent; passed over on a first deployment. Such a step is
    done when live requests have shown what `rollout.evidence` asks."""
    evidence: StepEvidence | None = None
    """What is asked of live requests at this weight in place of `rollout.evidence`."""
    pause: Pause | None = None
    """Wait for a time, or without a duration for a person; passed over on a first deployment."""
    evaluate: Evaluate | None = None
    """Measure the gates again at this point, on the held-out data: no live traffic is measured."""
    observe: Observe | None = None
    """Watch live requests at the present weight; passed over on a first deployment."""
    approve: Approve | None = None
    """Wait for a Decision with action Approve."""

    @property
    def kind(self) -> Verb | None:
        """The verb; None where it has not exactly one that this version of the operator knows."""
        given = [verb for verb in VERBS if self._asked(verb) is not None]
        return given[0] if len(given) == 1 else None

    @property
    def verb(self) -> str:
        """The step as a person would write it."""
        asked = self._asked(self.kind)
        return _text(self.kind, asked.written if isinstance(asked, StepArgument) else str(asked))

    @property
    def name(self) -> str:
        """The step in one way for all ways to write it: what the status and Decisions know it by."""
        asked = self._asked(self.kind)
        return _text(self.kind, asked.canonical if isinstance(asked, StepArgument) else str(asked))

    def _asked(self, verb: Verb | None) -> StepArgument | int | None:
        """Return what a verb asks for, None where the step does not have it."""
        asked: StepArgument | int | None = (
            getattr(self, _ATTRIBUTES[verb]) if verb is not None else None
        )
        return asked


_FIELDS = [to_camel(name) for name in Verbs.model_fields if to_camel(name) in VERBS]


class Step(
    Verbs,
    json_schema_extra=rules(
        (
            f"[{', '.join(f'has(self.{verb})' for verb in VERBS)}].filter(x, x).size() == 1",
            (
                f"a step has exactly one of {', '.join(_FIELDS[:-1])} and {_FIELDS[-1]}: split it "
                "into several steps"
            ),
        ),
        (
            "!has(self.evidence) || has(self.setWeight)",
            "evidence is about the weight that a step sets: put it beside a setWeight",
            ".evidence",
        ),
    ),
):
    """One step of a rollout."""


def _text(verb: Verb | None, asked: str) -> str:
    return f"{verb} {asked}".rstrip() if verb is not None else UNKNOWN


def _whole_seconds(duration: Duration | None) -> str:
    return "" if duration is None else f"{seconds(duration):.0f}s"
