"""The settings of an operator, from its command line and its environment.

Arguments come in; `Settings` go out, or the process ends with an error that names the flag.
"""

import argparse
import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlhops import __version__
from mlhops.api import destinations
from mlhops.api.destinations import Destinations
from mlhops.controller import pod_options
from mlhops.controller.kube.lease import own_namespace
from mlhops.controller.kube.login import in_cluster
from mlhops.kserve.detector import Detectors
from mlhops.rollout.evaluation.evaluator_pod import EvaluatorImage
from mlhops.routing.hostnames import OTHERS, HostnameRules


@dataclass(frozen=True)
class Address:
    """Where a page is served."""

    host: str
    port: int
    """0 where it is not."""


@dataclass(frozen=True)
class LeaseName:
    """The Lease whose holder works."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Settings:
    """What whoever runs an operator says of it."""

    namespaces: tuple[str, ...]
    """All where there are none."""
    evaluator: EvaluatorImage
    detectors: Detectors
    destinations: Destinations
    hostnames: HostnameRules
    workers: int
    """Passes at a time."""
    metrics: Address
    health: Address
    lease: LeaseName | None
    """None where an operator works without one."""
    log_level: str


def parse(argv: Sequence[str] | None) -> Settings:
    """Return the settings that a command line gives, `sys.argv` where there is none.

    Raises:
        SystemExit: the command line is wrong, which was told on stderr.
    """
    parser = argparse.ArgumentParser(
        prog="python -m mlhops.controller",
        description="The MLHOps operator: reconciles ClinicalModels and Evaluations.",
    )
    _add_scope(parser)
    _add_images(parser)
    destinations.add_arguments(parser)
    pod_options.add_arguments(parser)
    parser.add_argument("--workers", type=int, default=8, help="passes at a time (%(default)s)")
    _add_endpoints(parser)
    _add_lease(parser)
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING"))
    options = parser.parse_args(argv)
    elect = in_cluster() if options.leader_elect is None else options.leader_elect
    if elect and not options.lease_namespace:
        parser.error("--leader-elect needs --lease-namespace outside a cluster")
    return _settings(
        options, LeaseName(options.lease_namespace, options.lease_name) if elect else None
    )


def _settings(options: argparse.Namespace, lease: LeaseName | None) -> Settings:
    allowed = destinations.of(options, os.environ)
    pull_secrets = tuple(options.pod_pull_secret)
    return Settings(
        namespaces=tuple(options.namespace),
        evaluator=EvaluatorImage(
            options.evaluator_image,
            arguments=allowed.arguments(),
            pull_secrets=pull_secrets,
            env=tuple(options.pod_env),
            ca_bundle=options.pod_ca_bundle,
            resources=options.evaluator_resources,
        ),
        detectors=Detectors(options.detector_image, options.detector_alibi_image, pull_secrets),
        destinations=allowed,
        hostnames=HostnameRules(_by_namespace(options.hostname)),
        workers=options.workers,
        metrics=Address(options.metrics_address, options.metrics_port),
        health=Address(str(options.health_address), options.health_port),
        lease=lease,
        log_level=options.log_level,
    )


def _add_scope(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--namespace",
        action="append",
        type=_namespace,
        default=[],
        help="watch this namespace only; may be given several times (default: all)",
    )
    parser.add_argument(
        "--hostname",
        action="append",
        type=_hostname,
        default=[],
        metavar="NAMESPACE=NAME",
        help="a host name, or *.domain for all below it, that models of a namespace may use; may be given several "
        "times, and then no model may use another; * stands for all other namespaces (default: any may use any)",
    )


def _add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--evaluator-image",
        default=os.environ.get("MLHOPS_EVALUATOR_IMAGE", f"mlhops/evaluator:{__version__}"),
        help="image of the evaluator's Jobs (default: %(default)s)",
    )
    parser.add_argument(
        "--detector-image",
        default=os.environ.get("MLHOPS_DETECTOR_IMAGE", f"mlhops/detector:{__version__}"),
        help="image of the drift detector beside the model servers of new revisions; those that "
        "serve keep theirs (default: %(default)s)",
    )
    parser.add_argument(
        "--detector-alibi-image",
        default=os.environ.get(
            "MLHOPS_DETECTOR_ALIBI_IMAGE", f"mlhops/detector-alibi:{__version__}"
        ),
        help="the same for models whose MonitoringPolicy has engine AlibiDetect, which is under the "
        "Business Source License 1.1 (default: %(default)s)",
    )


def _add_endpoints(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metrics-port", type=int, default=0, help="serve /metrics here (0: off)")
    parser.add_argument("--metrics-address", default="127.0.0.1")
    parser.add_argument(
        "--health-port", type=int, default=0, help="serve /healthz and /readyz here (0: off)"
    )
    parser.add_argument(
        "--health-address",
        type=ipaddress.ip_address,
        default="0.0.0.0",  # noqa: S104  # the kubelet asks at the pod's address
        help="an IP address of this machine (default: %(default)s; :: for IPv6 as well)",
    )


def _add_lease(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--leader-elect",
        action=argparse.BooleanOptionalAction,
        help="work only while holding a Lease, so that several replicas may run (default: in a cluster)",
    )
    parser.add_argument(
        "--lease-namespace",
        default=own_namespace(),
        help="where the Lease is (default: the pod's namespace)",
    )
    parser.add_argument(
        "--lease-name",
        default="mlhops-operator",
        help="operators with different --namespace need different ones (default: %(default)s)",
    )


def _namespace(text: str) -> str:
    """kopf would take it for a pattern, and the rest of the operator for a name."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the name of a namespace: give each by its own --namespace, without * or !"
        )
    return text


def _hostname(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("=")
    known = namespace == OTHERS or re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", namespace)
    if not known or not re.fullmatch(r"\*|(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name):
        raise argparse.ArgumentTypeError(
            f"{text!r} says of no namespace which host names it may use: write it like "
            "icu=*.icu.example, with * for all other namespaces or for any host name"
        )
    return namespace, name


def _by_namespace(given: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for namespace, name in given:
        found.setdefault(namespace, []).append(name)
    return found
