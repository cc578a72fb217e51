"""One run of the gates: read, score, judge. Whatever goes wrong becomes a result, too."""

import logging
import os
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from mlhops import __version__
from mlhops.api import given
from mlhops.api.data import StoredReport
from mlhops.api.destinations import Destinations
from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult
from mlhops.api.gate import primary_of
from mlhops.api.result import Result
from mlhops.evaluator.data import labelled_rows
from mlhops.evaluator.data.read import Parts, Table, format_of
from mlhops.evaluator.data.source import Limits, LocalFile, local
from mlhops.evaluator.errors import CannotTellError, EvaluationError, UnavailableError
from mlhops.evaluator.profile.reference import ReferenceProfile, missing, reference
from mlhops.evaluator.report.collect import Evaluated
from mlhops.evaluator.report.publish import publish
from mlhops.evaluator.scoring.client import Endpoint
from mlhops.evaluator.scoring.predict import Pace, Say
from mlhops.evaluator.scoring.score import score
from mlhops.evaluator.verdict.gate_result import undecided
from mlhops.evaluator.verdict.judge import in_order, judgement, phase_of_run
from mlhops.evaluator.verdict.unforeseen import unforeseen
from mlhops.inputs.request import words_for

log = logging.getLogger(__name__)

_LONGEST_MESSAGE = 2048


@dataclass(frozen=True)
class RunOptions:
    """The command line."""

    endpoint: str | None
    model_name: str | None
    claim_root: Path
    report_root: Path
    batch_size: int
    timeout: float
    request_timeout: float
    allowed: Destinations


@dataclass(frozen=True)
class Run:
    """What a run leaves behind."""

    result: Result
    profile: str | None = None
    """The profile that is to be handed over, where one was asked for and made."""


def run(options: RunOptions, say: Say) -> Run:
    """Run the gates of the spec in the environment; never raises."""
    try:
        return evaluate(spec_of(os.environ), options, say)
    except EvaluationError as error:
        return failure(str(error), final=not isinstance(error, UnavailableError))
    except MemoryError:
        return failure(
            "the evaluator has too little memory: set evaluation.resources.limits.memory to more, or "
            "evaluate on fewer rows"
        )
    except Exception as error:
        return failure(_unknown(error))


def _unknown(error: Exception) -> str:
    """Return the kind and the place of an error, whose text may quote a row."""
    log.error("an unknown error", exc_info=error)
    place = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(place[-1].filename).name} line {place[-1].lineno}" if place else ""
    return (
        f"the evaluator met an error that it does not know ({type(error).__name__}{where}): "
        "report this with the lines above it in the pod's log"
    )


def failure(message: str, *, final: bool = False) -> Run:
    """Return what a run that could not measure leaves behind; it is final where something has to be changed first."""
    text = message[:_LONGEST_MESSAGE]
    return Run(Result(phase="Error", message=text, final=final, evaluator=__version__))


def spec_of(environment: Mapping[str, str]) -> EvaluationSpec:
    """Return the spec in the environment.

    Raises:
        EvaluationError: there is none, or it is not one; the message names the fields.
    """
    try:
        return EvaluationSpec.model_validate(given.unpacked(environment))
    except ValidationError as error:
        fields = "; ".join(
            f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
            for each in error.errors()[:5]
        )
        raise EvaluationError(
            f"{given.VARIABLE} is not the spec of an Evaluation: {fields}"
        ) from error
    except ValueError as error:
        raise EvaluationError(str(error)) from error


def evaluate(spec: EvaluationSpec, options: RunOptions, say: Say) -> Run:
    """Return the verdict on a spec, and the profile if it asks for one.

    Raises:
        EvaluationError: the gates could not be measured.
    """
    interface = spec.interface
    if (
        interface.task == "Binary"
        and interface.output.type != "Class"
        and interface.output.threshold is None
    ):
        raise EvaluationError(
            "interface.output.threshold is missing: set the operating point at which a case is "
            "called positive"
        )
    endpoint = Endpoint(
        url=options.endpoint or spec.endpoint,
        model=options.model_name or spec.model,
        request_timeout=options.request_timeout,
    )
    say(f"evaluating {spec.model} {spec.version} (revision {spec.revision}) at {endpoint.url}")
    with local(spec.data, options.claim_root, Limits(allowed=options.allowed)) as file:
        found = _measure(spec, file, endpoint, options, say)
        made = _profile(found, file) if spec.profile else None
    report = _report(found, options)
    if report is not None:
        say(f"report: {report.uri or report.error}")
    if made is not None:
        say(f"profile: {made.told.digest or made.told.error}")
    told = {"report": report, "profile": made.told if made is not None else None}
    return Run(_result(found).model_copy(update=told), made.text if made is not None else None)


