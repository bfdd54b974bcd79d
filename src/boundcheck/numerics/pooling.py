r"""How much pooling can stretch a difference: l2 Lipschitz constants, from above.

Max-pooling: :math:`\|y-y'\|^2\le\sum_w\max_{p\in w}|x_p-x'_p|^2\le\sum_p c_p|x_p-x'_p|^2` with :math:`c_p` the number of
windows that contain p, so :math:`\sqrt{\max_pc_p}` is a Lipschitz constant; it is attained (one pixel above all others).
Average pooling is linear and a Kronecker product of one matrix for each axis (its divisors are products, with padding
counted or not), so its norm is the product of theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from boundcheck.errors import InputError
from boundcheck.numerics.error_terms import UNIT, Array, above
from boundcheck.numerics.spectral import spectral_norm
from boundcheck.numerics.unrolled import Axis, Padding, paddings, per_axis


def max_pool_norm(
    kernel: int | Sequence[int],
    input_size: Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> float:
    """The l2 Lipschitz constant of max-pooling: the root of the largest number of windows that contain a pixel.

    Args:
        kernel: Window size, one number or one for each axis.
        input_size: The spatial size of the input.
        stride: One number or one for each axis; the window size where not given.
        padding: A number, one for each axis, or a pair (front, behind) for each axis.
        dilation: One number or one for each axis.
        ceil_mode: Whether a last window may stand over the end, as in torch.

    Returns:
        The constant, rounded up; 0 where no window sees a pixel.

    Raises:
        InputError: something does not fit together.
    """
    most = 1
    for axis in _axes(kernel, input_size, stride, padding, dilation):
        counts = _counts(axis, _windows(axis, ceil_mode))
        most *= int((counts > 0).sum(axis=0).max())
    root = math.isqrt(most)
    return float(root) if root * root == most else math.nextafter(math.sqrt(most), math.inf)


def average_pool_norm(
    kernel: int | Sequence[int],
    input_size: Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> float:
    """An upper bound of the l2 operator norm of average pooling.

    Args:
        kernel: Window size, one number or one for each axis.
        input_size: The spatial size of the input.
        stride: One number or one for each axis; the window size where not given.
        padding: A number, one for each axis, or a pair (front, behind) for each axis.
        ceil_mode: Whether a last window may stand over the end, as in torch.
        count_include_pad: Whether padding counts in the divisor.
        divisor_override: Another divisor for all windows.

    Returns:
        The bound, within 1e-10 of the norm.

    Raises:
        InputError: something does not fit together.
    """
    norm = 1.0
    for axis in _axes(kernel, input_size, stride, padding, 1):
        windows = _windows(axis, ceil_mode)
        counts = _counts(axis, windows)
        divisors = np.ones(windows)
        if divisor_override is None and count_include_pad:
            starts = axis.stride * np.arange(windows)
            ends = np.minimum(starts + axis.taps, axis.left + axis.size + axis.right)
            divisors = (ends - starts).astype(np.float64)
        elif divisor_override is None:
            divisors = counts.sum(axis=1)
        seen = counts.sum(axis=1) > 0
        norm = above(norm * _averaging_bound(counts[seen], divisors[seen]), 1)
    if divisor_override is None:
        return norm
    if divisor_override < 1:
        raise InputError("a divisor of at least 1", f"{divisor_override}", "check the layer")
    return above(norm / divisor_override, 1)


def adaptive_average_pool_norm(output_size: Sequence[int], input_size: Sequence[int]) -> float:
    """An upper bound of the l2 operator norm of average pooling to a given size, as torch lays its windows.

    Args:
        output_size: The spatial size of the output.
        input_size: The spatial size of the input.

    Returns:
        The bound; for a global average the root of one over the number of pixels, within rounding.

    Raises:
        InputError: sizes of different length, or below 1.
    """
    if len(output_size) != len(input_size) or min(*output_size, *input_size) < 1:
        raise InputError("two sizes of the same length", f"{output_size}, {input_size}", "check the layer")
    norm = 1.0
    for outputs, size in zip(output_size, input_size, strict=True):
        counts = np.zeros((outputs, size))
        for place in range(outputs):
            counts[place, place * size // outputs : -(-(place + 1) * size // outputs)] = 1.0
        norm = above(norm * _averaging_bound(counts, counts.sum(axis=1)), 1)
    return norm


def _averaging_bound(counts: Array, divisors: Array) -> float:
    """An upper bound of the norm of the matrix counts / divisors: the smaller of Schur's test and the certified one."""
    if not counts.size:
        return 0.0
    entries = counts / divisors[:, None]
    schur = above(float(entries.sum(axis=1).max() * entries.sum(axis=0).max()), sum(entries.shape) + 3)
    # Entries are rounded quotients of non-negative numbers: the exact matrix is below (1 + 2u) times this one.
    return min(above(math.sqrt(schur), 2), above(spectral_norm(entries) * (1 + 4 * UNIT), 2))


def _axes(
    kernel: int | Sequence[int],
    input_size: Sequence[int],
    stride: int | Sequence[int] | None,
    padding: Padding,
    dilation: int | Sequence[int],
) -> list[Axis]:
    count = len(input_size)
    taps = per_axis(kernel, count, "window", 1)
    strides = taps if stride is None else per_axis(stride, count, "stride", 1)
    dilations = per_axis(dilation, count, "dilation", 1)
    pads = paddings(padding, [d * (k - 1) + 1 for d, k in zip(dilations, taps, strict=True)])
    axes = [
        Axis(int(n), k, s, left, right, d)
        for n, k, s, (left, right), d in zip(input_size, taps, strides, pads, dilations, strict=True)
    ]
    if min(min(axis.size, axis.outputs) for axis in axes) < 1:
        raise InputError("an input at least as large as the window", f"{tuple(input_size)}", "check the input size")
    return axes


def _windows(axis: Axis, ceil_mode: bool) -> int:
    """The number of windows; in ceil mode one more may stand over the end if it begins before the padding behind."""
    if not ceil_mode:
        return axis.outputs
    windows = -(-(axis.left + axis.size + axis.right - axis.extent) // axis.stride) + 1
    return windows - 1 if (windows - 1) * axis.stride >= axis.size + axis.left else windows


def _counts(axis: Axis, windows: int) -> Array:
    """Which inputs each window sees, a 0/1 matrix (windows, size)."""
    counts = np.zeros((windows, axis.size))
    for place in range(windows):
        reads = place * axis.stride + axis.dilation * np.arange(axis.taps) - axis.left
        counts[place, reads[(reads >= 0) & (reads < axis.size)]] = 1.0
    return counts
