"""Files of the repository that are made from its code."""

import sys
from collections.abc import Mapping
from pathlib import Path


def write(files: Mapping[Path, str], target: str, *, check: bool) -> int:
    """Write the files that are out of date, or only report them; return the exit code.

    Args:
        files: the text of each file.
        target: the target of `make` that writes them.
        check: write nothing, and return 1 where a file is out of date.
    """
    stale = False
    for path, text in files.items():
        if path.is_file() and path.read_text() == text:
            continue
        if check:
            print(f"{path} is out of date: run `make {target}`", file=sys.stderr)
            stale = True
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path}")
    return int(stale)
