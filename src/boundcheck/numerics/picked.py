r"""Inversion of the two equations that bound how probably one more example would be picked.

Of n examples an algorithm picked k. With

.. math:: \Psi(\epsilon) = a \sum_{i=1}^{n-k}\frac{\binom{n-i}{k}}{\binom nk}(1-\epsilon)^{-i}
          + b \sum_{i=1}^{3n}\frac{\binom{n+i}{k}}{\binom nk}(1-\epsilon)^{i}

what is looked for is a number above which :math:`\Psi \ge 1`. For a = delta/n, b = 0 that is the one-sided equation, for
a = delta/(2n), b = delta/(6n) the two-sided one. Both sums are sums of products of ratios that fall, all terms positive, so that
:mod:`boundcheck.numerics.ratio_sums` encloses them without a binomial coefficient and without cancellation.

:math:`\Psi` is convex, so the set where it is below 1 is an interval. A float is returned only after a lower bound of
:math:`\Psi` there is at least 1 and a float below it is known to lie in that interval, or b = 0, where :math:`\Psi` grows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from boundcheck.numerics.ratio_sums import ratio_sum
from boundcheck.numerics.rounding import add_down, add_up, div_down, div_up, mul_down, mul_up

Array = NDArray[np.float64]

_ROUNDINGS = 3  # of a ratio: 1 - epsilon, its product with a whole number, a quotient of whole numbers
_SLACK = 2.0**-48  # covers the roundings of the first ratio
_BISECTIONS, _CLOSE = 64, 2.0**-40  # stop where the bracket is so narrow, relatively
_LARGEST_N = 2**40  # beyond it an enclosure would be so wide that nothing is ever certain


def picked_inverse(k: int, n: int, delta: float) -> float:
    """The one-sided bound: all larger epsilon have ``Psi >= 1`` at a = delta / n, b = 0.

    Args:
        k: Examples that were picked, 0 <= k <= n.
        n: Examples that could have been, at least 1.
        delta: Probability in (0, 1).

    Returns:
        A number in (0, 1], never below the exact solution; 1 where k = n.

    Raises:
        ValueError: A number is out of its range.

    Source: M. C. Campi and S. Garatti, Compression, generalization and learning, JMLR 24 (2023), Theorem 7.
    """
    return _inverse(k, n, delta, (1.0, 0.0))


def picked_inverse_two_sided(k: int, n: int, delta: float) -> float:
    """The upper end of the two-sided bound: all larger epsilon have ``Psi >= 1`` at a = delta / 2n, b = delta / 6n.

    Args:
        k: Examples that were picked, 0 <= k <= n.
        n: Examples that could have been, at least 1.
        delta: Probability in (0, 1).

    Returns:
        A number in (0, 1], never below the exact solution; 1 where k = n.

    Raises:
        ValueError: A number is out of its range.

    Source: S. Garatti and M. C. Campi, Risk and complexity in scenario optimization, Mathematical Programming 191 (2022), Theorem
    2; used by D. Paccagnan, M. C. Campi and S. Garatti, NeurIPS 2023.
    """
    return _inverse(k, n, delta, (0.5, 1.0 / 6.0))


def _inverse(k: int, n: int, delta: float, shares: tuple[float, float]) -> float:
    for what, value in (("k", k), ("n", n)):
        if value != int(value):
            raise ValueError(f"expected a whole number {what}; got {value}")
    k, n = int(k), int(n)
    if not (1 <= n <= _LARGEST_N and 0 <= k <= n):
        raise ValueError(f"expected 0 <= k <= n and 1 <= n <= 2**40; got k={k}, n={n}")
    if not 0.0 < delta < 1.0:
        raise ValueError(f"expected a probability delta in (0, 1); got {delta}")
    if k == n:
        return 1.0
    low, high = k / n, 1.0
    if shares[1] > 0.0 and not _psi(low, k, n, delta, shares)[1] < 1.0:
        return 1.0  # no float is known to lie in the interval: only the end of the range will do
    for _ in range(_BISECTIONS):
        middle = low + (high - low) / 2.0
        if not low < middle < high or high - low <= _CLOSE * high:
            break
        if _psi(middle, k, n, delta, shares)[0] >= 1.0:
            high = middle
        else:
            low = middle
    return high


def _psi(epsilon: float, k: int, n: int, delta: float, shares: tuple[float, float]) -> tuple[float, float]:
    """Enclosure of Psi at a float below 1."""
    rest = 1.0 - epsilon

    def backwards(i: Array) -> Array:
        return np.asarray((n - k - i) / ((n - i) * rest))

    def forwards(i: Array) -> Array:
        return np.asarray((n + 1 + i) * rest / (n + 1 + i - k))

    first, second = _sum(backwards, n - k), (0.0, 0.0)
    if shares[1] > 0.0:
        second = _sum(forwards, 3 * n)
    low = div_down(mul_down(delta, add_down(mul_down(shares[0], first[0]), mul_down(_less(shares[1]), second[0]))), float(n))
    high = div_up(mul_up(delta, add_up(mul_up(shares[0], first[1]), mul_up(shares[1] * (1.0 + _SLACK), second[1]))), float(n))
    return low, high


def _less(share: float) -> float:
    """A sixth is no float: the share from below."""
    return share * (1.0 - _SLACK)


def _sum(ratio: Callable[[Array], Array], length: int) -> tuple[float, float]:
    """Enclosure of the sum over i = 1, ..., length of the products of the first i ratios."""
    first = float(ratio(np.zeros(1))[0])
    low, high = ratio_sum(lambda j: ratio(j + 1.0), length - 1, _ROUNDINGS)
    return first * low * (1.0 - _SLACK), first * high * (1.0 + _SLACK)
