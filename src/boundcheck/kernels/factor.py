"""The Cholesky factor of a Gram matrix in packed columns of blocks: half the memory of a square array.

Column of blocks j holds rows j and below. It is final as soon as it is computed (left-looking: the earlier columns are applied
to it, then its own block on the diagonal is factored), so that it can be written to disk at once and an interruption costs one
column. Its tiles are independent until then and go to threads. No array has more than n times the width entries, which 32-bit
index arithmetic in LAPACK can hold at any n that fits in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from boundcheck.kernels.parallel import Workers
from boundcheck.progress import Progress, silent

Panel = NDArray[Any]
Blocks = Callable[[slice, slice], NDArray[np.float64]]
"""From rows and columns to that block of a symmetric matrix."""

_POTRF: dict[str, Callable[..., Any]] = {"float32": lapack.spotrf, "float64": lapack.dpotrf}
_TRTRI: dict[str, Callable[..., Any]] = {"float32": lapack.strtri, "float64": lapack.dtrtri}
_TRSM: dict[str, Callable[..., Any]] = {"float32": blas.strsm, "float64": blas.dtrsm}
TILE = 512  # rows of a tile: with as many columns it stays in the cache while the earlier columns are applied to it
_INVERTED = 128  # order of the triangles that are inverted: their conditioning enters the error, so they are kept small


class NotPositiveDefinite(ArithmeticError):  # noqa: N818 (a finding, caught by the solver)
    """A pivot is not positive: the matrix, as it was rounded, is not positive definite."""


class Store(Protocol):
    """Where finished columns are kept."""

    def load(self, index: int, shape: tuple[int, int], dtype: str) -> Panel | None:
        """A finished column, or ``None`` when it is not there."""

    def save(self, index: int, panel: Panel) -> None:
        """Keep a finished column."""


def width_for(n: int) -> int:
    """Columns in a column of blocks: large enough for fast products, small enough that one is a small part of the work."""
    return min(1024, max(64, -(-n // 32)))


def tiles(start: int, stop: int, n: int) -> list[slice]:
    """Rows of a column of blocks: those of the block on the diagonal, then tiles below it."""
    return [slice(start, stop), *(slice(first, min(first + TILE, n)) for first in range(stop, n, TILE))]


@dataclass(frozen=True, eq=False)
class Factor:
    """L with L L' near the matrix, L lower triangular.

    Attributes:
        n: Order of the matrix.
        width: Columns in a column of blocks; the last one may have fewer.
        dtype: ``float32`` or ``float64``.
        panels: Columns of blocks, from their block on the diagonal downwards, each in C order.
    """

    n: int
    width: int
    dtype: str
    panels: tuple[Panel, ...]

    def lower_solve(self, right: NDArray[Any]) -> NDArray[Any]:
        """The solution z of L z = right, shape (n, q), in the factor's precision."""
        z = np.array(right, dtype=self.dtype, order="C")
        trsm = _TRSM[self.dtype]
        for index, panel in enumerate(self.panels):
            start = index * self.width
            stop = start + panel.shape[1]
            # The transpose of a triangle in C order is one in Fortran order: nothing is copied.
            z[start:stop] = trsm(1.0, panel[: panel.shape[1]].T, z[start:stop], trans_a=1)
            z[stop:] -= panel[panel.shape[1] :] @ z[start:stop]
        return z

    def upper_solve(self, right: NDArray[Any]) -> NDArray[Any]:
        """The solution z of L' z = right, shape (n, q), in the factor's precision."""
        z = np.array(right, dtype=self.dtype, order="C")
        trsm = _TRSM[self.dtype]
        for index in reversed(range(len(self.panels))):
            panel, start = self.panels[index], index * self.width
            stop = start + panel.shape[1]
            z[start:stop] -= panel[panel.shape[1] :].T @ z[stop:]
            z[start:stop] = trsm(1.0, panel[: panel.shape[1]].T, z[start:stop])
        return z

    def solve(self, right: NDArray[np.float64]) -> NDArray[np.float64]:
        """About (L L')^-1 right, shape (n, q); columns are scaled so that float32 neither over- nor underflows."""
        scale = np.abs(right).max(axis=0, initial=0.0)
        scale[scale == 0.0] = 1.0
        solution: NDArray[np.float64] = self.upper_solve(self.lower_solve(right / scale)).astype(np.float64) * scale
        return solution

    def times(self, right: NDArray[Any]) -> NDArray[Any]:
        """L L' right, shape (n, q), in the factor's precision."""
        v = np.asarray(right, dtype=self.dtype)
        out = np.zeros_like(v)
        for index, panel in enumerate(self.panels):
            start = index * self.width
            out[start:] += panel @ (panel.T @ v[start:])
        return out


