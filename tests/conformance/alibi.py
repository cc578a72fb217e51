"""Records what alibi-detect says of made-up data, for `test_statistics_alibi.py`.

alibi-detect cannot be installed beside kserve, and takes 1 GB. `make alibi` makes an environment of
its own from requirements/detector-alibi.txt and runs this script there; the numbers it writes are kept in
data/alibi.json, so that the tests need neither. The data come from NumPy's old generator, which
gives the same numbers in every version. This module must import without the operator.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "data" / "alibi.json"
FEATURES = 4
SIZES = ((500, 100), (2000, 1000), (300, 2000), (10_000, 1000), (137, 61))
SHIFTS = (0.0, 0.1, 0.3)
CATEGORIES = 5


@dataclass(frozen=True)
class Case:
    """Sizes of reference and window, and how far the window is shifted."""

    seed: int
    reference: int
    window: int
    shift: float
    ties: bool

    @property
    def name(self) -> str:
        """What tells the case from the others."""
        ties = ", ties" if self.ties else ""
        return f"{self.reference} against {self.window}, shift {self.shift}{ties}"

    def numbers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return reference and window, one column for each feature."""
        random = np.random.RandomState(self.seed)
        reference = random.standard_normal((self.reference, FEATURES))
        window = random.standard_normal((self.window, FEATURES)) + self.shift
        digits = 1 if self.ties else 12
        return np.round(reference, digits), np.round(window, digits)

    def categories(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return reference and window as whole numbers, all of which appear."""
        both = (np.clip(np.floor(np.abs(side) * 3), 0, CATEGORIES - 1) for side in self.numbers())
        reference, window = (side.astype(np.int64) for side in both)
        return reference, window


CASES = [
    Case(seed, reference, window, shift, ties)
    for seed, (reference, window, shift, ties) in enumerate(
        (*sizes, shift, ties) for sizes in SIZES for shift in SHIFTS for ties in (False, True)
    )
]


def record() -> None:
    """Ask alibi-detect about all cases, and write its answers."""
    import alibi_detect
    import scipy
    from alibi_detect.cd import ChiSquareDrift, CVMDrift, KSDrift

    found = {}
    for case in CASES:
        reference, window = case.numbers()
        known, seen = case.categories()
        answers = {
            "KS": KSDrift(reference).predict(window)["data"],
            "CVM": CVMDrift(reference).predict(window)["data"],
            "ChiSquare": ChiSquareDrift(known).predict(seen)["data"],
        }
        found[case.name] = {
            test: {"statistic": data["distance"].tolist(), "p": data["p_val"].tolist()}
            for test, data in answers.items()
        }
    versions = {
        "alibi-detect": alibi_detect.__version__,
        "scipy": scipy.__version__,
        "numpy": np.__version__,
    }
    FILE.parent.mkdir(exist_ok=True)
    told = {"writtenBy": "tests/conformance/alibi.py", "versions": versions, "cases": found}
    FILE.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    record()
