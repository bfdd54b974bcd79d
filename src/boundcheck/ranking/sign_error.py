r"""Sign error of a measure in each environment, and what is left of a measure in its worst ones.

G. K. Dziugaite, A. Drouin, B. Neal, N. Rajkumar, E. Caballero, L. Wang, I. Mitliagkas and D. M. Roy, In search of robust measures
of generalization, NeurIPS 33 (2020).

In an environment e with pairs (w, w') the sign error of a measure C against the gap G is

.. math:: SE_e(C) = \sum_{(w, w')} \frac{\alpha(w, w')}{\sum \alpha}\,
          \tfrac12\big(1 - \mathrm{sgn}(C(w') - C(w))\,\mathrm{sgn}(G(w') - G(w))\big),

0 for a measure that orders every pair as the gap does, 1 for one that orders them the other way, 1/2 for one that is constant.
Gaps are measured on finite samples; by Hoeffding's inequality two gaps at distance :math:`\Delta`, each estimated from n
examples, are in this order with probability at least :math:`(1 - 2 e^{-2 n (\Delta/2)^2})^2`, which is the weight
:math:`\alpha`, taken as 0 where the parenthesis is negative. A threshold t replaces it by :math:`(\alpha - t)_+`: the code
released with the paper has t = 1/2 and keeps environments with an effective size :math:`(\sum\alpha)^2/\sum\alpha^2` of at
least 12; these are the defaults here. Where the held-out sizes are not known every weight is 1.

A measure is robust when the largest of its sign errors is small; the mean, the 90th percentile and the maximum over environments
stand side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boundcheck.ranking.networks import Networks
from boundcheck.ranking.pairs import Pairs, signs

Floats = NDArray[np.float64]

THRESHOLD = 0.5
"""Weights up to this count as 0."""
EFFECTIVE_SIZE = 12.0
"""Environments of a smaller effective size are left out."""


@dataclass(frozen=True, eq=False)
class SignErrors:
    """Sign errors of one measure.

    Attributes:
        errors: Of each environment, shape (e,); NaN where the environment is left out.
        effective: Effective size of each environment for this measure, shape (e,).
    """

    errors: Floats
    effective: Floats

    def summary(self, kept: NDArray[np.bool_] | None = None) -> tuple[float, float, float, int]:
        """Mean, 90th percentile and maximum over environments, and their number; NaN without environments.

        Args:
            kept: Environments to look at, shape (e,); all when ``None``.
        """
        found = self.errors if kept is None else self.errors[kept]
        found = found[~np.isnan(found)]
        if len(found) == 0:
            return float("nan"), float("nan"), float("nan"), 0
        return float(found.mean()), float(np.percentile(found, 90)), float(found.max()), len(found)


def hoeffding_weights(difference: Floats, size: NDArray[np.int64], threshold: float = THRESHOLD) -> Floats:
    """Weights of pairs by how surely their gaps are in the order seen.

    Args:
        difference: Absolute difference of the two gaps, shape (p,).
        size: Held-out examples behind the smaller of the two samples, shape (p,); 0 where not known, for weight 1.
        threshold: Subtracted, with 0 as the least.
    """
    sure = np.maximum(1.0 - 2.0 * np.exp(-2.0 * size * (difference / 2.0) ** 2), 0.0) ** 2
    return np.where(size > 0, np.maximum(sure - threshold, 0.0), 1.0)


def pair_weights(networks: Networks, pairs: Pairs, threshold: float = THRESHOLD) -> Floats:
    """Hoeffding weights of the pairs of a table, shape (p,)."""
    difference = np.abs(networks.gap[pairs.second] - networks.gap[pairs.first])
    size = np.minimum(networks.test_size[pairs.first], networks.test_size[pairs.second])
    return hoeffding_weights(difference, size, threshold)


def sign_errors(
    measure: Floats, order: NDArray[np.int8], pairs: Pairs, weights: Floats, least: float = EFFECTIVE_SIZE
) -> SignErrors:
    """Sign errors of a measure in every environment.

    Args:
        measure: Its values, shape (n,); pairs with a NaN have weight 0.
        order: Sign of the change of the gap in each pair, shape (p,).
        pairs: The pairs by environment.
        weights: Weight of each pair, shape (p,).
        least: Environments with a smaller effective size are left out.
    """
    known = ~np.isnan(measure)
    if not known.all():
        weights = weights * (known[pairs.first] & known[pairs.second])
    agreement = signs(measure, pairs.first, pairs.second) * order
    total, square = _sums(weights, pairs), _sums(weights**2, pairs)
    effective = np.divide(total**2, square, out=np.zeros_like(total), where=square > 0)
    mean = np.divide(_sums(weights * agreement, pairs), total, out=np.full_like(total, np.nan), where=total > 0)
    # The effective size is a quotient of rounded sums: twelve equal weights may give a little less than twelve.
    return SignErrors(np.where(effective >= least * (1.0 - 1e-9), 0.5 * (1.0 - mean), np.nan), effective)


def _sums(values: Floats, pairs: Pairs) -> Floats:
    """Sums over the pairs of each environment, none of which is empty."""
    return np.add.reduceat(values, pairs.starts) if len(pairs.starts) else np.zeros(0)
