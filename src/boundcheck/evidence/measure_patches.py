"""Measure a chain of convolutions patch by patch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boundcheck.evidence.patches import Patches
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.graph import Graph, Node, Stage, is_fixed
from boundcheck.networks.operator_norms import convolution_settings
from boundcheck.networks.ops import PASSING, Array, Convolution, Dense, MaxPool, Reshape, Scale
from boundcheck.networks.sup_norms import sup_lipschitz_after
from boundcheck.numerics.centring import centred_above
from boundcheck.numerics.error_terms import UNIT, above
from boundcheck.numerics.norms import column_norms, frobenius_norm, row_norms, sum_above
from boundcheck.numerics.unrolled import convolution

_ROWS = 2048


def measure_patches(graph: Graph, x: NDArray[Any]) -> Patches:
    """The record of a chain of convolutions, average pools and dense layers.

    Args:
        graph: The canonical graph.
        x: Inputs (n, ...).

    Raises:
        Unavailable: The network is of another kind.
    """
    fixed, stages = _stages(graph)
    shapes = [graph.by_name[stage.layer.inputs[0]].shape for stage in stages]
    layers = [stage.layer.op for stage in stages]
    first = layers[0]
    if not isinstance(first, Convolution):
        raise Unavailable("the first layer is no convolution")
    one = graph.has_bias
    counts = [_taps(stage.layer, below) for stage, below in zip(stages[1:-1], stages[:-2], strict=True)]
    frobenius = _largest_patch(first, shapes[0], fixed, x, one)
    return Patches(
        # A kernel of one group reads a window of its own: the union is over these, not over places alone.
        positions=first.groups * math.prod(stages[0].layer.shape[1:]),
        frobenius=frobenius,
        spectral=frobenius,  # patches of images are nearly of rank one: an operator norm would save little
        taps=tuple(counts),
        kernels=tuple(_kernel_norm(op, one) for op in layers[:-2]),
        top=_top(stages),
        pools=tuple(max(1.0, c) if one else c for c in (sup_lipschitz_after(s.layer, graph) for s in stages[:-1])),
    )


def _stages(graph: Graph) -> tuple[list[tuple[Scale, tuple[int, ...]]], list[Stage]]:
    """The fixed steps before the first trained layer with their shapes, and the trained layers."""
    chain = graph.chain()
    if chain.reason is not None:
        raise Unavailable(chain.reason)
    fixed: list[tuple[Scale, tuple[int, ...]]] = []
    stages = list(chain.stages)
    leading = [*chain.leading]
    while stages and isinstance(stages[0].layer.op, Scale) and is_fixed(stages[0].layer.op):
        fixed.append((stages[0].layer.op, stages[0].layer.shape))
        leading += stages[0].steps
        stages.pop(0)
    if any(not isinstance(s.op, PASSING) or (isinstance(s.op, Reshape) and s.op.permutation) for s in leading):
        raise Unavailable("an activation, a pool or a permutation stands before the first layer with parameters")
    if len(fixed) > 1:
        raise Unavailable("several fixed steps stand before the first layer with parameters")
    if len(stages) < 2:
        raise Unavailable("the network has no hidden layer")
    for stage, after in zip(stages, [*stages[1:], None], strict=True):
        _check(stage, after)
    return fixed, stages


def _check(stage: Stage, after: Stage | None) -> None:
    """Refuse what moves numbers between positions otherwise than a window or an average does."""
    node = stage.layer
    if not isinstance(node.op, (Convolution, Dense)) or is_fixed(node.op):
        raise Unavailable(f"{node.name} is neither a convolution nor a dense layer")
    if isinstance(node.op, Dense) and len(node.shape) != 1:
        raise Unavailable(f"{node.name} is not a dense layer on the whole signal")
    if after is None and not isinstance(node.op, Dense):
        raise Unavailable(f"the last layer, {node.name}, is not dense")
    for step in stage.steps:
        if isinstance(step.op, MaxPool):
            raise Unavailable(f"{step.name} is a max-pool")
        if isinstance(step.op, Reshape) and (step.op.permutation or (after and not isinstance(after.layer.op, Dense))):
            raise Unavailable(f"{step.name} reorders the signal")


def _taps(node: Node, below: Stage) -> int:
    """How many positions of the map below one window reads."""
    if isinstance(node.op, Convolution):
        return math.prod(node.op.weight.shape[2:])
    last = [s for s in (below.layer, *below.steps) if not isinstance(s.op, PASSING)][-1]
    return math.prod(last.shape[1:])


def _kernel_norm(op: object, one: bool) -> float:
    """Frobenius norm of a kernel with its bias, and with the row that carries the constant in a network with biases."""
    if not isinstance(op, (Convolution, Dense)):
        raise TypeError("expected a layer with a kernel")
    bias = 0.0 if op.bias is None else frobenius_norm(op.bias)
    return frobenius_norm(np.array([frobenius_norm(op.weight), bias, float(one)]))


def _top(stages: list[Stage]) -> float:
    """Sum over the last hidden units of the norm that leaves times the norm that enters; with the last bias."""
    hidden, last = stages[-2].layer, stages[-1].layer.op
    if not isinstance(last, Dense) or not isinstance(hidden.op, (Convolution, Dense)):
        raise TypeError("expected a dense layer above a layer with a kernel")
    entering = row_norms(hidden.op.weight.reshape(len(hidden.op.weight), -1))
    if hidden.op.bias is not None:
        entering = row_norms(np.column_stack([entering, hidden.op.bias]))
    leaving = column_norms(centred_above(last.weight)).reshape(len(entering), -1)  # channels, positions behind the pool
    constant = 0.0 if last.bias is None else frobenius_norm(centred_above(last.bias))
    return sum_above([*np.asarray(above(leaving * entering[:, None], 1)).ravel().tolist(), constant])


def _largest_patch(
    first: Convolution, shape: tuple[int, ...], fixed: list[tuple[Scale, tuple[int, ...]]], x: NDArray[Any], one: bool
) -> float:
    """The largest Frobenius norm of what one window reads of all inputs."""
    n = len(x)
    steps = [tuple(np.broadcast_to(part, at).reshape(shape) for part in (op.scale, op.shift)) for op, at in fixed]
    energy, size = np.zeros(shape), np.zeros(shape)
    for start in range(0, n, _ROWS):
        rows = x[start : start + _ROWS].astype(np.float64).reshape(-1, *shape)
        for scale, shift in steps:
            size += np.square(np.abs(rows) * np.abs(scale) + np.abs(shift)).sum(axis=0)
            rows = rows * scale + shift
        energy += np.square(rows).sum(axis=0)
    largest = above(math.sqrt(_largest_window(first, shape, energy, n)), 2)
    if fixed:  # normalized inputs are off by two roundings of their parts, each
        largest = sum_above([largest, 4.0 * UNIT * above(math.sqrt(_largest_window(first, shape, size, n + 4)), 2)])
    return frobenius_norm(np.array([largest, above(math.sqrt(n), 1) if one else 0.0]))


def _largest_window(first: Convolution, shape: tuple[int, ...], energy: Array, terms: int) -> float:
    """The largest sum of energies that a window reads, within its group of channels; from above."""
    groups = energy.reshape(first.groups, -1, *shape[1:]).sum(axis=1)
    for axis, layer in enumerate(convolution(first.weight, shape[1:], **convolution_settings(first)).axes, start=1):
        source = layer.source(first.mode)
        reads = np.zeros((layer.outputs, layer.size))
        for column in source.T:
            inside = column >= 0
            np.add.at(reads, (np.flatnonzero(inside), column[inside]), 1.0)
        groups = np.moveaxis(np.tensordot(reads, groups, axes=(1, axis)), 0, axis)
    return above(float(groups.max()), terms + first.weight[0].size + sum(shape) + 8)
