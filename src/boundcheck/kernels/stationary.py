r"""Kernels of the distance: Gaussian :math:`\exp(-|x-x'|^2/(2b^2))` and Laplacian :math:`\exp(-|x-x'|/b)`.

Squared distances come from inner products, :math:`|x|^2+|x'|^2-2xx'`, which cancel: in float32 a distance of 1 between points
of norm 10 has two or three digits. Two ways keep all of them.

Real inputs are taken to float64, a common point is subtracted, and what is left of the error is bounded: with :math:`s=\max|x|^2
+\max|x'|^2` half a squared distance is off by at most :math:`\gamma_{d+16}s`, which covers the products, the sums, and the
rounding of the shift and the scale (relative to each coordinate, so that a distance moves by at most 3u times the two norms).

Small integers, such as pixels as they are stored, have exact inner products in float32, at twice the speed: all partial sums
are integers, of size at most :math:`|x||x'|` by Cauchy and Schwarz, and columns are cut into parts for which that is at most
2^24.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.kernels.kernel import Array, Block, Kernel, Points, equal_pairs
from boundcheck.numerics.error_terms import TINY, UNIT, gamma

_LIBM = 2.0**-49  # exp and sqrt of NumPy are within 4 units in the last place, twice over
_SPARE = 1.0 + 2.0**-20  # for roundings of the error bounds themselves
_EXACT = 2.0**24  # integers up to here are float32 numbers
_BAND = 2**15  # numbers worked on at a time: they stay in the cache of a core
_SMALL = 2**11  # integers up to here are worth it: a column of them alone stays far below


class _OfDistance(Kernel):
    """A decreasing function of the distance over the bandwidth."""

    nonnegative = True
    bandwidth: float
    divisor: float

    def prepare(self, x: NDArray[Any], like: Points | None = None) -> Points:
        """Inputs less a common point; real ones over the bandwidth, integers as they are."""
        small = x.dtype.kind in "iub" and max(int(x.max(initial=0)), -int(x.min(initial=0))) < _SMALL
        integers = small if like is None else bool(like.edges)
        if integers and small:
            return _integers(x, like)
        rows = np.array(x, dtype=np.float64, order="C")
        origin = rows.mean(axis=0) if like is None or like.origin is None else like.origin
        rows -= origin
        if integers:  # the sample is integer and this point is not
            squares, kept = np.einsum("ij,ij->i", rows, rows), None if like is None else like.kept
            return Points(rows if kept is None else rows[:, kept], squares, origin, (0, rows.shape[1]), kept)
        rows /= self.bandwidth * self.divisor
        return Points(rows, np.einsum("ij,ij->i", rows, rows), origin)

    def half_squares(
        self, a: Points, rows: slice, b: Points, columns: slice, finish: Callable[[Array], object] = lambda band: None
    ) -> tuple[Array, float]:
        """Minus half the squared distances over the squared bandwidth, at most 0, and a bound on their absolute error.

        Args:
            a: Points of the rows.
            rows: Which of them.
            b: Points of the columns.
            columns: Which of them.
            finish: Done in place to each band of the result while it is in the cache.
        """
        left, right = a.squares[rows], b.squares[columns]
        exact = bool(a.edges) and a.x.dtype == b.x.dtype == np.float32
        products = _exact_products(a, rows, b, columns) if a.edges else a.x[rows] @ b.x[columns].T
        values = products if products.dtype == np.float64 else np.empty(products.shape)
        factor = (self.bandwidth * self.divisor) ** -2.0 if a.edges else 1.0
        half_left, half_right = 0.5 * left[:, None], 0.5 * right
        height = max(1, _BAND // max(1, len(right)))
        for start in range(0, len(left), height):
            part = slice(start, start + height)
            band = values[part]
            if values is not products:
                band[...] = products[part]
            band -= half_left[part]
            band -= half_right
            if not exact:
                np.minimum(band, 0.0, out=band)
            if factor != 1.0:
                band *= factor
            finish(band)
        scale = float(left.max(initial=0.0) + right.max(initial=0.0))
        if not a.edges:
            return values, gamma(a.x.shape[1] + 16) * scale * _SPARE
        # Products of float32 integers and their sums are exact; a real point among them errs as real points do.
        roundings = 8.0 * UNIT if exact else gamma(a.dimension + 24)
        return values, roundings * scale * factor * _SPARE

    def diagonal(self, points: Points) -> tuple[Array, float]:
        """Ones, exactly."""
        return np.ones(len(points)), 0.0

    def diagonal_bound(self, radius: float | None) -> float | None:
        """1, whatever the inputs."""
        return 1.0


def _integers(x: NDArray[Any], like: Points | None) -> Points:
    """Small integers less an integer point, in float32, which holds them exactly."""
    if like is not None and like.origin is not None:
        rows = x.astype(np.float32)
        rows -= like.origin.astype(np.float32)
        squares, kept = _squares(rows), like.kept
        return Points(rows if kept is None else rows[:, kept], squares, like.origin, like.edges, kept)
    origin = np.rint(x.mean(axis=0, dtype=np.float64))
    # A column in which the whole sample is at the origin adds nothing to its products with any point.
    kept = np.flatnonzero((x != origin.astype(x.dtype)).any(axis=0))
    rows = x[:, kept].astype(np.float32, order="C")
    rows -= origin[kept].astype(np.float32)
    return Points(rows, _squares(rows), origin, _edges(rows), kept)


def _squares(rows: NDArray[np.float32]) -> Array:
    return np.asarray(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))


def _edges(rows: NDArray[np.float32]) -> tuple[int, ...]:
    """The fewest equal parts of the columns such that squared norms of the parts stay below half of 2^24."""
    d = rows.shape[1]
    for parts in range(1, d + 1):
        edges = tuple(int(edge) for edge in np.linspace(0, d, parts + 1).round())
        if all(_largest(rows[:, a:b]) <= _EXACT / 2 for a, b in pairwise(edges)):
            return edges
    return tuple(range(d + 1))


def _largest(rows: NDArray[np.float32]) -> float:
    return float(_squares(rows).max(initial=0.0))


def _exact_products(a: Points, rows: slice, b: Points, columns: slice) -> NDArray[Any]:
    """Inner products of integers, part by part in float32 where that is exact, else in float64, which always is.

    One part stays in float32, which holds it.
    """
    left, right = a.x[rows], b.x[columns]
    if a.x.dtype != np.float32 or b.x.dtype != np.float32:
        return np.asarray(left, dtype=np.float64) @ np.asarray(right, dtype=np.float64).T
    total: NDArray[Any] | None = None
    for start, stop in pairwise(a.edges):
        x, y = left[:, start:stop], right[:, start:stop]
        far = a is not b and _largest(x) * _largest(y) > _EXACT**2
        product = x.astype(np.float64) @ y.astype(np.float64).T if far else x @ y.T
        total = product if total is None else np.add(total, product, dtype=np.float64)
    return np.zeros((len(left), len(right))) if total is None else total


@dataclass(frozen=True)
class Gaussian(_OfDistance):
    r""":math:`k(x,x')=\exp(-|x-x'|^2/(2b^2))`.

    Attributes:
        bandwidth: b > 0.
        divisor: Inputs are divided by this, exactly, before anything else.
    """

    bandwidth: float
    divisor: float = 1.0

    def describe(self) -> str:
        """Name and bandwidth."""
        return f"gaussian, bandwidth {self.bandwidth:g}"

    def block(self, a: Points, rows: slice, b: Points, columns: slice) -> Block:
        """An error e of the exponent is a relative error exp(e) - 1 of the value."""
        values, error = self.half_squares(a, rows, b, columns, lambda band: np.exp(band, out=band))
        values[equal_pairs(a, rows, b, columns)] = 1.0
        return Block(values, math.expm1(error) * _SPARE + _LIBM, TINY)


@dataclass(frozen=True)
class Laplacian(_OfDistance):
    r""":math:`k(x,x')=\exp(-|x-x'|/b)` with the Euclidean distance.

    Attributes:
        bandwidth: b > 0.
        divisor: Inputs are divided by this, exactly, before anything else.
    """

    bandwidth: float
    divisor: float = 1.0

    def describe(self) -> str:
        """Name and bandwidth."""
        return f"laplacian, bandwidth {self.bandwidth:g}"

    def block(self, a: Points, rows: slice, b: Points, columns: slice) -> Block:
        """The root of a square that is off by e is off by e over the root, and by sqrt(e) at most."""
        values, error = self.half_squares(a, rows, b, columns)
        same = equal_pairs(a, rows, b, columns)
        values *= -2.0
        np.sqrt(values, out=values)
        values[same] = np.inf
        nearest = float(values.min(initial=math.inf))
        moved = math.sqrt(2.0 * error) if nearest <= 0.0 else min(math.sqrt(2.0 * error), 2.0 * error / nearest)
        far = float(np.max(values, where=np.isfinite(values), initial=0.0))
        np.negative(values, out=values)
        np.exp(values, out=values)
        values[same] = 1.0
        return Block(values, math.expm1((moved + far * _LIBM) * _SPARE) * _SPARE + _LIBM, TINY)
