r"""The two inequalities behind the PAC-Bayes bounds of kl form.

1. For one predictor fixed before the sample and losses in [0, 1], :math:`E_S \exp(n\, kl(\hat R \| R)) \le \xi(n)` with
   :math:`\xi(n) := \sum_k \binom nk (k/n)^k (1-k/n)^{n-k}`: an identity for 0-1 losses with 0 < R < 1, since the likelihood ratio
   under the integral cancels R; the left side is convex in each loss, which bounds the case of other losses. (A. Maurer, A note
   on the PAC Bayesian theorem, 2004, bounds :math:`\xi(n) \le 2 \sqrt n`; here :math:`\xi(n)` itself is used.)
2. For m independent numbers in [0, 1], the average of whose means is mu, :math:`P(kl(\hat\mu \| \mu) > c, \hat\mu < \mu) \le
   e^{-mc}` (W. Hoeffding, JASA 58 (1963), Theorem 1: the means need not be equal, because ln(1 + mu (e^t - 1)) is concave in mu).
"""

from __future__ import annotations

import math

from boundcheck.numerics import kl_inverse, log_xi_upper

_SLACK = 1.0 + 2.0**-48  # covers the roundings, at most 4 ulp each, of sums of non-negative numbers


def log_inverse_up(delta: float, share: float = 1.0) -> float:
    """``ln(1 / (share delta))``, rounded up; both in (0, 1]."""
    return (-math.log(delta) - math.log(share)) * _SLACK


def log_xi_over(n: int, log_inverse_delta: float) -> float:
    """``ln(xi(n) / delta)``, rounded up."""
    return (log_xi_upper(n) + log_inverse_delta) * _SLACK


def kl_bound(risk: float, nats: float, n: int) -> float:
    """``kl^{-1}(risk, nats / n)``, never below; 1 for infinite nats."""
    return float(kl_inverse(risk, nats * _SLACK / n))


def ratio_up(errors: int, n: int) -> float:
    """``errors / n``, rounded up; exact at 0 and 1."""
    return errors / n if errors in (0, n) else min(math.nextafter(errors / n, 1.0), 1.0)


def increments(**levels: float) -> dict[str, float]:
    """Ascending levels as additive terms: each term is what its level adds to the one before; the sum is never below the last.

    Levels of 1/2 and more are put on multiples of 2^-52, on which differences and sums are exact: a bound that is 1 stays 1.

    Args:
        levels: Name of the term (underscores stand for blanks) to the level reached with it, in [0, 1], in ascending order.
    """
    terms: dict[str, float] = {}
    reached, last = 0.0, max(levels.values())
    coarse = last >= 0.5
    for name, level in levels.items():
        if coarse:
            level = (math.ceil if level == last else math.floor)(level * 2.0**52) * 2.0**-52
            step = level - reached
        else:
            step = math.nextafter(level - reached, math.inf)
        terms[name.replace("_", " ")] = step if level > reached else 0.0
        reached = max(reached, level)
    return terms
