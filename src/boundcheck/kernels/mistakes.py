"""Which predictions are errors: ties and NaN among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boundcheck.kernels.kernel import Array

Mask = NDArray[np.bool_]


def mistakes(values: Array, labels: NDArray[np.int64]) -> tuple[Mask, Mask]:
    """Errors of a batch of outputs.

    Args:
        values: Shape (n, q); with q = 1 a positive value means class 1, a negative one class 0.
        labels: Shape (n,), integers.

    Returns:
        (wrong, invalid), shape (n,). Wrong: not strictly above all others. Invalid: wrong whatever the label is, because the
        largest value is tied or a value is NaN.
    """
    if values.shape[1] == 1:
        score = values[:, 0]
        return ~np.where(labels == 1, score > 0.0, score < 0.0), ~((score > 0.0) | (score < 0.0))
    rows = np.arange(len(values))
    top = np.sort(values, axis=1)
    invalid = ~(top[:, -1] > top[:, -2]) | np.isnan(values).any(axis=1)
    return ~(values[rows, labels] == top[:, -1]) | invalid, invalid


def margins_below(values: Array, errors: Array, labels: NDArray[np.int64]) -> Array:
    """Margins of values that are known to within errors, rounded down, shape (n,).

    Args:
        values: Shape (n, q); the margin of one function is its value with the sign of the label.
        errors: How far each can be off, shape (n, q).
        labels: Shape (n,), integers.
    """
    if values.shape[1] == 1:
        return np.nextafter(np.where(labels == 1, values[:, 0], -values[:, 0]) - errors[:, 0], -np.inf)
    rows = np.arange(len(values))
    own = np.nextafter(values[rows, labels] - errors[rows, labels], -np.inf)
    others = np.nextafter(values + errors, np.inf)
    others[rows, labels] = -np.inf
    return np.asarray(np.nextafter(own - others.max(axis=1), -np.inf))
