"""The canonical graph of a network: nodes in order, each with its operation, its inputs and its shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from boundcheck.networks.ops import (
    JOINING,
    PASSING,
    WEIGHTED,
    Array,
    Convolution,
    Dense,
    Input,
    LeakyRelu,
    MaxPool,
    Op,
    Relu,
    Scale,
    Unplaced,
    parameter_count,
)


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of a network.

    Attributes:
        name: Unique; the module's path where a module stands behind it.
        op: The operation, with its weights.
        inputs: Names of the nodes that it reads.
        shape: Shape of its output for one example (no batch axis).
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of numbers in its output for one example."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class ModuleEntry:
    """What was made of one module.

    Attributes:
        path: Its path in the network, empty for the network itself.
        kind: Its class.
        outcome: What was made of it, in words.
    """

    path: str
    kind: str
    outcome: str


@dataclass(frozen=True, eq=False)
class Stage:
    """One weight layer of a chain and what follows it.

    Attributes:
        layer: The node with weights.
        steps: The activations, pools and reshapes that follow, up to the next weight layer.
    """

    layer: Node
    steps: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Chain:
    """A network as a plain sequence of layers, or the reason why it is none.

    Attributes:
        leading: Steps before the first weight layer.
        stages: The weight layers in order, each with its steps.
        reason: None for a chain; else why the network is none (the other fields are empty then).
    """

    leading: tuple[Node, ...]
    stages: tuple[Stage, ...]
    reason: str | None


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as operations whose meaning is known, with its weights in float64.

    Batch normalizations that directly follow a linear layer are folded into it: the folded network is the object
    that every number in a report speaks of.

    Attributes:
        nodes: In an order in which every node stands after its inputs.
        output: Name of the node whose value the network returns.
        input_shape: Shape of one example.
        entries: What was made of each module; none is left out.
    """

    nodes: tuple[Node, ...]
    output: str
    input_shape: tuple[int, ...]
    entries: tuple[ModuleEntry, ...]

    def modules(self) -> tuple[ModuleEntry, ...]:
        """Every module of the network with what was made of it."""
        return self.entries

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[str, ...]]:
        """For each node the names of those that read it, once per reading."""
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                found[name].append(node.name)
        return {name: tuple(readers) for name, readers in found.items()}

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output for one example."""
        return self.by_name[self.output].shape

    @property
    def outputs(self) -> int:
        """The number of output numbers."""
        return self.by_name[self.output].size

    @property
    def unplaced(self) -> tuple[tuple[str, str], ...]:
        """The nodes that boundcheck has no theorem for, as (name, reason)."""
        return tuple((node.name, node.op.reason) for node in self.nodes if isinstance(node.op, Unplaced))

    @property
    def layers(self) -> tuple[Node, ...]:
        """The nodes with weights, in order."""
        return tuple(node for node in self.nodes if isinstance(node.op, WEIGHTED))

    @property
    def parameters(self) -> int:
        """Distinct parameters after folding; a module used twice counts once, fixed constants do not count."""
        return sum(parameter_count(node.op) for node in self.distinct_layers)

    @property
    def distinct_layers(self) -> tuple[Node, ...]:
        """The weighted nodes, the first use of each set of parameters only."""
        seen: dict[str, Node] = {}
        for node in self.layers:
            seen.setdefault(layer_key(node), node)
        return tuple(seen.values())

    @property
    def has_skip(self) -> bool:
        """Whether signals are added or stand beside each other."""
        return any(isinstance(node.op, JOINING) for node in self.nodes)

    @property
    def has_bias(self) -> bool:
        """Whether any layer has a constant part."""
        return any(bias_of(node.op) is not None for node in self.layers)

    @property
    def has_max_pool(self) -> bool:
        """Whether a maximum over a window is taken."""
        return any(isinstance(node.op, MaxPool) for node in self.nodes)

    @property
    def piecewise_linear(self) -> bool:
        """Whether every operation is known, which makes the network piecewise linear in its input."""
        return not self.unplaced

    @property
    def positively_homogeneous(self) -> bool:
        """Whether f(c x) = c f(x) for c > 0: nothing but (leaky) ReLU, pools and linear maps without constants."""
        return self.piecewise_linear and not self.has_bias

    @property
    def slopes(self) -> tuple[float, ...]:
        """The distinct negative-side slopes of the activations (0 for ReLU), ascending."""
        found = {0.0 for node in self.nodes if isinstance(node.op, Relu)}
        found |= {node.op.slope for node in self.nodes if isinstance(node.op, LeakyRelu)}
        return tuple(sorted(found))

    @property
    def finite(self) -> bool:
        """Whether every weight is a finite number."""
        arrays = [array for weight, bias in self.weights().values() for array in (weight, bias) if array is not None]
        return all(bool(np.isfinite(array).all()) for array in arrays)

    def weights(self) -> dict[str, tuple[Array, Array | None]]:
        """The folded float64 weights of each layer by name.

        Returns:
            (weight, bias): a matrix (out, in), a kernel (out, in / groups, *taps), or a diagonal.
        """
        return {node.name: (weight_of(node.op), bias_of(node.op)) for node in self.layers}

    def chain(self) -> Chain:
        """The network as a plain sequence of layers, or the reason why it is none."""
        if self.unplaced:
            name, reason = self.unplaced[0]
            return Chain((), (), f"{name}: {reason}")
        leading: list[Node] = []
        stages: list[tuple[Node, list[Node]]] = []
        current = self.nodes[0]
        while True:
            if isinstance(current.op, WEIGHTED):
                stages.append((current, []))
            elif not isinstance(current.op, Input):
                (stages[-1][1] if stages else leading).append(current)
            if current.name == self.output:
                break
            readers = self.consumers[current.name]
            if len(readers) != 1:
                return Chain((), (), f"the output of {current.name} is used {len(readers)} times: skip connections")
            current = self.by_name[readers[0]]
        if any(not isinstance(node.op, PASSING) for node in leading):
            return Chain((), (), "an activation or a pool stands before the first layer with weights")
        if stages and any(not isinstance(node.op, PASSING) for node in stages[-1][1]):
            # A theorem's last layer is the affine map to the outputs: subtracting the mean over classes must change no margin.
            return Chain((), (), f"an activation or a pool follows {stages[-1][0].name}, the last layer with weights")
        for layer, steps in stages:
            if is_fixed(layer.op) and any(not isinstance(node.op, PASSING) for node in steps):
                # Theorems take fixed constants as one linear map with what follows; an activation between is a level.
                return Chain((), (), f"an activation or a pool follows {layer.name}, whose constants are fixed")
            slopes = [node for node in steps if isinstance(node.op, (Relu, LeakyRelu))]
            if len(slopes) > 1 and any(isinstance(node.op, LeakyRelu) for node in slopes):
                return Chain((), (), f"several activations follow {layer.name}, with no layer between them")
        return Chain(tuple(leading), tuple(Stage(layer, tuple(steps)) for layer, steps in stages), None)

    def through_passing(self, name: str) -> Node:
        """The node whose numbers the named node passes on: walks up through identities and reshapes."""
        node = self.by_name[name]
        while isinstance(node.op, PASSING):
            node = self.by_name[node.inputs[0]]
        return node


def layer_key(node: Node) -> str:
    """The key of the parameters of a weighted node."""
    op = node.op
    if isinstance(op, (Dense, Convolution, Scale)):
        return op.key
    raise TypeError(f"{node.name} has no weights")


def weight_of(op: Op) -> Array:
    """The weights of a weighted operation: matrix, kernel or diagonal."""
    if isinstance(op, (Dense, Convolution)):
        return op.weight
    if isinstance(op, Scale):
        return op.scale
    raise TypeError(f"{type(op).__name__} has no weights")


def bias_of(op: Op) -> Array | None:
    """The constant part of a weighted operation, None where it has none."""
    if isinstance(op, (Dense, Convolution)):
        return op.bias
    if isinstance(op, Scale):
        # A learned shift that happens to be zero is a constant all the same: what class a network is in, its weights do not say.
        return op.shift if op.batch_norm or bool(np.any(op.shift != 0)) else None
    raise TypeError(f"{type(op).__name__} has no weights")


def is_fixed(op: Op) -> bool:
    """Whether the weights of a weighted operation were fixed before the data was seen."""
    return isinstance(op, Scale) and op.fixed


__all__ = ["Chain", "Graph", "ModuleEntry", "Node", "Stage", "bias_of", "is_fixed", "layer_key", "weight_of"]
