r"""What the growth function of a network is counted from: sign tests, degrees and parameters, level by level.

On a cell of the parameter space where all earlier signs and all earlier winners of max-pools are fixed, every number
tested at a level is a polynomial in the parameters that it depends on; the degree is at most the number of weight
layers on the longest path. A level tests the sign of every activation's input; a max-pool compares all pairs in each
window (the winner of a window is a function of these signs). A ReLU and a max-pool that follow each other need the signs
and the comparisons of the same numbers, which makes one level. The output tests the differences to the k - 1 other
classes.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from boundcheck.evidence.growth_layer import GrowthLayer
from boundcheck.networks.graph import Graph, Node, is_fixed, layer_key
from boundcheck.networks.levels import Levels, Role, Step, find_levels
from boundcheck.networks.ops import (
    PASSING,
    WEIGHTED,
    AdaptiveAveragePool,
    AveragePool,
    Convolution,
    Dense,
    MaxPool,
    Reshape,
    parameter_count,
)
from boundcheck.networks.windows import Windows, pool_windows

# Above this many candidates, pairs in overlapping windows are counted once per window, which is not too few.
_MOST_PAIRS = 20_000_000

Block = tuple[int, int, int]


def growth_layers(graph: Graph) -> tuple[GrowthLayer, ...] | str:
    """The levels of sign tests of a network, the output last.

    Args:
        graph: The canonical graph.

    Returns:
        One record per level, or the reason why the network has none.
    """
    if graph.unplaced:
        name, reason = graph.unplaced[0]
        return f"not piecewise linear: {name}: {reason}"
    if len(graph.output_shape) > 1:
        return f"its output has the shape {graph.output_shape}, not one number per class"
    if not graph.parameters:
        return "it has no parameters"
    levels = find_levels(graph)
    records = []
    for level in range(1, levels.depth + 1):
        record = _level(graph, levels, level)
        if record is not None:
            records.append(record)
    return (*records, _output(graph))


def _level(graph: Graph, levels: Levels, level: int) -> GrowthLayer | None:
    """One level; None where what it tests depends on no parameter."""
    steps = levels.at(level)
    tested = [name for step in steps for name in step.node.inputs if step.role is not Role.ABSORBED]
    parameters = sum(_parameters(graph, tested).values())
    if not parameters:
        return None
    tests = sum(_tests(graph, levels, step) for step in steps)
    names = "+".join(step.node.name for step in steps if step.role is Role.ACTIVATION) or steps[0].node.name
    degree = max(_degree(graph, name) for name in tested)
    return GrowthLayer(names, tests, degree, parameters, _blocks(graph, steps, tested, tests))


def _output(graph: Graph) -> GrowthLayer:
    """The comparison of the label's output with the others."""
    parameters = _parameters(graph, [graph.output])
    total, degree = sum(parameters.values()), _degree(graph, graph.output)
    tests = max(graph.outputs - 1, 1)
    last = graph.through_passing(graph.output)
    once = _reads_once(graph, last)
    if graph.outputs == 2 and isinstance(last.op, Dense) and len(last.op.weight) == 2 and once:
        total -= parameters[last.op.key] // 2  # only the difference of the two rows is tested
    blocks = ((1, tests, total),) if degree == 1 and total else ()
    return GrowthLayer("output", tests, degree, total, blocks)


def _reads_once(graph: Graph, node: Node) -> bool:
    """Whether the parameters of a node have no other use."""
    return isinstance(node.op, WEIGHTED) and sum(layer_key(n) == layer_key(node) for n in graph.layers) == 1


def _ancestors(graph: Graph, names: list[str]) -> set[str]:
    """The named nodes and everything that they depend on."""
    found: set[str] = set(names)
    for node in reversed(graph.nodes):
        if node.name in found:
            found.update(node.inputs)
    return found


def _parameters(graph: Graph, names: list[str]) -> dict[str, int]:
    """The parameters that the named signals depend on, by key."""
    needed = _ancestors(graph, names)
    return {layer_key(node): parameter_count(node.op) for node in graph.layers if node.name in needed}


