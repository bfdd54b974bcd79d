"""The levels of a network: which activations and max-pools stand at which depth.

A step is a (leaky) ReLU or a max-pool; linear operations between steps belong to the next step. The level of a step is
one more than the highest level among the steps that it depends on. A ReLU and a max-pool that directly follow each
other are one step, in either order: max(0, max_k z_k).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from boundcheck.networks.graph import Graph, Node
from boundcheck.networks.ops import (
    JOINING,
    PASSING,
    AdaptiveAveragePool,
    AveragePool,
    Input,
    LeakyRelu,
    MaxPool,
    Relu,
)


class Role(Enum):
    """What a step is."""

    ACTIVATION = "activation"
    FLOORED_POOL = "max-pool with a floor at 0"
    SIGNED_POOL = "max-pool"
    ABSORBED = "part of a max-pool"


@dataclass(frozen=True, eq=False)
class Step:
    """One non-linear node at its level.

    Attributes:
        node: The node.
        level: Its level, from 1.
        role: What it is; a max-pool is floored when its result is known to be non-negative.
        slope: Slope on the negative side of an activation, 0 for a ReLU; 0 for pools.
    """

    node: Node
    level: int
    role: Role
    slope: float


@dataclass(frozen=True, eq=False)
class Levels:
    """All steps of a network, and the level of the signal at every node.

    Attributes:
        steps: The steps by node name.
        of: For every node the highest level among the steps that it depends on, itself included.
        depth: The highest level of all.
        nonnegative: Nodes whose signals can't be negative.
    """

    steps: dict[str, Step]
    of: dict[str, int]
    depth: int
    nonnegative: frozenset[str]

    def at(self, level: int) -> tuple[Step, ...]:
        """The steps of one level, in order."""
        return tuple(step for step in self.steps.values() if step.level == level)


def find_levels(graph: Graph, nonnegative_input: bool = False) -> Levels:
    """Puts every activation and max-pool of a network on its level.

    Args:
        graph: A graph without unplaced nodes.
        nonnegative_input: Whether no input can be negative, known a priori.

    Returns:
        The levels.
    """
    nonnegative: set[str] = set()
    steps: dict[str, Step] = {}
    of: dict[str, int] = {}
    for node in graph.nodes:
        below = max((of[name] for name in node.inputs), default=0)
        if node.name in steps:  # a ReLU that was joined to the pool before it
            of[node.name] = steps[node.name].level
            nonnegative.add(node.name)
            continue
        signed = not all(name in nonnegative for name in node.inputs) or not node.inputs
        step = _step(graph, node, below, signed, steps)
        if step is not None:
            steps[node.name] = step
            if step.role is Role.FLOORED_POOL and signed:
                relu = _relu_after(graph, node)
                if relu is not None:
                    steps[relu.name] = Step(relu, step.level, Role.ABSORBED, 0.0)
        of[node.name] = below if step is None else step.level
        if _is_nonnegative(node, signed, step, nonnegative_input):
            nonnegative.add(node.name)
    return Levels(steps, of, max(of.values()), frozenset(nonnegative))


def _step(graph: Graph, node: Node, below: int, signed: bool, steps: dict[str, Step]) -> Step | None:
    """The step that a node is; None for linear nodes and activations that change nothing."""
    if isinstance(node.op, (Relu, LeakyRelu)):
        slope = node.op.slope if isinstance(node.op, LeakyRelu) else 0.0
        return Step(node, below + 1, Role.ACTIVATION, slope) if signed and slope != 1.0 else None
    if not isinstance(node.op, MaxPool):
        return None
    before = steps.get(graph.through_passing(node.inputs[0]).name)
    if before is not None and before.role is Role.ACTIVATION and before.slope == 0.0:
        return Step(node, before.level, Role.FLOORED_POOL, 0.0)
    floored = not signed or _relu_after(graph, node) is not None
    return Step(node, below + 1, Role.FLOORED_POOL if floored else Role.SIGNED_POOL, 0.0)


def _relu_after(graph: Graph, pool: Node) -> Node | None:
    """The ReLU that is the only reader of a max-pool, identities and reshapes between them left out."""
    node = pool
    while True:
        readers = graph.consumers[node.name]
        if len(readers) != 1 or node.name == graph.output:
            return None
        node = graph.by_name[readers[0]]
        if isinstance(node.op, Relu):
            return node
        if not isinstance(node.op, PASSING):
            return None


def _is_nonnegative(node: Node, signed: bool, step: Step | None, nonnegative_input: bool) -> bool:
    """Whether the signal of a node can't be negative."""
    if isinstance(node.op, Input):
        return nonnegative_input
    if isinstance(node.op, Relu):
        return True
    keeps = (*JOINING, AveragePool, AdaptiveAveragePool, MaxPool, LeakyRelu, *PASSING)
    return not signed and isinstance(node.op, keeps)
