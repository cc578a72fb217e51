"""Is the candidate worse than what serves now, for everybody or for any group?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GroupEstimate
from mlhops.api.gate import Gate, measure_of
from mlhops.api.verdict import of_noninferiority, overall
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Cohorts, cohorts
from mlhops.evaluator.scoring.measured import Measured, Missing
from mlhops.evaluator.tasks.predictions import AnyPredictions
from mlhops.evaluator.tasks.registry import handler_of
from mlhops.evaluator.verdict.cell_counts import Disclosure, Tallies
from mlhops.evaluator.verdict.gate_result import GatePart, rounded, seed_of, unit_of
from mlhops.evaluator.verdict.plans import Planned, inferiority_plan, planned_sentence
from mlhops.evaluator.verdict.requirements import requirements
from mlhops.evaluator.verdict.sentences import (
    Interval,
    absent_sentence,
    joined,
    meaning,
    paired_sentence,
    plan_sentence,
)
from mlhops.evaluator.verdict.shortfalls import Shortfall, own_shortfalls, shortfall_sentence
from mlhops.small_cells import SmallCells
from mlhops.statistics.inference.noninferiority import PairedDifference, noninferiority
from mlhops.tasks.binary import NEGATIVES, POSITIVES
from mlhops.tasks.task import ROWS

INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE
EVERYBODY = -1
"""Stands in the place of a group's number."""


@dataclass(frozen=True)
class Inferiority:
    """What is known of a comparison with stable, before it is clear which numbers may be told."""

    gate: Gate
    margin: float
    version: str
    tallies: Tallies
    found: dict[int, PairedDifference]
    """By the number of the group; that of everybody is -1."""
    small: Sequence[Shortfall]
    unmatched: Sequence[str]
    """Groups in which stable has too few of the cases that are compared."""
    plan: Planned | None = None
    """What would decide it, where it is undecided and a sensible number would."""
    unit: str = ""
    """Of its numbers, where they have one."""

    @property
    def phase(self) -> EvaluationPhase:
        """The verdict; what was not seen is not proven."""
        phase = overall(self.phases.values())
        unseen = self.small or self.unmatched or self.tallies.who.absent
        return INCONCLUSIVE if phase is EvaluationPhase.SUCCESSFUL and unseen else phase

    @property
    def phases(self) -> dict[int, EvaluationPhase]:
        """The verdict on each group; whatever the gate's assurance, it has to be proven."""
        return {
            i: of_noninferiority(each.lower, each.upper, self.margin, "Proven")
            for i, each in self.found.items()
        }

    @property
    def deciding(self) -> int:
        """The group that decides: surely worst if the gate failed, possibly worst otherwise."""
        failed = EvaluationPhase.FAILED in self.phases.values()

        def weight(i: int) -> float:
            bound = -(self.found[i].upper if failed else self.found[i].lower)
            return -np.inf if np.isnan(bound) else bound

        return max(self.found, key=weight)

    @property
    def worst(self) -> str | None:
        """The name of the group that decides, None for everybody."""
        return None if self.deciding == EVERYBODY else self.tallies.who.names[self.deciding]

    def tell(self, disclosure: Disclosure) -> GatePart:
        """Return the finding with the sentences that say why."""
        who, needed, advice = (
            self.tallies.who,
            None,
            plan_sentence(None, metric=measure_of(self.gate)),
        )
        if self.plan is not None:
            needed, advice = planned_sentence(self.plan, self.tallies, disclosure)
        parts = [self._sentence(disclosure, advice)]
        if who.absent:
            parts.append(absent_sentence(who.absent))
        if self.small:
            parts.append(shortfall_sentence(self.gate, self.small, self.tallies, disclosure))
        if self.unmatched:
            named = ", ".join(joined(self.unmatched))
            parts.append(f"with {self.version} there are too few cases to compare in {named}")
        if self.plan is not None and self.phases[self.deciding] is not INCONCLUSIVE:
            parts.append(advice)
        found = None if self._undefined else self.span(self.deciding)
        groups = self._groups(disclosure)
        return GatePart(self.phase, ". ".join(parts), found, needed, groups, self.worst)

    @property
    def _undefined(self) -> bool:
        return bool(np.isnan(self.found[self.deciding].better))

    def span(self, i: int) -> Interval:
        """Return by how much the candidate is worse."""
        each = self.found[i]
        return Interval(-each.better, -each.upper, -each.lower, self.margin, self.unit)

    def _sentence(self, disclosure: Disclosure, advice: str) -> str:
        i = self.deciding
        each, gate = self.found[i], self.gate
        if self._undefined:
            return f"{gate.metric} cannot be compared with {self.version}: {each.reason}"
        cases = measure_of(gate).cases
        tally = disclosure.tell(cases, self.tallies)
        rows = self.tallies.total(ROWS)
        everybody = tally.cells.total_text(tally.total, rows)
        number = tally.text(i) if i != EVERYBODY else everybody
        name = self.worst or "everybody"
        span = self.span(i)
        sentence = paired_sentence(
            gate, f"{name} ({cases}: {number})", (each.candidate, each.stable), self.version, span
        )
        good, bad = "within the margin", "beyond the margin"
        return sentence + meaning(self.phases[i], good, bad, advice, proven=True, bound="margin")

    def _groups(self, disclosure: Disclosure) -> list[GroupEstimate]:
        counts = disclosure.counts(self.tallies)
        phases = self.phases
        return [
            GroupEstimate(
                group=name,
                rows=counts[i].get(ROWS),
                positives=counts[i].get(POSITIVES),
                negatives=counts[i].get(NEGATIVES),
                phase=phases.get(i, INCONCLUSIVE),
                **self._values(i, disclosure.cells),
            )
            for i, name in enumerate(self.tallies.who.names)
        ]

    def _values(self, i: int, cells: SmallCells) -> dict[str, float | None]:
        if i not in self.found or cells.hides(self.found[i].cases):
            return {}
        each, span = self.found[i], self.span(i)
        values = (each.candidate, each.stable, span.estimate, span.lower, span.upper)
        names = ("rate", "rest", "gap", "lower", "upper")
        return {name: rounded(value) for name, value in zip(names, values, strict=True)}


