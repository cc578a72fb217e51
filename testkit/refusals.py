"""All that the API server must refuse."""

from testkit.refusals_data import SOURCES
from testkit.refusals_gates import EVALUATION, REGRESSION, ROLLOUT
from testkit.refusals_interface import EXPOSURE, INTERFACE, TASKS
from testkit.refusals_policy import POLICY
from testkit.refusals_records import DECISIONS, OTHERS
from testkit.refusals_serving import CARD, METADATA, PREDICTOR
from testkit.refusals_standard import STANDARDS

REFUSALS = (
    *METADATA,
    *CARD,
    *PREDICTOR,
    *INTERFACE,
    *TASKS,
    *EXPOSURE,
    *EVALUATION,
    *REGRESSION,
    *SOURCES,
    *ROLLOUT,
    *DECISIONS,
    *OTHERS,
    *POLICY,
    *STANDARDS,
)
