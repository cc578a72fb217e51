"""How long the answer for one patient takes: requests for one row each, one after the other.

They are sent after all rows were scored, so that the server is warm, and timed where they are sent:
from the request to the answer in hand, the network and any retries included.
"""

import asyncio
import time

import numpy as np

from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.scoring.client import Endpoint, ModelClient
from mlhops.evaluator.scoring.features import Inputs, inputs
from mlhops.statistics.arrays import Floats

MOST_REQUESTS = 1000
"""The 99th percentile has an upper bound at 95 % from 368 requests on."""
MOST_SECONDS = 60.0


def answer_times(
    table: Table,
    spec: EvaluationSpec,
    endpoint: Endpoint,
    deadline: float,
    labels: frozenset[str] = frozenset(),
) -> Floats:
    """Return the seconds that the answers for the first rows took, one request for each.

    Args:
        table: the held-out data.
        spec: the Evaluation's.
        endpoint: where the revision is served.
        deadline: seconds for all of it.
        labels: the values of the label, by which the positive class's column is known.

    Raises:
        EvaluationError: a request was refused or not answered in spite of retries.
    """
    features = spec.interface.features
    batch = next(table.batches([feature.name for feature in features], MOST_REQUESTS))
    read = inputs(batch, features, spec.interface.request, typeless=table.typeless)
    rows = [read.row(row) for row in range(read.rows)]
    client = ModelClient(spec, endpoint, labels)
    return np.array(asyncio.run(_timed(rows, client, min(deadline, MOST_SECONDS))))


async def _timed(rows: list[Inputs], client: ModelClient, most: float) -> list[float]:
    seconds: list[float] = []
    start = time.monotonic()
    async with client:
        for row in rows:
            if time.monotonic() - start > most:
                break
            sent = time.perf_counter()
            await client.predict(row)
            seconds.append(time.perf_counter() - sent)
    return seconds
