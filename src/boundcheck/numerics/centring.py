"""Last layers with the mean over the classes subtracted: no margin sees that mean, and norms without it are smaller."""

from __future__ import annotations

import numpy as np

from boundcheck.numerics.error_terms import TINY, UNIT, Array


def centred_above(values: Array) -> Array:
    """Absolute values of what is left of each entry when the mean over the classes is subtracted, from above.

    Args:
        values: Classes along the first axis: weights (k, inputs) or constants (k,), finite.

    Returns:
        The same shape; columns of zeros stay exactly zero. A single output has nothing to be centred with.
    """
    if len(values) < 2:
        return np.abs(values)
    largest = np.abs(values).max(axis=0)
    # A mean of k numbers is off by at most k rounding units of the largest, the difference and this sum by a few more;
    # the quotient in the mean may underflow.
    slack = (len(values) + 4) * 2.0 * UNIT * largest + np.where(largest > 0.0, TINY, 0.0)
    return np.asarray(np.abs(values - values.mean(axis=0)) + slack)
