r"""A PAC-Bayes bound on one network drawn from the posterior.

O. Rivasplata, I. Kuzborskij, C. Szepesvari and J. Shawe-Taylor, PAC-Bayes analysis beyond the usual bounds, NeurIPS 2020
(the bound for stochastic kernels, with the kl divergence; the form goes back to O. Catoni, 2007, and G. Blanchard and F. Fleuret,
COLT 2007).

Statement: with probability at least 1 - delta over the sample and over one draw h from the posterior rho_S,

.. math:: R(h) \le kl^{-1}\Big(\hat R(h), \frac{[\ln \frac{d\rho_S}{d\pi}(h) + \ln(\xi(n)/\delta)]_+}{n}\Big).

Proof: :math:`E_S E_{h \sim \rho_S} \exp(n\, kl(\hat R(h)\|R(h)) - \ln\frac{d\rho_S}{d\pi}(h))
\le E_S E_{h \sim \pi} e^{n\, kl} \le \xi(n)` (``lemmas/kl_terms``), and Markov. Since kl >= 0, a negative sum in the brackets can
occur only where the event of probability delta has happened; the bound promises nothing there, and the positive part is taken so
that it is still a number.

What differs: xi(n) is computed, not bounded by 2 sqrt(n); the prior is a mixture over variances (``lemmas/variance_mixture``),
which is why the variance may be chosen after the draw. The draw is made once; its own training errors are used.
The density ratio is that of exact Gaussians, h being the float64 numbers that were drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.drawn import ONE_DRAW, drawn_from
from boundcheck.bounds.lemmas.gibbs_hypotheses import DETERMINISTIC, posterior_hypotheses
from boundcheck.bounds.lemmas.kl_terms import increments, kl_bound, log_inverse_up, log_xi_over, ratio_up
from boundcheck.bounds.lemmas.variance_mixture import cheapest, log_ratios
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Rivasplata2020Disintegrated(Theorem):
    """Disintegrated PAC-Bayes-kl: one sampled network pays the density ratio at its own weights."""

    name = "rivasplata2020disintegrated"
    title = "disintegrated PAC-Bayes (density ratio)"
    family = "pac-bayes"
    cite = "Rivasplata, Kuzborskij, Szepesvari and Shawe-Taylor, PAC-Bayes analysis beyond the usual bounds, NeurIPS 2020"
    about = "sample"
    statement = r"R(h) \le kl^{-1}\Big(\hat R(h), \tfrac1n \big[\ln\tfrac{d\rho_S}{d\pi}(h) + \ln(\xi(n)/\delta)\big]_+\Big)"
    reads = ("posterior", "problem")
    moves = {
        "log_variance_sum": -1,
        "drawn_squared_distance": 1,
        "drawn_noise": -1,
        "errors": 1,
        "configurations": 1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """What a prior needs, and that there was one draw."""
        return (*posterior_hypotheses(evidence), ONE_DRAW, DETERMINISTIC)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The sums over each block at the draw, and the training errors of the drawn network."""
        posterior = drawn_from(evidence)
        groups = list(posterior.groups.values())
        return {
            "n": posterior.drawn.n,
            "dimension": [g.parameters for g in groups],
            "log_variance_sum": [g.log_variance_sum for g in groups],
            "drawn_squared_distance": [g.drawn_squared_distance for g in groups],
            "drawn_noise": [g.drawn_noise for g in groups],
            "prior_variances": posterior.prior_variances,
            "errors": posterior.drawn.errors,
            "configurations": posterior.configurations,
        }

    @staticmethod
    def formula(
        *,
        n: int,
        dimension: Sequence[int],
        log_variance_sum: Sequence[float],
        drawn_squared_distance: Sequence[float],
        drawn_noise: Sequence[float],
        prior_variances: Sequence[float],
        errors: int,
        configurations: int,
        delta: float,
    ) -> Bound:
        """The bound on the drawn network's risk.

        Args:
            n: Sample size.
            dimension: Coordinates d of each block of the posterior N(w, diag s).
            log_variance_sum: Sum of ln s in each block.
            drawn_squared_distance: |h - w_0|^2 in each block, w_0 the prior's mean.
            drawn_noise: Sum of (h - w)^2/s in each block, non-negative.
            prior_variances: The grid of prior variances, fixed before the data.
            errors: Training errors of the drawn network, ties included.
            configurations: Number of ways to train, each with its prior, among which results chose.
            delta: Confidence in (0, 1), over sample and draw.
        """
        ratios = log_ratios(dimension, log_variance_sum, drawn_squared_distance, drawn_noise, prior_variances)
        choice = cheapest(ratios, prior_variances, configurations)
        risk = ratio_up(errors, n)
        confidence = log_xi_over(n, log_inverse_up(delta))
        total = max(confidence + choice.nats, 0.0)
        terms = increments(
            training_error=risk,
            confidence=kl_bound(risk, min(confidence, total), n),
            density_ratio=kl_bound(risk, total, n),
        )
        return Bound(terms, choice.describe("log density ratio"))
