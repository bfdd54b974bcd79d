r"""The direction a on which all points project apart, and equal points found on the way.

Two different points of :math:`\mathbb{R}^d` agree on a direction drawn uniformly from the integers of :math:`[-B, B]^d` with
probability at most 1/(2B+1), since one coordinate in which they differ has at most one value that makes them agree. For
:math:`B \ge n^2` all n points project apart with probability above 3/4, so drawing again finds a direction with probability one,
after 4/3 draws on average; that they are apart is checked in exact arithmetic. Directions of few bits are tried first, several at
a time: they make projections that floats hold, and the one with the largest smallest gap is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.constructions.projection import Floats, chunks, exact_projection
from boundcheck.errors import InputError
from boundcheck.progress import Progress, silent

_BITS = (8, 14, 20, 26, 32)
_NOISE = 2.0**-45  # projections of equal rows as a matrix product computes them differ by less, relative to the range
_UNLIKE = 20  # columns whose ranges differ by more bits are brought to one scale, by powers of two


@dataclass(frozen=True, eq=False)
class Line:
    """Points on a line, in order, equal points merged.

    Attributes:
        direction: Shape (d,); every entry an integer times a power of two.
        rows: Shape (m,): which point each distinct point is, the first of equal ones, by increasing projection.
        z: Shape (m,), the projections rounded to float64, increasing.
        rest: Shape (m,): what rounding lost, to 106 bits together.
        twins: Shape (t, 2): a later row, and the earlier one that it equals.
        tried: Directions that were looked at.
    """

    direction: Floats
    rows: NDArray[np.int64]
    z: Floats
    rest: Floats
    twins: NDArray[np.int64]
    tried: int

    @property
    def gaps(self) -> Floats:
        """Distances of neighbours, shape (m - 1,)."""
        found: Floats = np.diff(self.z) + np.diff(self.rest)
        return found

    @property
    def exact(self) -> bool:
        """Whether float64 holds every projection."""
        return not bool(self.rest.any())

    @property
    def smallest_gap(self) -> float:
        """Relative to the range of the projections; 1 for a single point."""
        if len(self.z) < 2:
            return 1.0
        return float(self.gaps.min() / (self.z[-1] - self.z[0]))


def separating_line(points: NDArray[Any], *, seed: int = 0, candidates: int = 8, progress: Progress = silent) -> Line:
    """Find a direction on which different points project apart, with the largest smallest gap of some.

    Args:
        points: Shape (n, d), as :func:`boundcheck.constructions.projection.as_points` returns them.
        seed: Seed of the directions.
        candidates: Directions that are compared at a time.
        progress: Told how many were looked at.

    Raises:
        InputError: There are no candidates to compare.
    """
    if candidates < 1:
        raise InputError("at least one direction to compare", str(candidates), "raise --candidates")
    n, d = points.shape
    if d == 1:
        line = _line(points, np.ones(1), 1)
        if isinstance(line, Line):
            return line
    rng = np.random.default_rng([seed, 2])
    scale = _column_scale(points)
    enough = 1.0 / (16.0 * n * n)
    best: Line | None = None
    tried = 0
    for bits in _widths(n, _fewest_bits(points)):
        progress(f"directions of {bits} bits", tried / (tried + 4.0 * candidates))
        drawn = rng.integers(-(2**bits), 2**bits, size=(d, candidates), endpoint=True).astype(np.float64) * scale[:, None]
        tried += candidates
        line = _line(points, drawn[:, _widest_gap(points, drawn)], tried)
        if line is not None and (best is None or line.smallest_gap > best.smallest_gap):
            best = line
        if best is not None and (best.smallest_gap >= enough or bits >= _BITS[-1]):
            break
    if best is None:  # _widths does not end before there is a line
        raise RuntimeError("expected a direction; found none")
    return best


def _fewest_bits(points: NDArray[Any]) -> int:
    """Bits below which projections of integers have too few values for so many points to be far apart."""
    if points.dtype.kind == "f":
        return 0
    n, d = points.shape
    wanted = 4.0 * n * n / (math.sqrt(d) * (float(points.max()) - float(points.min()) + 1.0))
    return min(math.frexp(wanted)[1], _BITS[-1])


def _widths(n: int, fewest: int) -> Iterator[int]:
    """Bits of the directions: few first, then so many that a draw succeeds with probability above 3/4."""
    yield from (bits for bits in _BITS if bits >= fewest)
    while True:
        yield max(_BITS[-1], 2 * n.bit_length())


def _column_scale(points: NDArray[Any]) -> Floats:
    """Powers of two that bring columns of very different ranges to one scale; ones where they are alike."""
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    with np.errstate(over="ignore"):
        exponents = np.frexp(np.minimum(high - low, 2.0**900))[1]
    varying = exponents[high > low]
    if points.dtype.kind != "f" or not len(varying) or int(varying.max()) - int(varying.min()) <= _UNLIKE:
        return np.ones(points.shape[1])
    return np.ldexp(1.0, np.where(high > low, np.clip(-exponents, -900, 900), 0))


def _widest_gap(points: NDArray[Any], directions: Floats) -> int:
    """The direction with the fewest ties and among these the largest smallest gap, as far as float64 can tell."""
    projected = np.empty((directions.shape[1], len(points)))
    for start, rows in chunks(points):
        projected[:, start : start + len(rows)] = (rows @ directions).T
    projected.sort(axis=1)
    scores = []
    for line in projected:
        gaps, span = np.diff(line), line[-1] - line[0]
        apart = gaps > _NOISE * span
        scores.append((-int((~apart).sum()), float(gaps[apart].min() / span) if apart.any() else 0.0))
    return max(range(len(scores)), key=scores.__getitem__)


def _line(points: NDArray[Any], direction: Floats, tried: int) -> Line | None:
    """The points on one direction, exactly; None where different points meet."""
    z, rest = exact_projection(points, direction).pair()
    order = np.argsort(z, kind="stable")
    if (np.diff(z[order]) == 0.0).any():
        order = np.lexsort((rest, z))
    z, rest = z[order], rest[order]
    repeats = np.flatnonzero((np.diff(z) == 0.0) & (np.diff(rest) == 0.0)) + 1
    twins = np.empty((len(repeats), 2), dtype=np.int64)
    first = -1
    for i, at in enumerate(repeats):
        first = order[at - 1] if i == 0 or repeats[i - 1] != at - 1 else first
        if not np.array_equal(points[order[at]], points[first]):
            return None
        twins[i] = order[at], first
    kept = np.delete(np.arange(len(order)), repeats)
    return Line(direction, order[kept].astype(np.int64), z[kept], rest[kept], twins, tried)
