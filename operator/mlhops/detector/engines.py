"""The engines that a pod may have."""

from mlhops.alibi.sidecar.engine import Engine
from mlhops.detector.engine import DriftEngine


def engine() -> DriftEngine:
    """Return the one that there is beside the counting, whose own tests are the operator's."""
    return Engine()