def against_stable(
    gate: Gate,
    spec: EvaluationSpec,
    people: LabelledRows,
    measured: Measured,
    margin: float,
    power: float,
) -> Inferiority | GatePart:
    """Return what is known of a candidate against what serves now, and what decides with such a
    power where these data cannot tell.

    Raises:
        EvaluationError: there are too many groups.
    """
    stable = measured.stable
    if isinstance(stable, Missing):
        return GatePart(EvaluationPhase.ERROR, stable.why)
    if spec.stable is None:
        return GatePart(
            EvaluationPhase.SUCCESSFUL,
            "no other revision serves, so that there is nothing to be inferior to",
        )
    version = spec.stable.version
    if stable is None:
        return GatePart(
            EvaluationPhase.ERROR, f"{version}, which serves, was not asked: evaluate again"
        )
    if measure_of(gate).scored and not stable.scored:
        return GatePart(
            EvaluationPhase.ERROR,
            f"{gate.metric} needs a score, but {version}, which serves, answers with classes: "
            "compare by Sensitivity or Specificity, or remove nonInferiority",
        )
    lacking = _lacking(gate, spec, people, (measured.candidate, stable))
    if lacking is not None:
        return lacking
    return _compared(gate, spec, people, (measured.candidate, stable), margin, power)


def _lacking(
    gate: Gate,
    spec: EvaluationSpec,
    people: LabelledRows,
    models: tuple[AnyPredictions, AnyPredictions],
) -> GatePart | None:
    """Return that all people together are too few, if they are."""
    handler = handler_of(spec.interface)
    by_model = [handler.cells(people.label, model) for model in models]
    for each in requirements(gate):
        size = min(int(kinds.of(each.cases).sum()) for kinds in by_model)
        if size < each.minimum:
            return GatePart(
                INCONCLUSIVE,
                f"a comparison by {gate.metric} needs at least {each.minimum:,} {each.cases} with "
                f"either revision; there are {spec.cells.total_text(size, people.rows)}: add held-out rows",
            )
    return None


def _compared(
    gate: Gate,
    spec: EvaluationSpec,
    people: LabelledRows,
    models: tuple[AnyPredictions, AnyPredictions],
    margin: float,
    power: float,
) -> Inferiority | GatePart:
    version = spec.stable.version if spec.stable is not None else ""
    handler = handler_of(spec.interface)
    who = cohorts(people.levels, gate.across.divisions) if gate.across else _undivided(people)
    tallies, others = (Tallies(handler.cells(people.label, model), who) for model in models)
    small = own_shortfalls(tallies, requirements(gate))
    own = {each.group for each in small}
    weak = {each.group for each in own_shortfalls(others, requirements(gate))} - own
    judged = [i for i in range(len(who.names)) if i not in own | weak]
    try:
        candidate, stable = (handler.answers(people.label, model) for model in models)
        found = noninferiority(
            measure_of(gate),
            candidate,
            stable,
            who.atom,
            who.members[judged],
            gate.confidence,
            seed_of(gate, spec),
        )
    except ValueError as error:
        why = f"the answers of {version}, which serves, cannot be used: {error}"
        return GatePart(EvaluationPhase.ERROR, f"{why}; see interface.output.type of that version")
    numbered = dict(zip([EVERYBODY, *judged], found, strict=True))
    unmatched = [who.names[i] for i in sorted(weak)]
    result = Inferiority(
        gate, margin, version, tallies, numbered, small, unmatched, unit=unit_of(gate, spec)
    )
    if result.phase is not INCONCLUSIVE:
        return result
    plan = inferiority_plan(gate, spec, people, models, (tallies, others), margin, power)
    return replace(result, plan=plan)


def _undivided(people: LabelledRows) -> Cohorts:
    """Return people without any groups."""
    none = np.zeros(0, dtype=np.intp)
    members = np.zeros((0, 1), dtype=bool)
    return Cohorts([], members, np.zeros(people.rows, dtype=np.intp), [], none, none)
