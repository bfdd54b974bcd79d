r"""The matrix of a convolution: which input each tap reads, its Frobenius norm and row norms, its products.

A convolution reads, along each axis, input ``source[j, t]`` for output j and tap t (-1: nothing). Its matrix is known
through these tables. With the 0/1 matrices :math:`Q_j[t,t']=1` where taps t and t' of output j read the same input,
the squared norm of the row of output channel o at position :math:`(j_1,j_2,\dots)` is
:math:`\sum_i K_{oi}^\top(Q_{j_1}\otimes Q_{j_2}\otimes\cdots)K_{oi}`: under zero padding Q is diagonal and counts
what the padding leaves of the kernel; under the other paddings taps that meet add up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from boundcheck.errors import InputError
from boundcheck.numerics.error_terms import Array, above, gamma, ldexp_up, real_array

PADDING_MODES = {"zeros": "constant", "circular": "wrap", "reflect": "reflect", "replicate": "edge"}
"""Names of padding modes, as in torch, and what numpy calls them."""

Padding = int | str | Sequence[int | tuple[int, int]]


@dataclass(frozen=True)
class Axis:
    """One axis of a convolution or of a pooling.

    Attributes:
        size: Number of inputs.
        taps: Number of kernel taps.
        stride: Distance of neighbouring windows.
        left: Padding in front.
        right: Padding behind.
        dilation: Distance of neighbouring taps.
    """

    size: int
    taps: int
    stride: int
    left: int
    right: int
    dilation: int

    @property
    def extent(self) -> int:
        """From the first tap to the last, both counted."""
        return self.dilation * (self.taps - 1) + 1

    @property
    def outputs(self) -> int:
        """Number of windows that fit."""
        return (self.size + self.left + self.right - self.extent) // self.stride + 1

    def padded_source(self, mode: str) -> npt.NDArray[np.int64]:
        """The input that each padded position holds, (left + size + right,); -1 for none."""
        pads = (self.left, self.right)
        if mode == "zeros":
            return np.pad(np.arange(self.size), pads, constant_values=-1)
        padded: npt.NDArray[np.int64] = np.pad(np.arange(self.size), pads, mode=cast(Any, PADDING_MODES[mode]))
        return padded

    def source(self, mode: str) -> npt.NDArray[np.int64]:
        """The input that each tap of each window reads, (outputs, taps); -1 for none."""
        starts = self.stride * np.arange(self.outputs)[:, None]
        return np.take(self.padded_source(mode), starts + self.dilation * np.arange(self.taps))


@dataclass(frozen=True)
class Convolution:
    """A convolution without bias, its numbers in float64 on a power of two.

    Attributes:
        kernel: (groups, out/groups, in/groups, *taps), its largest entry in [1/2, 1), or all zero.
        exponent: The kernel given is ``kernel * 2**exponent``.
        axes: One for each spatial dimension.
        mode: ``zeros``, ``circular``, ``reflect`` or ``replicate``.
    """

    kernel: Array
    exponent: int
    axes: tuple[Axis, ...]
    mode: str

    def row_squares(self) -> list[tuple[int, Array]]:
        """Upper bounds of the squared norms of the rows of the matrix (scaled), alike positions taken together.

        Returns:
            Pairs (how many output positions, squared norm of each output channel's row there).
        """
        kinds = [_overlaps(axis.source(self.mode)) for axis in self.axes]
        pairs = []
        for combination in itertools.product(*kinds):
            count = math.prod(number for number, _ in combination)
            pairs.append((count, self._quadratic([matrix for _, matrix in combination])))
        return pairs

    def frobenius_norm(self) -> float:
        """An upper bound of the Frobenius norm of the matrix."""
        totals = []
        for axis in self.axes:
            kinds = _overlaps(axis.source(self.mode))
            totals.append(np.sum([number * matrix for number, matrix in kinds], axis=0))
        squares = above(math.fsum(self._quadratic(totals).tolist()), 1)
        return ldexp_up(above(math.sqrt(squares), 2), self.exponent)

    def _quadratic(self, overlaps: Sequence[Array]) -> Array:
        """Upper bounds of the sum over input channels of K' (Q1 x Q2 x ...) K, one for each output channel."""
        folded, magnitude = self.kernel, np.abs(self.kernel)
        for place, matrix in enumerate(overlaps, start=3):
            folded = np.moveaxis(np.tensordot(folded, matrix, (place, 0)), -1, place)
            magnitude = np.moveaxis(np.tensordot(magnitude, matrix, (place, 0)), -1, place)
        channels = self.kernel.shape[0] * self.kernel.shape[1]
        value = (self.kernel * folded).reshape(channels, -1).sum(axis=1)
        size = (np.abs(self.kernel) * magnitude).reshape(channels, -1).sum(axis=1)
        depth = sum(self.kernel.shape[2:]) + math.prod(self.kernel.shape[2:]) + 8
        # The form is a sum of squares: where rounding makes it negative the allowance more than makes up for it. The
        # last term is for underflow, and only where there is something to lose.
        raised = value + above(2 * gamma(depth) * above(size, depth) + (size > 0) * depth * 2.0**-900, 4)
        return above(np.where(raised > 0.0, raised, 0.0), 2)

    def forward(self, inputs: Array, kernel: Array) -> Array:
        """The convolution of ``inputs``, (groups, in/groups, *sizes), with a kernel of this one's shape."""
        padded = inputs
        for place, axis in enumerate(self.axes, start=2):
            source = axis.padded_source(self.mode)
            padded = np.take(padded, np.where(source < 0, 0, source), axis=place)
            if self.mode == "zeros":
                inside = (source >= 0).reshape([-1 if p == place else 1 for p in range(padded.ndim)])
                padded = padded * inside
        outputs = tuple(axis.outputs for axis in self.axes)
        result = np.zeros((*kernel.shape[:2], math.prod(outputs)))
        for tap in np.ndindex(*kernel.shape[3:]):
            patch = np.ascontiguousarray(padded[self._window(tap)])
            result += kernel[(..., *tap)] @ patch.reshape(*patch.shape[:2], -1)
        return result.reshape(*kernel.shape[:2], *outputs)

    def adjoint(self, outputs: Array) -> Array:
        """The transpose of :meth:`forward` with the kernel itself."""
        groups, _, channels = self.kernel.shape[:3]
        padded = np.zeros((groups, channels, *(axis.left + axis.size + axis.right for axis in self.axes)))
        flat = outputs.reshape(*outputs.shape[:2], -1)
        for tap in np.ndindex(*self.kernel.shape[3:]):
            part = self.kernel[(..., *tap)].swapaxes(1, 2) @ flat
            padded[self._window(tap)] += part.reshape(groups, channels, *outputs.shape[2:])
        for place, axis in enumerate(self.axes, start=2):
            moved = np.moveaxis(padded, place, 0)
            inner = moved[axis.left : axis.left + axis.size].copy()
            if self.mode != "zeros":
                source = axis.padded_source(self.mode)
                for position in [*range(axis.left), *range(axis.left + axis.size, len(source))]:
                    inner[source[position]] += moved[position]
            padded = np.moveaxis(inner, 0, place)
        return padded

    def _window(self, tap: tuple[int, ...]) -> tuple[slice, ...]:
        slices = [slice(None), slice(None)]
        for place, axis in zip(tap, self.axes, strict=True):
            start = axis.dilation * place
            slices.append(slice(start, start + axis.stride * (axis.outputs - 1) + 1, axis.stride))
        return tuple(slices)

    def reads(self) -> npt.NDArray[np.int64]:
        """The input that each tap of each output reads, (outputs, taps), all three numbered in C order; -1 for none."""
        flat = np.zeros((1, 1), dtype=np.int64)
        for axis in self.axes:
            before, source = flat[:, None, :, None], axis.source(self.mode)[:, None, :]
            joined = np.where((before < 0) | (source < 0), -1, before * axis.size + source)
            flat = joined.reshape(len(flat) * len(source), -1)
        return flat

    def matrix(self, group: int) -> Array:
        """The matrix of one group (scaled), (out/groups * outputs, in/groups * inputs); taps that meet are added."""
        kernel, reads = self.kernel[group], self.reads()
        full = np.zeros((len(reads), math.prod(axis.size for axis in self.axes), *kernel.shape[:2]))
        for place, tap in enumerate(np.ndindex(*kernel.shape[2:])):
            rows = np.flatnonzero(reads[:, place] >= 0)
            full[rows, reads[rows, place]] += kernel[(..., *tap)]
        return full.transpose(2, 0, 3, 1).reshape(kernel.shape[0] * len(reads), -1)


def _overlaps(source: npt.NDArray[np.int64]) -> list[tuple[int, Array]]:
    """The different matrices Q_j of an axis (see the head of the module), each with how many outputs j have it."""
    same = (source[:, :, None] == source[:, None, :]) & (source >= 0)[:, :, None]
    kinds, counts = np.unique(same.reshape(len(same), -1), axis=0, return_counts=True)
    taps = source.shape[1]
    return [(int(n), kind.reshape(taps, taps).astype(np.float64)) for kind, n in zip(kinds, counts, strict=True)]


def per_axis(value: int | Sequence[int], dimensions: int, what: str, least: int) -> tuple[int, ...]:
    """A setting given once or once for each axis.

    Raises:
        InputError: another number of values, or one below ``least``.
    """
    values = (value,) * dimensions if isinstance(value, int) else tuple(int(v) for v in value)
    if len(values) != dimensions or min(values, default=least) < least:
        raise InputError(f"a {what} of at least {least} for each of {dimensions} axes", f"{value}", "check the layer")
    return values


def paddings(value: Padding, extents: Sequence[int]) -> list[tuple[int, int]]:
    """Padding in front and behind for each axis, from any of the ways to write it."""
    if value == "valid":
        return [(0, 0)] * len(extents)
    if value == "same":  # an even extent pads one more behind, as torch does
        return [((extent - 1) // 2, extent - 1 - (extent - 1) // 2) for extent in extents]
    if isinstance(value, str):
        raise InputError("padding as a number, as numbers, as pairs, 'same' or 'valid'", value, "check the layer")
    values = [value] * len(extents) if isinstance(value, int) else list(value)
    pairs = [(entry, entry) if isinstance(entry, int) else (int(entry[0]), int(entry[1])) for entry in values]
    if len(pairs) != len(extents) or any(min(pair) < 0 for pair in pairs):
        raise InputError(f"padding of at least 0 for each of {len(extents)} axes", f"{value}", "check the layer")
    return pairs


def convolution(
    kernel: npt.ArrayLike,
    input_size: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Convolution:
    """A convolution from what a layer is made of, checked.

    Args:
        kernel: (out, in/groups, *taps), finite real numbers; one to three spatial axes.
        input_size: The spatial size of the input.
        stride: One number or one for each axis.
        padding: A number, one for each axis, a pair (front, behind) for each axis, ``"same"`` or ``"valid"``.
        dilation: One number or one for each axis.
        groups: Number of groups.
        padding_mode: ``"zeros"``, ``"circular"``, ``"reflect"`` or ``"replicate"``.

    Raises:
        InputError: something does not fit together; NaN or infinity in the kernel.
    """
    array: npt.NDArray[Any] = real_array(kernel, "a kernel")
    spatial = array.ndim - 2
    sizes = tuple(int(size) for size in input_size)
    if spatial < 1 or len(sizes) != spatial or min(sizes) < 1 or not array.size:
        raise InputError("a kernel (out, in, *taps) and a size for each tap axis", f"{array.shape}, {sizes}", "check both")
    if not np.isfinite(array).all():
        raise InputError("a finite kernel", "an infinite entry", "training may have diverged")
    if groups < 1 or array.shape[0] % groups:
        raise InputError("groups that divide the output channels", f"{groups} for {array.shape[0]}", "check the layer")
    if padding_mode not in PADDING_MODES:
        raise InputError("padding mode " + ", ".join(PADDING_MODES), padding_mode, "check the layer")
    strides, dilations = per_axis(stride, spatial, "stride", 1), per_axis(dilation, spatial, "dilation", 1)
    extents = [d * (taps - 1) + 1 for d, taps in zip(dilations, array.shape[2:], strict=True)]
    pads = paddings(padding, extents)
    parts = zip(sizes, array.shape[2:], strides, pads, dilations, strict=True)
    axes = tuple(Axis(size, taps, s, left, right, d) for size, taps, s, (left, right), d in parts)
    if min(axis.outputs for axis in axes) < 1:
        raise InputError("an input at least as large as the kernel", f"{sizes} for {extents}", "check the input size")
    widest = {"zeros": math.inf, "replicate": math.inf, "circular": 0, "reflect": -1}[padding_mode]
    if any(max(axis.left, axis.right) > axis.size + widest for axis in axes):
        raise InputError(f"{padding_mode} padding within the input", f"{pads} for {sizes}", "check the input size")
    mode = padding_mode if any(map(any, pads)) else "zeros"
    exponent = int(np.frexp(np.abs(array.astype(np.float64)).max())[1])
    # Taps outermost in memory: a tap is then a matrix that BLAS reads as it lies.
    by_tap = np.ldexp(np.moveaxis(array, (0, 1), (-2, -1)).astype(np.float64, order="C"), -exponent)
    scaled = np.moveaxis(by_tap.reshape(*array.shape[2:], groups, -1, array.shape[1]), range(spatial), range(-spatial, 0))
    return Convolution(scaled, exponent, axes, mode)


def unrolled_frobenius(kernel: npt.ArrayLike, input_size: Sequence[int], **layer: Any) -> float:
    """An upper bound of the Frobenius norm of the matrix of a convolution, within rounding of it.

    Args:
        kernel: (out, in/groups, *taps).
        input_size: The spatial size of the input.
        **layer: ``stride``, ``padding``, ``dilation``, ``groups``, ``padding_mode`` as in :func:`convolution`.
    """
    return convolution(kernel, input_size, **layer).frobenius_norm()


def unrolled_row_norm_sum(kernel: npt.ArrayLike, input_size: Sequence[int], **layer: Any) -> float:
    """An upper bound of the sum of the Euclidean norms of the rows of the matrix of a convolution.

    Args:
        kernel: (out, in/groups, *taps).
        input_size: The spatial size of the input.
        **layer: ``stride``, ``padding``, ``dilation``, ``groups``, ``padding_mode`` as in :func:`convolution`.
    """
    layer_ = convolution(kernel, input_size, **layer)
    sums = [count * float(above(np.sqrt(squares), 1).sum()) for count, squares in layer_.row_squares()]
    return ldexp_up(above(math.fsum(sums), layer_.kernel.shape[0] * layer_.kernel.shape[1] + 3), layer_.exponent)
