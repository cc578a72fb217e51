"""The verdict of a Fairness gate: is a measure alike in all groups?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult, GroupEstimate, Needed
from mlhops.api.gate import Gate, measure_of
from mlhops.api.verdict import of_gap, of_ratio, overall
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Cohorts, cohorts
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.tasks.predictions import AnyPredictions
from mlhops.evaluator.tasks.registry import handler_of
from mlhops.evaluator.verdict.cell_counts import Disclosure, Tallies
from mlhops.evaluator.verdict.fairness_measures import Found, measure
from mlhops.evaluator.verdict.gate_result import begun, limit_of, numbers, rounded, unit_of
from mlhops.evaluator.verdict.plans import Planned, fairness_plan, planned_sentence
from mlhops.evaluator.verdict.requirements import requirements
from mlhops.evaluator.verdict.sentences import (
    GroupSide,
    Interval,
    absent_sentence,
    gap_sentence,
    hardest_sentence,
    joined,
    meaning,
    plan_sentence,
)
from mlhops.evaluator.verdict.shortfalls import Shortfall, shortfall_sentence, shortfalls
from mlhops.measures.measure import MEASURES
from mlhops.statistics.inference.gap import Gap
from mlhops.tasks.binary import NEGATIVES, POSITIVES
from mlhops.tasks.task import ROWS

INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE


@dataclass(frozen=True)
class Fairness:
    """What is known of one gate before it is clear which numbers may be told."""

    gate: Gate
    tallies: Tallies
    found: Found
    phases: dict[int, EvaluationPhase]
    small: Sequence[Shortfall]
    plan: Planned | None = None
    """What would decide the gate, where it is undecided and a sensible number would."""
    unit: str = ""
    """Of its numbers, where they have one."""

    @property
    def who(self) -> Cohorts:
        """The groups."""
        return self.tallies.who

    @property
    def worst(self) -> str | None:
        """The name of the group that decides."""
        return None if self.deciding is None else self.who.names[self.deciding]

    @property
    def phase(self) -> EvaluationPhase:
        """The gate's phase; what was not seen is not proven."""
        worst = overall(self.phases.values())
        unseen = bool(self.who.absent) or (bool(self.small) and self.gate.assurance == "Proven")
        return INCONCLUSIVE if worst is EvaluationPhase.SUCCESSFUL and unseen else worst

    @property
    def deciding(self) -> int | None:
        """The group that decides: surely worst if the gate failed, possibly worst otherwise.

        A group and its rest tie where there are only two; then it is the one at a disadvantage.
        """
        failed = EvaluationPhase.FAILED in self.phases.values()
        ratio = self.gate.comparison == "Ratio"

        def weight(i: int) -> tuple[float, float]:
            gap = self.found[i]
            bound = gap.lower if failed != ratio else gap.upper
            metric = MEASURES[gap.part or self.gate.metric]
            worse = -1 if metric.better == "Higher" else 1
            off = gap.signed
            if metric.target is not None:
                off = abs(gap.rate - metric.target) - abs(gap.rest - metric.target)
            return round(-bound if ratio else bound, 9), worse * off

        defined = [i for i, gap in self.found.items() if gap.defined]
        return max(defined, key=weight, default=None)

    def tell(self, disclosure: Disclosure) -> GateResult:
        """Return the result with the group that decides it and the sentences that say why."""
        gate, deciding = self.gate, self.deciding
        parts: list[str] = []
        update: dict[str, object] = {
            "phase": self.phase,
            "groups": _estimates(self, disclosure),
            "worst_group": self.worst,
        }
        needed, advice = self._advice(disclosure)
        if deciding is not None:
            gap, phase = self.found[deciding], self.phases[deciding]
            good, bad = ("above it", "below it") if gate.comparison == "Ratio" else _LIMITS
            found = Interval(gap.gap, gap.lower, gap.upper, limit_of(gate), self.unit)
            parts.append(
                _comparison(self, deciding, found, disclosure)
                + meaning(phase, good, bad, advice, proven=gate.assurance == "Proven")
            )
            update |= numbers(found)
        parts += _undefined(self)
        if self.who.absent:
            parts.append(absent_sentence(self.who.absent))
        if self.small:
            parts.append(shortfall_sentence(gate, self.small, self.tallies, disclosure))
        if self.plan is not None and (
            deciding is None or self.phases[deciding] is not INCONCLUSIVE
        ):
            parts.append(advice)
        update["needed"] = needed
        return begun(gate).model_copy(update={**update, "message": ". ".join(parts)})

    def _advice(self, disclosure: Disclosure) -> tuple[Needed | None, str]:
        """Return what would decide the gate, and the sentence that says so."""
        plan = self.plan
        if plan is None:
            return None, plan_sentence(None, metric=measure_of(self.gate))
        needed, said = planned_sentence(plan, self.tallies, disclosure)
        return needed, said + self._hardest(plan.hardest, disclosure)

    def _hardest(self, group: int, disclosure: Disclosure) -> str:
        """Return which comparison needs so many cases, where it is not the one that was just told."""
        gap, deciding = self.found.get(group), self.deciding
        if group < 0 or deciding is None or (gap is not None and not gap.defined):
            return ""
        if gap is None:
            return f"; the hardest to decide is {self.who.names[group]}, which is too small as yet"
        if {group, self._other(group)} == {deciding, self._other(deciding)}:
            return ""
        if disclosure.cells.hides(min(gap.trials, gap.rest_trials)):
            return ""
        sides = _sides(self, group, disclosure)[1]
        found = Interval(gap.gap, gap.lower, gap.upper, limit_of(self.gate), self.unit)
        return f"; the hardest to decide is {hardest_sentence(self.gate, sides, found)}"

    def _other(self, group: int) -> int | None:
        versus = self.found[group].versus
        return versus if versus is not None else _complement(self.who, group)


