"""Inversion of the hypergeometric tail: how many errors the whole may hold when the sample shows s of them."""

from __future__ import annotations

import math

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from boundcheck.numerics.ratio_sums import ratio_sum

_BITS = 128  # log-factorials of numbers below 2**53 are below 2**59: 69 bits to spare


def hypergeometric_max_errors(s: int, n: int, m: int, log_delta: float) -> int:
    """``max{K <= s + m: ln P(Hyp(n + m, K, n) <= s) > log_delta}``, never too small.

    Of n + m points K are errors; n of the points, drawn without replacement, are seen. The probability of seeing at most
    s errors falls with K, so the answer is found by bisection. A K is only ruled out when an upper bound of its tail, with
    the largest term in ball arithmetic (Arb), is at most delta. A K whose expected number of seen errors is at most s is
    never ruled out: its tail is about a half or more.

    Args:
        s: Errors seen, 0 <= s <= n.
        n: Points seen, at least 1.
        m: Points not seen, at least 1.
        log_delta: Natural logarithm of the confidence parameter, at most 0.

    Returns:
        The largest K that is not ruled out.

    Raises:
        ValueError: For NaN, fractions and numbers out of range.
    """
    for what, value in (("s", s), ("n", n), ("m", m)):
        if not (math.isfinite(value) and value == int(value)):
            raise ValueError(f"expected a whole number {what}; got {value}")
    s, n, m = int(s), int(n), int(m)
    if not (n >= 1 and m >= 1 and 0 <= s <= n and n + m <= 2**53):
        raise ValueError(f"expected 0 <= s <= n, n >= 1, m >= 1 and n + m <= 2**53; got s={s}, n={n}, m={m}")
    if not log_delta <= 0.0:
        raise ValueError(f"expected ln(delta) at most 0; got {log_delta}")
    kept, ruled_out = s * (n + m) // n, s + m + 1
    if log_delta == -math.inf or kept >= s + m:
        return s + m
    with ctx.workprec(_BITS):
        level = arb(float(log_delta))
        every = _log_choose(n + m, n)
        while ruled_out - kept > 1:
            middle = (kept + ruled_out) // 2
            if _log_tail_upper(s, n, m, middle, every) <= level:
                ruled_out = middle
            else:
                kept = middle
    return kept


def _log_choose(n: int, k: int) -> arb:
    return arb(n + 1).lgamma() - arb(k + 1).lgamma() - arb(n - k + 1).lgamma()


def _log_tail_upper(s: int, n: int, m: int, K: int, every: arb) -> arb:
    """Upper bound of ``ln P(Hyp(n + m, K, n) <= s)``: the term at s times the sum of the products of ratios below it."""

    def ratio(j: NDArray[np.float64]) -> NDArray[np.float64]:
        # P(i - 1) / P(i) at i = s - j; the count of right answers not seen, m - K + i, may be 0 and ends the sum.
        i = s - j
        return i / ((K - s + 1) + j) * (((m - K + s) - j) / ((n - s + 1) + j))

    _, rest = ratio_sum(ratio, min(s, m - K + s), roundings=6)
    first = _log_choose(K, s) + _log_choose(n + m - K, n - s) - every
    return arb.pos_inf() if rest == math.inf else first + arb(rest).log()
