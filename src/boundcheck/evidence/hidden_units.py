"""How far each unit of a two-layer network went from where it started, as the theorems ask for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

DISTANCES = tuple(2.0 ** (m / 2.0) for m in range(-20, 20))
"""The values that the distance of a unit is rounded up to, fixed before the data."""


def distance_up(distance: float) -> float:
    """The first of :data:`DISTANCES` that is not below; infinity beyond the last."""
    return next((value for value in DISTANCES if value >= distance), math.inf)


@dataclass(frozen=True)
class HiddenUnits:
    """Sums over the hidden units j of f(x) = sum_j v_j activation(u_j x); all rounded up.

    With biases, inputs are augmented by 1, u_j by its bias, and the last bias is one more unit that keeps its weights.

    Attributes:
        units: Hidden units h that have weights, the constant one left out.
        last: Frobenius norm of the last layer, its mean over the classes subtracted, its bias joined.
        distance: Frobenius norm of U - U_0, U_0 the reference.
        initial: Frobenius norm of U_0, the constant unit joined.
        initial_spectral: Operator norm of the same.
        initial_sum: Sum of |v_j| |u_j0|, the constant unit included.
        distance_sum: Sum of |v_j| times |u_j - u_j0| rounded up to one of :data:`DISTANCES`.
    """

    units: int
    last: float
    distance: float
    initial: float
    initial_spectral: float
    initial_sum: float
    distance_sum: float
