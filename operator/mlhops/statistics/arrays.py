"""Arrays that statistics take and give, by the type of their values."""

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
