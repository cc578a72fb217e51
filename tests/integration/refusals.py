"""All that the API server must refuse."""

from tests.integration.refusals_data import SOURCES
from tests.integration.refusals_gates import EVALUATION, ROLLOUT
from tests.integration.refusals_interface import EXPOSURE, INTERFACE
from tests.integration.refusals_policy import POLICY
from tests.integration.refusals_records import DECISIONS, OTHERS
from tests.integration.refusals_serving import CARD, METADATA, PREDICTOR

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
)
