"""Kernels that the user brings: a matrix, or a function of two arrays of inputs. Their values are taken as they come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError
from boundcheck.kernels.kernel import Array, Block, Kernel, Points

_SYMMETRIC = 1e-6  # a kernel matrix that was computed in float32 is symmetric to about this


@dataclass(frozen=True)
class Precomputed(Kernel):
    """Rows of a kernel matrix in the place of inputs; of the matrix of the sample the lower triangle counts."""

    exact_errors = False

    def describe(self) -> str:
        """The word for it."""
        return "precomputed"

    def prepare(self, x: NDArray[Any], like: Points | None = None) -> Points:
        """Rows of the matrix.

        Raises:
            InputError: The matrix of the sample is not square or not symmetric.
        """
        matrix = np.ascontiguousarray(x, dtype=np.float64)
        if like is None:
            if matrix.shape[0] != matrix.shape[1]:
                raise InputError("a square kernel matrix", f"shape {matrix.shape}", "pass the values between all training points")
            off = float(np.abs(matrix - matrix.T).max(initial=0.0))
            if off > _SYMMETRIC * float(np.abs(matrix).max(initial=0.0)):
                raise InputError("a symmetric kernel matrix", f"entries that differ by {off:.2g}", "check how it was made")
        return Points(matrix, np.zeros(len(matrix)))

    def block(self, a: Points, rows: slice, b: Points, columns: slice) -> Block:
        """Entries as they are; above the diagonal those below it."""
        values = a.x[rows, columns].copy()
        if a is b and rows.start < columns.stop:
            above = np.arange(columns.start, columns.stop) > np.arange(rows.start, rows.stop)[:, None]
            values = np.where(above, a.x[columns, rows].T, values)
        return Block(values, 0.0, 0.0)

    def diagonal(self, points: Points) -> tuple[Array, float]:
        """The diagonal of the matrix."""
        return np.ascontiguousarray(np.diagonal(points.x)), 0.0

    def diagonal_bound(self, radius: float | None) -> float | None:
        """Unknown."""
        return None


@dataclass(frozen=True)
class FromFunction(Kernel):
    """A function from two arrays of inputs, (n, d) and (m, d), to their kernel matrix (n, m)."""

    function: Callable[[Array, Array], Any]
    exact_errors = False

    def describe(self) -> str:
        """The function's name."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def block(self, a: Points, rows: slice, b: Points, columns: slice) -> Block:
        """Values as the function returns them.

        Raises:
            InputError: They have another shape, or are no finite real numbers.
        """
        x, y = a.x[rows], b.x[columns]
        values = np.array(self.function(x, y), dtype=np.float64)
        if values.shape != (len(x), len(y)):
            raise InputError(
                f"a kernel that returns shape {(len(x), len(y))}", f"shape {values.shape}", "let it take (n, d) and (m, d)"
            )
        if not np.isfinite(values).all():
            raise InputError("finite values of the kernel", "NaN or infinity", "check the kernel at these inputs")
        return Block(values, 0.0, 0.0)

    def diagonal(self, points: Points) -> tuple[Array, float]:
        """Its values at equal inputs."""
        return np.array([self.block(points, s, points, s).values[0, 0] for s in _singles(len(points))]), 0.0

    def diagonal_bound(self, radius: float | None) -> float | None:
        """Unknown."""
        return None


def _singles(n: int) -> list[slice]:
    return [slice(i, i + 1) for i in range(n)]
