"""The operator norm of a convolution, from above and from below, rounding included.

From above: by a torus (:mod:`boundcheck.numerics.torus`); where the matrix is small, by its own spectral norm; where
the map is small and the channels are many, so that a torus says too much, by the Gram matrix in blocks of positions
(:mod:`boundcheck.numerics.positions`). From below: power iteration on the convolution itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from boundcheck.numerics.error_terms import above, below, gamma, ldexp_down, ldexp_up
from boundcheck.numerics.positions import affordable_plan, position_bound, quotient_lower, top_vector
from boundcheck.numerics.spectral import spectral_norm
from boundcheck.numerics.torus import torus_bound
from boundcheck.numerics.unrolled import Convolution, Padding, convolution

_SMALL_SIDE, _SMALL_MATRIX = 600, 2**20
_NEAR = 0.03  # a torus this near a lower bound is sharp enough


def convolution_norm(
    kernel: npt.ArrayLike,
    input_size: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> float:
    """An upper bound of the l2 operator norm of a convolution (of its linear part), rounding included.

    Args:
        kernel: (out, in/groups, *taps), one to three spatial axes.
        input_size: The spatial size of the input.
        stride: One number or one for each axis.
        padding: A number, one for each axis, a pair (front, behind) for each axis, ``"same"`` or ``"valid"``.
        dilation: One number or one for each axis.
        groups: Number of groups.
        padding_mode: ``"zeros"``, ``"circular"``, ``"reflect"`` or ``"replicate"``.

    Returns:
        The bound; 0 exactly for a zero kernel.

    Raises:
        InputError: something does not fit together; NaN or infinity in the kernel.
    """
    layer = convolution(kernel, input_size, stride, padding, dilation, groups, padding_mode)
    if not layer.kernel.any():
        return 0.0
    rows = layer.kernel.shape[1] * math.prod(axis.outputs for axis in layer.axes)
    columns = layer.kernel.shape[2] * math.prod(axis.size for axis in layer.axes)
    if min(rows, columns) <= _SMALL_SIDE and rows * columns * layer.kernel.shape[0] <= _SMALL_MATRIX:
        return ldexp_up(min(torus_bound(layer), matrix_bound(layer)), layer.exponent)
    return ldexp_up(_bound_of_large(layer), layer.exponent)


def _bound_of_large(layer: Convolution) -> float:
    """An upper bound of the norm of a (scaled) convolution: a torus, or positions where that is not near enough."""
    plan = affordable_plan(layer)
    vector = None if plan is None else top_vector(layer)
    if plan is None or vector is None:
        return torus_bound(layer)
    enough = (1.0 + _NEAR) * quotient_lower(layer, vector)
    bound = torus_bound(layer, enough)
    if bound <= enough:
        return bound
    sharper = position_bound(layer, plan, vector)
    # The torus is above what is enough; how far, matters only where the positions are too.
    return sharper if sharper <= enough else min(sharper, torus_bound(layer))


def transposed_convolution_norm(
    kernel: npt.ArrayLike,
    input_size: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> float:
    """An upper bound of the l2 operator norm of a transposed convolution: the adjoint of the one that undoes its shape.

    Args:
        kernel: (in, out/groups, *taps), as torch stores it.
        input_size: The spatial size of its input.
        stride: One number or one for each axis; so below.
        padding: What the adjoint pads.
        output_padding: By how much the output is longer than it need be.
        dilation: Distance of neighbouring taps.
        groups: Number of groups.

    Returns:
        The bound.

    Raises:
        InputError: something does not fit together.
    """
    size = transposed_output_size(np.shape(kernel), input_size, stride, padding, output_padding, dilation)
    return convolution_norm(kernel, size, stride, padding, dilation, groups)


def transposed_output_size(
    kernel_shape: Sequence[int],
    input_size: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
) -> tuple[int, ...]:
    """The spatial size of what a transposed convolution makes; arguments as in torch."""
    count = len(kernel_shape) - 2
    settings = [
        (value,) * count if isinstance(value, int) else tuple(value)
        for value in (input_size, stride, padding, output_padding, dilation)
    ]
    return tuple(
        (n - 1) * s - 2 * p + d * (taps - 1) + extra + 1
        for n, s, p, extra, d, taps in zip(*settings, kernel_shape[2:], strict=True)
    )


def convolution_norm_lower(
    kernel: npt.ArrayLike, input_size: Sequence[int], *, steps: int = 30, seed: int = 0, **layer: Any
) -> float:
    """A lower bound of the l2 operator norm of a convolution: some steps of power iteration, rounded down.

    Args:
        kernel: (out, in/groups, *taps).
        input_size: The spatial size of the input.
        steps: Power iteration steps.
        seed: For the random start.
        **layer: ``stride``, ``padding``, ``dilation``, ``groups``, ``padding_mode`` as in :func:`convolution_norm`.

    Returns:
        A number that is never above the norm.

    Raises:
        InputError: something does not fit together; NaN or infinity in the kernel.
    """
    conv = convolution(kernel, input_size, **layer)
    groups, _, channels = conv.kernel.shape[:3]
    vector = np.random.default_rng(seed).standard_normal((groups, channels, *(axis.size for axis in conv.axes)))
    for _ in range(steps):
        following = conv.adjoint(conv.forward(vector, conv.kernel))
        length = float(np.linalg.norm(following))
        if length == 0.0:
            return 0.0
        vector = following / length
    return ldexp_down(below(quotient_lower(conv, vector), 1), conv.exponent)


def matrix_bound(layer: Convolution) -> float:
    """An upper bound of the norm of a (scaled) convolution by its unrolled matrix."""
    bound = max(spectral_norm(layer.matrix(group)) for group in range(layer.kernel.shape[0]))
    if layer.mode == "zeros":
        return bound
    # Taps that read the same input were added with rounding.
    magnitude = Convolution(np.abs(layer.kernel), 0, layer.axes, layer.mode).frobenius_norm()
    return above(bound + gamma(math.prod(layer.kernel.shape[3:]) + 1) * magnitude, 3)
