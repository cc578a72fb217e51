"""Runs a module under cProfile: `python -m bench.profiled FILE MODULE [ARGUMENT...]`.

Each thread is profiled by its own CPU time, and all are added up in the file, for `pstats`. It is
written when the module ends, so end it with SIGTERM where that is its way.
"""

import cProfile
import pstats
import runpy
import sys
import threading
import time


def main(file: str, module: str, *arguments: str) -> None:
    """Run the module as `python -m` does."""
    profiles: list[cProfile.Profile] = []
    plain_run = threading.Thread.run

    def run(self: threading.Thread) -> None:
        with _profile(profiles):
            plain_run(self)

    threading.Thread.run = run  # type: ignore[method-assign]
    sys.argv = [module, *arguments]
    try:
        with _profile(profiles):
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        stats = pstats.Stats(profiles[0])
        for profile in profiles[1:]:
            stats.add(profile)
        stats.dump_stats(file)


def _profile(profiles: list[cProfile.Profile]) -> cProfile.Profile:
    profile = cProfile.Profile(time.thread_time)
    profiles.append(profile)
    return profile


if __name__ == "__main__":
    main(*sys.argv[1:])
