"""The form of each process' log: one JSON object a line on standard error, whoever says it."""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

Context: TypeAlias = Callable[[], Mapping[str, object]]
"""What each line says besides, at the time it is said."""


class JsonLines(logging.Formatter):
    """Renders records with the keys that structlog gives the operator's own lines."""

    def __init__(self, context: Context, *, quotes: bool) -> None:
        """Take what each line says besides.

        Args:
            context: further keys and their values.
            quotes: whether an exception's own words may be told. Where rows are handled they may
                quote one, so there it is told by type and places alone.
        """
        super().__init__()
        self._context = context
        self._quotes = quotes

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line."""
        line: dict[str, object] = {
            **self._context(),
            "event": _message(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": _timestamp(record.created),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            told = traceback.format_exception(error) if self._quotes else _places(error)
            line["exception"] = "".join(told).rstrip()
        return json.dumps(line, default=repr)


def configure(context: Mapping[str, object] | None = None) -> None:
    """Log what a process that handles rows says from INFO on, and of libraries warnings and errors.

    Args:
        context: keys and values of each line.
    """
    known = dict(context or {})
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(lambda: known, quotes=False))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("mlhops").setLevel(logging.INFO)
    catch()


def catch() -> None:
    """Have Python's own last words logged, too: warnings, and exceptions that nobody handles."""
    log = logging.getLogger("mlhops")

    def tell(kind: type[BaseException] | None, error: BaseException | None, where: str) -> None:
        log.critical("%s that nobody handles%s", kind and kind.__name__, where, exc_info=error)

    def of_thread(about: threading.ExceptHookArgs) -> None:
        if about.exc_type is not SystemExit:
            tell(about.exc_type, about.exc_value, " in a thread")

    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, _: tell(kind, error, "")
    threading.excepthook = of_thread
    sys.unraisablehook = lambda about: tell(about.exc_type, about.exc_value, " at a clean-up")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit; as they are, they are not told
        return str(record.msg)


def _places(error: BaseException) -> list[str]:
    """Return an exception without its words: where it came from, and of what type it is."""
    return [*traceback.format_list(traceback.extract_tb(error.__traceback__)), type(error).__name__]


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
