r"""Logarithms of counts, never too small.

Differences of ln-gamma lose everything where the arguments are large. Instead, with a + b = n,

.. math:: \ln\binom{n}{a} = a\ln(1+\tfrac ba) + b\ln(1+\tfrac ab) - \tfrac12\ln(2\pi\tfrac{ab}{a+b}) + s(a+b) - s(a) - s(b),

where s is the error of Stirling's formula, enclosed by its alternating series. The two large terms are positive, so
their relative rounding error is that of a few operations, however large n is; a and b may be any whole floats.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boundcheck.numerics.ratio_sums import ratio_sum
from boundcheck.numerics.rounding import add_down, add_up, exp_down, log1p_up, log_down, log_up, mul_up, sub_down, up

Array = NDArray[np.float64]

_LN2_UP = math.nextafter(math.log(2.0), 1.0)
# math.log(2) is the float nearest to ln 2, so a step above it is an upper bound.

_TABLE = 16
# s(k) = ln k! - (k + 1/2) ln k + k - ln(2 pi)/2 for k < 16, from below: each logarithm is correct to 1e-14 here.
_STIRLING_LOW = np.array(
    [0.0]
    + [
        math.log(math.factorial(k)) - (k + 0.5) * math.log(k) + k - 0.5 * math.log(2.0 * math.pi) - 5e-14
        for k in range(1, _TABLE)
    ]
)
_MOST_SUM_TERMS = 65_536
_EXACT_UP_TO = 2_000


def _whole(what: str, value: ArrayLike, low: float = 0.0) -> Array:
    array = np.asarray(value, dtype=np.float64)
    bad = ~((array >= low) & (array == np.floor(array)) & np.isfinite(array))
    if bad.any():
        raise ValueError(
            f"expected whole numbers {what} of at least {low:g}; got {np.asarray(value).flat[np.flatnonzero(bad)[0]]}"
        )
    if bool((array >= 2.0**53).any()):
        raise ValueError(f"expected {what} below 2**53, exact as a float; got {array.max():g}")
    return array


def _whole_number(what: str, value: ArrayLike) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**53 else int(_whole(what, value))


def _as_given(result: Array) -> Any:
    return float(result) if result.ndim == 0 else result


def _stirling_low(x: Array) -> Array:
    """A lower bound of s(x) for whole x >= 1: 1/12x - 1/360x^3 + 1/1260x^5 - 1/1680x^7 is one; 4e-17 covers its rounding."""
    z = 1.0 / (x * x)
    series = (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z / 1680))) / x - 4e-17
    return np.where(x < _TABLE, _STIRLING_LOW[np.minimum(x, _TABLE - 1.0).astype(np.int64)], series)


def _stirling_high(x: Array) -> Array:
    """An upper bound of s(x): the table holds a lower bound within 1e-13, and the series stops at a positive term."""
    z = 1.0 / (x * x)
    series = (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188)))) / x + 4e-17
    return np.where(x < _TABLE, _STIRLING_LOW[np.minimum(x, _TABLE - 1.0).astype(np.int64)] + 1e-13, series)


def _log_choose_parts(a: Array, b: Array) -> Array:
    """Upper bound of ln C(a + b, a) for whole floats a, b >= 0; a + b need not be a float."""
    small, large = np.minimum(a, b), np.maximum(a, b)
    x, y = np.maximum(small, 1.0), np.maximum(large, 1.0)
    with np.errstate(under="ignore", over="ignore"):
        ratio = x / y
        # Where y/x overflows (x = 1, y > 1e308) it does not: y is finite. Both terms: relative error under 16 u, with
        # log1p within 8 u, the quotient's u entering at most once, and two multiplications and an addition.
        main = x * np.log1p(y / x) + y * np.log1p(ratio)
        slack = main * 2.0**-48
        # xy/(x+y) = x/(1 + x/y). Rounding of these: 8 u of the logarithm, and 1e-13 for all the rest.
        root = -0.5 * np.log(2.0 * math.pi * x / (1.0 + ratio))
        corrections = _stirling_high(x + y) - _stirling_low(x) - _stirling_low(y) + 1e-13 + np.abs(root) * 2.0**-48
    value = np.nextafter(main + (root + corrections + slack), np.inf) * (1.0 + 2.0**-51)
    return np.where(small == 0.0, 0.0, np.where(np.isinf(main), np.inf, value))


def log_binomial_upper(n: ArrayLike, k: ArrayLike) -> Any:
    """Upper bound of ``ln C(n, k)``, in nats; relative excess about 1e-14, absolute 1e-12.

    Args:
        n: Whole number(s) below 2**53.
        k: Whole number(s), 0 <= k <= n.

    Returns:
        A float for scalars, else a float64 array of the broadcast shape.

    Raises:
        ValueError: For NaN, fractions and k > n.
    """
    n, k = _whole("n", n), _whole("k", k)
    if (k > n).any():
        raise ValueError("expected k <= n; got a k above n")
    return _as_given(_log_choose_parts(k, n - k))


def log_binomial_sum_upper(M: int, w: int) -> float:
    r"""Upper bound of :math:`\ln\sum_{j\le w}\binom Mj` (Sauer's sum), in nats.

    The sum is its last term times a sum of falling products; past 65,536 of these a geometric series takes over. Above
    w = M/2 it is :math:`2^M` without the sum of the other terms, which is bounded from below.

    Args:
        M: Whole number from 0 to below 2**53.
        w: Whole number, at least 0.

    Raises:
        ValueError: For NaN, fractions and negative numbers.
    """
    M, w = _whole_number("M", M), _whole_number("w", w)
    everything = mul_up(float(M), _LN2_UP)
    if w >= M:
        return everything
    if M <= _EXACT_UP_TO:
        term = total = 1
        for j in range(1, w + 1):
            term = term * (M - j + 1) // j
            total += term
        return 0.0 if total == 1 else min(everything, up(math.log(total) * (1.0 + 2.0**-48)))
    if 2 * w > M:
        missing = _log_binomial_sum(M, M - w - 1)[0]
        return min(everything, add_up(everything, log1p_up(-exp_down(sub_down(missing, everything)))))
    return min(everything, _log_binomial_sum(M, w)[1])


def _log_binomial_sum(M: int, w: int) -> tuple[float, float]:
    """Enclosure of the logarithm of Sauer's sum for w <= M/2; the upper end may be infinite."""

    def ratio(i: Array) -> Array:
        return (w - i) / ((M - w + 1) + i)

    low, high = ratio_sum(ratio, w, roundings=3, most_terms=_MOST_SUM_TERMS)
    last = float(_log_choose_parts(np.array(float(w)), np.array(float(M - w))))
    # The upper bound of the last term is at most twice its slack of 2^-48 too large, and less than 1e-11 for all the rest.
    last_low = last * (1.0 - 2.0**-46) - 1e-11
    return add_down(last_low, log_down(low)), add_up(last, log_up(high))


def milnor_cells_upper(M: int, w: int, D: int) -> float:
    r"""Upper bound of the logarithm of the number of sign patterns of polynomials, in nats.

    M polynomials of degree at most D in w real variables have at most :math:`2(2D)^w\sum_{j\le w}\binom Mj` patterns of
    being positive or not, and at most :math:`2^M`.

    Args:
        M: Number of polynomials, at least 0.
        w: Number of variables, at least 0.
        D: Degree, at least 1.

    Raises:
        ValueError: For NaN, fractions and numbers out of range.

    Source: M. Anthony and P. L. Bartlett, Neural Network Learning (1999), Theorem 8.3.
    """
    _whole("D", D, 1.0)
    everything = mul_up(float(M), _LN2_UP)
    return min(everything, add_up(_LN2_UP, mul_up(float(w), log_up(2.0 * D)), log_binomial_sum_upper(M, w)))


def log_multinomial_upper(counts: ArrayLike) -> float:
    r"""Upper bound of :math:`\ln\big(N!/\prod_k c_k!\big)` with N the sum of the counts, in nats.

    Args:
        counts: Whole numbers, shape (K,).

    Raises:
        ValueError: For NaN, fractions and negative counts.
    """
    c = np.sort(_whole("counts", np.atleast_1d(np.asarray(counts))).ravel())
    before = np.concatenate([[0.0], np.cumsum(c)[:-1]]) if c.size else c
    if c.size and float(np.sum(c)) >= 2.0**53:
        raise ValueError("expected counts that sum to less than 2**53; got more")
    terms = _log_choose_parts(before, c)
    return up(math.fsum(terms))


def log_types_upper(N: int, K: int) -> float:
    """Upper bound of ``ln C(N + K - 1, K - 1)``, the number of ways to share N symbols among K levels, in nats.

    Args:
        N: Number of symbols, at least 0.
        K: Number of levels, at least 1.

    Raises:
        ValueError: For NaN, fractions and numbers out of range.
    """
    return float(_log_choose_parts(_whole("N", N), _whole("K", K, 1.0) - 1.0))


def maurey_psi_upper(x: ArrayLike, N: ArrayLike) -> Any:
    r"""Upper bound of :math:`\psi(x,N) = \ln\big(1+\binom{N+K-1}{K}\big)`, :math:`K=\lceil x\rceil-1`; 0 where x <= 1.

    The logarithm of the number of points of Maurey's sparse cover: multisets of K among N atoms, and the origin.

    Args:
        x: Squared ratio(s) of radius and resolution, at least 0; infinity gives infinity.
        N: Number(s) of atoms, at least 1.

    Returns:
        Nats; a float for scalars, else a float64 array of the broadcast shape.

    Raises:
        ValueError: For NaN and for values out of range.
    """
    x = np.asarray(x, dtype=np.float64)
    if not (x >= 0.0).all():
        raise ValueError(f"expected x of at least 0; got {x[~(x >= 0.0)].flat[0]}")
    x, atoms = np.broadcast_arrays(x, _whole("N", N, 1.0))
    finite = np.where(np.isinf(x), 2.0, x)
    # Above 2**53 the subtraction may round up to x itself: one atom more, never one less.
    K = np.ceil(np.maximum(finite, 1.0)) - 1.0
    log_c = _log_choose_parts(atoms - 1.0, K)
    with np.errstate(under="ignore"):
        value = add_up(log_c, log1p_up(np.exp(-log_c) * (1.0 + 2.0**-47)))
    # exp(-c) above comes from an upper bound of c: ln C + ln(1 + e^-ln C) grows with ln C, so the sum stays an upper bound.
    return _as_given(cast(Array, np.where(np.isinf(x), np.inf, np.where(x <= 1.0, 0.0, value))))
