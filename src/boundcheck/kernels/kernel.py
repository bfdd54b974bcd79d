"""What a kernel is: blocks of its matrix in float64, each with a bound on how far they are from the kernel itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Points:
    """Inputs as a kernel wants them.

    Attributes:
        x: Shape (n, d), float64, transformed as the kernel asks; or float32 that holds integers exactly.
        squares: Computed squared Euclidean norms of the inputs so transformed, shape (n,).
        origin: What was subtracted from the inputs, shape (d,); ``None`` for nothing.
        edges: Where columns of integers are cut so that every product of rows, part by part, is exact in float32; empty for
            real numbers.
        kept: Which coordinates ``x`` has, where those in which the whole sample is at the origin were dropped.
    """

    x: NDArray[Any]
    squares: Array
    origin: Array | None = None
    edges: tuple[int, ...] = ()
    kept: NDArray[np.intp] | None = None

    @property
    def dimension(self) -> int:
        """Coordinates of an input; ``squares`` are over all of them."""
        return int(self.x.shape[1]) if self.origin is None else len(self.origin)

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class Block:
    """A block of a kernel matrix.

    Each value differs from the kernel of the two inputs by at most ``relative`` times its own size plus ``absolute``.

    Attributes:
        values: Shape (rows, columns), float64; a fresh array.
        relative: At least 0.
        absolute: At least 0.
    """

    values: Array
    relative: float
    absolute: float


class Kernel(ABC):
    """A symmetric positive semi-definite function of two inputs.

    Attributes:
        exact_errors: Whether blocks bound the rounding error against a function that is a kernel; false where values are taken
            as they come from the user.
        nonnegative: Whether no value is negative.
    """

    exact_errors: bool = True
    nonnegative: bool = False

    @abstractmethod
    def describe(self) -> str:
        """The kernel with its parameters, for the reader."""

    @abstractmethod
    def block(self, a: Points, rows: slice, b: Points, columns: slice) -> Block:
        """Values at some rows of ``a`` and some rows of ``b``; where ``a is b``, equal indices are equal inputs."""

    @abstractmethod
    def diagonal(self, points: Points) -> tuple[Array, float]:
        """k(x, x) of every row, shape (n,), and a bound on the relative error of each."""

    @abstractmethod
    def diagonal_bound(self, radius: float | None) -> float | None:
        """A number that k(x, x) can't exceed for inputs of norm at most ``radius`` (``None``: unknown), rounded up."""

    def prepare(self, x: NDArray[np.generic], like: Points | None = None) -> Points:
        """Inputs as :meth:`block` wants them.

        Args:
            x: Shape (n, d), real.
            like: Points prepared before, whose transformation these share.
        """
        rows = np.ascontiguousarray(x, dtype=np.float64)
        return Points(rows, np.einsum("ij,ij->i", rows, rows))


def equal_pairs(a: Points, rows: slice, b: Points, columns: slice) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions in a block of the pairs that are one input; none where ``a`` and ``b`` are different points.

    Args:
        a: Points of the rows.
        rows: Which of them, with a start and a stop.
        b: Points of the columns.
        columns: Which of them.
    """
    if a is not b:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    same = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
    return same - rows.start, same - columns.start
