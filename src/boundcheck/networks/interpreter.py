"""Runs a canonical graph in float64, and the same graph with absolute values in place of all weights.

Every product and sum is an ordinary one: torch convolves float64 by unrolling and matrix products, in no transformed
domain, so that the usual bounds on the rounding of inner products hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional as F  # noqa: N812

from boundcheck.networks.graph import Graph, Node
from boundcheck.networks.ops import (
    AdaptiveAveragePool,
    Add,
    AveragePool,
    Concatenation,
    Convolution,
    Dense,
    Identity,
    LeakyRelu,
    MaxPool,
    Op,
    Relu,
    Reshape,
    Scale,
)
from boundcheck.networks.windows import window_size

# Added to every rounded signal of the network of absolute values: it covers all that underflow can lose, in either
# network, since a rounding unit of it (1e-287) exceeds the underflow of 1e18 products, flushed to zero or not.
UNDERFLOW = 2.0**-900

Rule = Callable[[Node, Sequence[torch.Tensor]], torch.Tensor]

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_MAXIMUM = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_ADAPTIVE = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


def evaluate(graph: Graph, x: torch.Tensor, rule: Rule) -> torch.Tensor:
    """Runs a graph on a batch, each node by a rule; values are dropped after their last use.

    Args:
        graph: A graph without unplaced nodes.
        x: Batch of shape (n, *input_shape).
        rule: What a node does with the values of its inputs.

    Returns:
        The output, shape (n, *output_shape).
    """
    last = {name: node.name for node in graph.nodes for name in node.inputs}
    values: dict[str, torch.Tensor] = {graph.nodes[0].name: x}
    for node in graph.nodes[1:]:
        values[node.name] = rule(node, [values[name] for name in node.inputs])
        for name in set(node.inputs):
            if last[name] == node.name and name != graph.output:
                del values[name]
    return values[graph.output]


class Weights:
    """The weights of a graph as float64 tensors, converted once.

    Args:
        graph: The graph.
        absolute: Whether to take absolute values.
    """

    def __init__(self, graph: Graph, absolute: bool) -> None:
        self.absolute = absolute
        self.tensors: dict[str, tuple[torch.Tensor, torch.Tensor | None]] = {}
        for name, (weight, bias) in graph.weights().items():
            pair = [None if a is None else torch.from_numpy(a.copy()) for a in (weight, bias)]
            made = [None if t is None else (t.abs() if absolute else t) for t in pair]
            if made[0] is not None:
                self.tensors[name] = (made[0], made[1])

    def __call__(self, node: Node, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """The value of a node: the network's own, or that of the network of absolute values."""
        op, x = node.op, inputs[0]
        if isinstance(op, (Dense, Convolution, Scale)):
            weight, bias = self.tensors[node.name]
            return self._covered(linear(op, weight, bias, x))
        if isinstance(op, (AveragePool, AdaptiveAveragePool)):
            return self._covered(average(op, x))
        if isinstance(op, Add):
            return inputs[0] + inputs[1]
        if isinstance(op, Concatenation):
            return torch.cat(list(inputs), dim=op.axis + 1)
        if isinstance(op, MaxPool):
            return maximum(op, x)
        if isinstance(op, Relu):
            return x if self.absolute else F.relu(x)
        if isinstance(op, LeakyRelu):
            if self.absolute:  # its Lipschitz constant
                return self._covered(x * max(1.0, abs(op.slope)))
            return torch.where(x > 0, x, x * op.slope)
        if isinstance(op, Reshape):
            order = None if op.permutation is None else (0, *(axis + 1 for axis in op.permutation))
            return (x if order is None else x.permute(order)).reshape((x.shape[0], *node.shape))
        if isinstance(op, Identity):
            return x
        raise TypeError(f"{node.name} can't be evaluated: {op}")

    def _covered(self, value: torch.Tensor) -> torch.Tensor:
        return value + UNDERFLOW if self.absolute else value


def linear(op: Op, weight: torch.Tensor, bias: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor:
    """One weighted operation with given weights in place of its own."""
    if isinstance(op, Dense):
        return F.linear(x, weight, bias)
    if isinstance(op, Scale):
        return x * weight if bias is None else x * weight + bias
    if isinstance(op, Convolution):
        pads = [p for pair in reversed(op.padding) for p in pair]
        if any(pads):
            x = F.pad(x, pads, mode="constant" if op.mode == "zeros" else op.mode)
        return _CONVOLVE[len(op.stride)](x, weight, bias, op.stride, 0, op.dilation, op.groups)
    raise TypeError(f"{type(op).__name__} has no weights")


def average(op: AveragePool | AdaptiveAveragePool, x: torch.Tensor) -> torch.Tensor:
    """One average pool."""
    if isinstance(op, AdaptiveAveragePool):
        pooled: torch.Tensor = _ADAPTIVE[len(op.output)](x, op.output)  # type: ignore[arg-type]
        return pooled
    options = () if len(op.kernel) == 1 else (op.divisor,)
    settings = (op.kernel, op.stride, op.padding, op.ceil_mode, op.count_include_pad, *options)
    result: torch.Tensor = _AVERAGE[len(op.kernel)](x, *settings)  # type: ignore[arg-type]
    return result


def maximum(op: MaxPool, x: torch.Tensor) -> torch.Tensor:
    """One max-pool."""
    pooled: torch.Tensor = _MAXIMUM[len(op.kernel)](x, op.kernel, op.stride, op.padding, op.dilation, op.ceil_mode)
    return pooled


def forward(graph: Graph, x: torch.Tensor) -> torch.Tensor:
    """The value of the network in float64, shape (n, *output_shape)."""
    return evaluate(graph, x, Weights(graph, absolute=False))


def absolute_forward(graph: Graph, x: torch.Tensor) -> torch.Tensor:
    """The value on non-negative inputs of the network whose weights are replaced by their absolute values."""
    return evaluate(graph, x, Weights(graph, absolute=True))


def fan_in(graph: Graph, node: Node) -> int:
    """The number of products that one output of a node sums, its constant among them; 0 for what never rounds."""
    op = node.op
    if isinstance(op, (Dense, Convolution)):
        return int(op.weight[0].size) + 1
    if isinstance(op, (AveragePool, AdaptiveAveragePool)):
        return window_size(node, graph.by_name[node.inputs[0]].shape) + 1
    if isinstance(op, (Scale, Add)):
        return 2
    return 1 if isinstance(op, LeakyRelu) else 0


def rounding_depth(graph: Graph) -> int:
    """The largest number of rounding operations on a path from the input to the output."""
    depth: dict[str, int] = {}
    for node in graph.nodes:
        below = max((depth[name] for name in node.inputs), default=0)
        depth[node.name] = below + (1 if fan_in(graph, node) else 0)
    return depth[graph.output]


def largest_fan_in(graph: Graph) -> int:
    """The largest fan-in of any node of the graph."""
    return max((fan_in(graph, node) for node in graph.nodes), default=0)


def numbers_per_example(graph: Graph) -> int:
    """About how many float64 numbers one example needs at the widest point of an evaluation, unrolling included."""
    live = sum(sorted((node.size for node in graph.nodes), reverse=True)[:4])
    unrolled = [
        int(node.op.weight[0].size) * node.size // max(node.op.weight.shape[0], 1)
        for node in graph.nodes
        if isinstance(node.op, Convolution)
    ]
    return max(live + max(unrolled, default=0), 1)
