r"""The un-expected Bernstein bound, in its second-moment form.

Z. Mhammedi, P. Grünwald and B. Guedj, PAC-Bayes un-expected Bernstein inequality, NeurIPS 2019: the inequality of the title with
a prior that has seen nothing and no estimate subtracted from the losses.

Statement: let eta in (0, 1) and a prior pi be fixed before n independent examples, losses in [0, 1], and
:math:`s(\eta) = (-\ln(1-\eta) - \eta)/\eta^2`. With probability at least 1 - delta, for all rho

.. math:: R(\rho) \le \hat R(\rho) + \eta\, s(\eta)\, E_{h\sim\rho}\Big[\frac1n \sum_i \ell(h, z_i)^2\Big]
          + \frac{KL(\rho \| \pi) + \ln(1/\delta)}{\eta n}.

Proof: :math:`t \mapsto (-\ln(1-t) - t)/t^2` increases, so :math:`-\eta\ell - s(\eta)\eta^2\ell^2 \le \ln(1 - \eta\ell)` for
losses in [0, 1], and :math:`E e^{\eta(E\ell - \ell) - s\eta^2\ell^2} \le e^{\eta E\ell}(1 - \eta E\ell) \le 1`. Multiply over the
sample, average over pi, Markov, change of measure, divide by :math:`\eta n`.

For 0-1 losses :math:`\ell^2 = \ell`, so the second moment is :math:`\hat R(\rho)` itself, as an identity for every network and
sample; since :math:`1 + \eta s(\eta) = -\ln(1-\eta)/\eta`, the bound is

.. math:: R(\rho) \le \frac1\eta\Big(-\ln(1-\eta)\, \hat R(\rho) + \frac{KL(\rho\|\pi) + \ln(1/\delta)}{n}\Big),

and one upper bound of :math:`\hat R(\rho)` from Monte Carlo (``lemmas/gibbs``) bounds both of its places.

What differs from the paper: see above; eta is chosen on the data among 20 values fixed here, each at delta/20. The prior is a
mixture over variances (``lemmas/variance_mixture``).
"""

from __future__ import annotations

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, geometric_grid, gibbs_bound, monte_carlo_risk
from boundcheck.bounds.lemmas.kl_terms import log_inverse_up
from boundcheck.numerics.rounding import add_up, div_up, log1p_down, mul_up
from boundcheck.theorem import Bound

GRID = geometric_grid(0.005, 0.95, 20)
"""The values of eta among which the data may choose."""


class Mhammedi2019Bernstein(GibbsTheorem):
    """Un-expected Bernstein for 0-1 losses: the second moment outside of its expectation."""

    name = "mhammedi2019bernstein"
    title = "PAC-Bayes un-expected Bernstein"
    cite = "Mhammedi, Grünwald and Guedj, PAC-Bayes un-expected Bernstein inequality, NeurIPS 2019"
    statement = (
        r"R(\rho) \le \min_{\eta \in \mathcal E} \frac1\eta\Big(-\ln(1-\eta)\,\hat R(\rho) + "
        r"\frac{KL(\rho\|\pi) + \ln(|\mathcal E|/\delta)}{n}\Big)"
    )

    @staticmethod
    def formula(*, n: int, divergence: float, draws: int, mean_loss: float, candidates: int, delta: float) -> Bound:
        """The bound on the Gibbs risk, for 0-1 losses.

        Args:
            n: Sample size.
            divergence: KL(rho | pi) >= 0, nats.
            draws: Number m >= 1 of independent Monte Carlo numbers in [0, 1].
            mean_loss: Their mean, in [0, 1].
            candidates: Number K >= 1 of posteriors compared on these draws.
            delta: Confidence in (0, 1), over sample and draws.
        """
        confidence = log_inverse_up(delta, SAMPLE / len(GRID))

        def at(eta: float, risk: float, nats: float) -> float:
            return bernstein_value(eta, risk, risk, div_up(add_up(nats, confidence), float(n)))

        def level(risk: float, nats: float) -> float:
            return min(at(eta, risk, nats) for eta in GRID)

        risk = monte_carlo_risk(mean_loss, draws, candidates, delta)
        chosen = min(GRID, key=lambda eta: at(eta, risk, divergence))
        return gibbs_bound(
            level,
            divergence=divergence,
            draws=draws,
            mean_loss=mean_loss,
            candidates=candidates,
            delta=delta,
            choices={"eta": chosen},
        )


def bernstein_value(eta: float, risk: float, second_moment: float, complexity: float) -> float:
    """``risk + eta s(eta) second_moment + complexity / eta``, rounded up.

    Args:
        eta: In (0, 1).
        risk: Mean loss.
        second_moment: Mean squared loss, at most ``risk``.
        complexity: Nats over n.
    """
    # eta s(eta) = (-ln(1 - eta) - eta) / eta = -ln(1 - eta) / eta - 1
    slope = add_up(div_up(-log1p_down(-eta), eta), -1.0)
    return add_up(risk, mul_up(slope, second_moment), div_up(complexity, eta))
