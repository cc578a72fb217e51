"""The engines that a policy may name."""

from collections.abc import Mapping

from mlhops.alibi.judging import AlibiDetect
from mlhops.api.engine import EngineName
from mlhops.monitoring.drift import Native
from mlhops.monitoring.engine import DriftEngine

ENGINES: Mapping[EngineName, DriftEngine] = {"Native": Native(), "AlibiDetect": AlibiDetect()}
"""By `drift.engine`."""
