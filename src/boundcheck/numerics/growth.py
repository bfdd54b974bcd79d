r"""How many loss patterns a piecewise linear network can show on N labelled points.

P. L. Bartlett, N. Harvey, C. Liaw and A. Mehrabian, Nearly-tight VC-dimension and pseudodimension bounds for piecewise linear
neural networks, JMLR 20 (2019), and M. Anthony and P. L. Bartlett, Neural Network Learning (1999), Theorem 8.3.

Write the network in levels such that, the signs of all earlier levels given, the tests of level i are polynomials of degree
at most :math:`D_i` in :math:`w_i` parameters, :math:`q_i` of them per input. M polynomials of degree at most D in w variables
show at most :math:`2 (2D)^w \sum_{j \le w} \binom{M}{j}` sign vectors (1[p > 0]), and never more than :math:`2^M`. Refining
the parameter space level by level,

.. math:: \ln \Pi(N) \le \sum_i c(q_i N, w_i, D_i), \quad
   c(M, w, D) = \min\{M \ln 2,\; \ln 2 + w \ln(2D) + \ln \sum_{j \le w} \tbinom{M}{j}\}.

The 0-1 loss with ties as errors is a function of the tests 1[f_y - f_j > 0], j != y, so k - 1 tests at the output count the loss
patterns of a classifier with k classes.

Levels of degree one. Where the tests of a level are affine in the parameters and fall into blocks with parameters of their
own, the constants are not needed. Take one parameter point for each sign vector that occurs and lower all tests by an epsilon
below the smallest positive value taken at these points: the vectors stay as they are, and no test vanishes at the points any
more. So each vector belongs to an open cell of M hyperplanes in p dimensions, of which there are at most
:math:`\sum_{j \le p} \binom{M}{j}` (Zaslavsky 1975). Blocks without common parameters multiply.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from boundcheck.numerics.combinatorics import log_binomial_sum_upper, milnor_cells_upper
from boundcheck.numerics.rounding import log_up, mul_up, sum_up

Block = Sequence[int]
"""``(units, tests per unit and input, parameters per unit)``."""


def log_growth_upper(
    n: int,
    *,
    tests: Sequence[int],
    degrees: Sequence[int],
    parameters: Sequence[int],
    blocks: Sequence[Sequence[Block]] = (),
) -> float:
    """``ln Pi(n)``: logarithm of the number of 0-1 loss patterns on n labelled points, rounded up.

    Args:
        n: Number of points, at least 1.
        tests: Sign tests per input, q_i >= 0, level by level.
        degrees: Degrees D_i >= 1 of the tested polynomials.
        parameters: Distinct parameters w_i >= 0 in this level and all earlier ones.
        blocks: For each level the blocks of its affine tests, used where the degree is one; tests beyond those of the
            blocks are counted in the general way. Empty: no level has any.

    Returns:
        Nats, never below the bound that the theorem states.

    Raises:
        ValueError: The sequences differ in length or a number is out of its range.
    """
    count = len(tests)
    if count == 0 or not count == len(degrees) == len(parameters) or (blocks and len(blocks) != count):
        raise ValueError(
            "expected one entry per level, and at least one level; got "
            f"{count} tests, {len(degrees)} degrees, {len(parameters)} parameters, {len(blocks)} blocks"
        )
    if n < 1 or min(tests) < 0 or min(degrees) < 1 or min(parameters) < 0:
        got = f"n = {n}, tests {list(tests)}, degrees {list(degrees)}, parameters {list(parameters)}"
        raise ValueError(f"expected n >= 1, tests >= 0, degrees >= 1, parameters >= 0; got {got}")
    levels = zip(tests, degrees, parameters, blocks or [()] * count, strict=True)
    return sum_up([_level(n, q, degree, w, own) for q, degree, w, own in levels])


def _level(n: int, q: int, degree: int, w: int, blocks: Sequence[Block]) -> float:
    general = _cells(q * n, w, degree)
    if degree != 1 or not blocks:
        return general
    inside = [mul_up(float(units), _arrangement(tests * n, own)) for units, tests, own in blocks]
    rest = q - sum(units * tests for units, tests, _ in blocks)
    if rest > 0:
        inside.append(_cells(rest * n, w, degree))
    return min(general, sum_up(inside))


def _cells(m: int, w: int, degree: int) -> float:
    return float(milnor_cells_upper(m, w, degree)) if m else 0.0


def _arrangement(m: int, p: int) -> float:
    """``ln`` of the cells of m hyperplanes in p dimensions, at most ``m ln 2``."""
    if m == 0:
        return 0.0
    trivial = mul_up(float(m), log_up(2.0))
    return trivial if p >= m else min(trivial, float(log_binomial_sum_upper(m, p)))


def vc_dimension_upper(
    *,
    tests: Sequence[int],
    degrees: Sequence[int],
    parameters: Sequence[int],
    blocks: Sequence[Sequence[Block]] = (),
) -> int:
    """The largest m for which the counting allows all 2^m patterns: no set of more points is shattered.

    Args:
        tests: As in :func:`log_growth_upper`, like the other arguments.
        degrees: Degrees of the tested polynomials.
        parameters: Distinct parameters so far.
        blocks: Blocks of affine tests.

    Returns:
        An upper bound on the VC dimension of the class of loss patterns.
    """

    def shattered(m: int) -> bool:
        # A computed bound that equals m ln 2 up to rounding must count as shattered, and it is rounded up.
        size = log_growth_upper(m, tests=tests, degrees=degrees, parameters=parameters, blocks=blocks)
        return size >= m * math.log(2.0) * (1.0 - 2.0**-50)

    # The true count is concave in m and 0 at 0 (its levels are), so the set where it reaches m ln 2 is an interval.
    low, high = 0, 1
    while shattered(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if shattered(middle) else (low, middle)
    return low
