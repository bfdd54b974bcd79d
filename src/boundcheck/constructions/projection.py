r"""Projections :math:`\langle a, x_i\rangle` without rounding, by matrix products in float64 whose every partial sum is exact.

Both factors are cut into slices of few bits (Ozaki, Ogita, Oishi and Rump, Error-free transformations of matrix multiplication,
Numerical Algorithms 59, 2012). With slices of s and t bits and d summands, s + t + ceil(log2 d) <= 53, all sums are integers
below :math:`2^{53}` in the unit of the product, so that float64 adds them exactly in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.errors import InputError

Floats = NDArray[np.float64]
_CHUNK = 2**18  # numbers that are worked on together: they stay in the cache
_DIRECTION_BITS = 20
_LARGEST_WHOLE = 2**53


@dataclass(frozen=True, eq=False)
class Projection:
    """Exact projections of n points, each the sum of a few integers times powers of two.

    Attributes:
        parts: Pairs of integers (n,) below 2**53 and the exponent of their unit, the largest unit first.
        n: Number of points.
    """

    parts: tuple[tuple[NDArray[np.int64], int], ...]
    n: int

    def pair(self) -> tuple[Floats, Floats]:
        """(z, rest), shape (n,): z is the nearest float to the sum, rest what is left, to about 106 bits together."""
        z, rest = np.zeros(self.n), np.zeros(self.n)
        for whole, exponent in self.parts:
            z, lost = _two_sum(z, np.ldexp(whole.astype(np.float64), exponent))
            rest += lost
        return _two_sum(z, rest)

    def integers(self) -> tuple[NDArray[Any], int]:
        """Python integers (n,) and the exponent of their common unit."""
        lowest = min((exponent for _, exponent in self.parts), default=0)
        total = np.zeros(self.n, dtype=object)
        for whole, exponent in self.parts:
            total = total + whole.astype(object) * (1 << (exponent - lowest))
        return total, lowest


def exact_projection(x: NDArray[Any], direction: Floats) -> Projection:
    """All of ``x @ direction``, exactly.

    Args:
        x: Shape (n, d), floats or integers below 2**53 in size.
        direction: Shape (d,), float64.

    Raises:
        InputError: An entry of x is so large or an exponent so far off that products leave the range of float64.
    """
    n, d = x.shape
    pieces = _pieces(direction)
    widest = max((_bit_length(piece) for piece, _ in pieces), default=1)
    width = 53 - widest - max(1, d - 1).bit_length()
    largest = max(abs(float(x.min())), abs(float(x.max())))
    if largest == 0.0 or not pieces:
        return Projection(((np.zeros(n, dtype=np.int64), 0),), n)
    top = int(np.frexp(largest)[1])
    if top > 900:
        raise InputError("inputs below 2**900 in size", f"{largest:g}", "scale them")
    found: dict[tuple[int, int], NDArray[np.int64]] = {}
    for start, rows in chunks(x):
        for exponent, slice_ in _slices(rows, top, width):
            for piece, unit in pieces:
                # In units of the slice and of the piece everything is an integer below 2**53.
                whole = np.ldexp(slice_ @ piece, -exponent).astype(np.int64)
                found.setdefault((exponent + unit, unit), np.zeros(n, dtype=np.int64))[start : start + len(rows)] = whole
    return Projection(tuple((found[key], key[0]) for key in sorted(found, reverse=True)), n)


def chunks(x: NDArray[Any]) -> Iterator[tuple[int, Floats]]:
    """Rows in float64, a few at a time, with the number of the first; minus zero becomes zero."""
    step = max(1, _CHUNK // max(1, x.shape[1]))
    for start in range(0, len(x), step):
        yield start, x[start : start + step].astype(np.float64) + 0.0


def as_points(x: Any) -> NDArray[Any]:
    """Inputs as a matrix (n, d) whose entries float64 holds exactly.

    Raises:
        InputError: They are no numbers, not finite, of more bits than float64 has, or there are none.
    """
    array = np.asarray(x)
    if array.dtype.kind not in "fiub" or array.ndim < 1 or array.size == 0 or array.dtype.itemsize > 8:
        got = f"{array.dtype} of shape {array.shape}"
        raise InputError("inputs of shape (n, d), floats of at most 64 bits or integers", got, "pass a numeric array")
    points = array.astype(array.dtype.newbyteorder("="), copy=False).reshape(len(array), -1)
    if array.dtype.kind == "f":
        if not (np.isfinite(points.min()) and np.isfinite(points.max())):
            bad = ~np.isfinite(points).all(axis=1)
            raise InputError(
                "finite inputs", f"NaN or infinity in row {int(bad.argmax())}", "repair these rows or leave them out"
            )
    elif array.dtype.itemsize == 8 and max(abs(int(points.min())), abs(int(points.max()))) > _LARGEST_WHOLE:
        raise InputError("integers up to 2**53 in size", "a larger one", "scale them down: float64 can't hold them")
    return points


def _slices(rows: Floats, top: int, width: int) -> Iterator[tuple[int, Floats]]:
    """Parts of the rows that are multiples of 2**exponent and sum to them; each leaves at most half its unit over."""
    left, exponent = rows.copy(), top
    while left.any():
        exponent -= width
        if exponent <= -1074:  # every float is a multiple of the smallest
            yield -1074, left
            return
        shift = np.ldexp(1.5, 52 + exponent)
        part = left + shift
        part -= shift
        left -= part
        yield exponent, part


def _pieces(direction: Floats) -> list[tuple[Floats, int]]:
    """Integer vectors of at most 20 bits, as floats, and their exponents; they sum to the direction."""
    mantissas, exponents = np.frexp(direction)
    whole = [int(m) for m in np.ldexp(mantissas, 53)]
    used = [int(e) - 53 for e, m in zip(exponents, whole, strict=True) if m]
    if not used:
        return []
    unit = min(used)
    entries = [m << (int(e) - 53 - unit) if m else 0 for e, m in zip(exponents, whole, strict=True)]
    zeros = min((e & -e).bit_length() - 1 for e in entries if e)
    entries, unit = [e >> zeros for e in entries], unit + zeros
    pieces = []
    while any(entries):
        low = [abs(e) % (1 << _DIRECTION_BITS) * (1 if e >= 0 else -1) for e in entries]
        if any(low):
            pieces.append((np.array(low, dtype=np.float64), unit))
        entries = [(e - part) >> _DIRECTION_BITS for e, part in zip(entries, low, strict=True)]
        unit += _DIRECTION_BITS
    return pieces


def _bit_length(piece: Floats) -> int:
    return int(np.abs(piece).max()).bit_length()


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sum and what rounding lost, exactly (Knuth)."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)
