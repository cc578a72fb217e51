"""Failures that a pod's annotation asks for, so that failure paths can be tested.

`lab/fault: never-ready` keeps the first container unready; `crash` replaces its process by one that
fails as a model server does that cannot load its model; `slow=<seconds>` and `hang` are passed to
the process in its environment (the lab's model server obeys them).
"""

import sys
from dataclasses import dataclass

from lab.client import Object

ANNOTATION = "lab/fault"
LAST_WORDS = "ValueError: cannot load model"
# A second of life first: a real server imports and looks at its model before it gives up.
CRASH = f"""
import sys, time
time.sleep(1)
open(sys.argv[1], "w").write({LAST_WORDS!r})
raise {LAST_WORDS.replace(": ", "('")}')
"""


@dataclass(frozen=True)
class Fault:
    """What is asked for; empty when nothing is."""

    kind: str = ""
    value: str = ""

    @classmethod
    def of(cls, pod: Object) -> "Fault":
        text = str(pod["metadata"].get("annotations", {}).get(ANNOTATION, ""))
        kind, _, value = text.partition("=")
        return cls(kind, value)

    @property
    def never_ready(self) -> bool:
        return self.kind == "never-ready"

    @property
    def crash(self) -> bool:
        return self.kind == "crash"

    @property
    def environment(self) -> dict[str, str]:
        match self.kind:
            case "slow":
                return {"LAB_SLOW_SECONDS": self.value}
            case "hang":
                return {"LAB_HANG": "1"}
        return {}


def crashing(message_file: str) -> list[str]:
    """A program that fails as a model server does, last words included."""
    return [sys.executable, "-I", "-c", CRASH, message_file]
