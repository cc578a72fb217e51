"""What KServe's webhooks do to an InferenceService: fill in defaults, refuse what cannot work."""

import copy
import re

from lab.client import Object
from lab.kserve.names import MODE_ANNOTATION, MODEL_CONTAINER, STANDARD

NAME = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
MODES = {"RawDeployment": STANDARD, "Serverless": "Knative"}
LOGGER_MODES = ("all", "request", "response")


class Refused(ValueError):
    """The object is not admitted; the text says why."""


def with_defaults(service: Object) -> Object:
    """The InferenceService as KServe's defaulter leaves it."""
    result = copy.deepcopy(service)
    annotations = result["metadata"].setdefault("annotations", {})
    mode = annotations.get(MODE_ANNOTATION, STANDARD)
    annotations[MODE_ANNOTATION] = MODES.get(mode, mode)
    predictor = result["spec"]["predictor"]
    model = predictor.get("model")
    if model is not None:
        # The webhook is written in Go: fields without `omitempty` come back empty.
        model.setdefault("name", "")
        model.setdefault("resources", {})
        model_format = model.get("modelFormat", {}).get("name")
        if model_format:
            annotations["modelFormat"] = model_format
    for container in predictor.get("containers", []):
        container.setdefault("resources", {})
    return result


def validate(service: Object, before: Object | None) -> None:
    """Raise Refused for what KServe refuses."""
    name = service["metadata"]["name"]
    if not NAME.match(name):
        raise Refused(
            f"the InferenceService {name!r} is invalid: its name must match {NAME.pattern}"
        )
    _validate_mode(service, before)
    predictor = service["spec"]["predictor"]
    _validate_implementation(predictor)
    _validate_logger(predictor.get("logger"))
    _validate_replicas(predictor)
    for container in (predictor.get("model") or {}, *predictor.get("containers", [])):
        if any(entry["name"] == "PYTHONPATH" for entry in container.get("env", [])):
            raise Refused("environment variable PYTHONPATH is not allowed in a container")


def _validate_mode(service: Object, before: Object | None) -> None:
    mode = service["metadata"].get("annotations", {}).get(MODE_ANNOTATION)
    if mode != STANDARD:
        raise Refused(f"deploymentMode {mode!r}: the lab's KServe offers {STANDARD} only")
    established = (before or {}).get("status", {}).get("deploymentMode")
    if established and established != mode:
        raise Refused(
            f"update rejected: deploymentMode cannot be changed from {established} to {mode}"
        )


def _validate_implementation(predictor: Object) -> None:
    model = predictor.get("model")
    names = [container.get("name") for container in predictor.get("containers", [])]
    if model is None or MODEL_CONTAINER in names:
        raise Refused(
            "exactly one of [model, containers with kserve-container] must be specified in "
            "predictor; the lab's KServe offers model only"
        )
    if model.get("name"):
        raise Refused("predictor.model.name must be empty: KServe names the container itself")


def _validate_logger(logger: Object | None) -> None:
    if logger is not None and logger.get("mode") not in LOGGER_MODES:
        raise Refused(f"invalid logger type: mode must be one of {', '.join(LOGGER_MODES)}")


def _validate_replicas(predictor: Object) -> None:
    least, most = predictor.get("minReplicas", 1), predictor.get("maxReplicas", 0)
    if least < 0 or most < 0:
        raise Refused("minReplicas and maxReplicas cannot be less than 0")
    if most and least > most:
        raise Refused("minReplicas cannot be greater than maxReplicas")
