"""A canonical graph run with other weights than its own: for perturbations and for derivatives along the weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from boundcheck.networks.graph import Graph, Node, bias_of, is_fixed, layer_key, weight_of
from boundcheck.networks.interpreter import Rule, Weights, evaluate
from boundcheck.networks.ops import Array, Convolution, Dense

Slot = tuple[int, int | None]


class Reweighted:
    """A graph as a function of its trained weights and of its input.

    Args:
        graph: A graph without unplaced nodes.
        dtype: Precision that it runs in.

    Attributes:
        arrays: Trained weights and biases, those of a module used twice once; constants fixed before the data are left out.
    """

    def __init__(self, graph: Graph, dtype: torch.dtype) -> None:
        self.graph, self.dtype = graph, dtype
        self.arrays: list[Array] = []
        self._slots: dict[str, Slot] = {}
        self._base = Weights(graph, absolute=False)
        self._base.tensors = {
            name: (weight.to(dtype), None if bias is None else bias.to(dtype))
            for name, (weight, bias) in self._base.tensors.items()
        }
        owners: dict[str, Node] = {}
        for node in trained_layers(graph):
            owner = owners.setdefault(layer_key(node), node)
            self._slots[node.name] = self._slots[owner.name] if owner is not node and _same(owner, node) else self._added(node)

    def _added(self, node: Node) -> Slot:
        bias = bias_of(node.op)
        self.arrays += [weight_of(node.op)] if bias is None else [weight_of(node.op), bias]
        return (len(self.arrays) - 1, None) if bias is None else (len(self.arrays) - 2, len(self.arrays) - 1)

    def tensors(self) -> list[torch.Tensor]:
        """The trained weights, as :meth:`forward` takes them."""
        return [torch.from_numpy(np.ascontiguousarray(array)).to(self.dtype) for array in self.arrays]

    def rule(self, tensors: Sequence[torch.Tensor]) -> Weights:
        """What each node does when the trained weights are these."""
        changed = copy.copy(self._base)
        replaced = {name: (tensors[w], None if b is None else tensors[b]) for name, (w, b) in self._slots.items()}
        changed.tensors = {**self._base.tensors, **replaced}
        return changed

    def forward(self, tensors: Sequence[torch.Tensor], x: torch.Tensor, rule: Rule | None = None) -> torch.Tensor:
        """Outputs (n, k) on inputs (n, *input_shape) when the trained weights are ``tensors``."""
        found = evaluate(self.graph, x.to(self.dtype), self.rule(tensors) if rule is None else rule)
        return found.reshape(len(x), -1)

    def differences(self, reference: Graph) -> list[Array]:
        """The trained weights minus those of the same places in the reference; what it lacks there counts as zero."""
        found: list[Array] = []
        done: set[Slot] = set()
        for name, slot in self._slots.items():
            if slot in done:
                continue
            done.add(slot)
            op = reference.by_name[name].op
            found.append(self.arrays[slot[0]] - weight_of(op))
            if slot[1] is not None:
                other = bias_of(op)
                found.append(self.arrays[slot[1]] - (0.0 if other is None else other))
        return found


def trained_layers(graph: Graph) -> tuple[Node, ...]:
    """The weighted nodes whose weights were not fixed before the data."""
    return tuple(node for node in graph.layers if not is_fixed(node.op))


def cost(graph: Graph) -> int:
    """About how many products of a matrix product take as long as one example.

    A product of a convolution counts 8 times and every number that a node writes 30 times, as measured on small networks.
    """
    total = 30 * sum(node.size for node in graph.nodes)
    for node in graph.layers:
        op = node.op
        if isinstance(op, (Dense, Convolution)):
            total += int(op.weight[0].size) * node.size * (8 if isinstance(op, Convolution) else 1)
    return total


def _same(first: Node, second: Node) -> bool:
    """Whether two uses of a module still have the same weights after what follows them was folded in."""
    pairs = ((weight_of(first.op), weight_of(second.op)), (bias_of(first.op), bias_of(second.op)))
    return all((a is None) == (b is None) and (a is None or b is None or np.array_equal(a, b)) for a, b in pairs)
