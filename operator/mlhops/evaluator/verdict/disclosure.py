"""Which counts may be shown: no small one, and none from which a small one can be worked out.

The groups of a gate add up: both sexes to everybody, the age bands of women to all women. So a
count that is hidden is known again to whoever subtracts the shown ones from their total. Counts are
hidden until that cannot be done any more, small ones first (complementary cell suppression, see
L. Willenborg and T. de Waal, Elements of Statistical Disclosure Control, 2001, chapter 6).
"""

from collections.abc import Collection

import numpy as np

from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Bools, Counts, Floats, Indices

_MOST_GROUPS = 200
"""Beyond this nothing at all is shown where something small is: the search would take too long."""
_EXACT = 1e-6


def showable(
    counts: Counts,
    members: Bools,
    division: Indices,
    cells: SmallCells,
    last: Collection[int] = (),
) -> Bools:
    """Return whether the count of each group may be shown, when the total is known to everybody.

    Args:
        counts: of each atom.
        members: one row per group, one column per atom.
        division: the number of each group's division; the groups of one add up to everybody.
        cells: which counts are small.
        last: the groups whose counts are hidden after all others, if they need be.
    """
    used = members[:, counts > 0].astype(np.float64)
    sizes = members.astype(np.int64) @ counts
    shown = ~cells.hides(sizes)
    if shown.all() or len(shown) > _MOST_GROUPS:
        return shown & shown.all()
    order = sorted(range(len(sizes)), key=lambda i: (i in last, int(sizes[i])))
    for secret in _secrets(used, sizes, division, cells):
        while (weights := _worked_out(secret, used, shown)) is not None:
            shown[next(i for i in order if weights[i])] = False
    return shown


def _secrets(used: Floats, sizes: Counts, division: Indices, cells: SmallCells) -> list[Floats]:
    """Return each small group, and those of a division that are small even together."""
    small = cells.hides(sizes) & (sizes > 0)
    found = [used[i] for i in np.flatnonzero(small)]
    for number in np.unique(division):
        these = np.flatnonzero(small & (division == number))
        if len(these) > 1 and cells.hides(int(sizes[these].sum())):
            found.append(used[these].max(axis=0))
    return found


def _worked_out(secret: Floats, used: Floats, shown: Bools) -> Bools | None:
    """Return the shown groups from which, and from the total, a secret one follows; None if none do."""
    places = np.flatnonzero(shown)
    if not secret.any():
        return None
    known = np.vstack([used[places], np.ones(used.shape[1])])
    weights, *_ = np.linalg.lstsq(known.T, secret, rcond=None)
    if not np.allclose(weights @ known, secret, atol=_EXACT):
        return None
    part = np.abs(weights[:-1]) > _EXACT
    if not part.any():
        return None
    found = np.zeros(len(shown), dtype=bool)
    found[places[part]] = True
    return found
