"""MonitoringPolicy: how models are watched, and what happens when something is found."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mlhops.api.action import PolicyAction
from mlhops.api.alibi import ENGINE_RULES, ONLY_WITH_ENGINE, AlibiEngine
from mlhops.api.base import (
    Deadline,
    ObjectMeta,
    Resource,
    TenSeconds,
    list_map,
    rules,
    seconds,
)
from mlhops.api.conditions import Condition
from mlhops.api.detector import Window
from mlhops.api.engine import EngineName, EngineSettings
from mlhops.api.interface import SET
from mlhops.api.status import DriftVerdict, Finding
from mlhops.small_cells import MIN_CELL_SIZE, MinCellSize, SmallCells

OrderedTest = Literal["KS", "CVM", "Wasserstein", "ChiSquare", "PSI", "JensenShannon"]
UnorderedTest = Literal["ChiSquare", "PSI", "JensenShannon"]

Share = Annotated[float, Field(ge=0, le=1)]
_Effect = Annotated[float, Field(ge=0, le=100)]


_SOME = "atMost must be more than 0, or nothing could ever be found: write 0.5 for one in twice per"


def _some(number: float) -> float:
    if number <= 0:
        raise ValueError(_SOME)
    return number


class Effects(Resource):
    """The smallest effect that matters, by test; a smaller one is no drift however sure it is."""

    ks: Annotated[_Effect, Field(alias="KS")] = 0.1
    """The largest difference of the cumulative shares, from 0 to 1."""
    cvm: Annotated[_Effect, Field(alias="CVM")] = 0.05
    """The root mean squared difference of the cumulative shares."""
    chi_square: Annotated[_Effect, Field(alias="ChiSquare")] = 0.1
    """The share of rows that another bin would have to take, from 0 to 1."""
    psi: Annotated[_Effect, Field(alias="PSI")] = 0.2
    """The population stability index."""
    jensen_shannon: Annotated[_Effect, Field(alias="JensenShannon")] = 0.1
    """The Jensen-Shannon distance to base 2, from 0 to 1."""
    wasserstein: Annotated[_Effect, Field(alias="Wasserstein")] = 0.2
    """The mean distance, in units of the feature's spread."""
    mmd: Annotated[_Effect, Field(alias="MMD")] = 0.05
    """The root of the squared discrepancy, less what chance would make it."""
    classifier: Annotated[_Effect, Field(alias="Classifier")] = 0.1
    """Of ClassifierDrift: by how much the cumulative shares of its chances differ, from 0 to 1."""

    def by_test(self) -> dict[str, float]:
        """Return the effects by the test's name."""
        return self.model_dump(by_alias=True)


class FalseAlarms(Resource):
    """False alarms that are put up with for one model, all features and windows together."""

    at_most: Annotated[
        float,
        Field(le=1000, json_schema_extra=rules(("self > 0.0", _SOME))),
        AfterValidator(_some),
    ] = 1
    """So many."""
    per: Deadline = "30d"
    """In this time."""


class Persistence(
    Resource,
    json_schema_extra=rules(
        (
            "self.atLeast <= self.of",
            "atLeast is one of so many looks: set it to of at most",
            ".atLeast",
        ),
    ),
):
    """How often something must be found before it counts (k of n)."""

    at_least: Annotated[int, Field(ge=1, le=32)] = 1
    """In so many looks."""
    of: Annotated[int, Field(ge=1, le=32)] = 1
    """Of so many, the latest."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.at_least > self.of:
            raise ValueError("atLeast is one of so many looks: set it to of at most")
        return self


class DriftSettings(Resource, json_schema_extra=rules(*ENGINE_RULES)):
    """How drift of inputs and scores is looked for."""

    engine: EngineName = "Native"
    """What computes the tests of drift. With AlibiDetect, numeric, categorical and joint have no
    effect, and revisions from before have no verdict: their pods lack the image."""
    alibi: AlibiEngine | None = None
    """What engine AlibiDetect is asked; TabularDrift where it is left out."""
    windows: Annotated[
        list[Window],
        Field(min_length=1, max_length=8, json_schema_extra=list_map("name", "windows")),
    ] = [Window(name="hour", length="1h")]
    """The spans of time that are compared with the reference."""
    numeric: Annotated[
        list[OrderedTest], Field(min_length=1, max_length=6, json_schema_extra=SET)
    ] = ["KS"]
    """The tests of each Numeric feature, and of a score."""
    categorical: Annotated[
        list[UnorderedTest], Field(min_length=1, max_length=3, json_schema_extra=SET)
    ] = ["ChiSquare"]
    """The tests of each Categorical or Binary feature, and of a class."""
    joint: bool = True
    """Whether all Numeric features are tested together as well (MMD)."""
    effects: Effects = Effects()
    """The smallest effect that matters, by test."""
    min_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """With fewer rows in a window there is no verdict."""
    correction: Literal["Bonferroni", "BenjaminiHochberg"] = "Bonferroni"
    """How chances are corrected for the number of tests."""
    false_alarms: FalseAlarms = FalseAlarms()
    """How often drift may be found where there is none."""
    persistence: Annotated[Persistence, Field(alias="for")] = Persistence()
    """In how many of the latest looks something must be found before it counts; also for
    dataQuality and candidate."""
    every: TenSeconds = "1m"
    """The time between two looks."""

    @property
    def asked_of_pods(self) -> EngineSettings | None:
        """What a pod is told to ask; one whose image lacks the engine says so in its report."""
        asked = self.asked_of_engine
        return asked.told(self.min_rows, seconds(self.every)) if asked is not None else None

    @property
    def asked_of_engine(self) -> AlibiEngine | None:
        """What the engine is asked that pods have, None where none is."""
        return None if self.engine == "Native" else self.alibi or AlibiEngine()

    @model_validator(mode="after")
    def _engine_fits(self) -> Self:
        if self.alibi is not None and self.engine == "Native":
            raise ValueError(ONLY_WITH_ENGINE)
        if (asked := self.asked_of_engine) is not None:
            asked.refuse_unless_enough(self.min_rows)
        return self

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for field, names in (
            ("windows", [window.name for window in self.windows]),
            ("numeric", self.numeric),
            ("categorical", self.categorical),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"{field} must each be there once: rename or remove one")
        return self


class DataQuality(Resource):
    """By how much shares of bad values may rise; 1 lets everything pass."""

    missing: Share = 0.05
    """Missing values, more than in the reference."""
    type_errors: Share = 0.01
    """Values that are no number, or no category."""
    out_of_range: Share = 0.05
    """Numbers outside the interface's range."""
    unseen_categories: Share = 0.01
    """Categories that the reference does not have."""
    requests: Share = 0.01
    """Rows that are asked about otherwise than in the evaluation."""


