"""The command `python -m mlhops.evaluator`, run by a Job with the spec in its environment.

Exit code 0 means that there is a verdict, whichever; 1 that there is none. Either way the
termination message says it.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from mlhops import logs
from mlhops.api import destinations
from mlhops.api.profile import WAIT_SECONDS
from mlhops.api.result import Result, encode
from mlhops.evaluator.profile.profile_server import UID_VARIABLE, hand_over
from mlhops.evaluator.run import RunOptions, failure, run

log = logging.getLogger("mlhops.evaluator")

_NAME = "MLHOPS_EVALUATION_NAME"
_NAMESPACE = "MLHOPS_EVALUATION_NAMESPACE"


class _Stopped(SystemExit):
    """SIGTERM arrived. Not an Exception, so that nothing on the way takes it for one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gates, leave the verdict in the termination log, and hand over the profile."""
    options = _parser().parse_args(arguments)
    logs.configure(_whose())
    signal.signal(signal.SIGTERM, _stop)
    try:
        found = run(_options(options), log.info)
    except (_Stopped, KeyboardInterrupt):
        found = failure(
            "the evaluator was stopped before it had a verdict: see why its pod was deleted or "
            "ran into a deadline, then evaluate again"
        )
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _tell(found.result)
    if not _leave(found.result, options.termination_log):
        return 1
    if found.profile is not None:
        _hand_over(found.profile, options)
    return 1 if found.result.phase == "Error" else 0


def _hand_over(profile: str, options: argparse.Namespace) -> None:
    """Wait until the profile is fetched. The verdict is left already, and nothing here changes it."""
    token = os.environ.get(UID_VARIABLE, "")
    if not token:
        log.warning("the profile is not handed over: %s is empty", UID_VARIABLE)
        return
    signal.signal(signal.SIGTERM, _stop)
    try:
        taken = hand_over(profile, token, options.profile_host, options.profile_wait)
        log.info("the profile was fetched" if taken else "nobody fetched the profile in time")
    except (_Stopped, KeyboardInterrupt):
        log.info("stopped before the profile was fetched")
    except OSError as error:
        host, why = options.profile_host, error.strerror
        log.error("the profile cannot be handed over at %s: %s", host, why)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mlhops.evaluator", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--endpoint", help="base URL of the model, in place of the spec's")
    parser.add_argument(
        "--model-name", help="name under which the model is served; spec.model if left out"
    )
    parser.add_argument("--termination-log", type=Path, default=Path("/dev/termination-log"))
    parser.add_argument(
        "--claim-root",
        type=Path,
        default=Path("/data"),
        help="where the claim of a pvc:// uri is mounted",
    )
    parser.add_argument(
        "--report-root",
        type=Path,
        default=Path("/report"),
        help="where the claim of a pvc:// report is mounted",
    )
    parser.add_argument("--batch-size", type=_positive, default=500, help="rows per request")
    parser.add_argument(
        "--timeout", type=_positive, default=1800, help="seconds for all of scoring"
    )
    parser.add_argument(
        "--request-timeout", type=_positive, default=30, help="seconds for one request"
    )
    parser.add_argument(
        "--profile-host", default="127.0.0.1", help="address at which the profile is handed over"
    )
    parser.add_argument(
        "--profile-wait",
        type=_positive,
        default=WAIT_SECONDS,
        help="seconds for which it is",
    )
    destinations.add_arguments(parser)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _options(given: argparse.Namespace) -> RunOptions:
    return RunOptions(
        endpoint=given.endpoint,
        model_name=given.model_name,
        claim_root=given.claim_root,
        report_root=given.report_root,
        batch_size=given.batch_size,
        timeout=given.timeout,
        request_timeout=given.request_timeout,
        allowed=destinations.of(given, os.environ),
    )


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _whose() -> dict[str, str]:
    """Return which Evaluation is measured, as the operator's log names it."""
    named = {"namespace": os.environ.get(_NAMESPACE), "name": os.environ.get(_NAME)}
    known = {key: value for key, value in named.items() if value}
    return {"kind": "Evaluation", **known} if known else {}


def _tell(result: Result) -> None:
    for gate in result.gates:
        advisory = "" if gate.required else " (advisory)"
        log.info("%s%s: %s. %s", gate.name, advisory, gate.phase, gate.message)
    last = result.message if result.phase == "Error" else result.message.split(". ")[0]
    level = logging.ERROR if result.phase == "Error" else logging.INFO
    log.log(level, "%s: %s", result.phase, last)


def _leave(result: Result, path: Path) -> bool:
    try:
        path.write_text(encode(result))
    except OSError as error:
        log.error("the verdict cannot be written to %s: %s", path, error.strerror)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
