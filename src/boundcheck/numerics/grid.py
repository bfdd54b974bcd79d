"""Grids that are fixed before the data, over which a union bound pays for a choice made after seeing them."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

GRID_SIZE = 401
"""Number of scales in :func:`scale_grid`; choosing among them costs ``ln 401`` nats."""

LOG_GRID_SIZE_UP = math.nextafter(math.log(GRID_SIZE), math.inf)
"""``ln 401``, rounded up."""


@cache
def scale_grid() -> NDArray[np.float64]:
    """The scales 2^(j/2), j = -200..200, as floats: wide enough for every ratio of complexity to margin.

    The floats themselves are the grid, so nothing depends on how the odd powers are rounded.

    Returns:
        Shape (401,), increasing, read-only.
    """
    grid = np.exp2(np.arange(-200, 201) / 2.0)
    grid.flags.writeable = False
    return grid
