"""The verdict of a Fairness gate: is a measure alike in all groups?"""

from collections.abc import Sequence
from dataclasses import dataclass

from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult, GroupEstimate, Needed
from mlhops.api.gate import Gate
from mlhops.evaluator.compared import LESS_IS_WORSE, Found, measure
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.groups import Cohorts, cohorts
from mlhops.evaluator.measured import Predictions
from mlhops.evaluator.outcome import begun, limit_of, numbers, rounded
from mlhops.evaluator.people import People
from mlhops.evaluator.requirements import cases_of, requirements
from mlhops.evaluator.sentences import (
    Interval,
    Side,
    absent_sentence,
    gap_sentence,
    joined,
    meaning,
    plan_sentence,
    round_up,
)
from mlhops.evaluator.shortfalls import Shortfall, shortfall_sentence, shortfalls
from mlhops.evaluator.tally import NEGATIVES, POSITIVES, ROWS, Disclosure, Kinds, Tallies
from mlhops.statistics.gap import Gap
from mlhops.statistics.planning import needed
from mlhops.statistics.verdict import of_gap, of_ratio, overall

INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE


@dataclass(frozen=True)
class Fairness:
    """What is known of one gate before it is clear which numbers may be told."""

    gate: Gate
    tallies: Tallies
    found: Found
    phases: dict[int, EvaluationPhase]
    small: Sequence[Shortfall]

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
            worse = -1 if (gap.part or self.gate.metric) in LESS_IS_WORSE else 1
            return round(-bound if ratio else bound, 9), worse * gap.signed

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
        if deciding is not None:
            gap, phase = self.found[deciding], self.phases[deciding]
            plan, others = _plan(self, disclosure) if phase is INCONCLUSIVE else (None, None)
            good, bad = ("above it", "below it") if gate.comparison == "Ratio" else _LIMITS
            found = Interval(gap.gap, gap.lower, gap.upper, limit_of(gate))
            parts.append(
                _comparison(self, deciding, found, disclosure)
                + meaning(
                    phase, good, bad, plan_sentence(plan, others), proven=gate.assurance == "Proven"
                )
            )
            update |= {**numbers(found), "needed": plan}
        parts += _undefined(self)
        if self.who.absent:
            parts.append(absent_sentence(self.who.absent))
        if self.small:
            parts.append(shortfall_sentence(gate, self.small, self.tallies, disclosure))
        return begun(gate).model_copy(update={**update, "message": ". ".join(parts)})


_LIMITS = ("within the limit", "beyond the limit")


def fairness(
    gate: Gate, spec: EvaluationSpec, people: People, predictions: Predictions
) -> Fairness:
    """Return what is known of a Fairness gate.

    Raises:
        EvaluationError: the gate names a value that its group does not have, or too many groups.
    """
    if gate.across is None:
        raise EvaluationError("across is missing: name the groups that the gate compares")
    named = {each.group: each.value for each in gate.reference or []}
    who = cohorts(people.levels, gate.across.divisions, named)
    tallies = Tallies(Kinds(people.label, predictions.called), who)
    small = shortfalls(gate, who, tallies, requirements(gate))
    found = measure(gate, spec, people, predictions, who, {each.group for each in small})
    phases = {i: _phase(gate, gap) for i, gap in found.items()}
    return Fairness(gate, tallies, found, phases, small)


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
    gate, who, gap = judged.gate, judged.who, judged.found[group]
    cases = cases_of(gap.part or gate.metric)
    tally = disclosure.tell(cases, judged.tallies)
    other = gap.versus if gap.versus is not None else _complement(who, group)
    if other is None:
        rest = Side("everybody else", tally.rest_text(group))
    else:
        rest = Side(who.names[other], tally.text(other))
    sides = (gap.rate, Side(who.names[group], tally.text(group))), (gap.rest, rest)
    return gap_sentence(gate, gap.part, sides, cases, found)


def _complement(who: Cohorts, group: int) -> int | None:
    """Return the group that everybody else belongs to, if there is one: of two sexes the other."""
    same = (who.members == ~who.members[group]).all(axis=1)
    return int(same.argmax()) if same.any() else None


def _plan(judged: Fairness, disclosure: Disclosure) -> tuple[Needed | None, tuple[int, str] | None]:
    """Return what would decide the gate: the cheapest way for each comparison, for the dearest."""
    plans: dict[frozenset[int], tuple[int, int, int]] = {}
    for i, phase in judged.phases.items():
        gap = judged.found[i]
        if phase is not INCONCLUSIVE or not gap.defined:
            continue
        more = needed(gap, limit_of(judged.gate), judged.gate.comparison or "Difference")
        if more is None:
            return None, None
        other = gap.versus if gap.versus is not None else _complement(judged.who, i)
        pair = frozenset({i} if other is None else {i, other})
        found = (more.group + more.rest, more.rest, i)
        plans[pair] = min(found, plans.get(pair, found))
    total, rest, i = max(plans.values())
    gap, names = judged.found[i], judged.who.names
    cases = cases_of(gap.part or judged.gate.metric)
    if disclosure.tell(cases, judged.tallies).count(i) is None:
        return None, None  # a plan follows from the number that may not be told
    other = gap.versus if gap.versus is not None else _complement(judged.who, i)
    others = "everybody else" if other is None else names[other]
    wanted = Needed(group=names[i], more=round_up(max(total - rest, 1)), cases=cases)
    return wanted, (round_up(rest), others)


def _estimates(judged: Fairness, disclosure: Disclosure) -> list[GroupEstimate]:
    tallies = judged.tallies
    rows, positives, negatives = (
        disclosure.tell(kind, tallies) for kind in (ROWS, POSITIVES, NEGATIVES)
    )
    result = []
    for i, name in enumerate(judged.who.names):
        gap = judged.found.get(i)
        open_ = gap is not None and min(gap.trials, gap.rest_trials) >= rows.smallest
        result.append(
            GroupEstimate(
                group=name,
                rows=rows.count(i),
                positives=positives.count(i),
                negatives=negatives.count(i),
                phase=judged.phases.get(i, INCONCLUSIVE),
                **(_values(gap) if gap is not None and open_ else {}),
            )
        )
    return result


def _values(gap: Gap) -> dict[str, float | None]:
    names = ("rate", "rest", "gap", "lower", "upper")
    return {name: rounded(getattr(gap, name)) for name in names}
