"""Intervals over networks: the statistics again on tables drawn from the table.

A replicate draws n networks with replacement, which gives network i a weight w_i and a pair of different networks the weight
w_i w_j. A network drawn twice is not paired with itself: that pair would be a tie and pull every statistic towards that of a
measure that knows nothing. Environments are those of the table itself. The intervals are percentiles; they speak of other
networks trained in the same settings, not of other settings.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from boundcheck.ranking.kendall import dense_ranks, kendall_of_ranks
from boundcheck.ranking.pairs import Pairs, signs

Floats = NDArray[np.float64]
Interval = tuple[float, float]

LEVEL = 0.95
"""Confidence of the intervals."""
_KEPT = 100_000_000  # weights of pairs that are kept for all measures, 400 MB


def replicates(n: int, count: int, seed: int) -> NDArray[np.int64]:
    """Weights of the networks in each replicate, shape (count, n)."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=count)


def kendall_replicates(measure: Floats, gap: Floats, weights: NDArray[np.int64]) -> Floats:
    """Kendall's tau in each replicate.

    Args:
        measure: Shape (n,); networks with NaN take no part.
        gap: Shape (n,).
        weights: Shape (count, n).
    """
    known = np.flatnonzero(~np.isnan(measure))
    known = known[np.argsort(gap[known], kind="stable")]  # what is nearly sorted is sorted faster
    a, b = dense_ranks(measure[known]), dense_ranks(gap[known])
    found = np.full(len(weights), np.nan)
    for index, weight in enumerate(weights[:, known]):
        pairs = weight.sum() * (weight.sum() - 1) / 2
        same = float((weight * (weight - 1) / 2).sum())
        if pairs > same:
            tau = kendall_of_ranks(np.repeat(a, weight), np.repeat(b, weight))
            found[index] = tau * pairs / (pairs - same)
    return found


class PairReplicates:
    """Weighted sums over the pairs of each environment, in each replicate; what does not depend on the measure is made once.

    Args:
        pairs: The pairs by environment.
        order: Sign of the change of the gap in each pair, shape (p,).
        weights: Weight of each pair, shape (p,).
        drawn: Weights of the networks, shape (count, n).
    """

    def __init__(self, pairs: Pairs, order: NDArray[np.int8], weights: Floats, drawn: NDArray[np.int64]) -> None:
        # Pairs that weigh nothing would only cost time.
        chosen = np.flatnonzero(weights > 0)
        self._first, self._second, self._order = pairs.first[chosen], pairs.second[chosen], order[chosen]
        self._environment, self._weights = pairs.environment[chosen], weights[chosen].astype(np.float32)
        self._drawn = drawn.astype(np.float32)
        small = len(chosen) * len(drawn) <= _KEPT
        self._present = [self._presence(weight) for weight in self._drawn] if small else None

    def _presence(self, drawn: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weight of each pair in a replicate."""
        return self._weights * drawn[self._first] * drawn[self._second]

    def sign_errors(self, measure: Floats, kept: NDArray[np.bool_]) -> Iterator[Floats]:
        """Sign errors of the kept environments in each replicate; those without a pair in it are left out.

        Args:
            measure: Shape (n,).
            kept: Environments of the table itself, shape (e,).
        """
        known = ~np.isnan(measure)
        there = (kept[self._environment] & known[self._first] & known[self._second]).astype(np.float32)
        agreement = (signs(measure, self._first, self._second) * self._order).astype(np.float32) * there
        starts = np.flatnonzero(np.diff(self._environment, prepend=-1))
        whole = bool(there.all())
        for drawn in self._present if self._present is not None else map(self._presence, self._drawn):
            if not len(starts):
                yield np.zeros(0)
                continue
            total = np.add.reduceat(drawn if whole else drawn * there, starts).astype(np.float64)
            sums = np.add.reduceat(drawn * agreement, starts).astype(np.float64)
            yield 0.5 * (1.0 - sums[total > 0] / total[total > 0])


def percentiles(values: Floats, level: float = LEVEL) -> Interval | None:
    """The central interval of the replicates, ``None`` where none of them has a value."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return None
    low, high = np.percentile(known, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
