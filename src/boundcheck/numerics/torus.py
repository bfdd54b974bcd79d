r"""A bound of the operator norm of a convolution by circular ones, rounding included.

Along an axis of stride s, write a position of the padded input as sq+r, with phase r, and
tap t (at offset dt for dilation d) likewise: the convolution becomes one of stride 1 over the blocks q, with r as
further input channels. Inputs fill blocks a..b, taps reach Q-1 blocks, and outputs from j0 to j1 see an input (the
others are zero). On a circle of :math:`M>\max(b-j_0,\ j_1+Q-1-a)` blocks no two inputs, and no two outputs, fall
together and nothing is read around the end, so the convolution is a submatrix of the circular one, which the Fourier
transform makes block diagonal:

.. math:: \|\mathrm{conv}\|\le\max_{\omega}\|\hat K(\omega)\|,\qquad \hat K(\omega)=\Big[\sum_{t\in r}K_te^{i\omega q_t}\Big]_r

over all frequencies of the torus. (For stride 1 this is :math:`M=n+\max(p_l,p_r)`, p being the padding; a transform at
size n is no bound.) Circular padding is that circle itself, with M = n, as long as no output is made twice; an output
made at most m times costs a factor :math:`\sqrt m`. Reflect and replicate padding, and circular padding too, are a map
that copies inputs, at most m times each, followed by a convolution without padding: :math:`\sqrt m` times its norm.

The transform is a plain sum with phases reduced in integers. An angle in [-pi, pi] and its cosine (library error at
most 4 ulp) are known to 24u, so entries err by at most :math:`(32u+\gamma_{2T+2})\sum_t|K_t|` for T taps; the norm of
that is added. The largest eigenvalue over all frequencies is bounded as in :mod:`boundcheck.numerics.spectral`, by
positive semidefinite parts in batches: most frequencies need a Cholesky factor only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from boundcheck.numerics.error_terms import TINY, UNIT, Array, above, gamma
from boundcheck.numerics.spectral import eigenvalue_excess
from boundcheck.numerics.unrolled import Axis, Convolution

_SHIFT = 1e-11
_CHUNK_BYTES = 2**26
_TRIANGLE_FROM = 96


@dataclass(frozen=True)
class _Circle:
    """One axis as a circle of blocks.

    Attributes:
        blocks: M, the length of the circle.
        phases: The phase r of each tap.
        offsets: The block q of each tap.
        copies: How many times an output can be made.
    """

    blocks: int
    phases: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    copies: int


def torus_bound(layer: Convolution, enough: float = math.inf) -> float:
    """An upper bound of the norm of a (scaled) convolution by circular ones; see the head of the module.

    Args:
        layer: The convolution.
        enough: Infinity may come back where the bound is above this number.
    """
    if layer.mode == "zeros":
        circles = [_zero_padded_circle(axis) for axis in layer.axes]
        return 0.0 if None in circles else _circular_bound(layer.kernel, [c for c in circles if c is not None], enough)
    copies = math.prod(int(np.bincount(axis.padded_source(layer.mode)).max()) for axis in layer.axes)
    inner = [Axis(a.size + a.left + a.right, a.taps, a.stride, 0, 0, a.dilation) for a in layer.axes]
    plain = torus_bound(Convolution(layer.kernel, 0, tuple(inner), "zeros"))
    bound = above(above(math.sqrt(copies), 1) * plain, 1)
    if layer.mode == "circular":
        around = [_periodic_circle(axis) for axis in layer.axes]
        root = above(math.sqrt(math.prod(circle.copies for circle in around)), 1)
        bound = min(bound, above(root * _circular_bound(layer.kernel, around), 1))
    return bound


def _zero_padded_circle(axis: Axis) -> _Circle | None:
    """The shortest circle that holds a zero-padded axis; ``None`` where no output sees an input."""
    taps = axis.dilation * np.arange(axis.taps)
    offsets, phases = np.divmod(taps, axis.stride)
    first, last = axis.left // axis.stride, (axis.left + axis.size - 1) // axis.stride
    reach = int(offsets[-1])
    lowest, highest = max(0, first - reach), min(axis.outputs - 1, last)
    if highest < lowest:
        return None
    return _Circle(max(last - lowest, highest + reach - first) + 1, phases, offsets, 1)


def _periodic_circle(axis: Axis) -> _Circle:
    """The circle of a circularly padded axis; its stride is dropped where it does not divide the size."""
    stride = axis.stride if axis.size % axis.stride == 0 else 1
    offsets, phases = np.divmod(axis.dilation * np.arange(axis.taps) - axis.left, stride)
    blocks = axis.size // stride
    made = (axis.outputs - 1) * (axis.stride // stride) + 1
    return _Circle(blocks, phases, offsets, -(-made // blocks))


def _circular_bound(kernel: Array, circles: Sequence[_Circle], enough: float = math.inf) -> float:
    """An upper bound of the norm of a circular convolution, kernel (groups, out, in, *taps); see :func:`torus_bound`."""
    frequencies = _half_spectrum([circle.blocks for circle in circles])
    groups, outs, ins = kernel.shape[:3]
    flat = np.moveaxis(kernel, (0, 1, 2), (-3, -2, -1)).reshape(-1, groups * outs * ins)  # as it lies in memory
    phase = np.zeros((1,), dtype=np.int64)
    for circle in circles:
        phase = (phase[:, None] * (int(circle.phases.max()) + 1) + circle.phases).ravel()
    waves = _waves(frequencies, circles)
    parts = [(np.ascontiguousarray(waves[:, phase == r]), flat[phase == r]) for r in np.unique(phase)]
    # Frequencies with a large Frobenius norm first: the largest eigenvalue is then met early.
    sizes = sum(((wave.conj() @ (part @ part.T)) * wave).real.sum(axis=1) for wave, part in parts)
    order = np.argsort(-np.asarray(sizes), kind="stable")
    per_frequency = 16 * groups * (2 * outs * ins * len(parts) + 4 * min(outs, ins * len(parts)) ** 2)
    length = max(1, min(_CHUNK_BYTES // per_frequency, max(8, len(order) // 8)))
    shift, square = 0.0, 0.0
    for start in range(0, len(order), length):
        chosen = order[start : start + length]
        blocks = np.empty((len(chosen), groups, outs, len(parts), ins), dtype=np.complex128)
        for place, (wave, part) in enumerate(parts):
            shape = (len(chosen), groups, outs, ins)
            blocks.real[:, :, :, place] = (wave.real[chosen] @ part).reshape(shape)
            blocks.imag[:, :, :, place] = (wave.imag[chosen] @ part).reshape(shape)
        bound, shift = _largest_square(blocks.reshape(-1, outs, len(parts) * ins), shift)
        square = max(square, bound)
        if square > enough * enough:
            return math.inf
    taps = flat.shape[0]
    magnitude = np.abs(flat).sum(axis=0).reshape(groups, -1)
    spread = above(math.sqrt(float(np.einsum("ij,ij->i", magnitude, magnitude).max())), 2 * taps + outs * ins + 4)
    lost = (taps + 2) * float(outs * ins * len(parts)) * TINY  # underflow, in scaling the kernel and in the sum
    return above(above(math.sqrt(square), 1) + (32 * UNIT + gamma(2 * taps + 2)) * spread + lost, 5)


def _largest_square(blocks: npt.NDArray[np.complex128], shift: float) -> tuple[float, float]:
    """An upper bound of the largest squared norm in a batch of matrices, and the shift that proved it.

    ``shift`` is where to begin, perhaps an upper bound already; 0 for none.
    """
    rows, columns = blocks.shape[1:]
    grams = _grams(blocks)
    inner, size = max(rows, columns), min(rows, columns)
    traces = np.einsum("bii->b", grams).real
    trace = above(float(traces.max()), 2 * inner + size + 4) + size * inner * 2.0**-1000
    excess = eigenvalue_excess(grams, shift) if shift > 0.0 else None
    widening = _SHIFT
    if excess is None:
        top = float(np.linalg.eigvalsh(grams)[:, -1].max())
        while excess is None and widening < 1.0:
            shift = max(shift, (1.0 + widening) * top)
            excess = eigenvalue_excess(grams, shift)
            widening *= 4.0
    if excess is None:
        return trace, shift
    rounding = 4 * gamma(2 * inner + 4) * trace + 4 * size * inner * 2.0**-1000
    return min(trace, above(shift + excess + rounding, 4)), shift


def _grams(blocks: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
    """The smaller Gram matrix of each block, or its conjugate, which has the same eigenvalues."""
    rows, columns = blocks.shape[1:]
    size = min(rows, columns)
    if size < _TRIANGLE_FROM:
        adjoint = np.ascontiguousarray(blocks.conj().swapaxes(1, 2))
        return blocks @ adjoint if rows <= columns else adjoint @ blocks
    from scipy.linalg.blas import zherk

    grams = np.empty((len(blocks), size, size), dtype=np.complex128)
    for place, block in enumerate(blocks):
        # Of a Hermitian matrix one triangle is worked out, in half the time; a transpose is no copy here.
        half = zherk(1.0, block.T, trans=2 if rows <= columns else 0, lower=1)
        grams[place] = half + np.tril(half, -1).conj().T
    return grams


def _half_spectrum(sizes: Sequence[int]) -> npt.NDArray[np.int64]:
    """All frequencies of a torus up to sign, (count, axes): a real kernel has the same norm at both."""
    ranges = [np.arange(size) for size in sizes[:-1]] + [np.arange(sizes[-1] // 2 + 1)]
    return np.stack([part.ravel() for part in np.meshgrid(*ranges, indexing="ij")], axis=1)


def _waves(frequencies: npt.NDArray[np.int64], circles: Sequence[_Circle]) -> npt.NDArray[np.complex128]:
    """exp(i omega q) for each frequency and tap, (count, taps), with angles reduced exactly to [-pi, pi]."""
    common = math.lcm(*[circle.blocks for circle in circles])
    turns = np.zeros((len(frequencies), 1), dtype=np.int64)
    for column, circle in zip(frequencies.T, circles, strict=True):
        part = (column[:, None] * circle.offsets % circle.blocks) * (common // circle.blocks)
        turns = ((turns[:, :, None] + part[:, None, :]) % common).reshape(len(frequencies), -1)
    turns = np.where(2 * turns > common, turns - common, turns)
    angles = 2.0 * np.pi * (turns / common)
    return np.cos(angles) + 1j * np.sin(angles)
