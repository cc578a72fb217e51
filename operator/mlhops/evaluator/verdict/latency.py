"""The verdict of a Latency gate: how long does one patient's answer take?"""

from mlhops.api.evaluation import GateResult
from mlhops.api.gate import Gate, measure_of
from mlhops.api.verdict import of_ceiling
from mlhops.evaluator.scoring.measured import Missing
from mlhops.evaluator.verdict.gate_result import begun, in_error, limit_of, numbers, undecided
from mlhops.evaluator.verdict.sentences import Interval, latency_sentence, meaning
from mlhops.measures.measure import Quantile
from mlhops.statistics.arrays import Floats
from mlhops.statistics.inference.latency import quantile

_LIMITS = ("within the limit", "beyond the limit")
_PLAN = "give the data more rows, since at most one request is timed for each"


def latency(gate: Gate, seconds: Floats | Missing) -> GateResult:
    """Return the verdict of a Latency gate on the times of requests for one row each."""
    if isinstance(seconds, Missing):
        return in_error(gate, seconds.why)
    how = measure_of(gate).how
    if not isinstance(how, Quantile):
        raise AssertionError(f"{gate.metric} is no metric of a Latency gate")
    try:
        found = quantile(seconds, how.share, gate.confidence)
    except ValueError as error:
        return in_error(gate, f"the times of requests cannot be used: {error}; evaluate again")
    if found.reason:
        return undecided(gate, f"{found.reason}: name data with rows in data.uri")
    span = Interval(found.estimate, found.lower, found.upper, limit_of(gate))
    phase = of_ceiling(span.lower, span.upper, span.limit, gate.assurance)
    return begun(gate).model_copy(
        update={
            "phase": phase,
            "message": latency_sentence(gate, found.cases, span)
            + meaning(phase, *_LIMITS, _PLAN, proven=gate.assurance == "Proven"),
            **numbers(span),
        }
    )
