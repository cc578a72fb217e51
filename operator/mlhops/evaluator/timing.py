"""How long the answer for one patient takes: requests for one row each, one after the other.

They are sent after all rows were scored, so that the server is warm, and timed where they are sent:
from the request to the answer in hand, the network and any retries included.
"""

import asyncio
import time

import numpy as np

from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.client import Client, Endpoint
from mlhops.evaluator.features import Inputs, inputs
from mlhops.evaluator.read import Table
from mlhops.statistics.rates import Floats

MOST_REQUESTS = 1000
"""The 99th percentile has an upper bound at 95 % from 368 requests on."""
MOST_SECONDS = 60.0


def answer_times(table: Table, spec: EvaluationSpec, endpoint: Endpoint, deadline: float) -> Floats:
    """Return the seconds that the answers for the first rows took, one request for each.

    Raises:
        EvaluationError: a request was refused or not answered in spite of retries.
    """
    features = spec.interface.features
    batch = next(table.batches([feature.name for feature in features], MOST_REQUESTS))
    rows = _one_by_one(inputs(batch, features))
    return np.array(asyncio.run(_timed(rows, spec, endpoint, min(deadline, MOST_SECONDS))))


def _one_by_one(batch: Inputs) -> list[Inputs]:
    return [
        Inputs([(name, values[i : i + 1]) for name, values in batch.columns], 1)
        for i in range(batch.rows)
    ]


async def _timed(
    rows: list[Inputs], spec: EvaluationSpec, endpoint: Endpoint, most: float
) -> list[float]:
    seconds: list[float] = []
    start = time.monotonic()
    async with Client(spec, endpoint) as client:
        for row in rows:
            if time.monotonic() - start > most:
                break
            sent = time.perf_counter()
            await client.predict(row)
            seconds.append(time.perf_counter() - sent)
    return seconds
