"""What sidecars tell of live requests: anything at any time, of whichever revisions there are."""

from collections.abc import Callable

from campaign.simulation.actors.stage import Stage
from mlhops.api.serving import FailureReason, ProbeReport, ServingCounts
from mlhops.rollout.monitoring.drift_snapshot import Answering, ServingLook, step_of
from mlhops.rollout.observed import Observed

_NOTHING, _GOOD = ServingCounts(), ServingCounts(answered=500)
_BAD = ServingCounts(answered=5, failures={FailureReason.UNANSWERED: 60})
_FEW = ServingCounts(answered=7)
_PROBES = (
    ProbeReport(),
    ProbeReport(state="Answers"),
    ProbeReport(state="Fails", reason="notReady", message="the model is not loaded"),
)
Note = Callable[[str, str, int], None]
"""Takes note of how many good answers were told of a step of a revision."""


class Answers:
    """Counts of what serves and of the candidate: for a while the same, and then something else."""

    def __init__(self, stage: Stage, note: Note) -> None:
        self._stage = stage
        self._note = note
        self._stable = self._candidate = _GOOD
        self._probe = _PROBES[0]
        self._told = True
        self.well = False
        """Whether everybody is well from now on."""

    def change(self) -> str:
        """Let something else happen."""
        rng = self._stage.rng
        self._stable = rng.choice((_NOTHING, _GOOD, _GOOD, _BAD, _FEW))
        self._candidate = rng.choice((_NOTHING, _GOOD, _GOOD, _GOOD, _BAD, _FEW))
        self._probe = rng.choice((_PROBES[0], *_PROBES))
        self._told = rng.random() < 0.8
        return f"sidecars tell {self._stable.requests} and {self._candidate.requests} requests"

    def look(self, seen: Observed) -> ServingLook | None:
        """Return what is told to a pass."""
        status = seen.model.status
        stable, candidate = status.stable, status.candidate
        step = step_of(candidate) if candidate is not None else ""
        if candidate is not None and self._is_whole():
            self._note(candidate.revision, step, self._beside().answered)
        return ServingLook(
            at=self._stage.now(),
            stable=self._answering(stable.revision, self._serves(), step) if stable else None,
            candidate=(
                self._answering(candidate.revision, self._beside(), step) if candidate else None
            ),
        )

    def _is_whole(self) -> bool:
        return self._told or self.well

    def _serves(self) -> ServingCounts:
        return _GOOD if self.well else self._stable

    def _beside(self) -> ServingCounts:
        return _GOOD if self.well else self._candidate

    def _answering(self, revision: str, counts: ServingCounts, step: str) -> Answering:
        whole = self._is_whole()
        told = counts if whole else _NOTHING
        return Answering(
            revision=revision,
            pods=1,
            told=int(whole),
            minute=told,
            hour=told,
            asked=told if whole and step else None,
            counted=int(whole and bool(step)),
            asked_of=step if whole else "",
            quiet=told.requests == 0,
            probe=_PROBES[0] if self.well else self._probe,
            problem="" if whole else "a sidecar does not tell",
        )
