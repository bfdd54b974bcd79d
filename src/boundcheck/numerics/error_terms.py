r"""How far floating-point arithmetic can lead astray, as numbers to add to a result.

Everything here speaks of float64 in round-to-nearest, or of float32 where its unit roundoff is given. A sum of :math:`k`
products, added in any order, with or without fused multiply-add, differs from the exact one by at most
:math:`\gamma_k\sum|a_ib_i|` with :math:`\gamma_k=ku/(1-ku)`, :math:`u=2^{-53}` (Higham, *Accuracy and Stability of
Numerical Algorithms*, ch. 3), plus what underflow swallows. The one premise on the linear algebra library is that it
multiplies matrices by inner products (not by Strassen's recursion), in the precision of the arrays or a wider one.
"""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import numpy.typing as npt

from boundcheck.errors import InputError

Array = npt.NDArray[np.float64]

UNIT = 2.0**-53
"""Unit roundoff of float64."""

TINY = 2.0**-1022
"""What one underflow can lose at most, also where the machine flushes subnormal numbers to zero."""


def gamma(count: int, unit: float = UNIT) -> float:
    r""":math:`\gamma_k=ku/(1-ku)`, rounded up.

    Args:
        count: The number of roundings k.
        unit: The unit roundoff u.

    Raises:
        InputError: ``count`` is so large that no bound of this kind holds.
    """
    if count * unit > 0.01:
        raise InputError(f"an array with fewer than {0.01 / unit:.0e} terms in a sum", f"{count} terms", "split the array")
    # A division, a difference and a product round: 2^-50 is more than they can take.
    return count * unit / (1.0 - count * unit) * (1.0 + 2.0**-50)


@overload
def above(value: float, roundings: int) -> float: ...
@overload
def above(value: Array, roundings: int) -> Array: ...
def above(value: float | Array, roundings: int) -> float | Array:
    """An upper bound of a non-negative number from its computed value.

    Args:
        value: Computed from non-negative numbers with relative errors only (sums, products, quotients, roots; no
            underflow); 0 means an exact 0 and stays.
        roundings: How many roundings a factor of the exact value can have met.
    """
    # Three more: 1 + gamma, the product, and one to spare for absolute errors far below an ulp of the value.
    raised = np.nextafter(value * (1.0 + gamma(roundings + 3)), np.inf)
    result = np.where(np.equal(value, 0.0), 0.0, raised)
    return float(result) if result.ndim == 0 else result


@overload
def below(value: float, roundings: int) -> float: ...
@overload
def below(value: Array, roundings: int) -> Array: ...
def below(value: float | Array, roundings: int) -> float | Array:
    """A lower bound of a non-negative number from its computed value; see :func:`above`."""
    result = np.asarray(np.nextafter(value * (1.0 - gamma(roundings + 3)), 0.0))
    return float(result) if result.ndim == 0 else result


def ldexp_up(value: float, exponent: int) -> float:
    """``value * 2**exponent`` from above: exact, or the next number where it leaves the normal range."""
    with np.errstate(over="ignore", under="ignore"):
        scaled = float(np.ldexp(value, exponent))
    return float(np.nextafter(scaled, np.inf)) if value > 0 and scaled < 2 * TINY else scaled


def ldexp_down(value: float, exponent: int) -> float:
    """``value * 2**exponent`` from below, for ``value >= 0``."""
    with np.errstate(over="ignore", under="ignore"):
        scaled = float(np.ldexp(value, exponent))
    if np.isinf(scaled) and np.isfinite(value):
        return float(np.finfo(np.float64).max)
    return float(np.nextafter(scaled, 0.0)) if scaled < 2 * TINY else scaled


def real_array(values: npt.ArrayLike, what: str, dimensions: int | None = None) -> npt.NDArray[Any]:
    """An array of real numbers that float64 holds exactly, unconverted.

    Args:
        values: Anything numpy makes an array of.
        what: Its name in the error message.
        dimensions: The number of axes asked for.

    Raises:
        InputError: not real, not exact in float64, NaN, or another number of axes.
    """
    array = np.asarray(values)
    wide = array.dtype.kind == "f" and array.dtype.itemsize > 8
    if array.dtype.kind not in "biuf" or wide:
        raise InputError(f"{what} of real numbers of at most 64 bits", f"dtype {array.dtype}", "convert it to float64")
    long = array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size > 0
    if long and max(int(array.max()), -int(array.min())) > 2**53:
        raise InputError(f"{what} exact in float64", "an integer beyond 2**53", "convert it to float64 yourself")
    if dimensions is not None and array.ndim != dimensions:
        raise InputError(f"{what} with {dimensions} axes", f"shape {array.shape}", "reshape it")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise InputError(f"{what} without NaN", "NaN", "look at how it was made: training may have diverged")
    return array
