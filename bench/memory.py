"""How much memory the operator takes."""

import psutil

from bench.plane import Plane, settle
from bench.results import Result
from mlhops.controller.resources import MODELS, SERVICES
from testkit.api import until
from testkit.builders import clinical_model

MODELS_MANY = 100


def memory(plane: Plane) -> list[Result]:
    """Weigh the operator with one served model, and with many more that wait for their servers."""
    with plane.namespace() as hands, plane.operator(hands.namespace) as process:
        hands.promote_first()
        settle(hands, 2)
        one = _resident(process.pid)
        for number in range(MODELS_MANY - 1):
            manifest = clinical_model(name=f"model-{number}")
            hands.api.create(MODELS, hands.namespace, manifest)
        services = f"{MODELS_MANY} InferenceServices"
        until(
            services,
            lambda: len(hands.api.list(SERVICES, hands.namespace)) == MODELS_MANY,
            120,
        )
        settle(hands, 2)
        many = _resident(process.pid)
    return [
        Result("operator RSS, idle, 1 model", one, "MiB"),
        Result(f"operator RSS, idle, {MODELS_MANY} models", many, "MiB"),
    ]


def _resident(pid: int) -> float:
    return round(psutil.Process(pid).memory_info().rss / 2**20, 1)
