"""What a layer and the steps after it can do to the largest coordinate: l1 norms of rows, from above."""

from __future__ import annotations

import numpy as np

from boundcheck.networks.graph import Graph, Node, bias_of, weight_of
from boundcheck.networks.ops import JOINING, WEIGHTED, Array, AveragePool, Convolution, Dense, LeakyRelu, Scale
from boundcheck.networks.windows import window_size
from boundcheck.numerics.error_terms import above
from boundcheck.numerics.norms import sum_above


def max_row_l1(op: Dense | Convolution | Scale) -> float:
    """The largest l1 norm of a row of the unrolled map, its constant joined; padding only takes entries away or joins them."""
    return float(_row_sums(op).max(initial=0.0))


def entry_l1(op: Dense | Convolution | Scale, positions: int) -> float:
    """The sum of the absolute values of all entries of the unrolled map and of its constants."""
    return above(positions * sum_above(_row_sums(op).tolist()), 1)


def _row_sums(op: Dense | Convolution | Scale) -> Array:
    """Sums of absolute values of the rows, the constant joined; one per distinct row."""
    bias = bias_of(op)
    if isinstance(op, Scale):
        joined = np.abs(op.scale) if bias is None else np.abs(op.scale) + np.abs(bias)
        return np.atleast_1d(np.asarray(above(joined.ravel(), 1)))
    rows = np.abs(weight_of(op)).reshape(len(op.weight), -1)
    if bias is not None:
        rows = np.column_stack([rows, np.abs(bias)])
    return np.atleast_1d(np.asarray(above(rows.sum(axis=1), rows.shape[1])))


def sup_lipschitz_after(node: Node, graph: Graph) -> float:
    """The Lipschitz constant, for the largest coordinate, of the steps between a node and the next weighted node, sum or output.

    An average over a window stretches nothing, unless its divisor is smaller than the window.
    """
    largest = 0.0
    for name in graph.consumers[node.name]:
        reader = graph.by_name[name]
        if isinstance(reader.op, (*WEIGHTED, *JOINING)):
            largest = max(largest, 1.0)
            continue
        constant = _sup_lipschitz(reader, node.shape)
        rest = sup_lipschitz_after(reader, graph)
        largest = max(largest, constant * rest if 1.0 in (constant, rest) else above(constant * rest, 1))
    return largest if graph.consumers[node.name] else 1.0


def _sup_lipschitz(node: Node, shape: tuple[int, ...]) -> float:
    if isinstance(node.op, LeakyRelu):
        return max(1.0, abs(node.op.slope))
    if isinstance(node.op, AveragePool) and node.op.divisor is not None:
        return above(window_size(node, shape) / node.op.divisor, 1)
    return 1.0
