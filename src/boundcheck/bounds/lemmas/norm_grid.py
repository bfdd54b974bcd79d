"""Grids on which norms are rounded up, so that a class fixed before the data holds the network at hand.

The floats of a grid are the grid; each number is replaced by the smallest float of it that is not below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from boundcheck.numerics.rounding import log_up, mul_up, sum_up
from boundcheck.theorem import NotApplicable

_STEPS = 8  # values per doubling: rounding up costs at most a factor 2^(1/8)
_REACH = 400
_GRID_SIZE = 2 * _REACH + 1


@cache
def _norm_grid() -> NDArray[np.float64]:
    """The 801 values 2^(j/8), j = -400..400."""
    return np.exp2(np.arange(-_REACH, _REACH + 1) / _STEPS)


def norms_on_grid(norms: Sequence[float]) -> list[float]:
    """Each norm rounded up to a value 2^(j/8), |j| <= 400.

    Raises:
        NotApplicable: A norm lies beyond the grid.
    """
    return _rounded(norms, _norm_grid())


def norm_grid_cost(count: int) -> float:
    """Nats for choosing ``count`` norms on the grid."""
    return mul_up(float(count), log_up(float(_GRID_SIZE)))


def ratios_on_grid(norms: Sequence[float], over: Sequence[float], largest: Sequence[int]) -> list[float]:
    """Each quotient of norms, between 1 and ``largest`` by mathematics, rounded up to 2^(j/8), j >= 1.

    Raises:
        NotApplicable: A quotient is larger than mathematics allows, which rounding alone can't do.
    """
    return [_ratio_up(a, b, _ratio_grid(top)) for a, b, top in zip(norms, over, largest, strict=True)]


def _ratio_up(norm: float, over: float, grid: NDArray[np.float64]) -> float:
    """The first value of the grid that is not below the exact quotient: a quotient on the grid stays where it is."""
    place = int(np.searchsorted(grid, math.nextafter(norm / over, 0.0), side="left"))
    while place < grid.size and Fraction(float(grid[place])) * Fraction(over) < Fraction(norm):
        place += 1
    if place >= grid.size:
        raise NotApplicable(f"norms of ratio {norm / over:.3g}, where at most {grid[-1]:.3g} is possible")
    return float(grid[place])


def ratio_grid_cost(largest: Sequence[int]) -> float:
    """Nats for choosing the ratios on their grids."""
    return sum_up([log_up(float(_ratio_grid(top).size)) for top in largest])


def _ratio_grid(top: int) -> NDArray[np.float64]:
    """2^(j/8) from j = 1 to beyond ``top``: the two further steps leave room for ratios that were rounded up."""
    return np.exp2(np.arange(1, math.floor(_STEPS * math.log2(top)) + 3) / _STEPS)


def _rounded(values: Sequence[float], grid: NDArray[np.float64]) -> list[float]:
    places = np.searchsorted(grid, np.asarray(values, dtype=np.float64), side="left")
    if (places >= grid.size).any():
        raise NotApplicable(f"a norm of {max(values):.3g} lies beyond the grid of norms, which ends at {grid[-1]:.3g}")
    return [float(value) for value in grid[places]]
