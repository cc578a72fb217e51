"""Options for what the pods get that the operator makes in the namespaces of models."""

import argparse
import json
import re

from mlhops.api.predictor import Resources
from mlhops.api.quantity import nanos
from mlhops.rollout.evaluation.evaluator_pod import CaBundle

_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_KEY = r"[-._a-zA-Z0-9]{1,253}"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_TAKEN = ("MLHOPS_", "DATA_", "REPORT_", "PYTHON", "LD_")
"""What begins so the evaluator or its loader goes by, or a Secret of the model's says."""

_RESOURCES = '{"limits":{"memory":"4Gi"},"requests":{"cpu":"100m","memory":"512Mi"}}'
"""Enough for ten million rows (docs/data.md); without a limit hostile data would take the node's memory."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a command line say what pods get."""
    parser.add_argument(
        "--pod-pull-secret",
        action="append",
        default=[],
        type=_secret,
        metavar="NAME",
        help="a Secret of the model's namespace with which images of the evaluator and, for new revisions, of the "
        "detector are pulled; may be given several times. A pod that names one does not get those of its "
        "ServiceAccount",
    )
    parser.add_argument(
        "--pod-env",
        action="append",
        default=[],
        type=_variable,
        metavar="NAME=VALUE",
        help="a variable for each evaluator, such as HTTPS_PROXY and NO_PROXY; may be given several times",
    )
    parser.add_argument(
        "--pod-ca-bundle",
        type=_bundle,
        metavar="configmap/NAME/KEY",
        help="the authorities that each evaluator trusts, in place of its image's own: PEM in a ConfigMap, or "
        "secret/NAME/KEY, of the model's namespace",
    )
    parser.add_argument(
        "--evaluator-resources",
        type=_resources,
        default=_RESOURCES,
        metavar="JSON",
        help="requests and limits of each evaluator, as far as evaluation.resources does not name the resource; {} "
        "for none (default: %(default)s)",
    )


def _secret(text: str) -> str:
    if not re.fullmatch(_NAME, text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a Secret")
    return text


def _variable(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not re.fullmatch(_VARIABLE, name):
        raise argparse.ArgumentTypeError(f"{text!r} sets no variable: write NAME=VALUE")
    if name.startswith(_TAKEN):
        raise argparse.ArgumentTypeError(f"{name} is not for others to set: leave it out")
    return name, value


def _bundle(text: str) -> CaBundle:
    kind, _, rest = text.partition("/")
    name, _, key = rest.partition("/")
    if not re.fullmatch(_NAME, name) or not re.fullmatch(_KEY, key) or key in (".", ".."):
        raise argparse.ArgumentTypeError(
            f"{text!r} names no CA bundle: write configmap/NAME/KEY or secret/NAME/KEY"
        )
    if kind == "configmap":
        return CaBundle("configmap", name, key)
    if kind == "secret":
        return CaBundle("secret", name, key)
    raise argparse.ArgumentTypeError(f"{kind!r} is neither configmap nor secret")


def _resources(text: str) -> Resources:
    try:
        found = Resources.model_validate(json.loads(text), extra="forbid")
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'{text!r} are no resources: write JSON as in {{"limits": {{"memory": "4Gi"}}}}'
        ) from error
    for name, amount in [*(found.requests or {}).items(), *(found.limits or {}).items()]:
        if nanos(amount) is None:
            raise argparse.ArgumentTypeError(f"{amount!r} of {name} is no quantity: write 4Gi")
    return found
