"""Does a model go by the names of its inputs, or by their order?

A model that was fitted on an array takes the first column for the first feature, whatever it is called. So
a few rows are asked about three times: as always, with the features in another order, and with the
names left in order but each with another feature's values. The last is what a model reads that goes by
order; where even that changes no answer, the rows tell nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from mlhops.api.evaluation import EvaluationSpec, HonoursNames
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.data.typed import Sent
from mlhops.evaluator.errors import RefusedError
from mlhops.evaluator.scoring.client import Endpoint, ModelClient
from mlhops.evaluator.scoring.features import Inputs, inputs
from mlhops.evaluator.tasks.answers import Values

MOST_ROWS = 64
_MOST_SECONDS = 30.0
_ATTEMPTS = 2
_SAME = 1e-6


def honours_names(
    table: Table, people: LabelledRows, spec: EvaluationSpec, endpoint: Endpoint, deadline: float
) -> HonoursNames:
    """Return whether the model goes by names; nothing that goes wrong here changes a verdict.

    Args:
        table: the held-out data.
        people: those in it, for the values of the label.
        spec: the Evaluation's.
        endpoint: where the revision is served.
        deadline: seconds for all of it.
    """
    features = spec.interface.features
    if people.rows == 0 or len(features) == 1 or deadline <= 0:
        return "Unknown"
    try:
        batch = next(table.batches([feature.name for feature in features], MOST_ROWS))
        read = inputs(batch, features, spec.interface.request, typeless=table.typeless)
        if read.request.encoding == "Matrix":
            return "Unknown"
        client = ModelClient(spec, endpoint, people.classes)
        return asyncio.run(_asked(client, read, min(deadline, _MOST_SECONDS)))
    except Exception:  # whatever it is, the verdict stands
        return "Unknown"


async def _asked(client: ModelClient, read: Inputs, most: float) -> HonoursNames:
    columns = read.columns
    moved = [*columns[1:], columns[0]]
    misplaced = [
        Sent(name.name, values.datatype, values.values)
        for name, values in zip(columns, moved, strict=True)
    ]
    async with client, asyncio.timeout(most):
        before = await client.predict(read, _ATTEMPTS)
        permuted = await _answer(client, read, moved)
        wrong = await _answer(client, read, misplaced)
        again = await client.predict(read, _ATTEMPTS)
    if not _alike(before, again):
        return "Unknown"
    if permuted is None:
        return "Refused"
    if not _alike(before, permuted):
        return "False"
    return "Unknown" if wrong is not None and _alike(before, wrong) else "True"


async def _answer(client: ModelClient, read: Inputs, columns: Sequence[Sent]) -> Values | None:
    """Return the answers to the same rows in other columns, None where the server refuses them."""
    try:
        return await client.predict(replace(read, columns=columns), _ATTEMPTS)
    except RefusedError:
        return None


def _alike(first: Values, second: Values) -> bool:
    return all(
        a == b
        or (isinstance(a, float) and isinstance(b, float) and abs(a - b) <= _SAME)
        or (isinstance(a, list) and isinstance(b, list) and _alike(a, b))
        for a, b in zip(first, second, strict=True)
    )
