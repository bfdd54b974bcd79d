"""Folds batch normalizations into the linear layers that they directly follow."""

from __future__ import annotations

import dataclasses

import numpy as np

from boundcheck.networks.graph import Graph, Node
from boundcheck.networks.ops import Convolution, Dense, Scale


def fold_batch_norms(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """The graph with W' = W g / sqrt(v + eps), b' = beta + (b - mu) g / sqrt(v + eps), computed in float64.

    Folded is a normalization that reads a dense or convolution layer whose output nothing else reads. Any other
    stays a diagonal layer of its own.

    Args:
        graph: The graph as read.

    Returns:
        The folded graph, and for each folded module what was made of it.
    """
    outcomes: dict[str, str] = {}
    replaced: dict[str, Node] = {}
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        if not (isinstance(node.op, Scale) and node.op.batch_norm):
            continue
        before = graph.by_name[node.inputs[0]]
        folded = _folded(before, node)
        if folded is None or len(graph.consumers[before.name]) != 1:
            outcomes[node.name] = "a diagonal layer of its own: it does not directly follow a linear layer"
            continue
        replaced[before.name] = folded
        renamed[node.name] = before.name
        outcomes[node.name] = f"folded into {before.name}"
    nodes = []
    for node in graph.nodes:
        if node.name not in renamed:
            kept = replaced.get(node.name, node)
            nodes.append(dataclasses.replace(kept, inputs=tuple(renamed.get(name, name) for name in kept.inputs)))
    return Graph(tuple(nodes), renamed.get(graph.output, graph.output), graph.input_shape, graph.entries), outcomes


def _folded(layer: Node, scaling: Node) -> Node | None:
    """The layer with the diagonal multiplied in, None where the diagonal does not act on its output units."""
    op, scale = layer.op, scaling.op
    if not isinstance(scale, Scale) or not isinstance(op, (Dense, Convolution)):
        return None
    if isinstance(op, Dense) and len(layer.shape) != 1:
        return None  # the normalization acts on positions, not on the features of the layer
    factor, shift = scale.scale.reshape(-1), scale.shift.reshape(-1)
    weight = op.weight * factor.reshape((-1, *(1,) * (op.weight.ndim - 1)))
    bias = (np.zeros_like(shift) if op.bias is None else op.bias) * factor + shift
    return dataclasses.replace(layer, op=dataclasses.replace(op, weight=weight, bias=bias, key=f"{op.key}+{scale.key}"))
