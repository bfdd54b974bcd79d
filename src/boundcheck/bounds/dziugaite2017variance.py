r"""The PAC-Bayes bound that first said something about a trained neural network, with the paper's price for the prior's variance.

G. K. Dziugaite and D. M. Roy, Computing nonvacuous generalization bounds for deep (stochastic) neural networks with many more
parameters than training data, UAI 2017.

Statement: let :math:`\lambda_j = c\, e^{-j/b}` for j = 1, 2, ..., with c = 0.1 and b = 100, and w_0 be fixed before n >= 4
independent examples, losses in [0, 1]. With probability at least 1 - delta, for all rho = N(w, diag s) and all j

.. math:: R(\rho) \le kl^{-1}\Big(\hat R(\rho),
          \frac{KL(\rho \| N(w_0, \lambda_j I)) + 2 \ln j + \ln(\pi^2/6) + \ln(n/\delta)}{n - 1}\Big),

.. math:: KL = \tfrac12\Big[\frac{\sum_i s_i + |w - w_0|^2}{\lambda_j} - d + d \ln\lambda_j - \sum_i \ln s_i\Big].

Proof: ``maurer2004sqrt`` for each prior at confidence :math:`6\delta/(\pi^2 j^2)`; these sum to delta. Its right side
:math:`(B + \ln(2\sqrt n/\delta))/n` is at most :math:`(B + \ln(n/\delta))/(n-1)` for B >= 0 and n >= 4, where
:math:`2\sqrt n \le n`.

What differs from the paper: j is a whole number here from the start; the
Monte Carlo estimate of the empirical risk has a one-sided tail (``lemmas/gibbs``; the paper has ln(2/delta')). The numbers
lambda_j are those that float64 arithmetic gives for the expression. Beside it ``maurer2004kl`` has xi(n), and pays for the
variance inside the prior, one for each block where this is cheaper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, gibbs_bound, posterior_of
from boundcheck.bounds.lemmas.gibbs_hypotheses import refuse_others
from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up
from boundcheck.bounds.lemmas.variance_mixture import kl_divergences
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, log_up, mul_up, sum_up
from boundcheck.theorem import Bound, NotApplicable

LARGEST, PER_E = 0.1, 100.0
"""c and b of the paper: variances below c, b of them for each factor of e."""

MOST = 8192
"""Every j has its share of delta; only these are tried. The last one is a variance of 2.7e-37."""

VARIANCES = tuple(LARGEST * math.exp(-j / PER_E) for j in range(1, MOST + 1))
"""The prior variances that are tried."""


class Dziugaite2017Variance(GibbsTheorem):
    """PAC-Bayes-kl with one prior variance for all weights, chosen among countably many."""

    name = "dziugaite2017variance"
    title = "PAC-Bayes-kl (Dziugaite and Roy)"
    cite = (
        "Dziugaite and Roy, Computing nonvacuous generalization bounds for deep (stochastic) neural networks with many more "
        "parameters than training data, UAI 2017"
    )
    statement = (
        r"R(\rho) \le \min_{j \ge 1} kl^{-1}\Big(\hat R(\rho), \tfrac{1}{n-1}\big(KL(\rho\|N(w_0, c e^{-j/b} I)) + 2\ln j + "
        r"\ln\tfrac{\pi^2 n}{6\delta}\big)\Big)"
    )
    moves: ClassVar[Mapping[str, int]] = {
        "variance_sum": 1,
        "squared_distance": 1,
        "draws": -1,
        "mean_loss": 1,
        "candidates": 1,
        "delta": -1,
    }

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The sums over each block of the posterior, and the Monte Carlo average."""
        posterior = posterior_of(evidence)
        refuse_others(posterior)
        groups = list(posterior.groups.values())
        return {
            "n": posterior.counted(evidence.problem.n),
            "dimension": [g.parameters for g in groups],
            "variance_sum": [g.variance_sum for g in groups],
            "log_variance_sum": [g.log_variance_sum for g in groups],
            "squared_distance": [g.squared_distance for g in groups],
            "draws": posterior.draws,
            "mean_loss": posterior.mean_loss,
            "candidates": posterior.candidates,
        }

    @staticmethod
    def formula(
        *,
        n: int,
        dimension: Sequence[int],
        variance_sum: Sequence[float],
        log_variance_sum: Sequence[float],
        squared_distance: Sequence[float],
        draws: int,
        mean_loss: float,
        candidates: int,
        delta: float,
    ) -> Bound:
        """The bound on the Gibbs risk.

        Args:
            n: Sample size, at least 4.
            dimension: Coordinates d of each block of the posterior N(w, diag s).
            variance_sum: Sum of s in each block, positive.
            log_variance_sum: Sum of ln s in each block.
            squared_distance: |w - w_0|^2 in each block, w_0 the prior's mean.
            draws: Number m >= 1 of independent Monte Carlo numbers in [0, 1].
            mean_loss: Their mean, in [0, 1].
            candidates: Number K >= 1 of posteriors compared on these draws.
            delta: Confidence in (0, 1), over sample and draws.

        Raises:
            NotApplicable: There are fewer than 4 examples, or the divergence is too large for a float.
        """
        if n < 4:
            raise NotApplicable(f"the bound needs at least 4 examples; there are {n}")
        nats, j = cheapest_variance(dimension, variance_sum, log_variance_sum, squared_distance)
        if not math.isfinite(nats):
            raise NotApplicable("the divergence of the posterior from the prior is too large for a float")
        confidence = add_up(log_up(float(n)), log_inverse_up(delta, SAMPLE))

        def level(risk: float, extra: float) -> float:
            return kl_bound(risk, confidence + extra, n - 1)

        return gibbs_bound(
            level,
            divergence=nats,
            draws=draws,
            mean_loss=mean_loss,
            candidates=candidates,
            delta=delta,
            choices={"j": j, "prior variance": VARIANCES[j - 1]},
        )


def cheapest_variance(
    dimension: Sequence[int],
    variance_sum: Sequence[float],
    log_variance_sum: Sequence[float],
    squared_distance: Sequence[float],
) -> tuple[float, int]:
    """Divergence and price ``2 ln j + ln(pi^2/6)`` of the best j up to :data:`MOST`, in nats, rounded up, with that j."""
    table = kl_divergences(dimension, variance_sum, log_variance_sum, squared_distance, VARIANCES)
    j = int(np.argmin(table.sum(axis=0) + 2.0 * np.log(np.arange(1, MOST + 1)))) + 1
    price = add_up(mul_up(2.0, log_up(float(j))), log_up(math.pi**2 / 6.0 * (1.0 + 2.0**-50)))
    return add_up(sum_up(table[:, j - 1].tolist()), price), j
