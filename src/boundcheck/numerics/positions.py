r"""A sharper bound of the norm of a convolution with many channels on a small map: its unrolled Gram matrix by positions.

On a torus every position sees the whole kernel. On a map of a few positions most lie at the border and see a part of
it, so that the torus says too much: by a tenth for 3 x 3 taps on 4 x 4 positions. There the Gram matrix itself is
within reach. In blocks for pairs of positions it is a sum of products of taps,

.. math:: (A^\top A)_{pq}=\sum_{j}\ \sum_{t,t':\ j\text{ reads }p\text{ by }t,\ q\text{ by }t'}K_t^\top K_{t'}
          \quad\text{or}\quad
          (AA^\top)_{pq}=\sum_{i}\ \sum_{t,t':\ p\text{ reads }i\text{ by }t,\ q\text{ by }t'}K_tK_{t'}^\top ,

of which there are few different ones, worked out once in float64; blocks of positions too far apart are zero. With an
estimate :math:`\theta` of the largest eigenvalue by Lanczos' method on the convolution (of no importance to the proof)
and :math:`\beta` slightly above, :math:`\lambda_{\max}\le\beta+\|\beta I-G-LL^\top\|`, where L comes from
:mod:`boundcheck.numerics.block_cholesky` in single precision. What the computed G and its rounding to M add:
:math:`\gamma_{d+m}\||A|\|_F^2` for products of d terms, m of them a block, with |A| the matrix of |K|, and two units of
single precision times :math:`\|M\|_F`. Which Gram matrix, in which order and at what cost follows from the shape;
whether it is worth that, from how far the bound at hand lies above a certified lower one.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from boundcheck.numerics.block_cholesky import Blocks, elimination_order, factor_distance
from boundcheck.numerics.error_terms import TINY, Array, above, gamma
from boundcheck.numerics.spectral import rayleigh_lower
from boundcheck.numerics.unrolled import Convolution

_POSITIONS = 64  # on larger maps the border matters little
_OPERATIONS, _NUMBERS = 2e11, 1e8  # what may be spent: some 3 s of one thread, 0.8 GiB
_CALL = 2e5  # what a matrix product costs beyond its operations, in operations
_MARGINS = (2.0**-8, 2.0**-5)  # by how much the shift exceeds the estimate, tried in turn
_KRYLOV, _TOLERANCE, _RESTARTS = 20, 0.05, 10
_SINGLE = 2.0**-24


@dataclass(frozen=True)
class Plan:
    """How the Gram matrix of a convolution is put together.

    Attributes:
        inner: Whether it is the one over input positions.
        columns: The number of positions.
        terms: The products of taps that a block of the lower triangle sums, by row and column; positions are numbered
            as they are eliminated.
        meeting: How many taps read one input for one output at most.
        operations: Floating-point operations for all groups, calls included.
        numbers: How many float64 numbers are held at a time.
    """

    inner: bool
    columns: int
    terms: dict[tuple[int, int], list[tuple[int, int]]]
    meeting: int
    operations: float
    numbers: float


def affordable_plan(layer: Convolution) -> Plan | None:
    """The cheaper Gram matrix where it is within reach and can be sharper than a torus; else ``None``."""
    sizes = math.prod(axis.size for axis in layer.axes), math.prod(axis.outputs for axis in layer.axes)
    if min(sizes) > _POSITIONS or math.prod(layer.kernel.shape[3:]) == 1:
        return None
    plan = cheapest_plan(layer)
    return plan if plan.operations <= _OPERATIONS and plan.numbers <= _NUMBERS else None


def position_bound(layer: Convolution, plan: Plan, vector: Array) -> float:
    """An upper bound of the norm of a (scaled) convolution by its Gram matrix.

    Args:
        layer: The convolution.
        plan: One of its two Gram matrices.
        vector: Inputs that the convolution stretches about as much as it can.

    Returns:
        The bound; infinity where the vector stretches too little for a proof.
    """
    image = layer.forward(vector, layer.kernel)
    estimate = float(np.sum(image**2) / np.sum(vector**2))
    for margin in _MARGINS:
        excess = _excess(layer, plan, shift := (1.0 + margin) * estimate)
        if excess is not None:
            rows, columns = image.size, vector.size
            # Scaling can have pushed entries of the kernel below the normal range: each lost at most TINY.
            lost = above(math.sqrt(float(rows) * columns), 2) * math.prod(layer.kernel.shape[3:]) * TINY
            return above(above(math.sqrt(above(shift + excess, 1)), 1) + lost, 2)
    return math.inf


def cheapest_plan(layer: Convolution) -> Plan:
    """The Gram matrix over inputs or over outputs, whichever takes fewer operations."""
    return min((_plan(layer, inner=inner) for inner in (True, False)), key=lambda plan: plan.operations)


def quotient_lower(layer: Convolution, vector: Array) -> float:
    """A lower bound of the norm of a (scaled) convolution: by how much it stretches a vector, rounded down."""
    image = layer.forward(vector, layer.kernel)
    magnitude = layer.forward(np.abs(vector), np.abs(layer.kernel))
    return rayleigh_lower(image, magnitude, vector, math.prod(layer.kernel.shape[2:]) + 1)


def top_vector(layer: Convolution) -> Array | None:
    """Inputs that the convolution stretches about as much as it can; ``None`` where there is nothing to search."""
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    groups, _, channels = layer.kernel.shape[:3]
    shape = (groups, channels, *(axis.size for axis in layer.axes))
    size = math.prod(shape)
    if size <= _KRYLOV:
        return None

    def twice(flat: npt.NDArray[Any]) -> Array:
        return layer.adjoint(layer.forward(flat.reshape(shape), layer.kernel)).ravel()

    start = np.random.default_rng(size).standard_normal(size)
    operator = LinearOperator((size, size), matvec=twice, dtype=np.float64)
    try:
        _, vectors = eigsh(operator, k=1, ncv=_KRYLOV, maxiter=_RESTARTS, tol=_TOLERANCE, v0=start)
    except ArpackError:
        return None
    found: Array = vectors[:, 0].reshape(shape)
    return found


def _plan(layer: Convolution, *, inner: bool) -> Plan:
    """The Gram matrix over input positions, or over output positions."""
    reads = layer.reads()
    outputs, inputs = len(reads), math.prod(axis.size for axis in layer.axes)
    count = inputs if inner else outputs
    coupled: list[set[int]] = [set() for _ in range(count)]
    meetings = _meetings(reads, inner=inner)
    for meeting in meetings:
        places = {place for place, _ in meeting}
        for place in places:
            coupled[place] |= places
    order, degrees = elimination_order(coupled)
    rank = {place: number for number, place in enumerate(order)}
    terms: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for meeting in meetings:
        for place, tap in meeting:
            for other, other_tap in meeting:
                if rank[place] >= rank[other]:
                    terms[rank[place], rank[other]].append((tap, other_tap))
    met = max((max(Counter(place for place, _ in meeting).values()) for meeting in meetings), default=1)
    groups, outs, ins = layer.kernel.shape[:3]
    width, depth = (ins, outs) if inner else (outs, ins)
    pairs = math.comb(reads.shape[1] + 1, 2)
    # A column costs a factor with its residual, d solutions with theirs, and what they take from d(d+1)/2 blocks.
    products = sum(1.5 + 1.5 * d + d * (d + 1.0) / 2 for d in degrees)
    sums = sum(map(len, terms.values()))
    operations = 2.0 * width**2 * (width * products + depth * pairs + sums) + _CALL * (products + pairs + sums)
    numbers = float(width) ** 2 * (pairs + len(order) + sum(degrees))
    return Plan(inner, len(order), dict(terms), met, groups * operations, numbers)


def _meetings(reads: npt.NDArray[np.int64], *, inner: bool) -> list[list[tuple[int, int]]]:
    """Which positions meet, and by which taps: the inputs of each output, or the outputs of each input."""
    met: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for output, tap in np.argwhere(reads >= 0).tolist():
        read = int(reads[output, tap])
        met[output if inner else read].append((read if inner else output, tap))
    return list(met.values())


def _excess(layer: Convolution, plan: Plan, shift: float) -> float | None:
    """By how much an eigenvalue of the Gram matrix can exceed a shift; ``None`` where nothing can be proved."""
    worst = 0.0
    for kernel in (layer.kernel[group] for group in range(layer.kernel.shape[0])):
        blocks, moved = _shifted(kernel.reshape(*kernel.shape[:2], -1), plan, shift)
        distance = factor_distance(blocks, plan.columns)
        if distance is None:
            return None
        worst = max(worst, above(distance + moved, 1))
    outs, ins = (int(channels) for channels in layer.kernel.shape[1:3])
    depth, width = (outs, ins) if plan.inner else (ins, outs)
    most = max(map(len, plan.terms.values()), default=0)
    lost = float(plan.columns * width) * (depth + 1) * (most + 1) * 2 * TINY
    return above(worst + gamma(depth + most) * _magnitude(layer, plan.meeting) + lost, 4)


def _magnitude(layer: Convolution, meeting: int) -> float:
    """An upper bound of the squared Frobenius norm of the matrix of the absolute values of a (scaled) kernel."""
    counts = np.count_nonzero(layer.reads() >= 0, axis=0).tolist()
    by_tap = np.moveaxis(layer.kernel, (0, 1, 2), (-3, -2, -1)).reshape(len(counts), -1)
    squares = [count * float(tap @ tap) for count, tap in zip(counts, by_tap, strict=True)]
    # k taps that meet have a squared sum of at most k times the sum of squares.
    return above(meeting * math.fsum(squares), by_tap.shape[1] + 4) + by_tap.size * meeting * len(counts) * TINY


def _shifted(kernel: Array, plan: Plan, shift: float) -> tuple[Blocks, float]:
    """The shift minus the Gram matrix of one group in single precision, and how far rounding to it moves the matrix."""
    taps = [kernel[:, :, tap] if plan.inner else kernel[:, :, tap].T for tap in range(kernel.shape[2])]
    width = taps[0].shape[1]
    products: dict[tuple[int, int], Array] = {}
    blocks: Blocks = {}
    squares = 0.0
    for row, column in [(place, place) for place in range(plan.columns)] + [pair for pair in plan.terms if pair[0] > pair[1]]:
        # Of two products that are each other's transposes one is worked out; those to be turned are summed first.
        block = np.zeros((width, width))
        ordered = sorted(plan.terms.get((row, column), []), key=lambda pair: pair[0] >= pair[1])
        turned = sum(tap < other for tap, other in ordered)
        for number, pair in enumerate(ordered):
            if number == turned > 0:
                block = block.T
            place = max(pair), min(pair)
            if place not in products:
                products[place] = taps[place[0]].T @ taps[place[1]]
            block -= products[place]
        block = block.T if 0 < turned == len(ordered) else block
        if row == column:
            block.flat[:: width + 1] += shift
        squares += float(np.einsum("ij,ij->", block, block)) * (1 if row == column else 2)
        blocks[row, column] = block.astype(np.float32, order="C")
    size = above(math.sqrt(above(squares, plan.columns * width**2 + 2)), 1)
    # Half a unit in the last place of each entry, doubled for the sum with the shift, and what underflows.
    return blocks, above(2.0 * _SINGLE * size + plan.columns * width * float(np.finfo(np.float32).tiny), 4)
