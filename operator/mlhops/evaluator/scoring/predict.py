"""Scores for all people: batches in order, a few requests in flight, progress for who watches."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.data.dates import refuse_wrong
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.data.typed import refuse_unclear
from mlhops.evaluator.errors import EvaluationError, WrongValuesError
from mlhops.evaluator.scoring.client import Endpoint, ModelClient
from mlhops.evaluator.scoring.features import Inputs, inputs, over_all
from mlhops.evaluator.tasks.predictions import AnyPredictions
from mlhops.evaluator.tasks.registry import handler_of
from mlhops.inputs.request import request_of

CONCURRENCY = 4
_PROGRESS_EVERY = 2.0
_ROWS_AT_ONCE = 65_536

Say = Callable[[str], None]


@dataclass(frozen=True)
class Pace:
    """How the endpoint is asked."""

    batch_size: int
    deadline: float
    """Seconds for all of scoring."""


def predict(
    table: Table,
    people: LabelledRows,
    spec: EvaluationSpec,
    endpoint: Endpoint,
    pace: Pace,
    say: Say,
) -> AnyPredictions:
    """Score every row of the data through the served endpoint.

    Raises:
        EvaluationError: a batch cannot be scored, or scoring takes longer than the deadline.
    """
    features, request = spec.interface.features, spec.interface.request
    if request_of(features, request).encoding != "Matrix":
        refuse_unclear(table, features)
    refuse_wrong(table, features)
    names = [feature.name for feature in features]
    batches = (
        inputs(batch, features, request, typeless=table.typeless)
        for batch in table.batches(names, pace.batch_size)
    )
    progress = _Progress(people.rows, say)
    try:
        parts = asyncio.run(_all(batches, spec, people.classes, endpoint, pace.deadline, progress))
    except WrongValuesError as error:
        raise _counted(error, table, spec) from None
    later = sum(part.rows for part in parts)
    if later != people.rows:
        raise EvaluationError(
            f"the data had {people.rows:,} rows at first and {later:,} later: do not write "
            "to them meanwhile"
        )
    return handler_of(spec.interface).joined(parts, spec.interface.output)


def _counted(error: WrongValuesError, table: Table, spec: EvaluationSpec) -> EvaluationError:
    """Return an error with the number of all rows in which a column is wrong."""
    features = spec.interface.features
    asked = request_of(features, spec.interface.request)
    wrong = [feature for feature in features if feature.name == error.column]
    batches = table.batches([error.column], _ROWS_AT_ONCE)
    return over_all(
        error, batches, lambda batch: inputs(batch, wrong, asked, typeless=table.typeless)
    )


async def _all(
    batches: Iterator[Inputs],
    spec: EvaluationSpec,
    classes: frozenset[str],
    endpoint: Endpoint,
    deadline: float,
    progress: "_Progress",
) -> list[AnyPredictions]:
    parts: list[AnyPredictions] = []
    running: deque[asyncio.Task[AnyPredictions]] = deque()

    handler = handler_of(spec.interface)

    async def one(batch: Inputs) -> AnyPredictions:
        values = await client.predict(batch)
        return handler.predictions(values, spec.interface.output, classes)

    async def first() -> None:
        part = await running[0]
        running.popleft()
        parts.append(part)
        progress.add(part.rows)

    async with ModelClient(spec, endpoint, classes) as client:
        progress.begin()
        try:
            async with asyncio.timeout(deadline):
                for batch in batches:
                    running.append(asyncio.create_task(one(batch)))
                    if len(running) == CONCURRENCY:
                        await first()
                while running:
                    await first()
        except TimeoutError as error:
            raise EvaluationError(
                f"scoring took longer than {deadline:g} s, after {progress.done:,} of "
                f"{progress.rows:,} rows: give the predictor more replicas or resources, or "
                "evaluate on fewer rows"
            ) from error
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
    progress.end()
    return parts


class _Progress:
    def __init__(self, rows: int, say: Say) -> None:
        self.rows = rows
        self.done = 0
        self._say = say
        self._start = self._last = 0.0

    def begin(self) -> None:
        self._start = self._last = time.monotonic()

    def add(self, rows: int) -> None:
        self.done += rows
        now = time.monotonic()
        if now - self._last >= _PROGRESS_EVERY:
            self._last = now
            self.end()

    def end(self) -> None:
        pace = self.done / max(time.monotonic() - self._start, 1e-3)
        self._say(f"scored {self.done:,} of {self.rows:,} rows, {pace:,.0f} rows/s")
