r"""Norms of arrays that are sums and roots: Frobenius, rows, columns, products; each on the stated side of the truth.

Every vector is scaled by a power of two before its entries are squared, so that nothing overflows or underflows that
the result does not. Sums over a row meet at most n+1 roundings; sums over rows are exact (``math.fsum``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
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
from boundcheck.numerics.spectral import Gram, gram_of, row_blocks, spectral_norm

_ROWS = 8192  # rows that get their column of ones at a time


@dataclass(frozen=True)
class DataNorms:
    r"""Norms of a data matrix X, one example a row; all from above.

    Attributes:
        frobenius: :math:`\|X\|_F`.
        spectral: :math:`\|X\|_\sigma`.
        max_column_square_sum: the largest :math:`\sum_r x_{rj}^2` over columns j.
        rows: The number of examples.
    """

    frobenius: float
    spectral: float
    max_column_square_sum: float
    rows: int


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


def data_matrix_norms(chunks: npt.NDArray[Any] | Iterable[npt.NDArray[Any]]) -> DataNorms:
    """Norms of a data matrix of many rows, read once, in little memory.

    Args:
        chunks: One array (n, ...) or several; each example is flattened to a row. float32 numbers are taken exactly;
            a Gram matrix of one side of the array (of the columns, where chunks come) is kept in float64.

    Returns:
        Upper bounds; see :class:`DataNorms`.

    Raises:
        InputError: no rows, rows of different lengths, infinite entries, NaN or no real numbers.
    """
    if isinstance(chunks, np.ndarray) and chunks.ndim > 1 and len(chunks) < math.prod(chunks.shape[1:]):
        matrix = _finite_matrix(chunks)
        return DataNorms(frobenius_norm(matrix), spectral_norm(matrix), max_column_sum_of_squares(matrix), len(matrix))
    counts: list[tuple[int, int]] = []
    gram = gram_of(_counted([chunks] if isinstance(chunks, np.ndarray) else chunks, counts))
    rows = sum(count for count, _ in counts)
    if rows == 0:
        raise InputError("a data matrix with at least one row", "none", "check the data file")
    return DataNorms(0.0, 0.0, 0.0, rows) if gram is None else _norms_of(gram)


def plain_and_augmented_norms(matrix: npt.NDArray[Any]) -> tuple[DataNorms, DataNorms]:
    """Norms of a data matrix, and of it with a column of ones, from one Gram matrix where that is cheaper.

    Args:
        matrix: Shape (n, ...); each example is flattened to a row.

    Returns:
        Upper bounds; see :class:`DataNorms`.

    Raises:
        InputError: no rows, infinite entries, NaN or no real numbers.
    """
    rows = matrix.reshape(len(matrix), -1)
    blocks = (rows[i : i + _ROWS] for i in range(0, len(rows), _ROWS))
    augmented = (np.concatenate([block, np.ones_like(block[:, :1])], axis=1) for block in blocks)
    if len(rows) <= rows.shape[1]:
        return data_matrix_norms(rows), data_matrix_norms(np.concatenate(list(augmented), axis=0))
    gram = gram_of(_finite_matrix(block) for block in augmented)
    if gram is None:  # there is a column of ones
        raise ArithmeticError("the Gram matrix of a column of ones came out as zero")
    return _norms_of(gram.without_last_column()), _norms_of(gram)


def _norms_of(gram: Gram) -> DataNorms:
    # Scaling may have cost each entry TINY: |x + t|^2 <= x^2 + 2 t |x| + t^2 with |x| <= 1.
    lost = (4.0 * gram.shape[0]) * TINY
    largest = ldexp_up(above(float(gram.square_sums().max()) + lost, 1), 2 * gram.exponent)
    return DataNorms(gram.frobenius_norm(), gram.spectral_norm(), largest, gram.shape[0])


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


def _finite_matrix(chunk: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array = real_array(chunk, "a data matrix")
    if not np.isfinite(array).all():
        raise InputError("a data matrix of finite numbers", "an infinite entry", "check the preprocessing")
    return array.reshape(len(array), -1)


def _counted(chunks: Iterable[npt.NDArray[Any]], counts: list[tuple[int, int]]) -> Iterator[npt.NDArray[Any]]:
    """The chunks as matrices, noting the shape of each."""
    for chunk in chunks:
        matrix = _finite_matrix(chunk)
        counts.append((matrix.shape[0], matrix.shape[1]))
        if matrix.shape[1] != counts[0][1]:
            raise InputError(f"rows of {counts[0][1]} numbers", f"{matrix.shape[1]}", "give chunks of one data set")
        yield matrix
