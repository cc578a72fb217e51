"""The fleet for people: a line for each model, and a summary below."""

from __future__ import annotations

from datetime import datetime

from mlhops.cli.text.line import Line, Span, line, table
from mlhops.cli.text.marks import ANSWERS, styled
from mlhops.cli.text.times import ago, left
from mlhops.cli.views.fleet import Fleet, ModelRow
from mlhops.cli.views.waiting import Waiting

_TITLES = (
    *("NAMESPACE", "NAME", "PHASE", "VERSION", "CANDIDATE", "STEP", "WEIGHT", "GATES"),
    *("AVAILABLE", "DRIFT", "SINCE", "WAITS FOR"),
)
_WIDE = ("SERVING", "QUALITY", "URL", "MESSAGE")


def fleet_lines(fleet: Fleet, now: datetime, *, wide: bool, header: bool) -> list[Line]:
    """Return the table of a fleet; with `wide`, the whole sentence of each model as well."""
    titles = _TITLES + (_WIDE if wide else ())
    rows = [_cells(row, now) + (_more(row) if wide else ()) for row in fleet.models]
    return table(titles, rows, header=header)


def summary(fleet: Fleet) -> Line:
    """Return how many models there are of each phase."""
    count = len(fleet.models)
    phases = ", ".join(f"{many} {phase}" for phase, many in fleet.phases.items())
    return line(f"{count} {'model' if count == 1 else 'models'}: {phases}")


def _cells(row: ModelRow, now: datetime) -> tuple[str | Span, ...]:
    return (
        row.namespace,
        row.name,
        Span(row.phase, ANSWERS[row.answer]),
        row.version,
        row.candidate,
        row.step,
        "" if row.weight is None else f"{row.weight}%",
        styled(row.gates),
        styled(row.available),
        styled(row.drift),
        ago(row.since, now),
        _waits(row.waiting, now),
    )


def _more(row: ModelRow) -> tuple[str | Span, ...]:
    return (styled(row.serving), styled(row.quality), row.url, row.message)


def _waits(waiting: Waiting | None, now: datetime) -> str:
    if waiting is None:
        return ""
    if waiting.until is not None:
        return f"{waiting.party}, {left(waiting.until, now)}"
    if waiting.reason in ("", "RolloutInProgress"):
        return str(waiting.party)
    return f"{waiting.party}: {waiting.reason}"
