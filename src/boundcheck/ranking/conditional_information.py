r"""Conditional mutual information between the orders that a measure and the gap put on pairs of networks.

Y. Jiang et al., Fantastic generalization measures and where to find them, ICLR 2020, section 2.2.3 and equations (7) to (9).

For an ordered pair of networks let V_C and V_G be the signs of the differences of measure and gap, and U_S the values of the
hyper-parameters in S of both. Then

.. math:: \mathcal K(C) = \min_{|S| \le 2} \frac{I(V_C, V_G \mid U_S)}{H(V_G \mid U_S)},

1 where the measure decides the order of the gaps whatever the hyper-parameters say, 0 where for some S it adds nothing to them.
Pairs with equal gaps have no order to predict and are left out; a tie of the measure is a value of its own. Probabilities are
relative frequencies over pairs, all of them or, where there are more than :data:`MOST_PAIRS`, a random part; they are plug-in
estimates, which are too large by about (cells - 1)/(2 pairs), so that small values on small tables mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from boundcheck.ranking.pairs import signs

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

MOST_PAIRS = 1_000_000
"""Ordered pairs that frequencies are counted on."""
LARGEST_SET = 2
"""Hyper-parameters that are conditioned on at most."""


@dataclass(frozen=True, eq=False)
class OrderedPairs:
    """Pairs with different gaps and, for each set S of hyper-parameters, the cell that each pair falls into.

    Attributes:
        first: Shape (p,).
        second: Shape (p,).
        higher: Whether the second gap is the larger one, shape (p,).
        cells: For each S (names joined by a plus, empty for none), the number of U_S for each pair, shape (p,).
    """

    first: Indices
    second: Indices
    higher: NDArray[np.bool_]
    cells: Mapping[str, Indices]


def ordered_pairs(settings: Mapping[str, Indices], gap: Floats, seed: int) -> OrderedPairs:
    """Pairs to count on, both orders of each.

    Args:
        settings: Values of each hyper-parameter as numbers, shape (n,).
        gap: Shape (n,).
        seed: Of the random part, where not all pairs are taken.
    """
    n = len(gap)
    if n * (n - 1) <= MOST_PAIRS:
        first, second = np.nonzero(~np.eye(n, dtype=bool))
    else:
        draws = np.random.default_rng(seed).integers(0, [[n], [n - 1]], size=(2, MOST_PAIRS // 2))
        one, other = draws[0], draws[1] + (draws[1] >= draws[0])
        first, second = np.concatenate([one, other]), np.concatenate([other, one])
    order = signs(gap, first, second)
    first, second, order = first[order != 0], second[order != 0], order[order != 0]
    cells = {"": np.zeros(len(first), dtype=np.int64)}
    for size in range(1, LARGEST_SET + 1):
        for names in combinations(settings, size):
            cell = np.zeros(len(first), dtype=np.int64)
            for name in names:
                codes, base = settings[name], int(settings[name].max()) + 1
                cell = (cell * base + codes[first]) * base + codes[second]
            cells["+".join(names)] = np.unique(cell, return_inverse=True)[1].reshape(-1)
    return OrderedPairs(first, second, order > 0, cells)


def conditional_information(measure: Floats, pairs: OrderedPairs) -> tuple[float, str]:
    """The smallest normalized conditional mutual information, and the set S that attains it.

    Args:
        measure: Shape (n,); pairs with a NaN are left out.
        pairs: From :func:`ordered_pairs`.

    Returns:
        A number in [0, 1], NaN where nothing is left to predict, and the names in S joined by a plus.
    """
    known = ~np.isnan(measure)
    kept = known[pairs.first] & known[pairs.second]
    order = signs(measure, pairs.first, pairs.second)[kept].astype(np.int64) + 1
    outcome = 2 * order + pairs.higher[kept]
    best, least = "", float("nan")
    for name, cells in pairs.cells.items():
        value = _normalized(cells[kept], outcome)
        if not np.isnan(value) and not value >= least:  # the first is compared with NaN
            best, least = name, value
    return least, best


def _normalized(cell: Indices, outcome: Indices) -> float:
    """I(V_C, V_G | U) / H(V_G | U) from the cell U of each pair and 2 V_C + V_G."""
    if len(cell) == 0:
        return float("nan")
    counts = np.bincount(6 * cell + outcome, minlength=6 * (int(cell.max()) + 1)).reshape(-1, 3, 2).astype(np.float64)
    entropy_gap = _entropy(counts.sum(axis=1)) - _entropy(counts.sum(axis=(1, 2)))
    entropy_given_both = _entropy(counts) - _entropy(counts.sum(axis=2))
    if entropy_gap <= 1e-12 * len(cell):  # the hyper-parameters decide the order of all pairs; the rest is rounding
        return float("nan")
    return float(min(max(1.0 - entropy_given_both / entropy_gap, 0.0), 1.0))


def _entropy(counts: Floats) -> float:
    """Entropy in nats times the number of pairs, up to a constant that cancels in differences."""
    positive = counts[counts > 0]
    return float(-(positive * np.log(positive)).sum())
