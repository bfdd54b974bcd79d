r"""The PAC-Bayes bound of kl form with the logarithm of the paper.

A. Maurer, A note on the PAC Bayesian theorem, arXiv:cs/0411099 (2004), Theorem 5.

Statement: for a prior pi fixed before n independent examples, losses in [0, 1], with probability at least 1 - delta, for all rho

.. math:: R(\rho) \le kl^{-1}\Big(\hat R(\rho), \frac{KL(\rho \| \pi) + \ln(2\sqrt n / \delta)}{n}\Big).

Proof: that of ``maurer2004kl``, with :math:`\xi(n) \le 2\sqrt n` at its end.

What differs from the paper: the paper asks for n >= 8, but :math:`\xi(n) \le 2 \sqrt n` holds for every n >= 1:
:math:`\xi(1) = 2`, and the sum over j in ``numerics/xi`` is at most :math:`2 + e^{1/8n}\sqrt{\pi n/2}`, which is below
:math:`2\sqrt n` from n = 8 on; n = 2, ..., 7 are checked one by one. The empirical risk of rho is bounded by Monte Carlo
(``lemmas/gibbs``), the prior is a mixture over variances (``lemmas/variance_mixture``). ``maurer2004kl`` has xi(n) itself, about
:math:`1.26\sqrt n`: the two rows show that this is worth half a nat in all.
"""

from __future__ import annotations

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, gibbs_bound, log_two_root_over
from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up
from boundcheck.theorem import Bound


class Maurer2004Sqrt(GibbsTheorem):
    """PAC-Bayes-kl in the paper's constants: 2 sqrt(n) in the logarithm."""

    name = "maurer2004sqrt"
    title = "PAC-Bayes-kl (constant of the paper)"
    cite = "Maurer, A note on the PAC Bayesian theorem, arXiv:cs/0411099 (2004), Theorem 5"
    statement = r"R(\rho) \le kl^{-1}\Big(\hat R(\rho), \tfrac{KL(\rho\|\pi) + \ln(2\sqrt n/\delta)}{n}\Big)"

    @staticmethod
    def formula(*, n: int, divergence: float, draws: int, mean_loss: float, candidates: int, delta: float) -> Bound:
        """The bound on the Gibbs risk.

        Args:
            n: Sample size.
            divergence: KL(rho | pi) >= 0, nats.
            draws: Number m >= 1 of independent Monte Carlo numbers in [0, 1].
            mean_loss: Their mean, in [0, 1].
            candidates: Number K >= 1 of posteriors compared on these draws.
            delta: Confidence in (0, 1), over sample and draws.
        """
        confidence = log_two_root_over(n, log_inverse_up(delta, SAMPLE))

        def level(risk: float, nats: float) -> float:
            return kl_bound(risk, confidence + nats, n)

        return gibbs_bound(level, divergence=divergence, draws=draws, mean_loss=mean_loss, candidates=candidates, delta=delta)
