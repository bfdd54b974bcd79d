r"""PAC-Bayes-lambda: a bound that is convex in the posterior for each lambda, and holds for all of them at once.

N. Thiemann, C. Igel, O. Wintenberger and Y. Seldin, A strongly quasiconvex PAC-Bayesian bound, ALT 2017.

Statement: for a prior pi fixed before n independent examples, losses in [0, 1], with probability at least 1 - delta, for all rho
and all lambda in (0, 2)

.. math:: R(\rho) \le \frac{\hat R(\rho)}{1 - \lambda/2}
          + \frac{KL(\rho \| \pi) + \ln(2\sqrt n/\delta)}{n \lambda (1 - \lambda/2)}.

Proof: in the event of ``maurer2004sqrt``, :math:`kl(\hat R \| R) \le B/n`, B the numerator. Where :math:`R \ge \hat R`,
:math:`kl(\hat R\|R) \ge (R - \hat R)^2/(2R)`, so :math:`R - \hat R \le \sqrt{2 R B/n} \le \lambda R/2 + B/(n\lambda)` for every
lambda; solve for R. No lambda is paid for, because one event gives them all. The least right side is at
:math:`\lambda^* = 2/(\sqrt{2n\hat R/B + 1} + 1)`, where it equals the quadratic bound ``perezortiz2021quadratic``.

What differs from the paper: the empirical risk of rho is bounded by Monte Carlo (``lemmas/gibbs``), the prior is a mixture over
variances (``lemmas/variance_mixture``). Never smaller than ``maurer2004sqrt``.
"""

from __future__ import annotations

import math

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, gibbs_bound, log_two_root_over, monte_carlo_risk
from boundcheck.bounds.lemmas.kl_terms import log_inverse_up
from boundcheck.numerics.rounding import add_up, div_up, mul_down, sub_down
from boundcheck.theorem import Bound


class Thiemann2017Lambda(GibbsTheorem):
    """PAC-Bayes-lambda at its best lambda, which costs nothing."""

    name = "thiemann2017lambda"
    title = "PAC-Bayes-lambda (Thiemann et al.)"
    cite = "Thiemann, Igel, Wintenberger and Seldin, A strongly quasiconvex PAC-Bayesian bound, ALT 2017"
    statement = (
        r"R(\rho) \le \inf_{0<\lambda<2} \frac{\hat R(\rho)}{1-\lambda/2} + "
        r"\frac{KL(\rho\|\pi) + \ln(2\sqrt n/\delta)}{n\lambda(1-\lambda/2)}"
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
            total = add_up(nats, confidence)
            return lambda_value(best_lambda(risk, total, n), risk, total, n)

        risk = monte_carlo_risk(mean_loss, draws, candidates, delta)
        chosen = best_lambda(risk, divergence + confidence, n)
        return gibbs_bound(
            level,
            divergence=divergence,
            draws=draws,
            mean_loss=mean_loss,
            candidates=candidates,
            delta=delta,
            choices={"lambda": chosen},
        )


def best_lambda(risk: float, nats: float, n: int) -> float:
    """Where the bound is least, up to rounding; any number in (0, 2) will do."""
    return 2.0 / (math.sqrt(2.0 * n * risk / nats + 1.0) + 1.0)


def lambda_value(parameter: float, risk: float, nats: float, n: int) -> float:
    """``risk / (1 - lambda/2) + nats / (n lambda (1 - lambda/2))``, rounded up; ``parameter`` is lambda."""
    rest = sub_down(1.0, parameter / 2.0)
    return add_up(div_up(risk, rest), div_up(nats, mul_down(float(n), parameter, rest)))