_LIMITS = ("within the limit", "beyond the limit")


def fairness(
    gate: Gate, spec: EvaluationSpec, people: LabelledRows, predictions: AnyPredictions
) -> Fairness:
    """Return what is known of a Fairness gate.

    Raises:
        EvaluationError: the gate names a value that its group does not have, or too many groups.
    """
    if gate.across is None:
        raise EvaluationError("across is missing: name the groups that the gate compares")
    named = {each.group: each.value for each in gate.reference or []}
    who = cohorts(people.levels, gate.across.divisions, named)
    tallies = Tallies(handler_of(spec.interface).cells(people.label, predictions), who)
    small = shortfalls(gate, who, tallies, requirements(gate))
    found = measure(gate, spec, people, predictions, who, {each.group for each in small})
    phases = {i: _phase(gate, gap) for i, gap in found.items()}
    judged = Fairness(gate, tallies, found, phases, small, unit=unit_of(gate, spec))
    if judged.phase is not INCONCLUSIVE or gate.assurance != "Proven":
        return judged
    return replace(judged, plan=fairness_plan(gate, spec, people, predictions, tallies))


def _phase(gate: Gate, gap: Gap) -> EvaluationPhase:
    """Return the verdict on a gap; what is undefined is neither proven nor refuted."""
    if not gap.defined:
        return INCONCLUSIVE
    verdict = of_ratio if gate.comparison == "Ratio" else of_gap
    return verdict(gap.lower, gap.upper, limit_of(gate), gate.assurance)


def _undefined(judged: Fairness) -> list[str]:
    said = [
        f"{judged.who.names[i]} cannot be compared: {gap.reason}"
        for i, gap in judged.found.items()
        if not gap.defined
    ]
    return ["; ".join(joined(said))] if said else []


def _comparison(judged: Fairness, group: int, found: Interval, disclosure: Disclosure) -> str:
    cases, sides = _sides(judged, group, disclosure)
    return gap_sentence(judged.gate, judged.found[group].part, sides, cases, found)


def _sides(
    judged: Fairness, group: int, disclosure: Disclosure
) -> tuple[str, tuple[tuple[float, GroupSide], tuple[float, GroupSide]]]:
    """Return the kind of cases, and the two that are compared, each with its own value."""
    gate, who, gap = judged.gate, judged.who, judged.found[group]
    cases = MEASURES[gap.part or gate.metric].cases
    tally = disclosure.tell(cases, judged.tallies)
    other = gap.versus if gap.versus is not None else _complement(who, group)
    if other is None:
        rest = GroupSide("everybody else", tally.rest_text(group))
    else:
        rest = GroupSide(who.names[other], tally.text(other))
    return cases, ((gap.rate, GroupSide(who.names[group], tally.text(group))), (gap.rest, rest))


def _complement(who: Cohorts, group: int) -> int | None:
    """Return the group that everybody else belongs to, if there is one: of two sexes the other."""
    same = (who.members == ~who.members[group]).all(axis=1)
    return int(same.argmax()) if same.any() else None


def _estimates(judged: Fairness, disclosure: Disclosure) -> list[GroupEstimate]:
    tallies = judged.tallies
    counts = disclosure.counts(tallies)
    result = []
    for i, name in enumerate(judged.who.names):
        gap = judged.found.get(i)
        open_ = gap is not None and not disclosure.cells.hides(min(gap.trials, gap.rest_trials))
        result.append(
            GroupEstimate(
                group=name,
                rows=counts[i].get(ROWS),
                positives=counts[i].get(POSITIVES),
                negatives=counts[i].get(NEGATIVES),
                phase=judged.phases.get(i, INCONCLUSIVE),
                **(_values(gap) if gap is not None and open_ else {}),
            )
        )
    return result


def _values(gap: Gap) -> dict[str, float | None]:
    names = ("rate", "rest", "gap", "lower", "upper")
    return {name: rounded(getattr(gap, name)) for name in names}
