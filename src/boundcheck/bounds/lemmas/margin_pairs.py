"""The best margin where the complexity depends on two norms over the margin, each on its own grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boundcheck.bounds.lemmas.margin_grid import one_shot_confidence
from boundcheck.numerics.grid import LOG_GRID_SIZE_UP, scale_grid
from boundcheck.numerics.margin_loss import ramp_average_up
from boundcheck.numerics.rounding import mul_up
from boundcheck.theorem import Bound


def best_margin_of_two(
    *,
    margins: ArrayLike,
    log_norms: tuple[float, float],
    coefficients: tuple[float, float],
    n: int,
    delta: float,
    vacuous_at: float,
) -> Bound:
    r"""The smallest of the bounds for all pairs of scales, which hold together.

    For scales r_1, r_2 of the grid of 401, the class holds every network with :math:`A_1 \le r_1 \gamma` and
    :math:`A_2 \le r_2 \gamma`; the network at hand is in it for gamma = max(A_1/r_1, A_2/r_2). The ramp loss grows with gamma, so
    that of the larger of two margins is the larger of the two losses. As for one norm, where all is vacuous the best among those
    with a ramp loss of at most 1/2 is shown.

    Args:
        margins: Shape (n,), rounded down.
        log_norms: ln A_1 and ln A_2, rounded up; minus infinity for a norm of 0.
        coefficients: What r_1 and r_2 are multiplied with in the bound on the Rademacher complexity.
        n: Sample size.
        delta: Confidence of all pairs.
        vacuous_at: Error of guessing.

    Returns:
        Terms ``margin loss``, ``complexity``, ``confidence``; choice ``margin``.
    """
    scales = scale_grid()
    first, second = (_margins(log_norm) for log_norm in log_norms)
    loss = np.maximum(ramp_average_up(margins, first)[:, None], ramp_average_up(margins, second)[None, :])
    one, two = (mul_up(scales, coefficient) for coefficient in coefficients)
    # Each of the two sums and the doubling is rounded at most once.
    complexity = 2.0 * np.nextafter(one[:, None] + two[None, :], np.inf)
    added = one_shot_confidence(n, delta, 2.0 * LOG_GRID_SIZE_UP)
    totals = loss + complexity + added
    best = int(np.argmin(totals))
    if totals.flat[best] >= vacuous_at and (loss <= 0.5).any():
        best = int(np.argmin(np.where(loss <= 0.5, totals, np.inf)))
    i, j = np.unravel_index(best, totals.shape)
    terms = {"margin loss": float(loss[i, j]), "complexity": float(complexity[i, j]), "confidence": added}
    return Bound(terms, {"margin": float(max(first[i], second[j]))})


def _margins(log_norm: float) -> NDArray[np.float64]:
    """``A / r`` for every scale r of the grid, rounded up; the smallest positive float for a norm of 0."""
    scales = scale_grid()
    if log_norm == -np.inf:
        return np.full(scales.shape, np.finfo(np.float64).tiny)
    exponent = log_norm - np.log(scales)
    # exp of an argument of size |x| errs by a few ulp times |x|.
    with np.errstate(over="ignore"):
        margins = np.exp(exponent) * (1.0 + 2.0**-50 * (4.0 + abs(log_norm) + np.abs(exponent)))
    return np.maximum(margins, np.finfo(np.float64).tiny)
