"""The operator's log: structlog's lines, and those of libraries in the same form."""

import logging
import sys

import kopf
import structlog

from mlhops.logs import JsonLines, catch


def configure(level: str) -> None:
    """Write what is said from that level on; of libraries, warnings and errors."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    kopf.configure(quiet=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonLines(structlog.contextvars.get_contextvars, quotes=True))
    catch()
    # It runs in a thread of its own on purpose, and the signals are taken care of elsewhere.
    logging.getLogger("kopf._core.reactor.running").addFilter(
        lambda record: "OS signals are ignored" not in record.getMessage()
    )