def factorize(
    n: int,
    blocks: Blocks,
    *,
    dtype: str,
    shift: float,
    crew: Workers,
    store: Store | None = None,
    progress: Progress = silent,
) -> Factor:
    """The Cholesky factor of a symmetric matrix plus a multiple of the identity.

    Args:
        n: Order of the matrix.
        blocks: The matrix, block by block, on and below the diagonal; called from several threads.
        dtype: ``float32`` or ``float64``, what the factor is kept and computed in.
        shift: Added to the diagonal.
        crew: Who does the work.
        store: Keeps finished columns and gives back those of an earlier, interrupted run.
        progress: Told the share of the work that is done.

    Raises:
        NotPositiveDefinite: A pivot is not positive.
    """
    width = width_for(n)
    panels: list[Panel] = []
    for index, start in enumerate(range(0, n, width)):
        stop = min(start + width, n)
        progress(f"factoring, column {start:,} of {n:,}", work_done(start / n))
        panel = None if store is None else store.load(index, (n - start, stop - start), dtype)
        if panel is None:
            panel = _column(n, blocks, panels, slice(start, stop), width, dtype, shift, crew)
            if store is not None:
                store.save(index, panel)
        panels.append(panel)
    return Factor(n, width, dtype, tuple(panels))


def work_done(share: float) -> float:
    """Share of the operations that are done when a share of the columns is: left-looking columns are heaviest in the middle."""
    return 3.0 * share**2 - 2.0 * share**3


def _column(
    n: int, blocks: Blocks, earlier: list[Panel], columns: slice, width: int, dtype: str, shift: float, crew: Workers
) -> Panel:
    """One column of blocks of the factor."""
    start, size = columns.start, columns.stop - columns.start
    panel = np.empty((n - start, size), dtype=dtype)
    rows = tiles(start, columns.stop, n)

    def fill(tile: slice) -> None:
        target = panel[tile.start - start : tile.stop - start]
        target[...] = blocks(tile, columns)
        product = np.empty_like(target)
        for index, other in enumerate(earlier):
            top = index * width
            np.matmul(other[tile.start - top : tile.stop - top], other[start - top : start - top + size].T, out=product)
            target -= product

    for _ in crew.map(fill, rows):
        pass
    panel[np.arange(size), np.arange(size)] += panel.dtype.type(shift)
    _, info = _POTRF[dtype](panel[:size].T, lower=0, clean=1, overwrite_a=1)
    if info != 0 or not np.isfinite(panel[size - 1, size - 1]):
        raise NotPositiveDefinite(f"pivot {start + max(info, 1)} of {n} is not positive in {dtype}")
    divide = _divider(panel[:size], dtype)
    for _ in crew.map(lambda tile: divide(panel[tile.start - start : tile.stop - start]), rows[1:]):
        pass
    return panel


def _divider(triangle: Panel, dtype: str) -> Callable[[Panel], None]:
    """What turns rows R into R L'^-1 in place, by products alone: SciPy's triangular solver would keep the interpreter locked."""
    size = len(triangle)
    edges = [*range(0, size, _INVERTED), size]
    inverses = [_TRTRI[dtype](triangle[a:b, a:b].T, lower=0)[0] for a, b in pairwise(edges)]

    def divide(rows: Panel) -> None:
        for (a, b), inverse in zip(pairwise(edges), inverses, strict=True):
            part = rows[:, a:b] - rows[:, :a] @ triangle[a:b, :a].T if a else rows[:, a:b]
            rows[:, a:b] = part @ inverse

    return divide
