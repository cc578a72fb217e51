"""Random Fourier features: what the joint sketch sums of each row (see `JointProfile`)."""

from collections.abc import Iterator, Sequence

import numpy as np

from mlhops.api.profile import FREQUENCIES, UNIT, FeatureProfile, JointProfile
from mlhops.statistics.arrays import Counts, Floats

FAR = 1000.0
"""Standardised values are cut off here: what is farther off is as different as can be."""
MOSTLY = 0.8
"""A feature that is one value, or missing, in more than this share of the rows is left out: its
other rows are so few in a window that their sum is far from normal, which the p-value assumes."""
_AT_ONCE = 4096
_PAIRS = 2000
_DIGITS = 8


class Fourier:
    """The cosines and sines of one profile."""

    def __init__(self, joint: JointProfile) -> None:
        self._centre = np.array(joint.centre)
        self._scale = np.array(joint.scale)
        self._waves = _waves(joint.seed, joint.frequencies, len(joint.centre)) / joint.bandwidth
        self.size = 2 * joint.frequencies

    def sums(self, rows: Floats) -> Counts:
        """Return the sums over rows of all cosines, then of all sines, in whole units.

        Args:
            rows: one column for each of the profile's joint features; what is not a finite number
                counts as the reference's centre.
        """
        total = np.zeros(self.size, dtype=np.int64)
        for part in self.parts(rows):
            total += part.sum(axis=0)
        return total

    def parts(self, rows: Floats) -> Iterator[Counts]:
        """Yield cosines and sines of each row, in whole units, some rows at a time."""
        for start in range(0, len(rows), _AT_ONCE):
            phase = standardised(rows[start : start + _AT_ONCE], self._centre, self._scale)
            # Unlike a product by BLAS this starts no threads, and makes of a row the same numbers
            # whichever rows are beside it.
            phase = np.einsum("ij,kj->ik", phase, self._waves)
            both = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
            yield np.rint(both * UNIT).astype(np.int64)


def standardised(rows: Floats, centre: Floats, scale: Floats) -> Floats:
    """Return rows in units of scale from the centre, 0 where there is no finite number."""
    with np.errstate(over="ignore", invalid="ignore"):
        z = np.clip((rows - centre) / scale, -FAR, FAR)
    return np.ascontiguousarray(np.where(np.isfinite(rows), z, 0.0))


def profile(
    features: Sequence[FeatureProfile], rows: Floats, seed: int, frequencies: int = FREQUENCIES
) -> JointProfile | None:
    """Return the joint profile of reference rows; None where no number varies enough.

    Args:
        features: the profiles of the numeric features.
        rows: their reference values, one column for each feature; NaN where one is missing.
        seed: from which the frequencies are drawn.
        frequencies: how many.
    """
    varying = [i for i, feature in enumerate(features) if _varies(feature)]
    if not varying or len(rows) < 2:
        return None
    values = rows[:, varying]
    scale = np.array([_rounded(features[i].scale or 1.0) for i in varying])
    centre = np.array([_rounded(float(np.nanmedian(column))) for column in values.T])
    draft = JointProfile(
        seed=seed,
        frequencies=frequencies,
        bandwidth=_rounded(_median_distance(standardised(values, centre, scale), seed)),
        features=[features[i].name for i in varying],
        centre=centre.tolist(),
        scale=scale.tolist(),
        mean=[0.0] * (2 * frequencies),
        spectrum=[0.0],
        rows=len(rows),
    )
    mean, covariance = _moments(Fourier(draft), values)
    spectrum = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0)
    return draft.model_copy(
        update={
            "mean": [_rounded(part) for part in mean.tolist()],
            "spectrum": [_rounded(part) for part in spectrum.tolist()],
        }
    )


def _varies(feature: FeatureProfile) -> bool:
    same = max(feature.counts) + feature.missing
    return feature.scale is not None and same <= MOSTLY * (feature.rows + feature.missing)


def _moments(fourier: Fourier, rows: Floats) -> tuple[Floats, Floats]:
    """Return mean and covariance of cosines and sines."""
    total = np.zeros(fourier.size)
    products = np.zeros((fourier.size, fourier.size))
    for part in fourier.parts(rows):
        exact = part / UNIT
        total += exact.sum(axis=0)
        products += exact.T @ exact
    mean = total / len(rows)
    return mean, (products - len(rows) * np.outer(mean, mean)) / (len(rows) - 1)


def _median_distance(z: Floats, seed: int) -> float:
    """Return the median distance of pairs of rows, the usual choice of a kernel's bandwidth
    (A. Gretton et al., JMLR 2012;13:723-773, section 8)."""
    random = np.random.default_rng(seed)
    first, second = random.integers(len(z), size=(2, _PAIRS))
    distance = np.sqrt(((z[first] - z[second]) ** 2).sum(axis=1))
    apart = distance[distance > 0]
    return float(np.median(apart)) if len(apart) else 1.0


def _waves(seed: int, frequencies: int, features: int) -> Floats:
    # Of NumPy's generators only the old one promises the same numbers in every version; the
    # evaluator and the detectors of all revisions must agree on them.
    return np.random.RandomState(seed).standard_normal((frequencies, features))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