def _degree(graph: Graph, name: str) -> int:
    """Weight layers on the longest path to a node, itself included; fixed constants are none."""
    degree: dict[str, int] = {}
    for node in graph.nodes:
        below = max((degree[before] for before in node.inputs), default=0)
        degree[node.name] = below + (1 if isinstance(node.op, WEIGHTED) and not is_fixed(node.op) else 0)
    return degree[name]


def _tests(graph: Graph, levels: Levels, step: Step) -> int:
    """Sign tests per input of one step."""
    if step.role is Role.ACTIVATION:
        return step.node.size
    if step.role is Role.ABSORBED:
        return 0
    shape = graph.by_name[step.node.inputs[0]].shape
    windows = pool_windows(step.node, shape)
    pairs = shape[0] * pairs_in_windows(windows, shape[1:])
    if step.role is Role.FLOORED_POOL and any(s.role is Role.ABSORBED for s in _readers(graph, levels, step.node)):
        # The ReLU after the pool: the signs of all that any window reads.
        return pairs + shape[0] * math.prod(len({p for window in axis for p in window}) for axis in windows)
    return pairs


def _readers(graph: Graph, levels: Levels, node: Node) -> list[Step]:
    """The steps that read a node, through identities and reshapes."""
    found: list[Step] = []
    for name in graph.consumers[node.name]:
        reader = graph.by_name[name]
        if isinstance(reader.op, PASSING):
            found.extend(_readers(graph, levels, reader))
        elif name in levels.steps:
            found.append(levels.steps[name])
    return found


def pairs_in_windows(windows: tuple[Windows, ...], sizes: tuple[int, ...]) -> int:
    """The number of distinct pairs of positions that share a window, on one channel.

    Args:
        windows: For each axis the positions that each output reads.
        sizes: Size of each axis.

    Returns:
        The number of distinct pairs; where there are too many to list, pairs in two windows count twice.
    """
    counts = [math.prod(map(len, choice)) for choice in itertools.product(*windows)]
    total = sum(math.comb(count, 2) for count in counts)
    covered = math.prod(len({p for window in axis for p in window}) for axis in windows)
    if total > _MOST_PAIRS or sum(counts) == covered:  # too many to list, or windows that do not overlap
        return total
    flat = np.arange(math.prod(sizes)).reshape(sizes)
    codes = []
    for choice in itertools.product(*windows):
        inside = flat[np.ix_(*choice)].ravel()
        first, second = np.triu_indices(len(inside), 1)
        codes.append(inside[first] * flat.size + inside[second])
    return int(np.unique(np.concatenate(codes)).size)


def _blocks(graph: Graph, steps: tuple[Step, ...], tested: list[str], tests: int) -> tuple[Block, ...]:
    """The refinement of a level whose tests are affine in disjoint blocks of parameters, one block per unit.

    It needs a single trainable layer below the level, and between the two only operations that keep the units apart:
    a pool after a dense layer or after a reshape may mix them.
    """
    own = {step.node.name for step in steps}
    layers, reshaped = set(), False
    pooled = any(isinstance(step.node.op, MaxPool) for step in steps)
    for name in tested:
        node = graph.by_name[name]
        while isinstance(node.op, (*PASSING, AveragePool, AdaptiveAveragePool)):
            reshaped = reshaped or isinstance(node.op, Reshape)
            pooled = pooled or not isinstance(node.op, PASSING)
            node = graph.by_name[node.inputs[0]]
        if node.name not in own:  # else a pool that reads an activation of its own level
            layers.add(node.name)
    if len(layers) != 1:
        return ()
    layer = graph.by_name[layers.pop()]
    if not isinstance(layer.op, (Dense, Convolution)) or any(_parameters(graph, list(layer.inputs)).values()):
        return ()
    units = int(layer.op.weight.shape[0])
    if tests % units or (pooled and (reshaped or isinstance(layer.op, Dense))):
        return ()
    return ((units, tests // units, parameter_count(layer.op) // units),)
