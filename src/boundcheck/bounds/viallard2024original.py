r"""The bound on one drawn network with a Rényi divergence, in the paper's constants.

P. Viallard, P. Germain, A. Habrard and E. Morvant, A general framework for the practical disintegration of PAC-Bayesian bounds,
Machine Learning 113 (2024) 519-604: the bound for neural networks with the kl divergence and Gaussians of one variance.

Statement: let rho_S = N(w, sigma^2 I) and pi = N(w_0, lambda I) with w_0 and J variances lambda fixed before n independent
examples. With probability at least 1 - delta over the sample and over one draw h from rho_S, for all lambda of the list,

.. math:: R(h) \le kl^{-1}\Big(\hat R(h), \frac{D_2(\rho_S\|\pi) + \ln(16 \sqrt n\, J^3/\delta^3)}{n}\Big),

and :math:`D_2 = |w - w_0|^2/\sigma^2` where :math:`\lambda = \sigma^2`.

Proof: that of ``viallard2024disintegrated`` with :math:`\xi(n) \le 2\sqrt n`, for each prior at confidence delta/J.

What differs from the paper: variances of posterior and prior may differ. Beside it ``viallard2024disintegrated`` has xi(n) and
pays for the choice of the variance inside the prior, ln J in place of 3 ln J, with one variance for each block
where this is cheaper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from boundcheck.bounds.lemmas.drawn import RenyiTheorem
from boundcheck.bounds.lemmas.gibbs import log_two_root_over
from boundcheck.bounds.lemmas.kl_terms import increments, kl_bound, log_inverse_up, ratio_up
from boundcheck.bounds.lemmas.variance_mixture import renyi_divergences
from boundcheck.numerics.rounding import log_up, sum_up
from boundcheck.theorem import Bound, NotApplicable


class Viallard2024Original(RenyiTheorem):
    """Disintegrated PAC-Bayes-kl as the paper has it: 16 sqrt(n), and a union bound over the prior's variance."""

    name = "viallard2024original"
    title = "disintegrated PAC-Bayes (Rényi, constants of the paper)"
    cite = (
        "Viallard, Germain, Habrard and Morvant, A general framework for the practical disintegration of PAC-Bayesian bounds, "
        "Machine Learning 113 (2024)"
    )
    statement = r"R(h) \le kl^{-1}\Big(\hat R(h), \tfrac1n \big(D_2(\rho_S\|\pi) + \ln(16\sqrt n\,J^3/\delta^3)\big)\Big)"

    @staticmethod
    def formula(
        *,
        n: int,
        dimension: Sequence[int],
        log_variance_sum: Sequence[float],
        max_variance: Sequence[float],
        squared_distance: Sequence[float],
        prior_variances: Sequence[float],
        errors: int,
        delta: float,
    ) -> Bound:
        """The bound on the drawn network's risk.

        Args:
            n: Sample size.
            dimension: Coordinates d of each block of the posterior N(w, diag s).
            log_variance_sum: Sum of ln s in each block.
            max_variance: Largest s in each block.
            squared_distance: |w - w_0|^2 in each block, w_0 the prior's mean.
            prior_variances: The J prior variances, fixed before the data; one of them at least above half of each s.
            errors: Training errors of the drawn network, ties included.
            delta: Confidence in (0, 1), over sample and draw.

        Raises:
            NotApplicable: The divergence is infinite for every prior variance of the list.
        """
        table = renyi_divergences(dimension, log_variance_sum, max_variance, squared_distance, prior_variances)
        sums = [sum_up(column.tolist()) if np.isfinite(column).all() else math.inf for column in table.T]
        nats = min(sums)
        if nats == math.inf:
            raise NotApplicable("the posterior's variance is at least twice the largest prior variance of the grid")
        risk = ratio_up(errors, n)
        cubes = 3.0 * (log_inverse_up(delta) + log_up(float(len(prior_variances)))) + math.log(8.0)
        confidence = log_two_root_over(n, cubes * (1.0 + 2.0**-48))  # a few roundings of a sum of non-negative numbers
        terms = increments(
            training_error=risk,
            confidence=kl_bound(risk, confidence, n),
            divergence=kl_bound(risk, confidence + nats, n),
        )
        return Bound(terms, {"Rényi divergence": nats, "prior variance": prior_variances[sums.index(nats)]})
