r"""The PAC-Bayes empirical Bernstein bound.

I. O. Tolstikhin and Y. Seldin, PAC-Bayes-empirical-Bernstein inequality, NIPS 2013.

Statement: let :math:`c > 1` be fixed, :math:`V_n(h)` the unbiased sample variance of the losses of h, in [0, 1], and
:math:`\hat V = E_\rho V_n(h)`. For a prior pi fixed before n >= 2 independent examples, with probability at least 1 - delta, for
all rho, with :math:`B_i = KL(\rho\|\pi) + \ln(2\nu_i/\delta)`,

.. math:: V := \hat V + (1 + c)\sqrt{\frac{\hat V B_2}{2(n-1)}} + \frac{2 c B_2}{n-1}, \qquad
          R(\rho) \le \hat R(\rho) + \begin{cases} (1 + c)\sqrt{(e-2) V B_1/n} & B_1 \le (e-2) V n\\ 2 B_1/n & \text{else.}
          \end{cases}

.. math:: \nu_1 = \max\Big(1, \Big\lceil \frac{\ln\sqrt{(e-2) n/(4 \ln(2/\delta))}}{\ln c} \Big\rceil + 1\Big), \qquad
          \nu_2 = \Big\lceil \frac{\ln\big(\frac12\sqrt{(n-1)/\ln(2/\delta) + 1} + \frac12\big)}{\ln c} \Big\rceil.

Proof. First half, variance v(rho) := E_rho Var(loss) known: :math:`e^x \le 1 + x + (e-2)x^2` for x <= 1 gives
:math:`E_S e^{\lambda(R - \hat R) - (e-2)\lambda^2 v/n} \le 1` for 0 < lambda <= n, so
:math:`R(\rho) - \hat R(\rho) \le B/\lambda + (e-2)\lambda v(\rho)/n` for one lambda, and for v replaced by anything larger. The
best lambda, :math:`\sqrt{nB/((e-2)v)}`, is at least :math:`\sqrt{4 n \ln(2/\delta)/(e-2)}`, as v <= 1/4; a geometric grid with
ratio c from there up to n and n itself, nu_1 values in all, holds one at most c times smaller, for which the sum is at most
:math:`(1/c + c)\sqrt{(e-2) v B/n}`, or n, where each of the two summands is at most B/n.

Second half: :math:`n V_n` is self-bounding with constant n/(n-1) (A. Maurer and M. Pontil, COLT 2009), so
:math:`E_S e^{\lambda n (v - V_n) - \lambda^2 n^2 v/(2(n-1))} \le 1`. With x = lambda n/(n-1) in (0, 2):
:math:`v(\rho)(1 - x/2) \le \hat V + B/((n-1)x)`. The best x is :math:`2/(\sqrt{2(n-1)\hat V/B + 1} + 1)`, between
:math:`2/(\sqrt{(n-1)/\ln(2/\delta) + 1} + 1)` and 1, as the mean of V_n is at most 1/2; a grid of nu_2 values has one at most c
times smaller. There, with :math:`r^2 = 2(n-1)\hat V/B + 1` and ratio t in [1, c], v is at most

.. math:: \frac{B}{n-1}\cdot\frac{t (r+1)^2 (r-1+t)}{2(t(r+1)-1)}
          \le \frac{B}{n-1}\Big(\frac{r^2-1}2 + (1+c)\frac{\sqrt{r^2-1}}2 + 2c\Big) = V.

Each half fails with probability at most delta/2.

For 0-1 losses :math:`V_n(h) = \frac{n}{n-1}\hat R(h)(1 - \hat R(h))`, so
:math:`\hat V \le \frac n{n-1}\hat R(\rho)(1-\hat R(\rho))` by concavity; this upper bound is used, and V is cut off at 1/4, which
no variance exceeds. c = 1.15.

What differs from the paper: :math:`\hat V` is bounded through the Gibbs risk, which Monte Carlo bounds (``lemmas/gibbs``); the
prior is a mixture over variances (``lemmas/variance_mixture``). ``mhammedi2019bernstein`` has one step where this has two,
and is smaller where errors are few.
"""

