"""What pods of model servers tell: any verdict at any time, of what serves, of a candidate, or of neither any more."""

from campaign.simulation.actors.stage import MODEL, Stage
from mlhops.controller.resources import MODELS
from mlhops.json_access import text
from mlhops.rollout.monitoring.drift_snapshot import Found, Look, Side, Verdict

VERDICTS: tuple[Verdict, ...] = ("NoDrift", "NoDrift", "Drift", "Drift", "Insufficient", "Error")


class Looks:
    """Looks at the model: for a while at the same, and then at something else."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._drift: Verdict = "NoDrift"
        self._quality: Verdict = "NoDrift"
        self._compared: Verdict = "NoDrift"

    def look(self) -> Look | None:
        """Look at the model as it is now, None where nothing serves."""
        model = self._stage.server.view(MODELS).get(MODEL)
        stable = text(model, "status", "stable", "revision")
        candidate = text(model, "status", "candidate", "revision")
        if not stable:
            return None
        self._change()
        if self._stage.chance(0.1):
            stable, candidate = (
                candidate or stable,
                stable,
            )  # they have changed their places meanwhile
        beside = Side(candidate, self._drift, None, self._quality, None) if candidate else None
        return Look(
            at=self._stage.now(),
            stable=Side(
                stable, self._drift, self._found(self._drift), self._quality, None, "not yet"
            ),
            candidate=beside,
            compared=self._found(self._compared) if beside else None,
            compared_verdict=self._compared if beside else "Insufficient",
        )

    def _change(self) -> None:
        if self._stage.chance(0.3):
            self._drift = self._stage.rng.choice(VERDICTS)
        if self._stage.chance(0.2):
            self._quality = self._stage.rng.choice(VERDICTS)
        if self._stage.chance(0.3):
            self._compared = self._stage.rng.choice(VERDICTS)

    def _found(self, verdict: Verdict) -> Found:
        of = self._stage.rng.choice(("creatinine", "age"))
        rows = self._stage.rng.choice((5, 500))
        return Found(of, "Feature", "window", "KS", verdict, 1e-8, 0.4, rows)
