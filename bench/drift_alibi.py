"""What alibi-detect makes of the same rows, as JSON; runs in an environment of its own."""

import json
import sys
from dataclasses import asdict

import numpy as np

from bench.drift_data import (
    CATEGORY,
    FEATURES,
    KNOWN,
    LOOKS,
    NULL_WINDOWS,
    REPEATS,
    ROWS,
    SHIFTS,
    WINDOW,
    drawn,
    looks,
    repeat,
    timed,
)


def speed() -> dict[str, float]:
    """Return how long KSDrift takes for one window, in milliseconds."""
    from alibi_detect.cd import KSDrift

    random = np.random.RandomState(0)
    detector = KSDrift(random.standard_normal((ROWS, FEATURES)))
    window = random.standard_normal((WINDOW, FEATURES))
    return asdict(timed(lambda: detector.predict(window)))


def detection() -> dict[str, object]:
    """Return false alarms, and for each shift the rows until it is seen (None: not at all)."""
    from alibi_detect.cd import CVMDrift, TabularDrift

    random = np.random.RandomState(1)
    known = drawn(random, KNOWN)
    categories = {CATEGORY: None}
    tabular = TabularDrift(known, p_val=1 / LOOKS, categories_per_feature=categories)
    cvm = CVMDrift(known[:, :1], p_val=1 / LOOKS)
    least, corrected, rounded = [], 0, 0
    for _ in range(NULL_WINDOWS):
        window = drawn(random, WINDOW)
        data = tabular.predict(window)["data"]
        least.append(float(data["p_val"].min()))
        corrected += data["is_drift"]
        rounded += cvm.predict(window[:, :1])["data"]["is_drift"]
    delays: dict[str, list[int | None]] = {}
    for shift in SHIFTS:
        delays[shift] = []
        for seed in range(REPEATS):
            made = repeat(shift, seed)
            detector = TabularDrift(
                made.known, p_val=1 / LOOKS, categories_per_feature=dict(categories)
            )
            seen = (n for n, rows in looks(made) if detector.predict(rows)["data"]["is_drift"])
            delays[shift].append(next(seen, None))
    return {
        "uncorrected": sum(p < 0.05 for p in least) / NULL_WINDOWS,
        "corrected": corrected / NULL_WINDOWS,
        "rounded_cvm": rounded / NULL_WINDOWS,
        "delays": delays,
    }


if __name__ == "__main__":
    found = speed() if sys.argv[1] == "speed" else detection()
    sys.stdout.write("\n" + json.dumps(found) + "\n")
