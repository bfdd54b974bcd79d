r"""The spectral norm of a matrix, from above and from below, rounding included.

A singular value routine returns a number near the norm, in half of all cases below it. Here is a bound that is a
theorem. Let :math:`S=2^{-e}A` have its largest entry in [1/2, 1), :math:`\hat G` be the computed :math:`S^\top S`,
:math:`\beta` slightly more than an estimate of its largest eigenvalue, :math:`M` the computed
:math:`\beta I-\hat G`, and :math:`L` a computed Cholesky factor of :math:`M`. As :math:`LL^\top` is positive
semidefinite *whatever L is*,

.. math:: \lambda_{\max}(S^\top S)\le\beta+\|\beta I-S^\top S-LL^\top\|
          \le\beta+\|S^\top S-\hat G\|+\|\beta I-\hat G-M\|+\|M-LL^\top\|.

The first difference is at most :math:`\gamma\|S\|_F^2` plus underflow, since
:math:`\||S|^\top|S|\|\le\|S\|_F^2`; the second :math:`u\max_j|m_{jj}|`; the third is computed, with
:math:`\gamma_n\|L\|_F^2` for the rounding of the product and a factor :math:`1+u` for the difference. Nothing is assumed
of the Cholesky routine (LAPACK libraries block it and may invert blocks), of symmetry, or of the estimate: where they
are poor the bound is loose, never wrong. The idea is Rump's verification of positive definiteness (BIT 46, 2006), with
the residual computed in place of an a-priori bound on it.

The Gram matrix is summed over blocks of rows, so that an inner product has few roundings and no float64 copy of a
large float32 array is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from boundcheck.numerics.error_terms import TINY, UNIT, Array, above, below, gamma, ldexp_down, ldexp_up, real_array

_BLOCK = 1024
_SHIFT = 1e-11
_LANCZOS_FROM = 384
# More than the root of what underflow takes from a square, and vanishing beside numbers of ordinary size.
_LOST = float.fromhex("0x1p-500")


@dataclass(frozen=True)
class Gram:
    r"""The computed Gram matrix of :math:`2^{-e}A`, with what is known of its error.

    Attributes:
        matrix: The computed :math:`\hat G`, (d, d).
        exponent: e.
        depth: :math:`|G-\hat G|\le\gamma_{depth}|S|^\top|S|` plus ``loss`` in each entry.
        loss: What underflow can have cost an entry.
        shape: (rows, d) of A.
    """

    matrix: Array
    exponent: int
    depth: int
    loss: float
    shape: tuple[int, int]

    def without_last_column(self) -> Gram:
        """The Gram matrix of A without its last column: the same sums, so the same errors."""
        rows, columns = self.shape
        return Gram(self.matrix[:-1, :-1].copy(), self.exponent, self.depth, self.loss, (rows, columns - 1))

    def square_sums(self) -> Array:
        """Upper bounds of the sums of squares of the columns of the scaled matrix, (d,)."""
        return above(np.diagonal(self.matrix) + self.loss, self.depth + 2)

    def square_sum(self) -> float:
        """An upper bound of the squared Frobenius norm of the scaled matrix."""
        sums = self.square_sums()
        return above(float(sums.sum()), len(sums))

    def spectral_norm(self) -> float:
        """An upper bound of the spectral norm of A (not scaled)."""
        rows, columns = self.shape
        total = self.square_sum()
        top = largest_eigenvalue(self.matrix)
        square = above(top + gamma(self.depth) * total + columns * self.loss, 5)
        # Scaling can have pushed entries below the normal range: each lost at most TINY.
        lost = above(math.sqrt(float(rows) * columns), 2) * TINY
        return ldexp_up(above(above(math.sqrt(min(square, total)), 1) + lost, 1), self.exponent)

    def frobenius_norm(self) -> float:
        """An upper bound of the Frobenius norm of A (not scaled)."""
        lost = above(math.sqrt(float(self.shape[0]) * self.shape[1]), 2) * TINY
        return ldexp_up(above(above(math.sqrt(self.square_sum()), 1) + lost, 1), self.exponent)


def gram_of(blocks: Iterable[npt.NDArray[Any]]) -> Gram | None:
    r"""The Gram matrix of the rows in all blocks, summed in float64 on a common power of two.

    Args:
        blocks: Arrays (rows, d) of finite real numbers.

    Returns:
        The Gram matrix; ``None`` where all entries are zero or there are none.
    """
    total: Array | None = None
    exponent, count, rows, width = 0, 0, 0, 0
    for block in (part for whole in blocks for part in row_blocks(whole)):
        rows, count, width = rows + len(block), count + 1, block.shape[1]
        top = float(max(block.max(initial=0.0), -float(block.min(initial=0.0))))
        if top == 0.0:
            continue
        needed = int(np.frexp(top)[1])
        if total is None:
            exponent, total = needed, np.zeros((width, width))
        elif needed > exponent:
            total, exponent = np.ldexp(total, 2 * (exponent - needed)), needed
        scaled = np.ldexp(block.astype(np.float64, copy=False), -exponent)
        total += scaled.T @ scaled
    if total is None:
        return None
    return Gram(total, exponent, min(rows, _BLOCK) + count + 1, (rows + count) * TINY, (rows, width))


def row_blocks(matrix: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """A matrix in blocks of rows, so that an inner product over rows has at most ``_BLOCK`` terms."""
    for start in range(0, len(matrix), _BLOCK):
        yield matrix[start : start + _BLOCK]


def eigenvalue_excess(grams: npt.NDArray[Any], shift: float) -> float | None:
    r"""By how much eigenvalues can exceed ``shift``, rounding included.

    For each matrix G of the batch and each Hermitian H, :math:`\lambda_{\max}(H)\le` shift + excess
    :math:`+\|H-G\|`; see the head of the module for the proof.

    Args:
        grams: (..., n, n), real or complex, nearly Hermitian.
        shift: The number :math:`\beta\ge 0`.

    Returns:
        The excess, the largest of the batch; ``None`` where a shifted matrix has no Cholesky factor.
    """
    size = int(grams.shape[-1])
    shifted = -grams
    diagonal = np.einsum("...ii->...i", shifted)
    diagonal += shift
    try:
        factor = np.linalg.cholesky(shifted)
    except np.linalg.LinAlgError:
        return None
    largest = float(np.abs(diagonal).max())
    if np.iscomplexobj(grams):
        # Real and imaginary parts are sums of 2n products; 4 covers sqrt(2) and products made of three multiplications.
        product_error = 4 * gamma(2 * size + 4)
        shifted -= factor @ factor.conj().swapaxes(-1, -2)
    else:
        product_error = gamma(size)
        shifted -= factor @ factor.swapaxes(-1, -2)
    entries = 2 * size * size
    residual = above(math.sqrt(_largest_square_sum(shifted)), entries + 2)
    factor_squares = above(_largest_square_sum(factor), entries + 2)
    # The last term is what underflow takes from products (TINY each) and from squares (the root of TINY each).
    return above(residual * (1 + 2 * UNIT) + product_error * factor_squares + 2 * UNIT * largest, 6) + size * _LOST


def _largest_square_sum(batch: npt.NDArray[Any]) -> float:
    """The largest squared Frobenius norm of a batch of matrices, as computed."""
    parts = (batch.real, batch.imag) if np.iscomplexobj(batch) else (batch,)
    return float(sum(np.einsum("...ij,...ij->...", part, part) for part in parts).max())


def largest_eigenvalue(gram: Array) -> float:
    """An upper bound of the largest eigenvalue of any symmetric matrix near ``gram``, up to their distance.

    Args:
        gram: (n, n), nearly symmetric and positive semidefinite; its diagonal has a positive entry.

    Returns:
        The bound; infinity where no shift up to twice the estimate can be verified.
    """
    estimate = _lanczos_estimate(gram)
    if estimate is not None:
        shift = (1.0 + _SHIFT) * estimate
        excess = eigenvalue_excess(gram, shift)
        if excess is not None:
            return above(shift + excess, 1)
    estimate = float(np.linalg.eigvalsh(gram)[-1])
    widening = _SHIFT
    while widening < 1.0:
        shift = (1.0 + widening) * estimate
        excess = eigenvalue_excess(gram, shift)
        if excess is not None:
            return above(shift + excess, 1)
        widening *= 4.0
    return float("inf")


def _lanczos_estimate(gram: Array) -> float | None:
    """An estimate of the largest eigenvalue in a few matrix-vector products, where that is faster than all of them."""
    size = len(gram)
    if size < _LANCZOS_FROM:
        return None
    from scipy.sparse.linalg import ArpackError, eigsh

    start = np.random.default_rng(size).standard_normal(size)
    try:
        values = eigsh(gram, k=1, ncv=40, maxiter=40, tol=1e-11, v0=start, return_eigenvectors=False)
    except ArpackError:
        return None
    return float(values[0])


def spectral_norm(matrix: npt.ArrayLike) -> float:
    r"""An upper bound of the spectral norm :math:`\|A\|`, never below the truth, rounding included.

    Args:
        matrix: (rows, columns), real, float64 or less; float32 numbers are taken exactly.

    Returns:
        The bound, some 1e-11 above the norm for matrices of ordinary size; infinity where an entry is infinite or the
        norm exceeds the largest float; 0 exactly for the zero matrix.

    Raises:
        InputError: not a real matrix, or NaN in it.
    """
    array = real_array(matrix, "a matrix", 2)
    if not np.isfinite(array).all():
        return float("inf")
    gram = gram_of([array if array.shape[0] >= array.shape[1] else array.T])
    return 0.0 if gram is None else gram.spectral_norm()


def spectral_norm_lower(matrix: npt.ArrayLike, *, steps: int = 30, seed: int = 0) -> float:
    r"""A lower bound of the spectral norm: :math:`\|Av\|/\|v\|` after some steps of power iteration, rounded down.

    Args:
        matrix: (rows, columns), real.
        steps: Power iteration steps; more of them raise the bound towards the norm.
        seed: For the random start vector.

    Returns:
        A number that is never above the norm.

    Raises:
        InputError: not a real matrix, or NaN in it.
    """
    array = real_array(matrix, "a matrix", 2)
    if not np.isfinite(array).all():
        return float("inf")
    top = float(max(array.max(initial=0.0), -float(array.min(initial=0.0))))
    if top == 0.0:
        return 0.0
    exponent = int(np.frexp(top)[1])
    scaled = np.ldexp(array.astype(np.float64, copy=False), -exponent)
    vector: Array = np.random.default_rng(seed).standard_normal((scaled.shape[1],))
    for _ in range(steps):
        following = scaled.T @ (scaled @ vector)
        length = np.linalg.norm(following)
        if length == 0.0:
            break
        vector = np.asarray(following / length, dtype=np.float64)
    image, magnitude = scaled @ vector, np.abs(scaled) @ np.abs(vector)
    quotient = rayleigh_lower(image, magnitude, vector, scaled.shape[1])
    largest_entry = below(float(np.ldexp(top, -exponent)), 0)
    return ldexp_down(max(quotient, largest_entry), exponent)


def rayleigh_lower(image: Array, magnitude: Array, vector: Array, terms: int) -> float:
    r"""A lower bound of :math:`\|Av\|/\|v\|` from the computed :math:`Av`, where nothing is far from 1 in size.

    Args:
        image: The computed Av.
        magnitude: The computed :math:`|A||v|`.
        vector: v, not zero.
        terms: How many products an entry of Av sums at most.

    Returns:
        A number at most the quotient; 0 where rounding leaves nothing to be said.
    """
    sizes = [math.sqrt(float(np.einsum("i,i->", part.ravel(), part.ravel()))) for part in (image, magnitude, vector)]
    error = gamma(terms) * above(sizes[1], magnitude.size + terms + 4) + image.size * terms * TINY
    kept = below(sizes[0], image.size + 2) - above(error, 4) - image.size * _LOST
    if kept <= 0.0:  # a norm is never negative, so 0 is a lower bound too
        return 0.0
    return below(kept / (above(sizes[2], vector.size + 2) + vector.size * _LOST), 4)
