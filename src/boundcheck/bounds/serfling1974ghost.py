r"""The growth function with a ghost sample of the best size.

A sharper form, derived here, of the argument of Vapnik and Chervonenkis (``vapnik1998growth``): the ghost sample may be
larger than the sample, and the tail of sampling without replacement is that of R. J. Serfling, Probability inequalities for
the sum in sampling without replacement, Annals of Statistics 2 (1974) 39-48, Corollary 1.1. With N = n + m, 0 < s < 1, with
probability at least 1 - delta, for all functions of the class,

.. math:: R \le \hat R + \sqrt{\frac{\ln(1/s)}{2m}}
          + \sqrt{\Big(\ln\Pi(N) + \ln\frac{1}{(1-s)\delta}\Big)\frac{(m+1) N}{2 n m^2}} .

The right side depends on the sample through \hat R alone, so m and s are chosen for the architecture, n and delta, at no cost.

Proof. Let alpha be the first root. Where R(h) - \hat R(h) > eps for some h of the class, chosen by the sample, a ghost sample
of size m has \hat R'(h) >= R(h) - alpha with probability at least 1 - s (Hoeffding). Hence P(sup(R - \hat R) > eps) <= (1 -
s)^{-1} P(sup(\hat R' - \hat R) >= eps - alpha). Given the N points the sample is a uniform n-subset of them, and \hat R' -
\hat R = (N/m) (\hat R_N - \hat R), the errors on all N points less those on the sample. Serfling: P(\hat R_N - \hat R >= t)
<= exp(-2 n t^2 N / (m + 1)), for 1 - (n - 1)/N = (m + 1)/N; and at most Pi(N) patterns of losses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

from boundcheck.bounds.lemmas.counting import GrowthTheorem
from boundcheck.numerics.growth import Block, log_growth_upper
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_down, mul_up, sqrt_up
from boundcheck.theorem import Bound

_GHOST_SAMPLES = (1, 2, 4, 8, 16, 32)  # in units of n
_LEVELS = tuple(j / 32.0 for j in range(1, 32))  # s and 1 - s are exact


class Serfling1974Ghost(GrowthTheorem):
    """Symmetrization with a ghost sample of any size, and sampling without replacement."""

    name = "serfling1974ghost"
    title = "VC bound (long ghost sample)"
    cite = (
        "a sharper form, derived in boundcheck, of the bound of Vapnik and Chervonenkis (1971), with Serfling, Annals of "
        "Statistics 2 (1974), Corollary 1.1; growth function by Bartlett, Harvey, Liaw and Mehrabian, JMLR 20 (2019)"
    )
    statement = (
        r"R(f) \le \hat R(f) + \min_{m, s}\, \sqrt{\frac{\ln(1/s)}{2m}}"
        r" + \sqrt{\Big(\ln\Pi(n+m) + \ln\frac{1}{(1-s)\delta}\Big)\frac{(m+1)(n+m)}{2nm^2}}"
    )
    moves: ClassVar[Mapping[str, int]] = {"errors": 1, "tests": 1, "degrees": 1, "parameters": 1, "delta": -1}

    @staticmethod
    def formula(
        *,
        n: int,
        errors: int,
        tests: Sequence[int],
        degrees: Sequence[int],
        parameters: Sequence[int],
        blocks: Sequence[Sequence[Block]],
        delta: float,
    ) -> Bound:
        """The smallest over ghost samples of n, 2n, ..., 32n points and s = 1/32, ..., 31/32.

        Args:
            n: Training examples, at least 1.
            errors: Errors among them, ties included.
            tests: Sign tests per input q_i, level by level.
            degrees: Degrees D_i of the tested polynomials in the parameters.
            parameters: Distinct parameters w_i in this level and all earlier ones.
            blocks: Per level ``(units, tests per unit, parameters per unit)`` where the tests are affine; may be empty.
            delta: Confidence in (0, 1).
        """
        growth = tuple(
            log_growth_upper(n + n * times, tests=tests, degrees=degrees, parameters=parameters, blocks=blocks)
            for times in _GHOST_SAMPLES
        )
        best, ghost, level = _best_ghost(n, growth, delta)
        return Bound(
            {"training error": div_up(float(errors), float(n)), "growth function": best},
            {"ghost sample": ghost, "share of the ghost sample": level},
        )


@lru_cache(maxsize=64)  # one architecture is often asked for many samples, and the sample takes no part
def _best_ghost(n: int, growth: tuple[float, ...], delta: float) -> tuple[float, int, float]:
    """The smallest deviation, the size of its ghost sample and its level, from ``ln Pi(n + m)`` for each size m."""
    best, ghost, level = math.inf, 0, 0.0
    for times, size in zip(_GHOST_SAMPLES, growth, strict=True):
        for s in _LEVELS:
            value = deviation_up(n=n, m=n * times, level=s, log_growth=size, delta=delta)
            if value < best:
                best, ghost, level = value, n * times, s
    return best, ghost, level


def deviation_up(*, n: int, m: int, level: float, log_growth: float, delta: float) -> float:
    """What is added to the training error, rounded up.

    Args:
        n: Training examples, at least 1.
        m: Size of the ghost sample, at least 1.
        level: The probability s in (0, 1) that the ghost sample misleads; ``1 - s`` exact as a float.
        log_growth: ``ln Pi(n + m)``, rounded up.
        delta: Confidence in (0, 1).
    """
    alpha = sqrt_up(div_up(log_up(div_up(1.0, level)), 2.0 * m))
    nats = add_up(log_growth, log_up(div_up(1.0, 1.0 - level)), log_up(div_up(1.0, delta)))
    factor = div_up(mul_up(m + 1.0, float(n + m)), mul_down(2.0 * n, float(m), float(m)))
    return add_up(alpha, sqrt_up(mul_up(nats, factor)))
