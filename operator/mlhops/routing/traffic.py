"""Traffic: how requests are split, as a plan asks for it and as a router's objects say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Traffic:
    """Who gets which share of requests. What else a router may do with requests is to stand beside the weights."""

    weights: Mapping[str, int] = field(default_factory=dict)
    """Percent of requests by InferenceService."""

    @property
    def given(self) -> "Traffic":
        """The same without InferenceServices that get no request."""
        return Traffic({name: weight for name, weight in self.weights.items() if weight > 0})

    def of(self, service: str) -> int:
        """Return the weight of an InferenceService, 0 where it has none."""
        return self.weights.get(service, 0)

    @property
    def empty(self) -> bool:
        """Whether nobody gets any request."""
        return not self.given.weights
