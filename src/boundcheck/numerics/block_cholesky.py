r"""How far a symmetric matrix of blocks, many of them zero, is from a product of Cholesky factors: proved in any precision.

For the largest eigenvalue of a large Gram matrix :math:`\|\beta I-G-LL^\top\|` has to be known for some L, as in
:mod:`boundcheck.numerics.spectral`. Where blocks are zero L is sparse too, and where a few percent do not matter single
precision is enough, at half the time; but then a bound by the Frobenius norm of L is too coarse. Let M be the matrix,
n its order, b that of a block, p the number of block columns, w the unit roundoff. Column by column, with what is left
of M after k columns called S:

- :math:`L_{kk}` is a computed Cholesky factor of :math:`S_{kk}`, :math:`L_{ik}` a computed solution of
  :math:`L_{ik}L_{kk}^\top=S_{ik}`. Of neither anything is assumed: the residuals
  :math:`R_{ik}=S_{ik}-L_{ik}L_{kk}^\top` are computed, up to :math:`\gamma_b|L_{ik}||L_{kk}|^\top+w|R_{ik}|`.
- :math:`S_{ij}` becomes :math:`S_{ij}-L_{ik}L_{jk}^\top`, up to :math:`\gamma_b|L_{ik}||L_{jk}|^\top` for the product.
  A block meets fewer than p of these differences, which move it by at most :math:`\gamma_{p-1}` times the sum of the
  absolute values of the products and of what is left, :math:`|S_{ik}|\le|L_{ik}||L_{kk}|^\top+|R_{ik}|`.

As :math:`\gamma_b+\gamma_{p-1}+\gamma_b\gamma_{p-1}\le\gamma_{b+p}`, together

.. math:: |M-LL^\top|\le\gamma_{b+p}|L||L|^\top+(1+\gamma_{p+1})|R|

entry by entry, plus what underflows: a smallest normal number for each product, sum and difference. The norm of the
symmetric non-negative matrix :math:`|L||L|^\top` is at most :math:`\max_i(|L||L|^\top x)_i/x_i` for every positive x
(Collatz and Wielandt). That is much less than :math:`\|L\|_F^2` where L is near a multiple of the identity, which a
Gram matrix well below its shift makes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from boundcheck.numerics.error_terms import above, gamma

_FLOOR = np.float32(2.0**-40)  # added to absolute values, so that no product of them underflows

Blocks = dict[tuple[int, int], npt.NDArray[Any]]
"""The blocks (b, b) of the lower triangle of a symmetric matrix by row and column; those left out are zero."""


def elimination_order(coupled: Sequence[set[int]]) -> tuple[list[int], list[int]]:
    """An order that keeps a Cholesky factor sparse: always next what is coupled to the fewest that are left.

    Args:
        coupled: For each place the places that share a block with it.

    Returns:
        The places in their order, and to how many of those left each was coupled in its turn.
    """
    near = [others - {place} for place, others in enumerate(coupled)]
    left, order, degrees = set(range(len(near))), [], []
    while left:
        chosen = min(left, key=lambda place: (len(near[place]), place))
        left.remove(chosen)
        order.append(chosen)
        degrees.append(len(near[chosen]))
        for other in near[chosen]:
            near[other] = (near[other] | near[chosen]) - {other, chosen}
    return order, degrees


def factor_distance(blocks: Blocks, columns: int) -> float | None:
    r"""Replaces a matrix by a lower triangular L and bounds :math:`\|M-LL^\top\|`; see the head of the module.

    Args:
        blocks: M, of float32 or float64 arrays in one precision, with every diagonal block. It is overwritten.
        columns: The number p of blocks along the diagonal.

    Returns:
        The bound; ``None`` where the matrix has no Cholesky factor.
    """
    squares = 0.0
    for column in range(columns):
        rows = [row for row in range(column + 1, columns) if (row, column) in blocks]
        found = _eliminate(blocks, column, rows)
        if found is None:
            return None
        squares += found
    precision, size = np.finfo(blocks[0, 0].dtype), len(blocks[0, 0])
    unit, order = float(precision.eps) / 2, columns * size
    residual = above(above(math.sqrt(above(squares, order * size)), 1) * (1 + gamma(columns + 1, unit)), 3)
    rounding = gamma(size + columns, unit) * _absolute_norm(blocks, columns)
    lost = 4.0 * order * (columns + 1) * (size + 1) * float(precision.tiny)
    total = above(residual + rounding + lost, 4)
    return total if math.isfinite(total) else None


def _eliminate(blocks: Blocks, column: int, rows: Sequence[int]) -> float | None:
    """One column of the factor and what it takes from the rest; the squared Frobenius norm of the residuals (both sides)."""
    from scipy.linalg import solve_triangular

    try:
        factor = np.linalg.cholesky(blocks[column, column])
    except np.linalg.LinAlgError:
        return None
    squares = _square_sum(blocks[column, column] - factor @ factor.T)
    blocks[column, column] = factor
    for row in rows:
        left = blocks[row, column]
        solved = np.ascontiguousarray(solve_triangular(factor, left.T, lower=True, check_finite=False).T)
        left -= solved @ factor.T
        squares += 2.0 * _square_sum(left)
        blocks[row, column] = solved
    for place, row in enumerate(rows):
        for other in rows[: place + 1]:
            taken = blocks[row, column] @ blocks[other, column].T
            if (row, other) in blocks:
                blocks[row, other] -= taken
            else:
                blocks[row, other] = -taken
    return squares


def _square_sum(block: npt.NDArray[Any]) -> float:
    """The sum of squares in float64, as computed."""
    flat = block.astype(np.float64, copy=False).ravel()
    return float(flat @ flat)


def _absolute_norm(blocks: Blocks, columns: int) -> float:
    r"""An upper bound of the norm of :math:`|L||L|^\top`, L given by its blocks."""
    size, precision = len(blocks[0, 0]), np.finfo(blocks[0, 0].dtype)
    ratio, vector = math.inf, np.ones((columns, size), dtype=precision.dtype)
    for _ in range(2):
        across, image = np.zeros_like(vector), np.zeros_like(vector)
        for (row, column), block in blocks.items():
            across[column] += vector[row] @ (np.abs(block) + _FLOOR)
        for (row, column), block in blocks.items():
            image[row] += (np.abs(block) + _FLOOR) @ across[column]
        # Sums of numbers none of which is negative: relative errors only.
        raised = float((image / vector).max()) * (1.0 + 2.0 * gamma(2 * (size + columns) + 4, float(precision.eps) / 2))
        ratio = min(ratio, above(raised, 2))
        vector = np.maximum(image / image.max(), precision.dtype.type(2.0**-20))
    return ratio
