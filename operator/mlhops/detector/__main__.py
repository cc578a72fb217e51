"""The command `python -m mlhops.detector`, a sidecar of a model server."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

# Before NumPy is loaded: threads that share one core with a model server are of no use to anybody.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from mlhops import logs
from mlhops.detector.service import DetectorService, ServiceOptions

log = logging.getLogger("mlhops.detector")


def main(arguments: Sequence[str] | None = None) -> int:
    """Count events until SIGTERM. Only a port that cannot be had ends it earlier."""
    options = _options(arguments)
    logs.configure()
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        log.error("the detector cannot listen: %s", error.strerror)
        return 1
    return 0


async def _serve(options: ServiceOptions) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # asyncio's own report of a fault quotes the exception, which may quote a row.
    loop.set_exception_handler(_report)
    await DetectorService(options).run(stop)


def _report(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    log.error("a fault in the event loop: %s", type(error).__name__)


def _options(arguments: Sequence[str] | None) -> ServiceOptions:
    parser = argparse.ArgumentParser(
        prog="mlhops.detector", description=__doc__, allow_abbrev=False
    )
    mounted = Path("/etc/mlhops")
    parser.add_argument("--config", type=Path, default=mounted / "detector/config.json")
    parser.add_argument("--profile", type=Path, default=mounted / "profile/profile.json")
    parser.add_argument(
        "--sink-host",
        default="127.0.0.1",
        help="where the logger posts to; nobody outside the pod should",
    )
    parser.add_argument("--sink-port", type=int, default=9500)
    parser.add_argument("--report-host", help="all addresses if left out")
    parser.add_argument("--report-port", type=int, default=9501)
    parser.add_argument("--model-host", default="127.0.0.1", help="where the model server listens")
    given = parser.parse_args(arguments)
    return ServiceOptions(
        config=given.config,
        profile=given.profile,
        sink_host=given.sink_host,
        sink_port=given.sink_port,
        report_host=given.report_host,
        report_port=given.report_port,
        model_host=given.model_host,
    )


if __name__ == "__main__":
    sys.exit(main())
