r"""The PAC-Bayes bound of kl form for a Gaussian posterior, its empirical risk estimated by Monte Carlo.

A. Maurer, A note on the PAC Bayesian theorem, 2004 (arXiv:cs/0411099), Theorem 5; the Gaussian prior with a variance chosen on
the data is that of G. K. Dziugaite and D. M. Roy, UAI 2017, the Monte Carlo step that of J. Langford and R. Caruana, NIPS 2001.

Statement: for a prior pi fixed before n independent examples, losses in [0, 1], with probability at least 1 - delta, for all rho

.. math:: R(\rho) \le kl^{-1}\Big(\hat R(\rho), \frac{KL(\rho \| \pi) + \ln(\xi(n) / \delta)}{n}\Big),
          \qquad \xi(n) = \sum_k \binom nk (k/n)^k (1 - k/n)^{n-k} \le 2 \sqrt n.

Proof: :math:`E_S E_{h \sim \pi} \exp(n\, kl(\hat R(h) \| R(h))) \le \xi(n)` (``lemmas/kl_terms``), so by Markov the inner mean
is at most :math:`\xi(n)/\delta` with probability 1 - delta; the change of measure
:math:`E_\rho f \le KL(\rho \| \pi) + \ln E_\pi e^f` and convexity of kl finish it.

What differs from the paper: xi(n) itself in place of its bound 2 sqrt(n); losses need not be 0-1; the prior is a mixture over
variances (``lemmas/variance_mixture``); and the empirical risk of rho, an integral, is replaced by an upper confidence bound from
m independent draws: :math:`\hat R(\rho) \le kl^{-1}(\hat R_{mc}, \ln(K/\delta')/m)` with probability 1 - delta', given the sample
and rho, where K posteriors were compared on these draws. The two shares of delta add up.

The bound speaks of the Gibbs predictor, which draws new weights for each prediction, not of the network with the mean weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.gibbs_hypotheses import DRAWS_INDEPENDENT, posterior_hypotheses
from boundcheck.bounds.lemmas.kl_terms import increments, kl_bound, log_inverse_up, log_xi_over
from boundcheck.bounds.lemmas.variance_mixture import cheapest, kl_divergences
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound, Hypothesis, Theorem

_SAMPLE, _MONTE_CARLO = 0.8, 0.2


class Maurer2004Kl(Theorem):
    """PAC-Bayes-kl: the risk of a stochastic network around the trained one."""

    name = "maurer2004kl"
    title = "PAC-Bayes-kl (Seeger, Langford, Maurer)"
    family = "pac-bayes"
    cite = "Maurer, A note on the PAC Bayesian theorem, arXiv:cs/0411099 (2004), Theorem 5"
    about = "gibbs"
    statement = (
        r"R(\rho) \le kl^{-1}\Big(kl^{-1}\big(\hat R_{mc}, \tfrac{\ln(K/\delta')}{m}\big), "
        r"\tfrac{KL(\rho\|\pi) + \ln(\xi(n)/\delta)}{n}\Big)"
    )
    reads = ("posterior", "problem")
    shares = {"sample": _SAMPLE, "Monte Carlo": _MONTE_CARLO}
    moves = {
        "n": -1,
        "variance_sum": 1,
        "log_variance_sum": -1,
        "squared_distance": 1,
        "draws": -1,
        "mean_loss": 1,
        "candidates": 1,
        "configurations": 1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """What a prior needs, and what the Monte Carlo estimate needs."""
        return (*posterior_hypotheses(evidence), DRAWS_INDEPENDENT)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The sums over each block of the posterior, and the Monte Carlo average."""
        posterior = evidence.posterior
        groups = list(posterior.groups.values()) if posterior else []
        return {
            "n": posterior.counted(evidence.problem.n) if posterior else 0,
            "dimension": [g.parameters for g in groups],
            "variance_sum": [g.variance_sum for g in groups],
            "log_variance_sum": [g.log_variance_sum for g in groups],
            "squared_distance": [g.squared_distance for g in groups],
            "prior_variances": posterior.prior_variances if posterior else (),
            "draws": posterior.draws if posterior else 0,
            "mean_loss": posterior.mean_loss if posterior else 0.0,
            "candidates": posterior.candidates if posterior else 0,
            "configurations": posterior.configurations if posterior else 1,
        }

    @staticmethod
    def formula(
        *,
        n: int,
        dimension: Sequence[int],
        variance_sum: Sequence[float],
        log_variance_sum: Sequence[float],
        squared_distance: Sequence[float],
        prior_variances: Sequence[float],
        draws: int,
        mean_loss: float,
        candidates: int,
        configurations: int,
        delta: float,
    ) -> Bound:
        """The bound on the Gibbs risk.

        Args:
            n: Sample size.
            dimension: Coordinates d of each block of the posterior N(w, diag s).
            variance_sum: Sum of s in each block, positive.
            log_variance_sum: Sum of ln s in each block.
            squared_distance: |w - w_0|^2 in each block, w_0 the prior's mean.
            prior_variances: The grid of prior variances, fixed before the data.
            draws: Number m >= 1 of independent Monte Carlo numbers in [0, 1].
            mean_loss: Their mean, in [0, 1].
            candidates: Number K >= 1 of posteriors compared on these draws.
            configurations: Number of ways to train, each with its prior, among which results chose.
            delta: Confidence in (0, 1), of both events together.
        """
        choice = cheapest(
            kl_divergences(dimension, variance_sum, log_variance_sum, squared_distance, prior_variances),
            prior_variances,
            configurations,
        )
        risk = kl_bound(mean_loss, log_inverse_up(delta, _MONTE_CARLO / candidates), draws)
        confidence = log_xi_over(n, log_inverse_up(delta, _SAMPLE))
        terms = increments(
            Monte_Carlo_risk=mean_loss,
            Monte_Carlo_confidence=risk,
            confidence=kl_bound(risk, confidence, n),
            divergence=kl_bound(risk, confidence + choice.nats, n),
        )
        return Bound(terms, choice.describe("KL"))
