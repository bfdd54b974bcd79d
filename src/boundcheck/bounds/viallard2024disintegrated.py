r"""A PAC-Bayes bound on one network drawn from the posterior, with a Rényi divergence in place of the density ratio.

P. Viallard, P. Germain, A. Habrard and E. Morvant, A general framework for the practical disintegration of PAC-Bayesian bounds,
Machine Learning 113 (2024) 519-604: the general disintegrated bound with the Rényi divergence, at order 2, for the kl divergence.

Statement: with probability at least 1 - delta over the sample and over one draw h from the posterior rho_S,

.. math:: R(h) \le kl^{-1}\Big(\hat R(h), \frac{D_2(\rho_S\|\pi) + \ln(8\, \xi(n) / \delta^3)}{n}\Big).

Proof: let :math:`\varphi = \exp(n\, kl(\hat R(h)\|R(h))/2)`. With probability 1 - delta/2 over h,
:math:`\varphi \le \frac2\delta E_{\rho_S} \varphi` (Markov). By Cauchy-Schwarz
:math:`E_\rho \varphi = E_\pi \frac{d\rho}{d\pi}\varphi \le e^{D_2/2} (E_\pi \varphi^2)^{1/2}`, and with probability 1 - delta/2
over S, :math:`E_\pi \varphi^2 \le \frac2\delta \xi(n)` (Markov; ``lemmas/kl_terms``). Take logarithms and double.

What differs: the paper has 16 sqrt(n) = 8 * 2 sqrt(n) where 8 xi(n) stands, which is never larger; variances of posterior and
prior may differ (the paper's corollary for networks has equal ones, D_2 = |w - w_0|^2/sigma^2); the prior is a mixture over
variances (``lemmas/variance_mixture``), so that choosing one costs ln J once and not three times, as a union bound would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from boundcheck.bounds.lemmas.drawn import RenyiTheorem
from boundcheck.bounds.lemmas.kl_terms import increments, kl_bound, log_inverse_up, log_xi_over, ratio_up
from boundcheck.bounds.lemmas.variance_mixture import cheapest, renyi_divergences
from boundcheck.theorem import Bound, NotApplicable


class Viallard2024Disintegrated(RenyiTheorem):
    """Disintegrated PAC-Bayes-kl with the Rényi divergence of order 2: the same price whatever is drawn."""

    name = "viallard2024disintegrated"
    title = "disintegrated PAC-Bayes (Rényi)"
    cite = (
        "Viallard, Germain, Habrard and Morvant, A general framework for the practical disintegration of PAC-Bayesian bounds, "
        "Machine Learning 113 (2024)"
    )
    statement = r"R(h) \le kl^{-1}\Big(\hat R(h), \tfrac1n \big(D_2(\rho_S\|\pi) + \ln(8\,\xi(n)/\delta^3)\big)\Big)"

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
            prior_variances: The grid of prior variances, fixed before the data; one of them at least above half of each s.
            errors: Training errors of the drawn network, ties included.
            delta: Confidence in (0, 1), over sample and draw.

        Raises:
            NotApplicable: The divergence is infinite for every prior variance of the grid.
        """
        divergences = renyi_divergences(dimension, log_variance_sum, max_variance, squared_distance, prior_variances)
        choice = cheapest(divergences, prior_variances)
        if choice.nats == math.inf:
            raise NotApplicable("the posterior's variance is at least twice the largest prior variance of the grid")
        risk = ratio_up(errors, n)
        confidence = log_xi_over(n, 3.0 * log_inverse_up(delta) + math.log(8.0))
        terms = increments(
            training_error=risk,
            confidence=kl_bound(risk, confidence, n),
            divergence=kl_bound(risk, confidence + choice.nats, n),
        )
        return Bound(terms, choice.describe("Rényi divergence"))
