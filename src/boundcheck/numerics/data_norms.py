"""Norms of a data matrix, one example a row, that may be far larger than memory; all from above."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from boundcheck.errors import InputError
from boundcheck.numerics.error_terms import TINY, above, ldexp_up, real_array
from boundcheck.numerics.norms import frobenius_norm, max_column_sum_of_squares
from boundcheck.numerics.spectral import Gram, gram_of, spectral_norm

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
