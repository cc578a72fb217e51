"""Which program stands for which container image."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

Images: TypeAlias = Mapping[str, Sequence[str]]

HERE = Path(__file__).resolve().parent


def program(module: str) -> tuple[str, ...]:
    """Run a module of this interpreter's path."""
    return (sys.executable, "-m", module)


# By repository, without registry and tag. KServe's injected images, and its scikit-learn server.
KSERVE: Images = {
    "kserve-sklearnserver": program("lab.modelserver"),
    "kserve/agent": program("lab.agent"),
    "kserve/storage-initializer": (sys.executable, "-I", str(HERE / "storage.py")),
}
