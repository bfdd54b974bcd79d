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

from boundcheck.numerics.directed import (
    add_many,
    add_one,
    divide_many,
    divide_one,
    elementary,
    fold,
    is_float,
    multiply_many,
    multiply_one,
    plain,
    root,
)

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
        return plain(x, "a neighbour")
    value = np.asarray(x, dtype=np.float64)
    finite = np.isfinite(value)
    for _ in range(steps):
        value = np.where(finite, np.nextafter(value, towards), value)
    return plain(value, "a neighbour")


@_operation
def add_up(*terms: Any) -> Any:
    """An upper bound of the sum of a few terms; exact sums stay exact."""
    return fold(terms, add_one, add_many, 1.0)


@_operation
def add_down(*terms: Any) -> Any:
    """A lower bound of the sum of a few terms; exact sums stay exact."""
    return fold(terms, add_one, add_many, -1.0)


@_operation
def sub_up(a: Any, b: Any) -> Any:
    """An upper bound of ``a - b``."""
    return add_up(a, -b)


@_operation
def sub_down(a: Any, b: Any) -> Any:
    """A lower bound of ``a - b``."""
    return add_down(a, -b)


@_operation
def mul_up(*factors: Any) -> Any:
    """An upper bound of the product of a few factors; a factor 0 or 1 costs nothing.

    Of three and more factors none may be negative: a partial product rounded up would then shrink the whole.

    Raises:
        ValueError: Where that is broken or the product is not a number.
    """
    _same_sign(factors)
    return fold(factors, multiply_one, multiply_many, 1.0)


@_operation
def mul_down(*factors: Any) -> Any:
    """A lower bound of the product of a few factors; see :func:`mul_up`."""
    _same_sign(factors)
    return fold(factors, multiply_one, multiply_many, -1.0)


def _same_sign(factors: tuple[Any, ...]) -> None:
    if len(factors) > 2 and any(f < 0.0 if is_float(f) else np.any(np.less(f, 0.0)) for f in factors):
        raise ValueError("expected at least 0 for each of three or more factors; got a negative one")


@_operation
def div_up(a: Any, b: Any) -> Any:
    """An upper bound of ``a / b`` for ``b > 0``."""
    return fold((a, b), divide_one, divide_many, 1.0)


@_operation
def div_down(a: Any, b: Any) -> Any:
    """A lower bound of ``a / b`` for ``b > 0``."""
    return fold((a, b), divide_one, divide_many, -1.0)


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
    return cast(float, plain(total, "the sum"))


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
    return root(x, 1.0)


@_operation
def sqrt_down(x: Any) -> Any:
    """A lower bound of the square root of ``x >= 0``."""
    return root(x, -1.0)


@_operation
def exp_up(x: Any) -> Any:
    """An upper bound of ``exp(x)``."""
    return elementary(np.exp, x, 1.0, 0.0)


@_operation
def exp_down(x: Any) -> Any:
    """A lower bound of ``exp(x)``, never below 0."""
    return elementary(np.exp, x, -1.0, 0.0, floor=0.0)


@_operation
def log_up(x: Any) -> Any:
    """An upper bound of ``ln x`` for ``x >= 0``; minus infinity at 0."""
    return elementary(np.log, x, 1.0, 1.0)


@_operation
def log_down(x: Any) -> Any:
    """A lower bound of ``ln x`` for ``x >= 0``; minus infinity at 0."""
    return elementary(np.log, x, -1.0, 1.0)


@_operation
def log1p_up(x: Any) -> Any:
    """An upper bound of ``ln(1 + x)`` for ``x >= -1``."""
    return elementary(np.log1p, x, 1.0, 0.0)


@_operation
def log1p_down(x: Any) -> Any:
    """A lower bound of ``ln(1 + x)`` for ``x >= -1``."""
    return elementary(np.log1p, x, -1.0, 0.0)


@_operation
def expm1_up(x: Any) -> Any:
    """An upper bound of ``exp(x) - 1``."""
    return elementary(np.expm1, x, 1.0, 0.0)


@_operation
def expm1_down(x: Any) -> Any:
    """A lower bound of ``exp(x) - 1``, never below -1."""
    return elementary(np.expm1, x, -1.0, 0.0, floor=-1.0)


@_operation
def logaddexp_up(a: Any, b: Any) -> Any:
    """An upper bound of ``ln(exp(a) + exp(b))``."""
    high, low = np.maximum(a, b), np.minimum(a, b)
    with np.errstate(all="ignore"):
        gap = np.where(np.isinf(high), -math.inf, low - high)
    # The subtraction rounds, and may round down; equal arguments and an absent one are exact.
    gap = np.where((low == high) | np.isneginf(low) | np.isinf(high), gap, np.nextafter(gap, math.inf))
    return add_up(plain(high, "the logarithm of a sum"), log1p_up(exp_up(plain(gap, "the difference"))))
