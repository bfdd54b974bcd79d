r"""Kendall's rank correlation between a measure and the gap, over all pairs and granulated by hyper-parameter.

Y. Jiang, B. Neyshabur, H. Mobahi, D. Krishnan and S. Bengio, Fantastic generalization measures and where to find them, ICLR 2020,
equations (4) to (6).

.. math:: \tau = \frac{1}{|T|(|T| - 1)} \sum_{w \ne w'} \mathrm{sgn}(C(w) - C(w'))\,\mathrm{sgn}(G(w) - G(w')),

a tie in either counting 0. A hyper-parameter that moves both the measure and the gap makes this large whatever the measure has to
do with generalization. The granulated coefficient :math:`\psi_i` of hyper-parameter i is the mean, over all values of the others,
of the same average over pairs that differ in the i-th alone; :math:`\Psi` is the mean of :math:`\psi_i` over i. With repeats the
average is over all pairs of networks with different values of i; with one network for each setting it is the paper's.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boundcheck.ranking.pairs import Pairs, signs

Floats = NDArray[np.float64]


def kendall(measure: Floats, gap: Floats) -> float:
    """Kendall's tau without a correction for ties, in O(n log n); networks without a value are left out.

    Args:
        measure: Shape (n,).
        gap: Shape (n,).

    Returns:
        In [-1, 1]; NaN for fewer than two networks, 0 where one of the two is constant.
    """
    known = ~np.isnan(measure)
    return kendall_of_ranks(dense_ranks(measure[known]), dense_ranks(gap[known]))


def dense_ranks(values: Floats) -> NDArray[np.int64]:
    """Number of each value among the sorted different values, shape (n,)."""
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)


def kendall_of_ranks(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Kendall's tau of small non-negative whole numbers; see :func:`kendall`."""
    n = len(a)
    if n < 2:
        return float("nan")
    pairs = n * (n - 1) / 2
    tied_a, tied_b = _tied(a), _tied(b)
    if pairs in (tied_a, tied_b):
        return 0.0
    # tau-b divides concordant minus discordant pairs by the root of the numbers of pairs without a tie in either.
    corrected = float(stats.kendalltau(a, b, method="asymptotic").statistic)
    # That difference is a whole number; the roots have left a little of rounding on it.
    return round(corrected * math.sqrt((pairs - tied_a) * (pairs - tied_b))) / pairs


def granulated(measure: Floats, order: NDArray[np.int8], pairs: Pairs, hyperparameters: int) -> Floats:
    """The granulated coefficient of each hyper-parameter.

    Args:
        measure: Shape (n,); pairs with a NaN are left out.
        order: Sign of the change of the gap in each pair, shape (p,).
        pairs: Pairs that differ in one hyper-parameter.
        hyperparameters: How many there are.

    Returns:
        Shape (hyperparameters,); NaN where no pair differs in it alone.
    """
    found = np.full(hyperparameters, np.nan)
    if not len(pairs.starts):
        return found
    known = ~np.isnan(measure)
    counted = (known[pairs.first] & known[pairs.second]).astype(np.float64)
    agreement = (signs(measure, pairs.first, pairs.second) * order).astype(np.float64)
    sums, sizes = np.add.reduceat(agreement, pairs.starts), np.add.reduceat(counted, pairs.starts)
    for index in range(hyperparameters):
        mine = pairs.hyperparameter == index
        if mine.any():
            context = pairs.context[mine]
            total, count = np.bincount(context, sums[mine]), np.bincount(context, sizes[mine])
            if (count > 0).any():
                found[index] = float((total[count > 0] / count[count > 0]).mean())
    return found


def _tied(ranks: NDArray[np.int64]) -> float:
    """Number of pairs with equal ranks."""
    counts = np.bincount(ranks).astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())
