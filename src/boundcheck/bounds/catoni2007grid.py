r"""Catoni's bound: no logarithm of the sample size, but a parameter that has to be paid for.

O. Catoni, PAC-Bayesian supervised classification: the thermodynamics of statistical learning, IMS Lecture Notes 56 (2007),
the bound with a fixed inverse temperature.

Statement: let C > 0 and a prior pi be fixed before n independent examples, losses in [0, 1]. With probability at least 1 - delta,
for all rho

.. math:: R(\rho) \le \frac{1 - \exp(-C \hat R(\rho) - (KL(\rho \| \pi) + \ln(1/\delta))/n)}{1 - e^{-C}}.

Proof: :math:`e^{-C\ell} \le 1 - (1 - e^{-C})\ell` on [0, 1] by convexity, so for one predictor
:math:`E_S \exp(-C n \hat R - n \ln(1 - (1 - e^{-C}) R)) \le 1`. Average over pi, Markov, change of measure:
:math:`-n E_\rho \ln(1 - (1 - e^{-C})R(h)) \le C n \hat R(\rho) + KL + \ln(1/\delta)`; the left side is at least its value at
:math:`R(\rho)`, by convexity.

What differs from the paper: C is chosen on the data among 20 values fixed here, each at delta/20, so that ln 20 is paid. (The
infimum over all C is :math:`kl^{-1}(\hat R, (KL + \ln(1/\delta))/n)`, which is no bound: nothing has been paid for the choice.)
The empirical risk of rho is bounded by Monte Carlo (``lemmas/gibbs``), the prior is a mixture over variances
(``lemmas/variance_mixture``).
"""

from __future__ import annotations

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, geometric_grid, gibbs_bound, monte_carlo_risk
from boundcheck.bounds.lemmas.kl_terms import log_inverse_up
from boundcheck.numerics.rounding import add_up, div_up, expm1_down, expm1_up, mul_up
from boundcheck.theorem import Bound

GRID = geometric_grid(0.05, 20.0, 20)
"""The values of C among which the data may choose."""


class Catoni2007Grid(GibbsTheorem):
    """Catoni's bound, its parameter chosen on a grid that is paid for."""

    name = "catoni2007grid"
    title = "PAC-Bayes (Catoni)"
    cite = (
        "Catoni, PAC-Bayesian supervised classification: the thermodynamics of statistical learning, "
        "IMS Lecture Notes - Monograph Series 56 (2007)"
    )
    statement = (
        r"R(\rho) \le \min_{C \in \mathcal C} \frac{1 - \exp\big(-C\hat R(\rho) - \tfrac1n(KL(\rho\|\pi) + "
        r"\ln(|\mathcal C|/\delta))\big)}{1 - e^{-C}}"
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
        confidence = log_inverse_up(delta, SAMPLE / len(GRID))

        def at(c: float, risk: float, nats: float) -> float:
            return catoni_value(c, risk, div_up(add_up(nats, confidence), float(n)))

        def level(risk: float, nats: float) -> float:
            return min(at(c, risk, nats) for c in GRID)

        risk = monte_carlo_risk(mean_loss, draws, candidates, delta)
        chosen = min(GRID, key=lambda c: at(c, risk, divergence))
        return gibbs_bound(
            level,
            divergence=divergence,
            draws=draws,
            mean_loss=mean_loss,
            candidates=candidates,
            delta=delta,
            choices={"C": chosen},
        )


def catoni_value(c: float, risk: float, complexity: float) -> float:
    """``(1 - exp(-c risk - complexity)) / (1 - exp(-c))``, rounded up; c > 0."""
    exponent = add_up(mul_up(c, risk), complexity)
    return div_up(-expm1_down(-exponent), -expm1_up(-c))
