r"""The PAC-Bayes bound in its first form: a square root of divergence over sample size.

D. A. McAllester, PAC-Bayesian model averaging, COLT 1999; the logarithm is that of A. Maurer, A note on the PAC Bayesian theorem,
arXiv:cs/0411099 (2004), which halves the dependence on n of the first papers.

Statement: for a prior pi fixed before n independent examples, losses in [0, 1], with probability at least 1 - delta, for all rho

.. math:: R(\rho) \le \hat R(\rho) + \sqrt{\frac{KL(\rho \| \pi) + \ln(2\sqrt n / \delta)}{2n}}.

Proof: Pinsker's inequality :math:`2(p-q)^2 \le kl(q\|p)` in the bound of ``maurer2004sqrt``.

What differs from the paper: the constants. Those of 1999 were larger; we did not have the paper's text to take them from, and a
row under its name with constants from hearsay would claim too much. The empirical risk of rho is bounded by Monte Carlo
(``lemmas/gibbs``) and the prior is a mixture over variances (``lemmas/variance_mixture``). Never smaller than ``maurer2004sqrt``:
the row shows what Pinsker's inequality costs where errors are few.
"""

from __future__ import annotations

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, gibbs_bound, log_two_root_over
from boundcheck.bounds.lemmas.kl_terms import log_inverse_up
from boundcheck.numerics.rounding import add_up, div_up, sqrt_up
from boundcheck.theorem import Bound


class McAllester1999Averaging(GibbsTheorem):
    """McAllester's square root: easy to read, loose where the error is small."""

    name = "mcallester1999averaging"
    title = "PAC-Bayes (McAllester)"
    cite = "McAllester, PAC-Bayesian model averaging, COLT 1999, with the logarithm of Maurer, arXiv:cs/0411099 (2004)"
    statement = r"R(\rho) \le \hat R(\rho) + \sqrt{\frac{KL(\rho\|\pi) + \ln(2\sqrt n/\delta)}{2n}}"

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
            return add_up(risk, sqrt_up(div_up(add_up(nats, confidence), 2.0 * n)))

        return gibbs_bound(level, divergence=divergence, draws=draws, mean_loss=mean_loss, candidates=candidates, delta=delta)