from __future__ import annotations

import math

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, gibbs_bound
from boundcheck.bounds.lemmas.kl_terms import log_inverse_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up, sub_up
from boundcheck.theorem import Bound, NotApplicable

RATIO = 1.15
"""Ratio c of both grids."""

_EXCESS = math.e - 2.0 + 2.0**-50  # e - 2, rounded up


class Tolstikhin2013Bernstein(GibbsTheorem):
    """Empirical Bernstein: the variance of the losses is estimated first."""

    name = "tolstikhin2013bernstein"
    title = "PAC-Bayes empirical Bernstein"
    cite = "Tolstikhin and Seldin, PAC-Bayes-empirical-Bernstein inequality, NIPS 2013"
    statement = r"R(\rho) \le \hat R(\rho) + (1+c)\sqrt{\tfrac{(e-2) V (KL(\rho\|\pi) + \ln(2\nu_1/\delta))}{n}}"

    @staticmethod
    def formula(*, n: int, divergence: float, draws: int, mean_loss: float, candidates: int, delta: float) -> Bound:
        """The bound on the Gibbs risk, for 0-1 losses.

        Args:
            n: Sample size, at least 2.
            divergence: KL(rho | pi) >= 0, nats.
            draws: Number m >= 1 of independent Monte Carlo numbers in [0, 1].
            mean_loss: Their mean, in [0, 1].
            candidates: Number K >= 1 of posteriors compared on these draws.
            delta: Confidence in (0, 1), over sample and draws.

        Raises:
            NotApplicable: There is only one example, which has no sample variance.
        """
        if n < 2:
            raise NotApplicable("the sample variance of one example is not defined")
        half = log_inverse_up(delta, SAMPLE / 2.0)
        first, second = (add_up(half, log_up(float(size))) for size in grid_sizes(n, half))

        def level(risk: float, nats: float) -> float:
            largest = mul_up(0.25, div_up(float(n), n - 1.0))
            sample = min(mul_up(risk, sub_up(1.0, risk), div_up(float(n), n - 1.0)), largest) if risk < 0.5 else largest
            return add_up(risk, deviation(variance_up(sample, add_up(nats, second), n), add_up(nats, first), n))

        return gibbs_bound(level, divergence=divergence, draws=draws, mean_loss=mean_loss, candidates=candidates, delta=delta)


def grid_sizes(n: int, half: float) -> tuple[int, int]:
    """nu_1 and nu_2; one more than need be where rounding leaves a doubt.

    Args:
        n: Sample size.
        half: ln(2/delta).
    """
    slack = 1e-9
    first = 0.5 * math.log((math.e - 2.0) * n / (4.0 * half)) / math.log(RATIO)
    second = math.log(0.5 * math.sqrt((n - 1.0) / half + 1.0) + 0.5) / math.log(RATIO)
    return max(1, math.ceil(first + slack) + 1), max(1, math.ceil(second + slack))


def variance_up(sample: float, nats: float, n: int) -> float:
    """V, rounded up, from the sample variance."""
    root = sqrt_up(div_up(mul_up(sample, nats), 2.0 * (n - 1.0)))
    return min(add_up(sample, mul_up(1.0 + RATIO, root), div_up(mul_up(2.0 * RATIO, nats), n - 1.0)), 0.25)


def deviation(variance: float, nats: float, n: int) -> float:
    """What is added to the empirical risk, rounded up: the larger of both cases where rounding leaves a doubt which it is."""
    narrow = mul_up(1.0 + RATIO, sqrt_up(div_up(mul_up(_EXCESS, variance, nats), float(n))))
    wide = div_up(mul_up(2.0, nats), float(n))
    return (
        max(narrow, wide)
        if abs(nats - _EXCESS * variance * n) <= 1e-9 * nats
        else (narrow if nats <= _EXCESS * variance * n else wide)
    )
