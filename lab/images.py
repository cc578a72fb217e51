"""Which program stands for which container image."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

Images: TypeAlias = Mapping[str, Sequence[str]]


def program(module: str, *arguments: str) -> tuple[str, ...]:
    """Run a module of this interpreter's path; `$(NAME)` in arguments is a variable of the container."""
    return (sys.executable, "-m", module, *arguments)


def detector(module: str) -> tuple[str, ...]:
    """Run a drift detector: pods share one network here, so its `localhost` is the pod's own address."""
    own = "$(LAB_POD_IP)"
    return program(module, f"--sink-host={own}", f"--report-host={own}", f"--model-host={own}")


def modules_of(programs: Iterable[Sequence[str]]) -> frozenset[str]:
    """The modules among programs."""
    return frozenset(argv[2] for argv in programs if list(argv[:2]) == [sys.executable, "-m"])


# By repository, without registry and tag.
KSERVE: Images = {
    "kserve/sklearnserver": program("lab.modelserver"),
    "kserve/agent": program("lab.agent"),
}
