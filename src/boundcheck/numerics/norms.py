r"""Norms of arrays that are sums and roots: Frobenius, rows, columns, products; each on the stated side of the truth.

Every vector is scaled by a power of two before its entries are squared, so that nothing overflows or underflows that
the result does not. Sums over a row meet at most n+1 roundings; sums over rows are exact (``math.fsum``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from boundcheck.errors import InputError
from boundcheck.numerics.error_terms import (
    TINY,
    UNIT,
    Array,
    above,
    below,
    ldexp_down,
    ldexp_up,
    real_array,
)
from boundcheck.numerics.spectral import row_blocks, spectral_norm


@dataclass(frozen=True)
class DifferenceNorms:
    r"""Norms of the exact difference A - M of two matrices, from above.

    Attributes:
        frobenius: :math:`\|A-M\|_F`.
        spectral: :math:`\|A-M\|_\sigma`.
        row_sum: :math:`\sum_r\|A_r-M_r\|_2`.
    """

    frobenius: float
    spectral: float
    row_sum: float


def row_norms(matrix: npt.ArrayLike) -> Array:
    """Upper bounds of the Euclidean norms of the rows.

    Args:
        matrix: (rows, columns), real.

    Returns:
        (rows,); 0 exactly for a zero row, infinity where an entry is infinite.

    Raises:
        InputError: not a real matrix, or NaN in it.
    """
    return _row_norms(real_array(matrix, "a matrix", 2))[1]


def row_norms_lower(matrix: npt.ArrayLike) -> Array:
    """Lower bounds of the Euclidean norms of the rows; see :func:`row_norms`."""
    return _row_norms(real_array(matrix, "a matrix", 2))[0]


def column_norms(matrix: npt.ArrayLike) -> Array:
    """Upper bounds of the Euclidean norms of the columns, (columns,); see :func:`row_norms`."""
    return _row_norms(real_array(matrix, "a matrix", 2).T)[1]


def row_norm_sum(matrix: npt.ArrayLike) -> float:
    r"""An upper bound of :math:`\sum_r\|A_{r,:}\|_2`, the (2,1) norm of the transpose.

    Args:
        matrix: (rows, columns), real.

    Raises:
        InputError: not a real matrix, or NaN in it.
    """
    return sum_above(row_norms(matrix).tolist())


def max_column_sum_of_squares(matrix: npt.ArrayLike) -> float:
    r"""An upper bound of :math:`\max_j\sum_r a_{rj}^2`; infinity where that exceeds the largest float."""
    largest = float(column_norms(matrix).max(initial=0.0))
    if math.isinf(largest):
        return largest
    fraction, exponent = math.frexp(largest)
    return ldexp_up(above(fraction * fraction, 1), 2 * exponent)


def frobenius_norm(values: npt.ArrayLike) -> float:
    """An upper bound of the root of the sum of squares of an array of any shape.

    Args:
        values: Real numbers.

    Returns:
        The bound, some 1e-13 above the truth; 0 exactly for zeros, infinity where an entry is.

    Raises:
        InputError: not real, or NaN.
    """
    return _root_of_squares(_row_norms(_as_matrix(real_array(values, "an array")))[1], upward=True)


def frobenius_norm_lower(values: npt.ArrayLike) -> float:
    """A lower bound of the root of the sum of squares; see :func:`frobenius_norm`."""
    return _root_of_squares(_row_norms(_as_matrix(real_array(values, "an array")))[0], upward=False)


def difference_norms(matrix: npt.ArrayLike, reference: npt.ArrayLike) -> DifferenceNorms:
    r"""Norms of :math:`A-M`, with the rounding of the subtraction allowed for.

    A computed difference d has :math:`|d-(a-m)|\le u|d|` (a difference never underflows), so the exact matrix lies
    within u times the computed one, entry by entry.

    Args:
        matrix: A, (rows, columns), real.
        reference: M, of the same shape.

    Returns:
        Upper bounds.

    Raises:
        InputError: shapes differ, not real matrices, or NaN.
    """
    a, m = real_array(matrix, "a matrix", 2), real_array(reference, "a reference matrix", 2)
    if a.shape != m.shape:
        raise InputError(f"a reference of shape {a.shape}", f"{m.shape}", "give the initial weights of this network")
    with np.errstate(over="ignore"):
        if (np.isinf(a) | np.isinf(m)).any():
            return DifferenceNorms(math.inf, math.inf, math.inf)
        difference = a.astype(np.float64) - m.astype(np.float64)
    frobenius = frobenius_norm(difference)
    spread = UNIT * (1 + 2 * UNIT)
    return DifferenceNorms(
        above(frobenius * (1 + spread), 2),
        above(spectral_norm(difference) + above(spread * frobenius, 1), 1),
        above(row_norm_sum(difference) * (1 + spread), 2),
    )


def log_product_up(values: Iterable[float]) -> float:
    r"""An upper bound of :math:`\ln\prod_i v_i` (nats), as a sum of logarithms: it can't overflow.

    Args:
        values: Non-negative numbers.

    Returns:
        The bound; 0 for no values, minus infinity where a value is 0, infinity where one is infinite and none is 0.

    Raises:
        InputError: a negative number or NaN.
    """
    numbers = [float(value) for value in values]
    if any(not value >= 0.0 for value in numbers):
        raise InputError("factors that are at least 0", f"{numbers}", "pass norms")
    if 0.0 in numbers:
        return -math.inf
    if math.inf in numbers:
        return math.inf
    logs = [math.log(value) for value in numbers]
    # The C library's logarithm errs by less than one ulp; four are allowed.
    total = math.fsum([log + 8 * UNIT * abs(log) for log in logs])
    return math.nextafter(total + 2 * UNIT * math.fsum(map(abs, logs)), math.inf) if any(logs) else 0.0


def sum_above(values: Iterable[float]) -> float:
    """An upper bound of a sum of non-negative numbers; 0 for none."""
    numbers = list(values)
    if math.inf in numbers:
        return math.inf
    try:
        return above(math.fsum(numbers), 1)
    except OverflowError:
        return math.inf


def _row_norms(matrix: npt.NDArray[Any]) -> tuple[Array, Array]:
    """Lower and upper bounds of the norms of the rows."""
    parts = [_block_row_norms(block.astype(np.float64)) for block in row_blocks(matrix)]
    if not parts:
        return np.zeros(0), np.zeros(0)
    return np.concatenate([low for low, _ in parts]), np.concatenate([high for _, high in parts])


def _block_row_norms(block: Array) -> tuple[Array, Array]:
    """Lower and upper bounds of the norms of some rows, each scaled by its own power of two."""
    columns = block.shape[1]
    largest = np.abs(block).max(axis=1, initial=0.0)
    exponents = np.where(np.isfinite(largest), np.frexp(largest)[1], 0)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        scaled = np.ldexp(block, -exponents[:, None])
        squares = np.einsum("ij,ij->i", scaled, scaled)
        # A nonzero row has squares of at least 1/4, beside which what underflow takes (columns * TINY) vanishes in the
        # spare rounding of above() and below().
        lower = np.ldexp(below(np.sqrt(below(squares, columns + 2)), 2), exponents)
        upper = np.ldexp(above(np.sqrt(above(squares, columns + 2)), 2), exponents)
    lower = np.where(lower < 2 * TINY, np.nextafter(lower, 0.0), np.minimum(lower, np.finfo(np.float64).max))
    upper = np.where((upper < 2 * TINY) & (largest > 0), np.nextafter(upper, np.inf), upper)
    return np.where(np.isinf(largest), np.inf, lower), upper


def _root_of_squares(norms: Array, *, upward: bool) -> float:
    """The root of the sum of squares of norms that are already on the right side."""
    largest = float(norms.max(initial=0.0))
    if largest == 0.0 or math.isinf(largest):
        return largest
    exponent = math.frexp(largest)[1]
    scaled = np.ldexp(norms, -exponent)
    squares = math.fsum((scaled * scaled).tolist())  # at least 1/4; underflow takes at most TINY a row
    if upward:
        return ldexp_up(above(math.sqrt(above(squares + len(norms) * TINY, 4)), 2), exponent)
    return ldexp_down(below(math.sqrt(below(squares - len(norms) * TINY, 4)), 2), exponent)


def _as_matrix(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.reshape(len(array), -1) if array.ndim > 1 and array.size else array.reshape(1, -1)