class CandidateChecks(Resource):
    """How far a candidate may be from what serves beside it, in the same time."""

    score_shift: Share = 0.2
    """The largest difference of the cumulative shares of scores (KS), where p is 0.01 or less."""
    error_rate: Share = 0.02
    """By how much the share of requests without an answer may be higher."""
    latency_ratio: Annotated[float, Field(ge=1, le=1000)] = 2.0
    """How many times as long an answer may take."""
    min_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """With fewer rows on either side there is no verdict."""


class Privacy(Resource):
    """What is not shown."""

    min_cell_size: MinCellSize = MIN_CELL_SIZE
    """Nothing that rests on fewer rows is shown."""

    @property
    def cells(self) -> SmallCells:
        """Which counts are told."""
        return SmallCells(self.min_cell_size)


class MonitoringPolicySpec(
    Resource,
    json_schema_extra=rules(
        (
            (
                "self.drift.minRows >= self.privacy.minCellSize && "
                "self.candidate.minRows >= self.privacy.minCellSize"
            ),
            "minRows must be at least privacy.minCellSize, or a verdict would tell of fewer people",
        ),
    ),
):
    """How models are watched and what happens then; many models may name one policy."""

    drift: DriftSettings = DriftSettings()
    """How drift of what serves is looked for."""
    data_quality: DataQuality = DataQuality()
    """When what is sent to a model is no longer what it was."""
    candidate: CandidateChecks = CandidateChecks()
    """When a candidate answers otherwise than what serves."""
    actions: Annotated[
        list[PolicyAction], Field(max_length=8, json_schema_extra=list_map("name", "actions"))
    ] = []
    """What happens then; without any, the status and Events tell it."""
    privacy: Privacy = Privacy()
    """What is not shown."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.privacy.cells.hides(min(self.drift.min_rows, self.candidate.min_rows)):
            raise ValueError("minRows must be at least privacy.minCellSize")
        names = [action.name for action in self.actions]
        if len(set(names)) < len(names):
            raise ValueError("actions must each have a name of their own: rename one")
        return self


class WorstModel(Resource):
    """The model under a policy that has moved furthest."""

    model: str
    """The ClinicalModel."""
    verdict: DriftVerdict
    """What its latest looks come to."""
    finding: Finding | None = None
    """What has moved most."""


class MonitoringPolicyStatus(Resource):
    """How the models under the policy are."""

    observed_generation: int = 0
    """The generation of the spec that this status is about."""
    models: int = 0
    """Models that name this policy."""
    drift: int = 0
    """Those with drift."""
    no_drift: int = 0
    """Those without."""
    insufficient: int = 0
    """Those of which there is not enough to say."""
    error: int = 0
    """Those that cannot be watched as the policy asks."""
    worst: WorstModel | None = None
    conditions: Annotated[
        list[Condition],
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            }
        ),
    ] = []
    """What the operator observed."""


class MonitoringPolicy(Resource):
    """How models are watched and what happens then."""

    metadata: ObjectMeta
    spec: MonitoringPolicySpec
    status: MonitoringPolicyStatus = MonitoringPolicyStatus()
