"""What reads what in a network, as the theorems that go through sums ask for it."""

from __future__ import annotations

from boundcheck.evidence.step import Step
from boundcheck.networks.graph import Graph
from boundcheck.networks.operator_norms import lipschitz
from boundcheck.networks.ops import JOINING, WEIGHTED, Input


def graph_steps(graph: Graph) -> tuple[Step, ...]:
    """The steps up to the outputs.

    Signals beside each other are the sum of their embeddings, maps of norm 1, and stand here as a sum.

    Args:
        graph: A graph without unplaced nodes.

    Raises:
        TypeError: A node's Lipschitz constant is not known.
    """
    last = next(i for i, node in enumerate(graph.nodes) if node.name == graph.output)
    steps = []
    for node in graph.nodes[: last + 1]:
        constant: float | None = 1.0
        if not isinstance(node.op, (*JOINING, Input, *WEIGHTED)):
            constant = lipschitz(node.op, graph.by_name[node.inputs[0]].shape)
        if constant is None:
            raise TypeError(f"nothing is known of {node.name}")
        steps.append(Step(node.name, node.inputs, constant))
    return tuple(steps)
