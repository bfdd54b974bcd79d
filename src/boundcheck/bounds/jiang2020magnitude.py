r"""A magnitude-aware PAC-Bayes bound: weights that moved far may be noisy in proportion.

The posterior is that of Y. Jiang, B. Neyshabur, H. Mobahi, D. Krishnan and S. Bengio, Fantastic generalization measures and where
to find them, ICLR 2020, whose magnitude-aware quantities are measures without constants; the bound is ``maurer2004kl``.

Statement: let e, t >= 0 not both 0 be any numbers, :math:`\Delta = w - w_0` and rho = N(w, diag s) with
:math:`s_i = e^2 + t^2\Delta_i^2`. For prior variances :math:`\lambda_1, ..., \lambda_J` fixed before n independent examples,
losses in [0, 1], with probability at least 1 - delta, for all rho,

.. math:: R(\rho) \le kl^{-1}\Big(\hat R(\rho), \tfrac1n\Big(\min_j KL_j + \ln J + \ln\tfrac{\xi(n)}{\delta}\Big)\Big), \qquad
          KL_j = \tfrac12 \sum_i \Big[\frac{s_i + \Delta_i^2}{\lambda_j} - 1 + \ln\frac{\lambda_j}{s_i}\Big].

Proof: ``maurer2004kl`` with the mixture of the J priors :math:`N(w_0, \lambda_j I)`. The numbers e and t belong to the posterior,
so nothing is paid for them.

What differs from the paper: over all real lambda the least KL is :math:`\frac12\sum_i \ln(\lambda/s_i)` at
:math:`\lambda = e^2 + (t^2 + 1)|\Delta|^2/d`, which is the paper's quantity; but this lambda depends on the data, so it has to be
rounded to the grid and paid for, and the paper's choice of the noise by an allowed loss of accuracy, its factors 1/4 and its +10
stand for no theorem. The Monte Carlo step is that of ``lemmas/gibbs``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, gibbs_bound
from boundcheck.bounds.lemmas.gibbs_hypotheses import DRAWS_INDEPENDENT, prior_hypotheses
from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over
from boundcheck.bounds.lemmas.variance_mixture import cheapest, kl_divergences
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound, Hypothesis, NotApplicable


class Jiang2020Magnitude(GibbsTheorem):
    """PAC-Bayes-kl with noise in proportion to how far each weight has moved."""

    name = "jiang2020magnitude"
    title = "PAC-Bayes-kl, magnitude-aware"
    measured_as = "magnitude"
    cite = (
        "Jiang, Neyshabur, Mobahi, Krishnan and Bengio, Fantastic generalization measures and where to find them, ICLR 2020, "
        "for the posterior; the bound is Maurer's (2004)"
    )
    statement = (
        r"R(\rho) \le kl^{-1}\Big(\hat R(\rho), \tfrac1n\big(\min_j \tfrac12\sum_i\big[\tfrac{s_i + \Delta_i^2}{\lambda_j} - 1 + "
        r"\ln\tfrac{\lambda_j}{s_i}\big] + \ln J + \ln\tfrac{\xi(n)}{\delta}\big)\Big), \quad s_i = e^2 + t^2\Delta_i^2"
    )
    reads = ("magnitude", "problem")
    moves: ClassVar[Mapping[str, int]] = {
        "n": -1,
        "variance_sum": 1,
        "squared_distance": 1,
        "draws": -1,
        "mean_loss": 1,
        "candidates": 1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """What a prior needs, and what the Monte Carlo estimate needs."""
        return (*prior_hypotheses(evidence.magnitude.prior_mean if evidence.magnitude else ""), DRAWS_INDEPENDENT)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The sums over the posterior, and the Monte Carlo average."""
        found = evidence.magnitude
        if found is None:
            raise NotApplicable("no magnitude-aware posterior was measured")
        return {
            "n": evidence.problem.n,
            "dimension": found.parameters,
            "variance_sum": found.variance_sum,
            "log_variance_sum": found.log_variance_sum,
            "squared_distance": found.squared_distance,
            "prior_variances": found.prior_variances,
            "draws": found.draws,
            "mean_loss": found.mean_loss,
            "candidates": found.candidates,
        }

    @staticmethod
    def formula(
        *,
        n: int,
        dimension: int,
        variance_sum: float,
        log_variance_sum: float,
        squared_distance: float,
        prior_variances: Sequence[float],
        draws: int,
        mean_loss: float,
        candidates: int,
        delta: float,
    ) -> Bound:
        """The bound on the Gibbs risk.

        Args:
            n: Sample size.
            dimension: Number d of weights.
            variance_sum: Sum of s, positive.
            log_variance_sum: Sum of ln s.
            squared_distance: |Delta|^2.
            prior_variances: The grid of prior variances, fixed before the data.
            draws: Number m >= 1 of independent Monte Carlo numbers in [0, 1].
            mean_loss: Their mean, in [0, 1].
            candidates: Number K >= 1 of posteriors compared on these draws.
            delta: Confidence in (0, 1), over sample and draws.
        """
        table = kl_divergences([dimension], [variance_sum], [log_variance_sum], [squared_distance], prior_variances)
        choice = cheapest(table, prior_variances)
        confidence = log_xi_over(n, log_inverse_up(delta, SAMPLE))

        def level(risk: float, nats: float) -> float:
            return kl_bound(risk, confidence + nats, n)

        return gibbs_bound(
            level,
            divergence=choice.nats,
            draws=draws,
            mean_loss=mean_loss,
            candidates=candidates,
            delta=delta,
            choices={"prior variance": choice.smallest},
        )
