r"""The complexity of a class from below, and what no two-sided uniform-convergence bound of the class can avoid.

Let G be a class of losses in [0, 1] on a sample of n examples and :math:`\hat R_S(G) = E \sup_g \frac1n \sum_i \sigma_i (g(z_i)
- \frac12)`; the 1/2 changes nothing. For T independent draws of signs let some g_t be found for each, by whatever means
(training towards the label where the sign is -1 and towards a wrong one where it is +1: the random-label experiment of C.
Zhang, S. Bengio, M. Hardt, B. Recht and O. Vinyals, Understanding deep learning requires rethinking generalization, ICLR 2017).

**The complexity.** With probability at least 1 - delta over the signs,

.. math:: \hat R_S(G) \ge \frac1T \sum_t \frac1n \sum_i \sigma^t_i \big(g_t(z_i) - \tfrac12\big)
          - \sqrt{\frac{\ln(1/\delta)}{2nT}}.

Proof. Each correlation is at most the supremum, whose mean is the complexity; flipping one of the n T signs moves the mean of the
suprema by at most 1/(nT); McDiarmid.

**The gap.** For independent examples, with probability at least 1 - delta over the sample,

.. math:: \sup_{g \in G} |E g - \hat E g| \ge \frac12 \hat R_S(G) - \frac1{4 \sqrt n} - \frac54 \sqrt{\frac{\ln(1/\delta)}{2n}}.

Proof. Desymmetrization: split the sum over i by the signs; adding independent centered terms to one part can only raise the
mean supremum, so :math:`E \sup |E g - \hat E g| \ge \frac12 E \sup_g \frac1n \sum_i \sigma_i (g(z_i) - E g)`, and the means are
worth at most :math:`\frac12 \cdot \frac12 E |\frac1n \sum_i \sigma_i| \le \frac1{4 \sqrt n}`. So the difference of the left
side and of half the complexity has a mean of at least :math:`-\frac1{4 \sqrt n}`. Changing one example moves the left side by
at most 1/n and the complexity by at most 1/(2n), since given the other signs the average over one sign of a supremum with
increments in [-1/2, 1/2] lies in an interval of length 1/2; so their difference moves by at most 5/(4n); McDiarmid.

Together, at half of delta each, they bound the gap of the class from below: a number that a bound on :math:`\sup |E g - \hat E
g|` can't be smaller than, on this sample, whatever proves it. It says nothing of bounds that hold for what one algorithm finds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from boundcheck.numerics.rounding import add_down, div_down, div_up, log_up, mul_up, sqrt_down, sqrt_up, sum_down

SHARES = 2
"""Parts of delta that the lower bound on the gap is made of: the signs and the sample."""


def complexity_lower(correlations: Sequence[float], *, n: int, delta: float) -> float:
    """A lower bound of the complexity of losses in [0, 1], never below 0, which the complexity is not either.

    Args:
        correlations: For each independent draw of signs, from below, the mean of sign times (loss less 1/2) of some member.
        n: Sample size.
        delta: Confidence in (0, 1) over the signs.

    Raises:
        ValueError: There are no draws, a correlation is beyond [-1/2, 1/2], or ``n`` or ``delta`` is out of range.
    """
    if n < 1 or not 0.0 < delta < 1.0 or not correlations or not all(-0.5 <= c <= 0.5 for c in correlations):
        raise ValueError(f"expected draws in [-1/2, 1/2], n >= 1 and delta in (0, 1); got {correlations}, {n} and {delta}")
    total, draws = sum_down(list(correlations)), float(len(correlations))
    mean = div_down(total, draws) if total >= 0.0 else -div_up(-total, draws)
    return max(add_down(mean, -_radius(delta, n * len(correlations))), 0.0)


def uniform_gap_lower(correlations: Sequence[float], *, n: int, delta: float) -> float:
    """A lower bound of the largest |error - training error| over the class; 0 says nothing.

    Args:
        correlations: As for :func:`complexity_lower`.
        n: Sample size.
        delta: Confidence in (0, 1) over the signs and the sample, half of it each.
    """
    half = complexity_lower(correlations, n=n, delta=delta / SHARES) / 2.0
    bias = div_up(1.0, sqrt_down(16.0 * n))
    return max(add_down(half, -bias, -mul_up(1.25, _radius(delta / SHARES, n))), 0.0)


def _radius(delta: float, count: int) -> float:
    """``sqrt(ln(1/delta) / (2 count))``, rounded up."""
    return sqrt_up(div_up(log_up(div_up(1.0, delta)), 2.0 * count))


def correlation_lower(agreeing: int, n: int) -> float:
    """The mean of sign times (loss less 1/2) where ``agreeing`` losses are as the signs ask and the others are not: exact sign.

    Args:
        agreeing: Examples with loss 1 where the sign is +1 and loss 0 where it is -1.
        n: Sample size.
    """
    twice = 2 * agreeing - n
    return math.copysign(div_down(abs(twice), 2.0 * n) if twice >= 0 else div_up(abs(twice), 2.0 * n), twice)
