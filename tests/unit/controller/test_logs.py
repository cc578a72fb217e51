"""Every line of the operator's log has one form, whoever says it."""

import json
import subprocess
import sys
from datetime import datetime

SAYS = """
import logging
import structlog
from mlhops.controller import logs
from mlhops.controller.trace import begin_trace

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
"""


def test_each_line_is_json_with_the_same_keys_and_the_id_of_its_pass() -> None:
    said = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    trace = said.stdout.strip()

    assert [(line["event"], line["level"]) for line in lines] == [
        ("before", "info"),
        ("within", "warning"),
        ("of kopf", "warning"),
        ("of a library", "error"),
    ]
    assert [line.get("trace_id") for line in lines] == [None, trace, trace, trace]
    assert [line.get("logger") for line in lines[2:]] == ["kopf.of.something", "aiohttp"]
    assert "ValueError: why" in lines[3]["exception"]
    for line in lines:
        assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None
