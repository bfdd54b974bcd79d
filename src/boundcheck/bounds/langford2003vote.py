r"""A bound on the majority vote: at most twice the Gibbs risk.

J. Langford and J. Shawe-Taylor, PAC-Bayes & margins, NIPS 15 (2003), where the factor 2 between a vote and the Gibbs predictor is
used.

Statement: let the vote MV of rho predict the class that most of rho's mass predicts. For a prior pi fixed before n independent
examples, with probability at least 1 - delta, for all rho

.. math:: R(MV_\rho) \le 2\, kl^{-1}\Big(\hat R(\rho), \frac{KL(\rho \| \pi) + \ln(\xi(n)/\delta)}{n}\Big).

Proof: where the vote errs or is tied on (x, y), some other class has at least the mass of y, so y has at most half of it, and the
mass of the networks that err is at least 1/2. Hence :math:`1[MV errs] \le 2\, P_{h \sim \rho}(h errs)`; take expectations and use
``maurer2004kl``. Any number of classes; a network whose own answer is tied or not a number errs.

What differs from the paper: xi(n) in the logarithm; the Monte Carlo step and the mixture over prior variances are those of
``lemmas/gibbs`` and ``lemmas/variance_mixture``.

The bound speaks of the vote of all networks of the posterior, not of the vote of a few that were drawn, and not of the network
with the mean weights.
"""

from __future__ import annotations

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, gibbs_bound
from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over
from boundcheck.theorem import Bound


class Langford2003Vote(GibbsTheorem):
    """Twice the Gibbs risk, for the majority vote of the posterior."""

    name = "langford2003vote"
    title = "majority vote, first order"
    about = "vote"
    cite = "Langford and Shawe-Taylor, PAC-Bayes & margins, NIPS 15 (2003)"
    statement = r"R(MV_\rho) \le 2\,kl^{-1}\Big(\hat R(\rho), \tfrac{KL(\rho\|\pi) + \ln(\xi(n)/\delta)}{n}\Big)"

    @staticmethod
    def formula(*, n: int, divergence: float, draws: int, mean_loss: float, candidates: int, delta: float) -> Bound:
        """The bound on the risk of the vote.

        Args:
            n: Sample size.
            divergence: KL(rho | pi) >= 0, nats.
            draws: Number m >= 1 of independent Monte Carlo numbers in [0, 1].
            mean_loss: Their mean, in [0, 1].
            candidates: Number K >= 1 of posteriors compared on these draws.
            delta: Confidence in (0, 1), over sample and draws.
        """
        confidence = log_xi_over(n, log_inverse_up(delta, SAMPLE))

        def level(risk: float, nats: float) -> float:
            return kl_bound(risk, confidence + nats, n)

        return scaled(
            2.0,
            gibbs_bound(level, divergence=divergence, draws=draws, mean_loss=mean_loss, candidates=candidates, delta=delta),
        )


def scaled(factor: float, bound: Bound) -> Bound:
    """A bound times a power of two, which multiplies every term exactly."""
    return Bound({name: factor * term for name, term in bound.terms.items()}, bound.choices)
