"""From an evaluation to a stored report. Whatever goes wrong here changes no verdict."""

import logging
import re
from pathlib import Path

from mlhops.api.data import StoredReport
from mlhops.api.destinations import Destinations
from mlhops.evaluator.report.collect import Evaluated, collect
from mlhops.evaluator.report.page import page
from mlhops.evaluator.report.sink import put

log = logging.getLogger(__name__)


def publish(run: Evaluated, report_root: Path, allowed: Destinations) -> StoredReport | None:
    """Render and store the report of a run; None where none is asked for.

    Args:
        run: what it came to.
        report_root: where the claim of a pvc:// URI is mounted.
        allowed: what may be reached.
    """
    sink = run.spec.report
    if sink is None:
        return None
    try:
        content = page(collect(run))
    except Exception as error:
        # A verdict is worth more than its report.
        log.error("the report could not be rendered", exc_info=error)
        return StoredReport(
            error=f"the report could not be rendered ({type(error).__name__}): report this with the "
            "lines above it in the pod's log"
        )
    return put(sink, file_name(run), content, report_root, allowed)


def file_name(run: Evaluated) -> str:
    """Return the report's file name, by which later runs replace no earlier report."""
    stem = f"{run.spec.model}-{run.spec.revision}-{run.at:%Y%m%dT%H%M%SZ}"
    return re.sub(r"[^A-Za-z0-9.-]", "_", stem) + ".html"
