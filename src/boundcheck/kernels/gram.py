"""The Gram matrix of a sample, never whole in memory: blocks computed when asked for, products with bounded error."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from boundcheck.kernels.factor import tiles, width_for
from boundcheck.kernels.kernel import Array, Block, Kernel, Points
from boundcheck.kernels.parallel import Workers
from boundcheck.numerics.error_terms import gamma
from boundcheck.numerics.rounding import sqrt_up, sum_up
from boundcheck.progress import Progress, silent

Tile = tuple[slice, slice]
_SPARE = 1.0 + 2.0**-20  # for roundings of the error bounds themselves


@dataclass(eq=False)
class Gram:
    """K + ridge I for a kernel and a sample.

    Attributes:
        kernel: The kernel.
        points: The sample, prepared.
        crew: Who does the work.
        ridge: At least 0, added to the diagonal by :meth:`times`.
        keep: Whether blocks stay in memory, 4 n^2 bytes, once computed.
    """

    kernel: Kernel
    points: Points
    crew: Workers
    ridge: float = 0.0
    keep: bool = False
    _kept: dict[tuple[int, int], Block] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """Order of the matrix."""
        return len(self.points)

    def block(self, rows: slice, columns: slice) -> Block:
        """A block of K, without the ridge."""
        key = (rows.start, columns.start)
        if key in self._kept:
            return self._kept[key]
        block = self.kernel.block(self.points, rows, self.points, columns)
        if self.keep:
            self._kept[key] = block
        return block

    def values(self, rows: slice, columns: slice) -> Array:
        """The values of :meth:`block`."""
        return self.block(rows, columns).values

    def whole(self) -> Array:
        """All of K in one array, 8 n^2 bytes; without the ridge."""
        out = np.empty((self.n, self.n))
        for rows, columns in self._tiles():
            values = self.values(rows, columns)
            out[columns, rows] = values.T
            out[rows, columns] = values
        return out

    def away(self) -> float:
        """The Frobenius norm of the difference between :meth:`whole` and the kernel matrix is at most this."""
        squares = 0.0
        for rows, columns in self._tiles():
            block = self.block(rows, columns)
            mirrored = 1.0 if rows.start == columns.start else 2.0
            squares += mirrored * float(np.square(block.relative * np.abs(block.values) + block.absolute).sum())
        return sqrt_up(squares * _SPARE)

    def _tiles(self) -> Iterator[Tile]:
        """The tiles on and below the diagonal, as the factor asks for them."""
        width = width_for(self.n)
        for start in range(0, self.n, width):
            stop = min(start + width, self.n)
            for rows in tiles(start, stop, self.n):
                yield rows, slice(start, stop)

    def _each(self, work: Callable[[Tile], tuple[Array, Array]], what: str, progress: Progress) -> Iterator[tuple[slice, Array]]:
        """For each tile what it adds to its rows and, off the diagonal, what its mirror image adds to its columns."""
        every = list(self._tiles())
        for done, ((rows, columns), (own, mirrored)) in enumerate(zip(every, self.crew.map(work, every), strict=True)):
            if done % 16 == 0:
                progress(what, done / len(every))
            yield rows, own
            if rows.start != columns.start:
                yield columns, mirrored

    def times(self, right: Array, progress: Progress = silent) -> Array:
        """(K + ridge I) right, shape (n, q)."""

        def work(tile: Tile) -> tuple[Array, Array]:
            rows, columns = tile
            values = self.values(rows, columns)
            return values @ right[columns], values.T @ right[rows]

        out = self.ridge * right
        for target, part in self._each(work, "kernel matrix times coefficients", progress):
            out[target] += part
        return out

    def times_bounded(self, right: Array, progress: Progress = silent) -> tuple[Array, Array]:
        """K right without the ridge, and for each entry a bound on how far it is from the exact product.

        Args:
            right: Shape (n, q).
            progress: Told the share that is done.

        Returns:
            Two arrays of shape (n, q).
        """
        q = right.shape[1]
        sizes = np.abs(right)
        both, totals = np.concatenate([right, sizes], axis=1), sizes.sum(axis=0)

        def parts(values: Array, rounded: Block, source: slice) -> Array:
            if self.kernel.nonnegative:
                found = values @ both[source]
            else:
                found = np.concatenate([values @ right[source], np.abs(values) @ sizes[source]], axis=1)
            return np.concatenate([found, rounded.relative * found[:, q:] + rounded.absolute * totals], axis=1)

        def work(tile: Tile) -> tuple[Array, Array]:
            rows, columns = tile
            block = self.block(rows, columns)
            return parts(block.values, block, columns), parts(block.values.T, block, rows)

        out = np.zeros((self.n, 3 * q))
        for target, part in self._each(work, "certifying the residual", progress):
            out[target] += part
        # Sums of n products in any order; the bound itself is made of such sums, hence twice and a spare factor.
        return out[:, :q], (gamma(2 * self.n + 64) * out[:, q : 2 * q] + out[:, 2 * q :]) * _SPARE

    def diagonal(self) -> tuple[Array, float]:
        """k(x_i, x_i), shape (n,), and a bound on the relative error of each."""
        return self.kernel.diagonal(self.points)

    def trace_up(self) -> float:
        """Sum of k(x_i, x_i) over the sample, rounded up."""
        values, relative = self.diagonal()
        return math.nextafter(sum_up(values) * (1.0 + relative), math.inf)
