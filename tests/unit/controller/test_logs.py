"""Every line of the operator's log has one form, whoever says it."""

import subprocess
import sys

from testkit import logged

SAYS = """
import logging
import structlog
from mlhops.controller.telemetry import logs
from mlhops.controller.telemetry.trace import begin_trace

logs.configure("INFO")
structlog.get_logger().info("before", kind="ClinicalModel")
print(begin_trace().id)
structlog.get_logger().debug("left out")
structlog.get_logger().warning("within", name="sepsis")
logging.getLogger("kopf.of.something").info("left out")
logging.getLogger("kopf.of.something").warning("of %s", "kopf")
try:
    raise ValueError("why")
except ValueError:
    logging.getLogger("aiohttp").exception("of a library")
raise LookupError("at last")
"""


def test_each_line_is_json_with_the_same_keys_and_the_id_of_its_pass() -> None:
    said = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=False)
    lines = logged.lines(said.stderr)
    trace = said.stdout.strip()

    assert [(line["event"], line["level"]) for line in lines] == [
        ("before", "info"),
        ("within", "warning"),
        ("of kopf", "warning"),
        ("of a library", "error"),
        ("LookupError that nobody handles", "critical"),
    ]
    assert [line.get("trace_id") for line in lines] == [None, *[trace] * 4]
    assert [line.get("logger") for line in lines[2:]] == ["kopf.of.something", "aiohttp", "mlhops"]
    assert "ValueError: why" in lines[3]["exception"]
    assert lines[4]["exception"].endswith("LookupError: at last")
    assert {line["timestamp"][-1] for line in lines} == {"Z"}
