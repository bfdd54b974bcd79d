r"""The mean of the supremum over signs: by enumeration, or by Monte Carlo with a confidence on both sides.

Flipping the sign of example i changes the supremum by at most c_i = 2 f_i, so McDiarmid's inequality for the n T signs of T draws
gives, with probability at least 1 - delta/2 on each side, a mean within :math:`\sqrt{\frac12 \sum_i c_i^2 \ln(2/\delta) / T}` of
the complexity. What is known without drawing a sign holds besides.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from boundcheck.errors import InputError
from boundcheck.numerics.error_terms import Array
from boundcheck.numerics.norms import frobenius_norm
from boundcheck.numerics.rounding import add_down, add_up, div_down, div_up, log_up, mul_down, mul_up, sqrt_up, sum_down, sum_up
from boundcheck.rademacher.classes import ClosedClass

_EXACT = 20
_CHUNK = 2**13


@dataclass(frozen=True)
class Complexity:
    """An interval that holds the empirical Rademacher complexity.

    Attributes:
        lower: Lower end.
        upper: Upper end.
        exact: Whether all signs were enumerated, so that the interval is as wide as rounding.
        draws: Draws of signs, 0 when enumerated.
        delta: Probability, over the draws, that the complexity lies outside; 0 when enumerated.
    """

    lower: float
    upper: float
    exact: bool
    draws: int
    delta: float


def complexity(of: ClosedClass, *, draws: int = 200, delta: float = 0.01, seed: int = 0, exact_up_to: int = _EXACT) -> Complexity:
    """The empirical Rademacher complexity of a class, without absolute values around the sum.

    Args:
        of: The class on its sample.
        draws: Draws of n signs where there are too many to enumerate.
        delta: Confidence in (0, 1) that the draws spend.
        seed: Seed of the draws.
        exact_up_to: Sample size up to which all 2^n signs are enumerated.

    Returns:
        Both ends, rounded outwards.

    Raises:
        InputError: ``draws`` or ``delta`` is out of range.
    """
    if draws < 1 or not 0.0 < delta < 1.0:
        raise InputError("at least one draw and delta in (0, 1)", f"{draws} draws and delta {delta}", "try 200 and 0.01")
    exact = of.n <= exact_up_to
    count = 2**of.n if exact else draws
    low, high = _means(of, _all_signs(of.n) if exact else _drawn_signs(of.n, draws, seed), count)
    if not exact:
        flips = mul_up(2.0, frobenius_norm(of.flips()))
        radius = mul_up(flips, sqrt_up(div_up(log_up(div_up(2.0, delta)), 2.0 * draws)))
        known_low, known_high = of.mean_bounds()
        low, high = max(add_down(low, -radius), known_low), min(add_up(high, radius), known_high)
    lower, upper = _scaled(low, of, upward=False), _scaled(high, of, upward=True)
    return Complexity(lower, upper, exact, 0 if exact else draws, 0.0 if exact else delta)


def analytic_bracket(of: ClosedClass) -> tuple[float, float]:
    """What is known of the complexity without drawing a sign, rounded outwards."""
    low, high = of.mean_bounds()
    return _scaled(low, of, upward=False), _scaled(high, of, upward=True)


def _scaled(value: float, of: ClosedClass, *, upward: bool) -> float:
    """``value B / n``, rounded to one side."""
    outward = upward == (value >= 0.0)
    size = (
        div_up(mul_up(abs(value), of.radius), float(of.n)) if outward else div_down(mul_down(abs(value), of.radius), float(of.n))
    )
    return math.copysign(size, value)


def _means(of: ClosedClass, signs: Iterator[Array], count: int) -> tuple[float, float]:
    """Lower and upper bounds of the mean of the suprema over ``count`` rows of signs."""
    lows, highs = [], []
    for block in signs:
        low, high = of.suprema(block)
        lows.append(sum_down(low))
        highs.append(sum_up(high))
    low_sum, high_sum = sum_down(lows), sum_up(highs)
    low_mean = div_down(low_sum, float(count)) if low_sum >= 0.0 else -div_up(-low_sum, float(count))
    return low_mean, div_up(high_sum, float(count)) if high_sum >= 0.0 else -div_down(-high_sum, float(count))


def _all_signs(n: int) -> Iterator[Array]:
    """Every sign vector, in blocks."""
    for start in itertools.count(0, _CHUNK):
        if start >= 2**n:
            return
        rows = np.arange(start, min(start + _CHUNK, 2**n))
        yield 1.0 - 2.0 * ((rows[:, None] >> np.arange(n)) & 1).astype(np.float64)


def _drawn_signs(n: int, draws: int, seed: int) -> Iterator[Array]:
    """Independent signs, in blocks of a few megabytes."""
    rng = np.random.default_rng(seed)
    block = max(1, 2**20 // n)
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        yield 1.0 - 2.0 * rng.integers(0, 2, size=(rows, n)).astype(np.float64)