def _measure(
    spec: EvaluationSpec, file: LocalFile, endpoint: Endpoint, options: RunOptions, say: Say
) -> Evaluated:
    table = _table(spec, file)
    try:
        who = labelled_rows.read(table, spec)
    except CannotTellError as error:
        return _untold(spec, file, str(error))
    say(f"read {who.rows:,} rows, {file.digest}")
    pace = Pace(options.batch_size, options.timeout)
    measured = score(table, who, spec, endpoint, pace, say)
    odd = unforeseen(table, spec)
    file.verify_unchanged()
    judged = judgement(spec, who, measured)
    phase = phase_of_run(judged.gates)
    return Evaluated(
        spec,
        phase,
        ". ".join(filter(None, (summary(judged.gates), odd))),
        file.digest,
        _now(),
        __version__,
        judged.gates,
        judged,
        who,
        measured,
    )


def _table(spec: EvaluationSpec, file: LocalFile) -> Table:
    stable = spec.stable.interface if spec.stable is not None else None
    read = [spec.interface, *([stable] if stable is not None else [])]
    numbers = {
        feature.name
        for interface in read
        for feature in interface.features
        if feature.date is None
        and (not words_for(feature) or (feature.datatype or "").startswith("FP"))
    }
    numbers |= {group.column for group in spec.interface.groups if group.bins}
    if spec.interface.task == "Regression":
        numbers.add(spec.data.label_column)
    parts = file.parts
    how = (format_of(spec.data, parts[0]), spec.data.csv, numbers)
    return Table(parts[0], *how) if len(parts) == 1 else Parts(parts, *how)


def summary(gates: Sequence[GateResult]) -> str:
    """Return how many required gates passed, and the message of the first that decides."""
    phase = phase_of_run(gates)
    required = [gate for gate in gates if gate.required]
    passed = sum(gate.phase is EvaluationPhase.SUCCESSFUL for gate in required)
    message = f"{passed} of {len(required)} required gates passed"
    deciding = [gate for gate in required if gate.phase is phase]
    if deciding and phase is not EvaluationPhase.SUCCESSFUL:
        message += f". {deciding[0].name}: {deciding[0].message}"
    return message


def _untold(spec: EvaluationSpec, file: LocalFile, why: str) -> Evaluated:
    """Return that data which are sound cannot answer any gate's question."""
    primary = primary_of(spec.gates)
    gates = in_order(
        [
            undecided(gate, why).model_copy(update={"primary": gate.name == primary})
            for gate in spec.gates
        ]
    )
    phase = EvaluationPhase.INCONCLUSIVE
    return Evaluated(spec, phase, why, file.digest, _now(), __version__, gates)


def _now() -> datetime:
    return datetime.now(UTC)


def _profile(found: Evaluated, file: LocalFile) -> ReferenceProfile:
    """Return the profile; whatever goes wrong here, the verdict stands."""
    if found.measured is None:
        return missing("the model was not asked for scores")
    try:
        table = _table(found.spec, file)
        labels = found.people.classes if found.people is not None else frozenset[str]()
        made = reference(table, found.spec, found.measured.candidate, file.digest, labels)
        file.verify_unchanged()
    except EvaluationError as error:
        return missing(str(error))
    except (SystemExit, KeyboardInterrupt):
        return missing("the evaluator was stopped before")
    except Exception as error:
        return missing(_unknown(error))
    return made


def _report(found: Evaluated, options: RunOptions) -> StoredReport | None:
    try:
        return publish(found, options.report_root, options.allowed)
    except (SystemExit, KeyboardInterrupt):
        # The verdict is there, and being stopped does not take it away.
        return StoredReport(error="the evaluator was stopped before the report was stored")


def _result(found: Evaluated) -> Result:
    words: dict[EvaluationPhase, Literal["Successful", "Failed", "Inconclusive", "Error"]] = {
        EvaluationPhase.SUCCESSFUL: "Successful",
        EvaluationPhase.FAILED: "Failed",
        EvaluationPhase.INCONCLUSIVE: "Inconclusive",
    }
    return Result(
        phase=words.get(found.phase, "Error"),
        message=found.message[:_LONGEST_MESSAGE],
        gates=list(found.gates),
        rows=found.people.rows if found.people is not None else None,
        data_digest=found.digest,
        seed=found.spec.seed,
        evaluator=__version__,
        honours_names=found.measured.honours_names if found.measured is not None else None,
    )
