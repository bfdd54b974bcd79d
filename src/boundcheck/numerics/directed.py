"""One operation whose rounding goes a given way: on floats, of which formulas of bounds are made, and elementwise on arrays.

Floats have a path of their own, which gives bit for bit what an array of one number gives and takes a fraction of the time.
A sign says which way: 1 for an upper bound, -1 for a lower one. See :mod:`boundcheck.numerics.rounding`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

# An error of 4 ulp of the true t is at most 2**-50 |t|, hence at most 2**-49 |y| of the computed y; subnormals have
# ulp 2**-1074. Twice 4 ulp absorbs the rounding of the slack itself.
_LIBM_RELATIVE = 2.0**-49
_LIBM_ABSOLUTE = 2.0**-1071
_ALMOST_LARGEST = float(np.finfo(np.float64).max) * (1.0 - 2.0 * _LIBM_RELATIVE)


def plain(value: Any, what: str) -> Any:
    """A Python float for a scalar, the array for an array.

    Raises:
        ValueError: Something in it is not a number; ``what`` says of which operation it is the result.
    """
    if isinstance(value, float) and not isinstance(value, np.floating):
        bad = math.isnan(value)
    elif np.ndim(value) == 0:
        value = float(value)
        bad = math.isnan(value)
    else:
        value = np.asarray(value, dtype=np.float64)
        bad = bool(np.isnan(value).any())
    if bad:
        raise ValueError(f"expected numbers for which {what} is defined; got a result that is not a number")
    return value


def is_float(x: Any) -> bool:
    """Whether the path of floats is for this number."""
    return isinstance(x, (float, int))


def fold(terms: tuple[Any, ...], one: Callable[..., float], many: Callable[..., Any], sign: float) -> Any:
    """The operation from left to right: ``one`` for two floats, ``many`` where an array is among the terms.

    Raises:
        ValueError: There are no terms, or the result is not a number.
    """
    if not terms:
        raise ValueError("expected at least one number; got none")
    if all(map(is_float, terms)):
        total = float(terms[0])
        for term in terms[1:]:
            total = one(total, float(term), sign)
        return plain(total, "the operation")
    totals = np.asarray(terms[0], dtype=np.float64)
    for term in terms[1:]:
        totals = many(totals, np.asarray(term, dtype=np.float64), sign)
    return plain(totals, "the operation")


def _sum_error(a: Any, b: Any, s: Any) -> Any:
    """Exact ``a + b - s`` for ``s = fl(a + b)`` (Knuth's TwoSum); NaN where something overflowed."""
    t = s - a
    return (a - (s - t)) + (b - t)


def add_one(a: float, b: float, sign: float) -> float:
    """A bound of ``a + b``; exact where the sum is a float."""
    s = a + b
    if math.isinf(a) or math.isinf(b) or _sum_error(a, b, s) * sign <= 0.0:  # false for NaN: then step
        return s
    return math.nextafter(s, sign * math.inf)


def add_many(a: Any, b: Any, sign: float) -> Any:
    """Bounds of ``a + b``; see :func:`add_one`."""
    with np.errstate(all="ignore"):
        s = np.add(a, b)
        exact = _sum_error(a, b, s) * sign <= 0.0  # false for NaN too: then step
        stepped = np.where(np.isinf(a) | np.isinf(b), s, np.nextafter(s, sign * math.inf))
        # A finite sum that overflowed to the wrong infinity comes back to the largest float.
        return np.where(exact, s, stepped)


def multiply_one(a: float, b: float, sign: float) -> float:
    """A bound of ``a b``; exact where a factor is 0 or 1."""
    s = a * b
    if a == 0.0 or b == 0.0 or a == 1.0 or b == 1.0 or math.isinf(a) or math.isinf(b):
        return s
    return math.nextafter(s, sign * math.inf)


def multiply_many(a: Any, b: Any, sign: float) -> Any:
    """Bounds of ``a b``; see :func:`multiply_one`."""
    with np.errstate(all="ignore"):
        s = np.multiply(a, b)
        exact = (a == 0.0) | (b == 0.0) | (a == 1.0) | (b == 1.0) | np.isinf(a) | np.isinf(b)
        return np.where(exact, s, np.nextafter(s, sign * math.inf))


def divide_one(a: float, b: float, sign: float) -> float:
    """A bound of ``a / b``; exact where a is 0 or b is 1.

    Raises:
        ValueError: The divisor is not positive.
    """
    if not b > 0.0:
        raise ValueError("expected a positive divisor; got one that is not")
    s = a / b
    if a == 0.0 or b == 1.0 or math.isinf(a) or math.isinf(b):
        return s
    return math.nextafter(s, sign * math.inf)


def divide_many(a: Any, b: Any, sign: float) -> Any:
    """Bounds of ``a / b``; see :func:`divide_one`."""
    if not np.all(np.greater(b, 0.0)):
        raise ValueError("expected a positive divisor; got one that is not")
    with np.errstate(all="ignore"):
        s = np.divide(a, b)
        exact = (a == 0.0) | (b == 1.0) | np.isinf(a) | np.isinf(b)
        return np.where(exact, s, np.nextafter(s, sign * math.inf))


def root(x: Any, sign: float) -> Any:
    """Bounds of the square root; exact at 0, 1 and infinity.

    Raises:
        ValueError: A number is negative.
    """
    what, towards = "the square root", sign * math.inf
    if is_float(x):
        found = math.sqrt(x) if x >= 0.0 else math.nan
        kept = found == 0.0 or (found == 1.0 and x == 1.0) or math.isinf(found)
        return plain(found if kept else math.nextafter(found, towards), what)
    with np.errstate(invalid="ignore"):
        roots = np.sqrt(np.asarray(x, dtype=np.float64))
    exact = (roots == 0.0) | (roots == 1.0) & (np.asarray(x) == 1.0) | np.isinf(roots)
    return plain(np.where(exact, roots, np.nextafter(roots, towards)), what)


def elementary(function: np.ufunc, x: Any, sign: float, exact_at: float, floor: float = -math.inf) -> Any:
    """``function(x)`` widened by what a C library may be off; exact at ``exact_at`` and where the argument is infinite.

    Raises:
        ValueError: The function is not defined somewhere.
    """
    one = is_float(x)
    with np.errstate(all="ignore"):
        x = float(x) if one else np.asarray(x, dtype=np.float64)
        y = function(x)
        if one:
            return max(_widened(float(y), x, sign, exact_at, function.__name__), floor)
        slack = np.abs(y) * _LIBM_RELATIVE + _LIBM_ABSOLUTE
        wide = np.nextafter(y + sign * slack, sign * math.inf)
        # A finite argument whose value overflowed is still finite: "down" starts from the largest float.
        overflown = np.isposinf(y) & np.isfinite(x) & (sign < 0.0)
        wide = np.where(overflown, _ALMOST_LARGEST, wide)
        keep = (x == exact_at) | np.isinf(x) | (np.isinf(y) & ~overflown)
        return plain(np.maximum(np.where(keep, y, wide), floor), function.__name__)


def _widened(y: float, x: float, sign: float, exact_at: float, what: str) -> float:
    """The same for one number."""
    plain(y, what)
    if x == exact_at or math.isinf(x):
        return y
    if math.isinf(y):
        return _ALMOST_LARGEST if y > 0.0 > sign else y
    return math.nextafter(y + sign * (abs(y) * _LIBM_RELATIVE + _LIBM_ABSOLUTE), sign * math.inf)
