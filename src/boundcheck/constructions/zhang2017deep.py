r"""The same function by a network of depth k and width O(n/k).

C. Zhang, S. Bengio, M. Hardt, B. Recht and O. Vinyals, Understanding deep learning requires rethinking generalization, ICLR
2017, Corollary 1: for every k >= 2 there is a ReLU network of depth k, width O(n/k) and O(n + d) weights that represents any
function on a sample of n points. Their proof; here it is with all numbers.

Construction. Let f be a sum of n hinges as in :mod:`boundcheck.constructions.zhang2017depth2`, cut into blocks of m. The first
hidden unit is the carry :math:`c = \max(\langle a, x\rangle - B, 0)` with :math:`B = b_1` below all points. A layer has the carry
again, the hinges :math:`\max(c + B - b_j, 0)` of its block, and two sums :math:`P^\pm` of :math:`|w_j|` times the hinges of all
earlier blocks with :math:`\pm w_j > 0`. All of these are non-negative, so that the ReLU leaves them as they are; the output is
:math:`P^+ - P^-` and the last block. That makes ceil(n/m) + 1 hidden layers of at most m + 3 units, and at most 3n + O(n/m) + d
numbers that are not zero: n biases, n output weights, n ones that pass the carry on.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from boundcheck.constructions.direction import Line
from boundcheck.constructions.projection import Floats
from boundcheck.constructions.zhang2017depth2 import between, between_is_exact, second_differences
from boundcheck.errors import InputError


def deep_network(line: Line, y: Floats, hidden_layers: int) -> nn.Sequential:
    """The network of a given depth through points on a line.

    Args:
        line: The points, in order.
        y: Their values in this order, shape (m,).
        hidden_layers: Number of hidden layers, at least 2.

    Returns:
        Linear layers and ReLUs in float64, from (n, d) to (n, 1).

    Raises:
        InputError: There are fewer than 2 hidden layers, or more than points and one.
    """
    if not 2 <= hidden_layers <= len(y) + 1:
        raise InputError(f"2 to {len(y) + 1} hidden layers", str(hidden_layers), "use as many as there are points, and one")
    base, biases, weights = _hinges_after_the_first(line, y)
    blocks = np.array_split(np.arange(len(y)), hidden_layers - 1)
    layers: list[nn.Module] = [linear(line.direction[None, :], np.array([-base])), nn.ReLU()]
    before = np.empty(0)
    for number, block in enumerate(blocks):
        layers += [_block_layer(number, biases[block], before), nn.ReLU()]
        before = weights[block]
    output = np.concatenate([[0.0], before, [1.0, -1.0][: 2 * (len(blocks) > 1)]])[None, :]
    return nn.Sequential(*layers, linear(output, None)).eval()


def linear(weight: Floats, bias: Floats | None) -> nn.Linear:
    """A linear layer in float64 with given numbers; weight of shape (out, in)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        if bias is not None:
            layer.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
    return layer


def _hinges_after_the_first(line: Line, y: Floats) -> tuple[float, Floats, Floats]:
    """The first knot, the distances of all knots from it (floats without further rounding), and the output weights."""
    exact = between_is_exact(line, y)
    base = float((between(line, y) if exact else second_differences(line.z, line.rest, y))[0][0])
    z = line.z - base
    # What the subtraction lost (Knuth), together with what the projection had lost.
    other = z - line.z
    rest = line.rest + ((line.z - (z - other)) + (-base - other))
    moved = Line(line.direction, line.rows, z + rest, rest - ((z + rest) - z), line.twins, line.tried)
    biases, weights = between(moved, y) if exact else second_differences(moved.z, moved.rest, y)
    return base, biases, weights


def _block_layer(number: int, biases: Floats, weights_before: Floats) -> nn.Linear:
    """From (carry, hinges of the block before, P+, P-) to the same of this block; the first two layers have no sums yet."""
    m, sums_in, sums_out = len(weights_before), 2 * (number > 1), 2 * (number > 0)
    weight = np.zeros((1 + len(biases) + sums_out, 1 + m + sums_in))
    weight[: 1 + len(biases), 0] = 1.0
    if sums_out:
        weight[-2, 1 : 1 + m], weight[-1, 1 : 1 + m] = np.maximum(weights_before, 0.0), np.maximum(-weights_before, 0.0)
    if sums_in:
        weight[-2, -2] = weight[-1, -1] = 1.0
    return linear(weight, np.concatenate([[0.0], -biases, np.zeros(sums_out)]))
