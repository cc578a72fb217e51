"""Metrics of the time that one patient's answer takes."""

from mlhops.measures.measure import Measure, MeasureBounds, Quantile, register
from mlhops.tasks.task import TASK_NAMES

SECONDS = MeasureBounds(
    0.0,
    3600.0,
    "limit of a Latency gate is in seconds, more than 0 and at most 3600: write 0.2 for 200 ms",
    open=True,
)

P50 = register(
    Measure(
        name="P50",
        gates=("Latency",),
        better="Lower",
        how=Quantile(0.5),
        definition="the time within which half of the answers for one patient arrive",
        bounds=SECONDS,
        tasks=TASK_NAMES,
    )
)
P99 = register(
    Measure(
        name="P99",
        gates=("Latency",),
        better="Lower",
        how=Quantile(0.99),
        definition="the time within which 99 of 100 answers for one patient arrive",
        bounds=SECONDS,
        tasks=TASK_NAMES,
    )
)
