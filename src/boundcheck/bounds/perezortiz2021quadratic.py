r"""The quadratic PAC-Bayes bound: a form of the kl bound that can be written down and differentiated.

M. Pérez-Ortiz, O. Rivasplata, J. Shawe-Taylor and C. Szepesvári, Tighter risk certificates for neural networks, JMLR 22 (2021);
the bound is from O. Rivasplata, V. M. Tankasali and C. Szepesvári, PAC-Bayes with backprop, 2019.

Statement: for a prior pi fixed before n independent examples, losses in [0, 1], with probability at least 1 - delta, for all rho

.. math:: R(\rho) \le \Big(\sqrt{\hat R(\rho) + a} + \sqrt a\Big)^2, \qquad
          a = \frac{KL(\rho \| \pi) + \ln(2\sqrt n/\delta)}{2n}.

Proof: in the event of ``maurer2004sqrt``, :math:`kl(\hat R\|R) \le 2a`. Where :math:`R \ge \hat R`,
:math:`kl(\hat R\|R) \ge (R - \hat R)^2/(2R)`, so :math:`R - 2\sqrt{a}\sqrt{R} - \hat R \le 0`, a quadratic in :math:`\sqrt R`,
whose larger root is :math:`\sqrt a + \sqrt{a + \hat R}`.

What differs from the paper: the empirical risk of rho is bounded by Monte Carlo (``lemmas/gibbs``), the prior is a mixture over
variances (``lemmas/variance_mixture``). Equal to ``thiemann2017lambda`` at its best lambda, never smaller than
``maurer2004sqrt``.
"""

from __future__ import annotations

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, gibbs_bound, log_two_root_over
from boundcheck.bounds.lemmas.kl_terms import log_inverse_up
from boundcheck.numerics.rounding import add_up, div_up, mul_up, sqrt_up
from boundcheck.theorem import Bound


class Perezortiz2021Quadratic(GibbsTheorem):
    """PAC-Bayes-quadratic: what certificates are usually trained with."""

    name = "perezortiz2021quadratic"
    title = "PAC-Bayes-quadratic (Pérez-Ortiz et al.)"
    cite = "Pérez-Ortiz, Rivasplata, Shawe-Taylor and Szepesvári, Tighter risk certificates for neural networks, JMLR 22 (2021)"
    statement = (
        r"R(\rho) \le \Big(\sqrt{\hat R(\rho) + a} + \sqrt a\Big)^2, \quad a = \frac{KL(\rho\|\pi) + \ln(2\sqrt n/\delta)}{2n}"
    )

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
            a = div_up(add_up(nats, confidence), 2.0 * n)
            root = add_up(sqrt_up(add_up(risk, a)), sqrt_up(a))
            return mul_up(root, root)

        return gibbs_bound(level, divergence=divergence, draws=draws, mean_loss=mean_loss, candidates=candidates, delta=delta)
