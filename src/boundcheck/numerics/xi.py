r"""The constant of PAC-Bayes-kl bounds.

.. math:: \xi(n) = \sum_{k=0}^n\binom nk\Big(\frac kn\Big)^k\Big(1-\frac kn\Big)^{n-k}
    = \sum_{j=0}^{n}\prod_{i<j}\Big(1-\frac in\Big).

The second form (Abel's identity) needs about 9 sqrt(n) terms, which fall monotonically. For very large n,
:math:`\prod_{i<j}(1-i/n)\le e^{1/8n}e^{-(j-1/2)^2/2n}`; the terms j >= 2 are below the integral of the right side, so
:math:`\xi(n)\le 2+e^{1/8n}\sqrt{\pi n/2}`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from boundcheck.numerics.ratio_sums import ratio_sum
from boundcheck.numerics.rounding import add_up, log_up

_SUMMED_UP_TO = 10**10


def log_xi_upper(n: int) -> float:
    r"""Upper bound of :math:`\ln\xi(n)`, in nats; :math:`\sqrt n\le\xi(n)\le 2\sqrt n`.

    Args:
        n: Number of examples, at least 1.

    Raises:
        ValueError: If n is not a whole number of at least 1.

    Source: A. Maurer, A note on the PAC-Bayesian theorem, arXiv cs/0411099 (2004).
    """
    if not (math.isfinite(n) and n >= 1 and n == int(n)):
        raise ValueError(f"expected a whole number n of at least 1; got {n}")
    n = int(n)
    if n > _SUMMED_UP_TO:
        # The square root, the product and the sum round by less than 2**-49 together, and e^(1/8n) - 1 < 2**-36.
        return log_up(add_up(2.0, math.sqrt(0.5 * math.pi * float(n)) * (1.0 + 2.0**-35)))

    def ratio(i: NDArray[np.float64]) -> NDArray[np.float64]:
        return (n - i) / n

    return log_up(ratio_sum(ratio, n, roundings=1)[1])
