"""All that the API server must refuse."""

from testkit.refusals_data import SOURCES
from testkit.refusals_gates import EVALUATION, ROLLOUT
from testkit.refusals_interface import EXPOSURE, INTERFACE
from testkit.refusals_policy import POLICY
from testkit.refusals_records import DECISIONS, OTHERS
from testkit.refusals_serving import CARD, METADATA, PREDICTOR
from testkit.refusals_standard import STANDARDS

REFUSALS = (
    *METADATA,
    *CARD,
    *PREDICTOR,
    *INTERFACE,
    *EXPOSURE,
    *EVALUATION,
    *SOURCES,
    *ROLLOUT,
    *DECISIONS,
    *OTHERS,
    *POLICY,
    *STANDARDS,
)
