"""Counters by model. Those of prometheus_client take a kilobyte for each series, and most stay at 0 for good."""

from collections.abc import Iterable, Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

OF_MODEL = ("namespace", "name")
"""The labels that name a model."""


class ModelCounter(Collector):
    """A counter with a series for each model and each value of its other labels; only what was counted is kept."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...], known: Iterable[str]) -> None:
        """Values in `known`, of a counter with one more label, are told as 0 until they are counted."""
        self._name, self._text, self._labels = name, text, labels
        self._known = tuple((value,) for value in known)
        self._counts: dict[tuple[str, str], dict[tuple[str, ...], int]] = {}
        REGISTRY.register(self)

    def begin(self, namespace: str, name: str) -> None:
        """Tell of a model from now on."""
        self._counts.setdefault((namespace, name), {})

    def count(self, namespace: str, name: str, *values: str) -> None:
        """Count once."""
        counts = self._counts.setdefault((namespace, name), {})
        counts[values] = counts.get(values, 0) + 1

    def forget(self, namespace: str, name: str) -> None:
        """Tell no more of a model."""
        self._counts.pop((namespace, name), None)

    def describe(self) -> Iterable[Metric]:
        """Name the metric, so that no other has its name."""
        return (self._family(),)

    def collect(self) -> Iterator[Metric]:
        """Return the metric; called from the thread that answers Prometheus, so from copies."""
        family = self._family()
        for model, counts in list(self._counts.items()):
            for values, count in (dict.fromkeys(self._known, 0) | counts).items():
                family.add_metric((*model, *values), count)
        yield family

    def _family(self) -> CounterMetricFamily:
        return CounterMetricFamily(self._name, self._text, labels=(*OF_MODEL, *self._labels))
