"""How many more cases would decide a gate, from what was measured of everybody in it.

Groups that are too small to be judged take part, since they are judged once they are large enough.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlhops.api.evaluation import EvaluationSpec, Needed
from mlhops.api.gate import Gate, measure_of
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Cohorts
from mlhops.evaluator.tasks.predictions import AnyPredictions
from mlhops.evaluator.tasks.registry import handler_of
from mlhops.evaluator.verdict.cell_counts import Disclosure, Tallies
from mlhops.evaluator.verdict.fairness_measures import trials
from mlhops.evaluator.verdict.gate_result import limit_of, seed_of
from mlhops.evaluator.verdict.requirements import requirements
from mlhops.evaluator.verdict.sentences import hidden_plan_sentence, plan_sentence, round_up
from mlhops.measures.measure import LargerGap, Measure, OfClasses, OfNumbers, OfScores, Share
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.inference import performance, planning
from mlhops.statistics.inference.equalized_odds import each_alone
from mlhops.statistics.inference.noninferiority import paired_arms, unsettled
from mlhops.statistics.inference.performance import Answered
from mlhops.statistics.inference.planning import Bounds, Measures, Outlook, Rates
from mlhops.statistics.inference.question import Question
from mlhops.statistics.inference.rates import Trials


@dataclass(frozen=True)
class Planned:
    """Cases that a gate lacks, before it is clear which numbers may be told."""

    cases: str
    """Of which kind."""
    more: Sequence[int]
    """How many more each group needs, in the order of the groups."""
    total: int
    """How many more everybody needs, each person counted once."""
    each: int
    """How many each group then has, at least."""
    hardest: int
    """The group whose comparison is decided last; -1 for everybody."""


def fairness_plan(
    gate: Gate,
    spec: EvaluationSpec,
    people: LabelledRows,
    predictions: AnyPredictions,
    tallies: Tallies,
) -> Planned | None:
    """Return what would decide a Fairness gate, None where no sensible number would."""
    who, metric = tallies.who, measure_of(gate)
    if not metric.planned:
        return None
    question = Question(
        seed_of(gate, spec),
        gate.comparison or "Difference",
        gate.against or "Rest",
        who.reference if gate.reference else None,
        who.division,
        metric.better,
        gate.confidence,
        metric.largest,
    )
    asked = _people(gate, [tallies], who.members, metric.cases)
    parts = _fairness_parts(gate, spec, people, predictions, tallies, question, asked.sizes)
    found = planning.plan(parts, asked)
    if found is None:
        return None
    left, _ = planning.pairs(question, len(who.names))
    hardest = int(left[found.hardest]) if found.hardest >= 0 else -1
    return _planned(found, asked, tallies, metric.cases, hardest)


def inferiority_plan(
    gate: Gate,
    spec: EvaluationSpec,
    people: LabelledRows,
    models: tuple[AnyPredictions, AnyPredictions],
    tallies: tuple[Tallies, Tallies],
    margin: float,
    power: float,
) -> Planned | None:
    """Return what would decide a comparison with stable, None where no sensible number would."""
    who, metric = tallies[0].who, measure_of(gate)
    if not metric.planned:
        return None
    cases = metric.cases
    everybody = np.ones((1, who.members.shape[1]), dtype=bool)
    members = np.concatenate([everybody, who.members])
    asked = _people(gate, tallies, members, cases)
    handler = handler_of(spec.interface)
    candidate, stable = (handler.answers(people.label, model) for model in models)
    arms, pieces, better, worse = paired_arms(metric, candidate, stable, who.atom, who.members)
    weights = np.concatenate([members, members]) * asked.sizes
    now = np.maximum(weights.sum(axis=1), 1e-9)
    part = Measures(
        lambda growth: (unsettled(arms, pieces, weights @ growth / now), growth),
        np.concatenate([members, members]),
        asked.sizes,
        better,
        worse,
        Bounds(-margin, math.inf),
        gate.confidence,
        seed_of(gate, spec),
        spec.cells.hides(asked.groups),
    )
    found = planning.plan([part], asked, power)
    if found is None:
        return None
    return _planned(found, asked, tallies[0], cases, found.hardest - 1)


def _fairness_parts(
    gate: Gate,
    spec: EvaluationSpec,
    people: LabelledRows,
    predictions: AnyPredictions,
    tallies: Tallies,
    question: Question,
    sizes: Floats,
) -> Sequence[Outlook]:
    who, metric = tallies.who, measure_of(gate)
    bounds, cells = planning.bounds(question.comparison, limit_of(gate)), spec.cells
    answers = handler_of(spec.interface).answers(people.label, predictions)
    match metric.how:
        case Share():
            seen = trials(metric, answers, who.atom, who.members)
            # A group without any case still grows.
            tried = np.maximum(seen.trials, sizes.astype(np.int64))
            return [Rates(Trials(seen.events, tried, seen.members), question, bounds, cells)]
        case LargerGap(parts):
            return [
                Rates(trials(part, answers, who.atom, who.members), asked, bounds, cells)
                for part, asked in zip(parts, each_alone(question), strict=True)
            ]
        case OfScores() | OfNumbers() | OfClasses():
            small = cells.hides(_fewest(gate, tallies))
            return [_of_scores(metric, answers, who, question, bounds, sizes, small)]
        case _:
            raise AssertionError(f"{metric.name} is no metric of a Fairness gate")


def _of_scores(
    metric: Measure,
    answers: Answered,
    who: Cohorts,
    question: Question,
    bounds: Bounds,
    sizes: Floats,
    few: Bools,
) -> Measures:
    groups = len(who.names)
    left, right = planning.pairs(question, groups)
    atoms = question.arms(who.members)
    arms = planning.mixed(
        lambda rows: performance.arms(metric, answers.of(rows), who.atom[rows], question, atoms)[0],
        who.atom,
        answers.order,
    )
    return Measures(
        arms,
        atoms,
        sizes,
        left,
        right,
        bounds,
        question.confidence,
        question.seed,
        few[left] | (few[right] if question.against == "Best" else False),
        planning.comparable(question, groups),
        question.comparison,
    )


def _fewest(gate: Gate, tallies: Tallies) -> Floats:
    sizes = [tallies.sizes(each.cases) for each in requirements(gate)]
    return np.asarray(np.minimum.reduce(sizes), dtype=np.float64)


def _people(gate: Gate, tallies: Sequence[Tallies], members: Bools, cases: str) -> planning.People:
    """Return whom a plan asks for; of a kind that a group has none of, one in each of its atoms."""
    weights = members.astype(np.float64)
    sizes = tallies[0].atoms(cases).astype(np.float64)
    empty = weights @ sizes == 0
    sizes = np.where((sizes == 0) & members[empty].any(axis=0), 1.0, sizes)
    least = np.ones(len(members))
    for each in requirements(gate):
        for tally in tallies:
            own = sizes if each.cases == cases else tally.atoms(each.cases).astype(np.float64)
            with np.errstate(divide="ignore"):
                least = np.maximum(least, each.minimum / (weights @ own))
    return planning.People(sizes, members, least)


def _planned(
    found: planning.SampleSizePlan,
    asked: planning.People,
    tallies: Tallies,
    cases: str,
    hardest: int,
) -> Planned:
    then = np.ceil(asked.sizes * found.growth)
    more = then - tallies.atoms(cases)
    groups = tallies.who.members.astype(np.float64) @ more
    return Planned(cases, [int(each) for each in groups], int(more.sum()), found.each, hardest)


def planned_sentence(
    found: Planned, tallies: Tallies, disclosure: Disclosure
) -> tuple[Needed | None, str]:
    """Return a plan as it may be told: no number from which one that is hidden could be worked out."""
    who, cases = tallies.who, found.cases
    lacking = [i for i, more in enumerate(found.more) if more > 0]
    tally = disclosure.tell(cases, tallies)
    each = round_up(found.each)
    if any(tally.count(i) is None for i in lacking):
        return None, hidden_plan_sentence(each, cases)
    total = round_up(max(found.total, 1))
    if len(lacking) == 1:
        needed = Needed(group=who.names[lacking[0]], more=total, cases=cases)
        return needed, plan_sentence(needed)
    needed = Needed(more=total, cases=cases, each=each if len(who.names) > 0 else None)
    if not lacking:
        return needed, plan_sentence(needed)
    finest = [i for i in lacking if who.members[i].sum() == 1]
    named = finest if len(finest) > 1 else lacking
    where = sorted(((round_up(found.more[i]), who.names[i]) for i in named), reverse=True)
    return needed, plan_sentence(needed, where)
