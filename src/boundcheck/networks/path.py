r"""The l1 path norm of a network, rounded up, and what peeling off each of its levels costs.

The path norm is the output on the all-ones input of the network whose weights and constants are replaced by their
absolute values and whose max-pools by sums. After every neuron is rescaled so that the weights entering it (constant
included) have l1 norm 1, the factor :math:`c_t` of level t bounds :math:`M_t / M_{t-1}`, where
:math:`M_t = E \exp(\lambda \sup_h |\sum_i \sigma_i h(x_i)|)` over all signals h of level at most t that are still
needed above it. Let :math:`A` be that supremum one level below, which is also the supremum over all combinations of
these signals with l1 norm 1, and :math:`B` that of their absolute values, for which
:math:`E e^{\lambda B} \le 2 M_{t-1}` by contraction.

* Activation of slope a in [0, 1]: :math:`\frac{1+a}2 A + \frac{1-a}2 B`, by convexity
  :math:`c = \frac{1+a}2 + \frac{1-a}2 2 = (3-a)/2`. A non-negative signal or the constant that is needed further up is
  its own activation and costs nothing. With signed signals to carry, or several slopes (a the least),
  the supremum is at most :math:`\frac{1+a}2 A + \frac{1-a}2 \max(A, B)`, hence :math:`c = 2 - a`.
* Max-pools of window K: :math:`2K`, one factor 2 for the absolute value and K for the largest of K terms with independent
  signs. With a floor at 0, :math:`\max(0, \max_k z_k)`, the same class holds every ReLU, every non-negative signal
  and the constant, so that 2K covers them all.
* Whatever a level holds or carries besides adds its own factor: 1 for signals carried past it unchanged.
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np
import torch

from boundcheck.evidence.path_norm import PathNorm
from boundcheck.networks.graph import Graph, Node, bias_of, weight_of
from boundcheck.networks.interpreter import UNDERFLOW, average, fan_in, linear
from boundcheck.networks.levels import Levels, Role, Step, find_levels
from boundcheck.networks.ops import WEIGHTED, AdaptiveAveragePool, Add, AveragePool, Concatenation, Dense, Input, MaxPool, Reshape
from boundcheck.networks.windows import pool_windows, window_size

_CONSTANT = ""  # the name of the constant 1 among the signals; no node has it
_UNIT = 2.0**-53

Scaled = tuple[torch.Tensor, int]


def path_norm(graph: Graph, nonnegative_input: bool = False) -> PathNorm | str:
    """The path norm of a network and the factors of its levels.

    The last layer is taken as it is or with the mean over the classes subtracted, which changes no margin, whichever
    gives the smaller norm. For two classes the sum is then that of the difference of the two outputs.

    Args:
        graph: The canonical graph.
        nonnegative_input: Whether no input can be negative, known a priori.

    Returns:
        The record, or the reason why the network has none.
    """
    if graph.unplaced:
        name, reason = graph.unplaced[0]
        return f"not piecewise linear: {name}: {reason}"
    if not graph.finite:
        return "a weight is no finite number"
    steep = [slope for slope in graph.slopes if not 0.0 <= slope <= 1.0]
    if steep:
        return f"an activation has slope {steep[0]}, outside [0, 1]"
    levels = find_levels(graph, nonnegative_input)
    carried, has_bias = _carried(graph, levels)
    factors = tuple(_factor(graph, levels, t, carried[t]) for t in range(1, levels.depth + 1))
    centred = _centred(graph)
    total = min(_log_total(graph), math.inf if centred is None else _log_total(centred))
    return PathNorm(total, factors, has_bias, tuple(_window(graph, levels, t) for t in range(1, levels.depth + 1)))


def _carried(graph: Graph, levels: Levels) -> tuple[dict[int, tuple[bool, bool]], bool]:
    """For each level whether (signed, non-negative or constant) signals are carried past it; whether any bias is used."""
    sources: dict[str, frozenset[str]] = {}
    passed: dict[int, set[str]] = {t: set() for t in range(1, levels.depth + 1)}
    used: set[str] = set()

    def consume(signals: frozenset[str], level: int) -> None:
        used.update(signals)
        for signal in signals:
            start = 0 if signal == _CONSTANT else levels.of[signal]
            for between in range(start + 1, level):
                passed[between].add(signal)

    for node in graph.nodes:
        below = frozenset[str]().union(*(sources[name] for name in node.inputs))
        if isinstance(node.op, Input):
            sources[node.name] = frozenset({node.name})
        elif node.name in levels.steps:
            # A step that is joined to the one before it reads what that one reads, on the same level.
            level = levels.steps[node.name].level
            consume(frozenset(s for s in below if s == _CONSTANT or levels.of[s] < level), level)
            sources[node.name] = frozenset({node.name})
        elif isinstance(node.op, WEIGHTED) and bias_of(node.op) is not None:
            sources[node.name] = below | {_CONSTANT}
        else:
            sources[node.name] = below
    consume(sources[graph.output], levels.depth + 1)
    flags = {}
    for level, signals in passed.items():
        signed = any(s != _CONSTANT and s not in levels.nonnegative for s in signals)
        flags[level] = (signed, any(s == _CONSTANT or s in levels.nonnegative for s in signals))
    return flags, _CONSTANT in used


def _factor(graph: Graph, levels: Levels, level: int, carried: tuple[bool, bool]) -> tuple[str, float]:
    """The name of a level and the factor that it costs; see the head of the module."""
    steps = [step for step in levels.at(level) if step.role is not Role.ABSORBED]
    signed, unsigned = carried
    floored = _largest_window(graph, steps, Role.FLOORED_POOL)
    plain = _largest_window(graph, steps, Role.SIGNED_POOL)
    slopes = {step.slope for step in steps if step.role is Role.ACTIVATION}
    if floored:
        slopes.discard(0.0)
        unsigned = False
    factor = Fraction(2 * floored + 2 * plain)
    if slopes:
        least = Fraction(min(slopes))
        factor += 2 - least if signed or len(slopes) > 1 else (3 - least) / 2
    elif signed or unsigned:
        factor += 1
    rounded = float(factor)
    rounded = rounded if rounded >= factor else math.nextafter(rounded, math.inf)
    return "+".join(step.node.name for step in steps), rounded


def _window(graph: Graph, levels: Levels, level: int) -> int:
    """The largest window among the max-pools of a level, 1 where it has none."""
    steps = list(levels.at(level))
    return max(1, *(_largest_window(graph, steps, role) for role in (Role.FLOORED_POOL, Role.SIGNED_POOL)))


def _largest_window(graph: Graph, steps: list[Step], role: Role) -> int:
    """The largest window among the pools of one kind, 0 where there are none."""
    found = [step.node for step in steps if step.role is role]
    return max((window_size(node, graph.by_name[node.inputs[0]].shape) for node in found), default=0)


def _centred(graph: Graph) -> Graph | None:
    """The graph with the mean over the classes subtracted from the last layer, None where it is no dense layer.

    Only for the path norm: its entries are absolute values, rounded up.
    """
    last = graph.through_passing(graph.output)
    if not isinstance(last.op, Dense) or len(last.op.weight) != graph.outputs or graph.outputs < 2:
        return None
    if any(len(graph.consumers[name]) > 1 for name in (last.name, graph.output)):
        return None

    def centred(values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        # The mean of k numbers is off by at most k rounding units of their largest, the difference by one more.
        slack = (len(values) + 4) * 2.0 * _UNIT * np.abs(values).max(axis=0)
        return np.asarray(np.abs(values - values.mean(axis=0)) + slack)

    bias = None if last.op.bias is None else centred(last.op.bias)
    changed = dataclasses.replace(last, op=dataclasses.replace(last.op, weight=centred(last.op.weight), bias=bias))
    nodes = tuple(changed if node is last else node for node in graph.nodes)
    return Graph(nodes, graph.output, graph.input_shape, graph.entries)


def _log_total(graph: Graph) -> float:
    """The logarithm of the path norm, summed over the outputs, rounded up.

    All numbers are non-negative, so that n operations, each summing at most m products, lose at most the factor
    (1 - g)^n. Signals carry a power of two, so that nothing overflows; what underflows is covered by a tiny constant.
    """
    values: dict[str, Scaled] = {}
    last = {name: node.name for node in graph.nodes for name in node.inputs}
    products = graph.outputs
    for node in graph.nodes:
        values[node.name] = _value(graph, node, [values[name] for name in node.inputs])
        products = max(products, fan_in(graph, node))
        if isinstance(node.op, MaxPool):
            products = max(products, graph.by_name[node.inputs[0]].size)
        for name in set(node.inputs):
            if last[name] == node.name and name != graph.output:
                del values[name]
    outputs, exponent = values[graph.output]
    log = math.log(float(outputs.sum()) * (1.0 + 4 * graph.outputs * _UNIT))
    g = 2.0 * (products + 8) * _UNIT
    rounding = 3.0 * (len(graph.nodes) + 1) * g + 16 * _UNIT * (abs(log) + abs(exponent) + 1.0)
    return log + exponent * math.log(2.0) + rounding


def _value(graph: Graph, node: Node, inputs: list[Scaled]) -> Scaled:
    """The value of a node on the all-ones input, as numbers up to about 1 and the exponent of a power of two."""
    if isinstance(node.op, Input):
        return torch.ones((1, *graph.input_shape), dtype=torch.float64), 0
    x, exponent = inputs[0]
    if isinstance(node.op, WEIGHTED):
        return _weighted(node, x, exponent)
    if isinstance(node.op, (AveragePool, AdaptiveAveragePool)):
        return average(node.op, x) + UNDERFLOW, exponent
    if isinstance(node.op, MaxPool):
        return _normalized(_sum_pool(node, x, graph.by_name[node.inputs[0]].shape) + UNDERFLOW, exponent)
    if isinstance(node.op, Add):
        other, power = inputs[1]
        top = max(exponent, power)
        return _normalized(_shifted(x, exponent - top) + _shifted(other, power - top) + UNDERFLOW, top)
    if isinstance(node.op, Concatenation):
        top = max(power for _, power in inputs)
        parts = [_shifted(part, power - top) for part, power in inputs]
        return torch.cat(parts, dim=node.op.axis + 1) + UNDERFLOW, top
    if isinstance(node.op, Reshape):
        order = None if node.op.permutation is None else (0, *(axis + 1 for axis in node.op.permutation))
        return (x if order is None else x.permute(order)).reshape((1, *node.shape)), exponent
    return x, exponent


def _weighted(node: Node, x: torch.Tensor, exponent: int) -> Scaled:
    """A weighted operation with absolute values, its weights and constants scaled by powers of two."""
    weight, bias = np.abs(weight_of(node.op)), bias_of(node.op)
    power = int(np.frexp(weight.max(initial=0.0))[1])
    value = linear(node.op, torch.from_numpy(np.ldexp(weight, -power)), None, x)
    power += exponent
    if bias is not None:
        constant = np.abs(bias)
        top = max(power, int(np.frexp(constant.max(initial=0.0))[1]))
        shape = (1, -1, *(1,) * (value.ndim - 2)) if bias.ndim == 1 and not isinstance(node.op, Dense) else bias.shape
        value = _shifted(value, power - top) + torch.from_numpy(np.ldexp(constant, -top)).reshape(shape)
        power = top
    return _normalized(value + UNDERFLOW, power)


def _shifted(x: torch.Tensor, exponent: int) -> torch.Tensor:
    """``x * 2**exponent`` for an exponent that is not positive; far below 1 the underflow constant covers it."""
    return x * 2.0 ** max(exponent, -1000) if exponent else x


def _normalized(x: torch.Tensor, exponent: int) -> Scaled:
    """The same numbers with the largest between 1/2 and 1."""
    power = math.frexp(float(x.max()))[1]
    return torch.from_numpy(np.ldexp(x.numpy(), -power)), exponent + power


def _sum_pool(node: Node, x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """The sum over every window of a max-pool, axis by axis."""
    for axis, windows in enumerate(pool_windows(node, shape)):
        matrix = torch.zeros((len(windows), shape[1 + axis]), dtype=torch.float64)
        for i, window in enumerate(windows):
            matrix[i, list(window)] = 1.0
        x = torch.tensordot(x, matrix, dims=([2 + axis], [1])).movedim(-1, 2 + axis)
    return x
