"""Arithmetic whose rounding always goes the same way.

Each function takes floats or float64 arrays (they broadcast) and returns a number that is never on the wrong side of
the exact result: ``*_up`` never below it, ``*_down`` never above it. They are the pieces that formulas of bounds are
written in.

Two facts carry everything. IEEE 754 rounds ``+ - * /`` and the square root correctly, so one step to the neighbouring
float is enough. The elementary functions ``exp``, ``log``, ``log1p`` and ``expm1`` are not rounded correctly; C
libraries and NumPy's vector code keep them within 4 units in the last place, which is allowed for with a factor 2 to
spare.

A result that isn't a number raises ``ValueError``: no bound is ever NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast, overload

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Operation(Protocol):
    """Floats give a float; where one argument is an array, the result is an array of the broadcast shape."""

    @overload
    def __call__(self, *terms: float) -> float: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, *terms: float | Array) -> Array: ...


def _operation(function: Callable[..., Any]) -> Operation:
    """The same function, typed as floats to float and arrays to array."""
    return cast(Operation, function)


UNIT = 2.0**-53
"""Unit roundoff of float64: a correctly rounded operation is off by at most this, relatively."""

# An error of 4 ulp of the true t is at most 2**-50 |t|, hence at most 2**-49 |y| of the computed y; subnormals have
# ulp 2**-1074. Twice 4 ulp absorbs the rounding of the slack itself.
_LIBM_RELATIVE = 2.0**-49
_LIBM_ABSOLUTE = 2.0**-1071


def _plain(value: Any, what: str) -> Any:
    """A Python float for a scalar, the array for an array; NaN is refused."""
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


@overload
def up(x: float, steps: int = 1) -> float: ...
@overload
def up(x: Array, steps: int = 1) -> Array: ...
def up(x: Any, steps: int = 1) -> Any:
    """The float ``steps`` places above ``x`` (infinity stays infinity)."""
    return _step(x, math.inf, steps)


@overload
def down(x: float, steps: int = 1) -> float: ...
@overload
def down(x: Array, steps: int = 1) -> Array: ...
def down(x: Any, steps: int = 1) -> Any:
    """The float ``steps`` places below ``x`` (minus infinity stays)."""
    return _step(x, -math.inf, steps)


def _step(x: Any, towards: float, steps: int) -> Any:
    if isinstance(x, (float, int)):
        if math.isinf(x):
            return float(x)
        for _ in range(steps):
            x = math.nextafter(x, towards)
        return _plain(x, "a neighbour")
    value = np.asarray(x, dtype=np.float64)
    finite = np.isfinite(value)
    for _ in range(steps):
        value = np.where(finite, np.nextafter(value, towards), value)
    return _plain(value, "a neighbour")


def _sum_error(a: Any, b: Any, s: Any) -> Any:
    """Exact ``a + b - s`` for ``s = fl(a + b)`` (Knuth's TwoSum); NaN where something overflowed."""
    t = s - a
    return (a - (s - t)) + (b - t)


@_operation
def add_up(*terms: Any) -> Any:
    """An upper bound of the sum of a few terms; exact sums stay exact."""
    return _fold(terms, _add_one, 1.0)


@_operation
def add_down(*terms: Any) -> Any:
    """A lower bound of the sum of a few terms; exact sums stay exact."""
    return _fold(terms, _add_one, -1.0)


@_operation
def sub_up(a: Any, b: Any) -> Any:
    """An upper bound of ``a - b``."""
    return add_up(a, -b)


@_operation
def sub_down(a: Any, b: Any) -> Any:
    """A lower bound of ``a - b``."""
    return add_down(a, -b)


def _add_one(a: Any, b: Any, sign: float) -> Any:
    with np.errstate(all="ignore"):
        s = np.add(a, b)
        exact = _sum_error(a, b, s) * sign <= 0.0  # false for NaN too: then step
        stepped = np.where(np.isinf(a) | np.isinf(b), s, np.nextafter(s, sign * math.inf))
        # A finite sum that overflowed to the wrong infinity comes back to the largest float.
        return np.where(exact, s, stepped)


@_operation
def mul_up(*factors: Any) -> Any:
    """An upper bound of the product of a few factors; a factor 0 or 1 costs nothing.

    Of three and more factors none may be negative: a partial product rounded up would then shrink the whole.

    Raises:
        ValueError: Where that is broken or the product is not a number.
    """
    _same_sign(factors)
    return _fold(factors, _mul_one, 1.0)


@_operation
def mul_down(*factors: Any) -> Any:
    """A lower bound of the product of a few factors; see :func:`mul_up`."""
    _same_sign(factors)
    return _fold(factors, _mul_one, -1.0)


def _same_sign(factors: tuple[Any, ...]) -> None:
    if len(factors) > 2 and any(np.any(np.less(f, 0.0)) for f in factors):
        raise ValueError("expected at least 0 for each of three or more factors; got a negative one")


def _mul_one(a: Any, b: Any, sign: float) -> Any:
    with np.errstate(all="ignore"):
        s = np.multiply(a, b)
        exact = (a == 0.0) | (b == 0.0) | (a == 1.0) | (b == 1.0) | np.isinf(a) | np.isinf(b)
        return np.where(exact, s, np.nextafter(s, sign * math.inf))


@_operation
def div_up(a: Any, b: Any) -> Any:
    """An upper bound of ``a / b`` for ``b > 0``."""
    return _fold((a, b), _div_one, 1.0)


@_operation
def div_down(a: Any, b: Any) -> Any:
    """A lower bound of ``a / b`` for ``b > 0``."""
    return _fold((a, b), _div_one, -1.0)


def _div_one(a: Any, b: Any, sign: float) -> Any:
    if not np.all(np.greater(b, 0.0)):
        raise ValueError("expected a positive divisor; got one that is not")
    with np.errstate(all="ignore"):
        s = np.divide(a, b)
        exact = (a == 0.0) | (b == 1.0) | np.isinf(a) | np.isinf(b)
        return np.where(exact, s, np.nextafter(s, sign * math.inf))


def _fold(terms: tuple[Any, ...], step: Callable[[Any, Any, float], Any], sign: float) -> Any:
    if not terms:
        raise ValueError("expected at least one number; got none")
    total = np.asarray(terms[0], dtype=np.float64)
    for term in terms[1:]:
        total = step(total, np.asarray(term, dtype=np.float64), sign)
    return _plain(total, "the operation")


def sum_up(values: Iterable[float] | Array) -> float:
    """The smallest float that is at least the exact sum of all values.

    ``math.fsum`` rounds the exact sum once, and the sign of what it left over is exact as well.
    """
    terms = _terms(values)
    try:
        total = math.fsum(terms)
    except OverflowError:
        return math.inf
    if math.isfinite(total) and math.fsum([*terms, -total]) > 0.0:
        total = up(total)
    return cast(float, _plain(total, "the sum"))


def sum_down(values: Iterable[float] | Array) -> float:
    """The largest float that is at most the exact sum of all values; see :func:`sum_up`."""
    return -sum_up([-v for v in _terms(values)])


def _terms(values: Iterable[float] | Array) -> list[float]:
    if isinstance(values, np.ndarray):
        return values.astype(np.float64).ravel().tolist()
    return [float(v) for v in values]


@_operation
def sqrt_up(x: Any) -> Any:
    """An upper bound of the square root of ``x >= 0``."""
    return _root(x, math.inf)


@_operation
def sqrt_down(x: Any) -> Any:
    """A lower bound of the square root of ``x >= 0``."""
    return _root(x, -math.inf)


def _root(x: Any, towards: float) -> Any:
    with np.errstate(invalid="ignore"):
        root = np.sqrt(np.asarray(x, dtype=np.float64))
    kept = (root == 0.0) | (root == 1.0) & (np.asarray(x) == 1.0) | np.isinf(root)
    return _plain(np.where(kept, root, np.nextafter(root, towards)), "the square root")


@_operation
def exp_up(x: Any) -> Any:
    """An upper bound of ``exp(x)``."""
    return _elementary(np.exp, x, 1.0, 0.0)


@_operation
def exp_down(x: Any) -> Any:
    """A lower bound of ``exp(x)``, never below 0."""
    return _elementary(np.exp, x, -1.0, 0.0, floor=0.0)


@_operation
def log_up(x: Any) -> Any:
    """An upper bound of ``ln x`` for ``x >= 0``; minus infinity at 0."""
    return _elementary(np.log, x, 1.0, 1.0)


@_operation
def log_down(x: Any) -> Any:
    """A lower bound of ``ln x`` for ``x >= 0``; minus infinity at 0."""
    return _elementary(np.log, x, -1.0, 1.0)


@_operation
def log1p_up(x: Any) -> Any:
    """An upper bound of ``ln(1 + x)`` for ``x >= -1``."""
    return _elementary(np.log1p, x, 1.0, 0.0)


@_operation
def log1p_down(x: Any) -> Any:
    """A lower bound of ``ln(1 + x)`` for ``x >= -1``."""
    return _elementary(np.log1p, x, -1.0, 0.0)


@_operation
def expm1_up(x: Any) -> Any:
    """An upper bound of ``exp(x) - 1``."""
    return _elementary(np.expm1, x, 1.0, 0.0)


@_operation
def expm1_down(x: Any) -> Any:
    """A lower bound of ``exp(x) - 1``, never below -1."""
    return _elementary(np.expm1, x, -1.0, 0.0, floor=-1.0)


def _elementary(function: np.ufunc, x: Any, sign: float, exact_at: float, floor: float = -math.inf) -> Any:
    """``function(x)`` widened by what a C library may be off; exact at ``exact_at`` and where the argument is infinite."""
    with np.errstate(all="ignore"):
        x = np.asarray(x, dtype=np.float64)
        y = function(x)
        slack = np.abs(y) * _LIBM_RELATIVE + _LIBM_ABSOLUTE
        wide = np.nextafter(y + sign * slack, sign * math.inf)
        # A finite argument whose value overflowed is still finite: "down" starts from the largest float.
        overflown = np.isposinf(y) & np.isfinite(x) & (sign < 0.0)
        wide = np.where(overflown, np.finfo(np.float64).max * (1.0 - 2.0 * _LIBM_RELATIVE), wide)
        keep = (x == exact_at) | np.isinf(x) | (np.isinf(y) & ~overflown)
        return _plain(np.maximum(np.where(keep, y, wide), floor), function.__name__)


@_operation
def logaddexp_up(a: Any, b: Any) -> Any:
    """An upper bound of ``ln(exp(a) + exp(b))``."""
    high, low = np.maximum(a, b), np.minimum(a, b)
    with np.errstate(all="ignore"):
        gap = np.where(np.isinf(high), -math.inf, low - high)
    # The subtraction rounds, and may round down; equal arguments and an absent one are exact.
    gap = np.where((low == high) | np.isneginf(low) | np.isinf(high), gap, np.nextafter(gap, math.inf))
    return add_up(_plain(high, "the logarithm of a sum"), log1p_up(exp_up(_plain(gap, "the difference"))))
