r"""A network with about :math:`4\sqrt n` hidden units through n points.

C. Yun, S. Sra and A. Jadbabaie, Small ReLU networks are powerful memorizers: a tight analysis of memorization capacity, NeurIPS
2019, Theorem 3.1: two hidden layers of :math:`O(\sqrt n)` units memorize n points. The construction here is an explicit one of
that kind.

Construction. Let the projections :math:`z_1 < z_2 < \dots` be cut into p blocks of q points, q even, and :math:`|y| \le 1`. On
block b let, for j = 1..q, :math:`g_j(z) = (-1)^j y_{b,j} + S_b (z - z_{b,j})` with :math:`S_b \ge 2 / \min \text{gap}`, and
linear from one block to the next: all :math:`g_j` have the same 2p - 1 knots. With
:math:`\mathrm{clip}(t) = \max(t + 1, 0) - \max(t - 1, 0) - 1`,

.. math:: f(z) = 1 + \sum_{j=1}^q (-1)^j\, \mathrm{clip}(g_j(z)) .

Proof. At point i of a block :math:`g_j \ge 1` for j < i and :math:`\le -1` for j > i, so that the clips are 1 and -1 there and
:math:`(-1)^i y` for j = i. For even q, :math:`\sum_{j<i} (-1)^j - \sum_{j>i} (-1)^j = -1` for every i, hence f = y.

The slopes S and the distances between blocks are powers of two here, so that every weight is a dyadic rational. The last block is
filled up with points behind the last one.
"""

from __future__ import annotations

import math

import numpy as np
from torch import nn

from boundcheck.constructions.direction import Line
from boundcheck.constructions.projection import Floats
from boundcheck.constructions.zhang2017deep import linear


def sqrt_network(line: Line, y: Floats) -> nn.Sequential:
    """The network with 2p - 1 and 2q hidden units, pq >= n, through points on a line.

    Args:
        line: The points, in order; projections are taken as rounded to float64.
        y: Their values in this order, shape (n,).

    Returns:
        Linear layers and ReLUs in float64, from (n, d) to (n, 1).
    """
    scale = 2.0 ** np.frexp(max(float(np.abs(y).max()), 1e-300))[1]
    z, values, p, q = _blocks(line.z, y / scale)
    signs = np.where(np.arange(1, q + 1) % 2 == 0, 1.0, -1.0)
    steep = 2.0 ** np.ceil(np.log2(2.0 / np.diff(z, axis=1).min(axis=1)))
    # Values of all g_j at the ends of each block: shape (q, p).
    first, last = z[:, 0].copy(), z[:, -1]
    width = 2.0 ** np.floor(np.log2(first[1:] - last[:-1]))
    first[1:] = last[:-1] + width  # a power of two behind the block before, and not behind its own first point
    anchors = signs[:, None] * values.T
    low = anchors + steep * (first - z.T)
    high = anchors + steep * (last - z.T)
    slopes = np.empty((q, 2 * p - 1))
    slopes[:, ::2] = steep
    slopes[:, 1::2] = (low[:, 1:] - high[:, :-1]) / width
    knots = np.empty(2 * p - 1)
    knots[::2], knots[1::2] = first, last[:-1]
    into = np.diff(slopes, axis=1, prepend=0.0)
    both = np.concatenate([into, into])
    offsets = np.concatenate([low[:, 0] + 1.0, low[:, 0] - 1.0])
    output = scale * np.concatenate([signs, -signs])[None, :]
    return nn.Sequential(
        linear(line.direction[None, :], None),
        linear(np.ones((2 * p - 1, 1)), -knots),
        nn.ReLU(),
        linear(both, offsets),
        nn.ReLU(),
        linear(output, np.array([scale])),
    ).eval()


def _blocks(z: Floats, y: Floats) -> tuple[Floats, Floats, int, int]:
    """Points and values as p rows of q, q even, as square as can be; points that are added lie behind the last."""
    n = len(z)
    q = 2 * max(1, math.ceil(math.sqrt(n) / 2.0))
    p = math.ceil(n / q)
    missing = p * q - n
    step = 2.0 ** np.frexp(float(np.diff(z).min()) if n > 1 else 1.0)[1]
    step = max(step, 4.0 * float(np.spacing(np.abs(z).max() + step * missing)))
    beyond = z[-1] + step * np.arange(1, missing + 1)
    return np.concatenate([z, beyond]).reshape(p, q), np.concatenate([y, np.zeros(missing)]).reshape(p, q), p, q
