"""Starts the operator again and again without its seconds of imports."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from lab.fork_server import ForkServers

_SERVERS = ForkServers(("mlhops.controller",))


def start(
    command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a command whose output goes to `log`; the operator is forked where that is possible by now."""
    return _SERVERS.start(command, environment, Path.cwd(), log.fileno()) or subprocess.Popen(
        command, env=environment, stdout=log, stderr=log
    )
