"""A process that sleeps and works a little: how late it is done is what the machine adds to any time taken on it.

It prints each second when that was, by the clock of `time.monotonic`, and by how much it was done too late at the
most: over what it slept and what the work takes at its fastest.
"""

import time

_SECONDS = 0.2
_WORK = 200_000
"""Some milliseconds of one core: less than a pass of the operator takes."""


def main() -> None:
    """Go on until the process is ended."""
    fastest, slowest, since = float("inf"), 0.0, time.monotonic()
    while True:
        before = time.monotonic()
        time.sleep(_SECONDS)
        woken = time.monotonic()
        sum(range(_WORK))
        now = time.monotonic()
        fastest = min(fastest, now - woken)
        slowest = max(slowest, now - before - _SECONDS - fastest)
        if now - since >= 1.0:
            print(f"{now:.3f} {slowest:.4f}", flush=True)
            slowest, since = 0.0, now


if __name__ == "__main__":
    main()
