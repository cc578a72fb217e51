"""All that is measured through served endpoints: the candidate, stable beside it, and the time.

Only the candidate's own answers are needed for every gate. What else cannot be had is `Missing`, and
leaves just those gates in Error that ask for it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlhops.api.evaluation import EvaluationSpec, StableRevision
from mlhops.api.interface import Feature
from mlhops.evaluator.data.convert import canonical
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.scoring.client import Endpoint
from mlhops.evaluator.scoring.honours_names import honours_names
from mlhops.evaluator.scoring.measured import Measured, Missing
from mlhops.evaluator.scoring.predict import Pace, Say, predict
from mlhops.evaluator.scoring.timing import answer_times
from mlhops.evaluator.tasks.predictions import AnyPredictions
from mlhops.inputs.request import words_for
from mlhops.statistics.arrays import Floats


@dataclass(frozen=True)
class _Run:
    table: Table
    people: LabelledRows
    spec: EvaluationSpec
    endpoint: Endpoint
    pace: Pace
    say: Say


def score(
    table: Table,
    people: LabelledRows,
    spec: EvaluationSpec,
    endpoint: Endpoint,
    pace: Pace,
    say: Say,
) -> Measured:
    """Return what the candidate, and where a gate asks for it stable, says of each person.

    Raises:
        EvaluationError: the candidate cannot be scored.
    """
    run = _Run(table, people, spec, endpoint, pace, say)
    begun = time.monotonic()
    candidate = predict(table, people, spec, endpoint, pace, say)
    seconds: Floats | Missing = Missing("no gate asks for the time that an answer takes")
    if any(gate.type == "Latency" for gate in spec.gates):
        seconds = _seconds(run, _left(pace, begun))
    stable = None
    if spec.stable is not None:
        stable = _stable(run, spec.stable, _left(pace, begun))
    names = honours_names(table, people, spec, endpoint, _left(pace, begun).deadline)
    say(f"goes by the names of its inputs: {names}")
    return Measured(candidate, stable, seconds, names)


def _left(pace: Pace, begun: float) -> Pace:
    return replace(pace, deadline=pace.deadline - (time.monotonic() - begun))


def _seconds(run: _Run, pace: Pace) -> Floats | Missing:
    try:
        run.say("timing requests for one row each")
        return answer_times(run.table, run.spec, run.endpoint, pace.deadline, run.people.classes)
    except EvaluationError as error:
        return Missing(f"the time that an answer takes cannot be measured: {error}")


def _stable(run: _Run, stable: StableRevision, pace: Pace) -> AnyPredictions | Missing:
    """Ask stable in its own way; its features and its threshold may be others."""
    who = f"{stable.version}, which serves,"
    try:
        asked = _as_asked(run.spec, stable)
        features = asked.interface.features
        run.table.require(
            [(each.name, f"a feature of {stable.version}") for each in features],
            dates=[each.name for each in features if each.date],
        )
        if pace.deadline <= 0:
            raise EvaluationError("no time was left: set evaluation.deadline to more")
        run.say(f"asking {who} about the same rows")
        endpoint = replace(run.endpoint, url=asked.endpoint)
        return predict(run.table, run.people, asked, endpoint, pace, run.say)
    except EvaluationError as error:
        return Missing(
            f"{who} cannot be compared with: {error}. Where this is about {stable.version} itself, "
            "decide Override for this gate, or remove nonInferiority for this version"
        )


def _as_asked(spec: EvaluationSpec, stable: StableRevision) -> EvaluationSpec:
    if stable.endpoint is None:
        raise EvaluationError(
            "it has no address, or the Evaluation that let it be promoted is gone, which says how "
            "to ask it: see that its InferenceService is there, and evaluate again; or decide "
            "Override for this gate"
        )
    interface = stable.interface or spec.interface
    if interface.task != spec.interface.task:
        raise EvaluationError(
            f"its interface.task is {interface.task}, so that its answers mean something else: remove nonInferiority "
            "for this version"
        )
    if interface.task == "Multiclass" and interface.output.classes != spec.interface.output.classes:
        raise EvaluationError(
            "its output.classes are others, so that its answers mean something else: remove nonInferiority for this "
            "version"
        )
    own, other = (canonical(each.output.positive_class) for each in (spec.interface, interface))
    if own != other:
        raise EvaluationError(
            "its output.positiveClass is another one, so that its answers mean something else: "
            "remove nonInferiority for this version"
        )
    interface = interface.model_copy(
        update={"features": _as_sent(interface.features, spec.interface.features)}
    )
    return spec.model_copy(
        update={
            "endpoint": stable.endpoint,
            "protocol_version": stable.protocol_version,
            "interface": interface,
        }
    )


def _as_sent(features: Sequence[Feature], now: Sequence[Feature]) -> list[Feature]:
    """Return stable's features with the datatypes that were declared since: callers ask both alike.

    Only of categories, which are sent by name in any case: what is one matrix stays one.
    """
    declared = {feature.name: feature.datatype for feature in now}
    return [
        each.model_copy(update={"datatype": declared.get(each.name)})
        if words_for(each) and each.datatype is None
        else each
        for each in features
    ]
