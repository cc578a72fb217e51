"""Pods of a model with three features, and what their detectors tell of the rows that they saw."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from mlhops.api.interface import Feature
from mlhops.api.policy import MonitoringPolicySpec
from mlhops.api.profile import Profile
from mlhops.api.summary import AnswerSummary, DetectorReport
from mlhops.detector.answers import AnswerCount
from mlhops.evaluator.profile.build import profile
from mlhops.monitoring.look import look
from mlhops.monitoring.reports import AskedDetector, DetectorAnswer
from mlhops.rollout.monitoring.drift_snapshot import Look, Side
from mlhops.statistics.arrays import Floats
from mlhops.statistics.drift.sketch import Column, Sketch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STABLE, CANDIDATE = "bcdfghjklm", "mlkjhgfdcb"
FEATURES = [
    Feature.model_validate({"name": "creatinine", "range": {"min": 0, "max": 50}}),
    Feature(name="age"),
    Feature(name="ward", type="Categorical", categories=["icu", "er"]),
]


def rows(seed: int, n: int) -> dict[str, Column]:
    random = np.random.default_rng(seed)
    return {
        "creatinine": np.round(random.lognormal(0, 0.4, n), 2),
        "age": random.integers(18, 95, n).astype(float),
        "ward": random.choice(["icu", "er"], n).tolist(),
    }


def scores(seed: int, n: int, shift: float = 0.0) -> Floats:
    return np.clip(np.random.default_rng(seed).beta(2, 5, n) + shift, 0, 1)


def reference(revision: str = STABLE, seed: int = 0) -> Profile:
    return profile(
        FEATURES,
        rows(seed, 5000),
        ("probability", scores(seed, 5000)),
        revision=revision,
        created_from="sha256:" + "1" * 64,
    )


KNOWN = reference()
CANDIDATES = reference(CANDIDATE, seed=9)


def policy(**more: object) -> MonitoringPolicySpec:
    return MonitoringPolicySpec.model_validate(more)


def answers(n: int, unanswered: int = 0, seconds: float = 0.03, seed: int = 5) -> AnswerSummary:
    count = AnswerCount(answered=n - unanswered, unanswered=unanswered)
    for each in np.random.default_rng(seed).exponential(seconds, n - unanswered):
        count.took(float(each))
    return count.summary()


def report(
    columns: Mapping[str, Column] | None = None,
    n: int = 500,
    *,
    seed: int = 1,
    scored: Floats | None = None,
    of: Profile = KNOWN,
    windows: Sequence[str] = ("hour",),
    answered: AnswerSummary | None = None,
) -> DetectorReport:
    """What a detector tells that has seen these rows."""
    sketch = Sketch(of)
    tally = sketch.requests(columns if columns is not None else rows(seed, n), n)
    tally.add(sketch.scores(scores(seed + 100, n) if scored is None else scored))
    told = tally.summary(NOW, NOW).model_copy(update={"answers": answered or answers(n)})
    return DetectorReport(
        version="1",
        revision=of.revision,
        instance="a",
        started_at=NOW,
        profile_digest=sketch.digest,
        windows=dict.fromkeys(windows, told),
    )


def answer(told: DetectorReport) -> DetectorAnswer:
    return DetectorAnswer(told.model_dump_json(exclude_none=True).encode())


def asked(*told: DetectorReport | DetectorAnswer, of: Profile | None = KNOWN) -> AskedDetector:
    found = [each if isinstance(each, DetectorAnswer) else answer(each) for each in told]
    missing = "" if of else "there is no profile of it yet"
    return AskedDetector(of.revision if of else STABLE, found, of, missing)


def seen(*told: DetectorReport | DetectorAnswer, given: MonitoringPolicySpec | None = None) -> Side:
    """What a look at the pods of stable comes to."""
    found = look(given or policy(), asked(*told), None, NOW).stable
    assert found is not None
    return found


def beside(
    stable: AskedDetector, candidate: AskedDetector, given: MonitoringPolicySpec | None = None
) -> Look:
    return look(given or policy(), stable, candidate, NOW)
