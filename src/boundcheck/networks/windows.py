"""Which inputs each output of a pool reads, axis by axis."""

from __future__ import annotations

import math

import numpy as np

from boundcheck.networks.graph import Node
from boundcheck.networks.ops import AdaptiveAveragePool, Array, AveragePool, MaxPool

Windows = tuple[tuple[int, ...], ...]


def axis_windows(op: MaxPool | AveragePool | AdaptiveAveragePool, axis: int, size: int, outputs: int) -> Windows:
    """The input positions that each output position reads, along one axis; padding left out.

    Args:
        op: The pool.
        axis: Which axis, counted after the channels.
        size: Input size along it.
        outputs: Output size along it.

    Returns:
        One tuple of input positions per output position.
    """
    if isinstance(op, AdaptiveAveragePool):
        return tuple(tuple(range(i * size // outputs, math.ceil((i + 1) * size / outputs))) for i in range(outputs))
    dilation = op.dilation[axis] if isinstance(op, MaxPool) else 1
    starts = [i * op.stride[axis] - op.padding[axis] for i in range(outputs)]
    reads = [[start + t * dilation for t in range(op.kernel[axis])] for start in starts]
    return tuple(tuple(p for p in row if 0 <= p < size) for row in reads)


def pool_windows(node: Node, input_shape: tuple[int, ...]) -> tuple[Windows, ...]:
    """The windows of a pool node along every axis.

    Args:
        node: A node whose operation is a pool.
        input_shape: Shape of its input, channels first.

    Returns:
        One entry per axis after the channels.
    """
    op = node.op
    if not isinstance(op, (MaxPool, AveragePool, AdaptiveAveragePool)):
        raise TypeError(f"{node.name} is no pool")
    sizes = zip(input_shape[1:], node.shape[1:], strict=True)
    return tuple(axis_windows(op, axis, size, outputs) for axis, (size, outputs) in enumerate(sizes))


def window_size(node: Node, input_shape: tuple[int, ...]) -> int:
    """The largest number of inputs that one output of a pool reads."""
    return math.prod(max(len(window) for window in axis) for axis in pool_windows(node, input_shape))


def windows_per_input(node: Node, input_shape: tuple[int, ...]) -> int:
    """The largest number of windows that one input of a pool lies in."""
    counts = []
    for axis, size in zip(pool_windows(node, input_shape), input_shape[1:], strict=True):
        counts.append(int(np.bincount([p for window in axis for p in window], minlength=size).max()))
    return math.prod(counts)


def average_matrices(node: Node, input_shape: tuple[int, ...]) -> tuple[Array, ...]:
    """Matrices, one per axis, whose Kronecker product is an average pool on one channel.

    The entries are quotients of small integers, each rounded once.

    Args:
        node: A node whose operation is an average pool.
        input_shape: Shape of its input, channels first.

    Returns:
        One matrix (outputs, inputs) per axis.
    """
    op = node.op
    matrices = []
    for axis, windows in enumerate(pool_windows(node, input_shape)):
        size = input_shape[1 + axis]
        matrix = np.zeros((len(windows), size))
        for i, window in enumerate(windows):
            matrix[i, list(window)] = 1.0 / _divisor(op, axis, i, size, len(window))
        matrices.append(matrix)
    return tuple(matrices)


def _divisor(op: object, axis: int, output: int, size: int, inside: int) -> int:
    """What one output position divides by along one axis; the divisors of the axes multiply."""
    if not isinstance(op, AveragePool):
        return max(inside, 1)
    if op.divisor is not None:
        return op.divisor if axis == 0 else 1
    if not op.count_include_pad:
        return max(inside, 1)
    start = output * op.stride[axis] - op.padding[axis]
    return min(start + op.kernel[axis], size + op.padding[axis]) - start
