r"""Enclosures of :math:`\sum_{j\ge 0}\prod_{i<j} r_i` for non-increasing ratios, the shape of every discrete tail.

Binomial and hypergeometric tails, sums of binomial coefficients and the constant of PAC-Bayes are all their largest
term times such a sum. All terms are positive, so the float64 sum carries a small relative error that is known in
advance; what is left out is bounded by a geometric series.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from boundcheck.numerics.rounding import UNIT

_ENOUGH = 2.0**-50
_MOST_TERMS = 4_194_304
_OVERFLOWN = 2.0**1000  # a computed sum above the largest float, 2**1024, is one of terms that are off by a factor 2 at most


def ratio_sum(
    ratio: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    length: int,
    roundings: int,
    most_terms: int = _MOST_TERMS,
) -> tuple[float, float]:
    r"""Lower and upper bound of :math:`\sum_{j=0}^{\text{length}}\prod_{i<j} r_i`.

    Args:
        ratio: Maps the indices 0, 1, ... (float64) to the ratios, non-increasing and at least 0, each computed with at
            most ``roundings`` correctly rounded operations that add up no error but these.
        length: Number of ratios; the sum has one term more.
        roundings: See ``ratio``.
        most_terms: Where to stop at the latest; what follows is bounded by a geometric series.

    Returns:
        The enclosure. The upper end is infinite where the sum overflows or stops before the ratios are below 1.
    """
    if length == 0:
        return 1.0, 1.0
    count = 64
    while True:
        count = min(count, length, most_terms)
        # One ratio more than there are terms to add: it opens the geometric series of the rest.
        ratios = ratio(np.arange(count + 1 if count < length else count, dtype=np.float64))
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            terms = np.cumprod(ratios[:count])
            total = 1.0 + float(terms.sum())
        if not math.isfinite(total):
            return _OVERFLOWN, math.inf
        # j products of ratios and the sum in any order: (count (roundings + 2) + 2) u, doubled for second order. A term
        # that underflows is off by less than 1e-300, nothing beside the leading 1.
        error = 2.0 * (count * (roundings + 2.0) + 16.0) * UNIT
        if count == length:
            return total * (1.0 - error), total * (1.0 + error)
        last = float(terms[-1])
        following = float(ratios[count]) * (1.0 + 4.0 * roundings * UNIT)
        rest = last * following / (1.0 - following) * (1.0 + 8.0 * UNIT) if following < 1.0 else math.inf
        if rest <= _ENOUGH * total or count == most_terms:
            return total * (1.0 - error), (total + rest) * (1.0 + error)
        count *= 4
