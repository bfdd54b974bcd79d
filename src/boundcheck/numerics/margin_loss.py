"""The ramp loss of a sample of margins, rounded up."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ramp_average_up(margins: ArrayLike, gamma: ArrayLike) -> NDArray[np.float64]:
    """Average of ``clip(1 - m / gamma, 0, 1)`` over a sample of margins, never below the true average.

    The ramp lies between the 0-1 loss, ties counted as errors, and the margin count: 1[m <= 0] <= ramp <= 1[m < gamma].
    One sort and prefix sums serve all values of gamma.

    Args:
        margins: Shape (n,); ``-inf`` for a row that counts as an error whatever the margin.
        gamma: Margins, any shape, positive; ``inf`` allowed (every example then costs 1).

    Returns:
        Averages of the shape of ``gamma``.

    Raises:
        ValueError: A margin or gamma is NaN, a gamma is not positive, or the sample is empty.
    """
    m = np.sort(np.asarray(margins, dtype=np.float64))
    g = np.asarray(gamma, dtype=np.float64)
    if m.size == 0 or np.isnan(m).any():
        raise ValueError(f"expected at least one margin and no NaN; got {m.size} margins")
    if not (g > 0.0).all():
        raise ValueError("expected positive margins gamma; got a gamma that is not")
    n = m.size
    wrong = int(np.searchsorted(m, 0.0, side="right"))
    inside = np.searchsorted(m, g, side="left") - wrong
    positive = m[wrong:]
    finite = np.where(np.isfinite(positive), positive, 0.0)
    # Lowering a prefix sum raises the average. Sequential summation of i non-negative numbers errs by at most i u relative.
    prefix = np.concatenate(([0.0], np.cumsum(finite) * (1.0 - 2.0 * n * 2.0**-53)))
    with np.errstate(invalid="ignore"):
        credit = np.where(np.isinf(g), 0.0, prefix[inside] / g)
    total = wrong + inside - np.nextafter(credit, 0.0)
    return np.minimum(np.nextafter(total * (1.0 + 2.0**-51) / n, np.inf), 1.0)
