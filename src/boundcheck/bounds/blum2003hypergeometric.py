r"""Counting with the tail itself: the exact inversion of a hypergeometric distribution.

In the manner of A. Blum and J. Langford, PAC-MDL bounds, COLT 2003, and of Vapnik's transductive bounds; the growth function is
bounded in :mod:`boundcheck.numerics.growth` (Bartlett, Harvey, Liaw and Mehrabian, JMLR 20, 2019).

Statement: let :math:`\Pi(N)` bound the number of loss patterns on N points, s the number of training errors, and for a ghost
sample of size m put N = n + m and

.. math:: K_m(s) = \max\{K \le s + m : \ln P(\mathrm{Hyp}(N, K, n) \le s) > \ln(\delta/10) - \ln \Pi(N)\},

Hyp(N, K, n) the number of marked points among n that are drawn from N with K marked. With probability at least 1 - delta, for
all functions of the class,

.. math:: R \le \min_{m \in \{n, 2n, 4n, 8n, 16n\}} (K_m(s) - s + 1) / m.

What differs: Blum and Langford speak of the errors on the m further points; here they are a ghost sample, and the bound is on
the risk.

Proof. Fix m, and draw n + m points. Given their multiset, the training sample is a uniform n-subset, and there are at most
Pi(N) loss patterns. For a pattern with K errors, the event P(Hyp(N, K, n) <= s) <= e^L has probability at most e^L, as for every
p-value. With L = ln(delta/10) - ln Pi(N), with probability at least 1 - delta/10 no pattern is in it, so that every function
errs at most K_m(s) - s times on the ghost sample. Let J = K_m(s) - s + 1, and suppose a function chosen by the training sample
has R > J / m. It errs at least J times on the ghost sample with probability at least 1/2, since a median of Bin(m, p) is at least
floor(m p). So the probability of a sample for which there is such a function is at most twice delta/10. There are five
values of m.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from boundcheck.bounds.lemmas.counting import GrowthTheorem
from boundcheck.bounds.lemmas.kl_terms import increments, ratio_up
from boundcheck.numerics import hypergeometric_max_errors
from boundcheck.numerics.growth import Block, log_growth_upper
from boundcheck.numerics.rounding import div_up, log_down, log_up, sub_down
from boundcheck.theorem import Bound

GHOST_SAMPLES = (1, 2, 4, 8, 16)
"""Sizes of the ghost sample in units of n, fixed beforehand; choosing among them costs ``ln 5`` nats."""


class Blum2003Hypergeometric(GrowthTheorem):
    """Uniform convergence by counting, the tail inverted exactly: fast rates come by themselves where errors are few."""

    name = "blum2003hypergeometric"
    title = "VC bound (hypergeometric inversion)"
    cite = (
        "after Blum and Langford, PAC-MDL Bounds, COLT 2003; growth function by Bartlett, Harvey, Liaw and Mehrabian, "
        "JMLR 20 (2019)"
    )
    statement = (
        r"R(f) \le \min_{m \in \{n,2n,4n,8n,16n\}} \frac{K_m(s) - s + 1}{m}, \quad K_m(s) = \max\Big\{K \le s + m : "
        r"P(\mathrm{Hyp}(n+m, K, n) \le s) > \frac{\delta}{10\,\Pi(n+m)}\Big\}"
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
        """The bound.

        Args:
            n: Training examples, at least 1.
            errors: Errors s among them, ties included.
            tests: Sign tests per input q_i, level by level.
            degrees: Degrees D_i of the tested polynomials in the parameters.
            parameters: Distinct parameters w_i in this level and all earlier ones.
            blocks: Per level ``(units, tests per unit, parameters per unit)`` where the tests are affine; may be empty.
            delta: Confidence in (0, 1).
        """

        def log_growth(points: int) -> float:
            return log_growth_upper(points, tests=tests, degrees=degrees, parameters=parameters, blocks=blocks)

        return ghost_sample_bound(n=n, errors=errors, log_growth=log_growth, delta=delta, sizes=GHOST_SAMPLES)


def ghost_sample_bound(*, n: int, errors: int, log_growth: Callable[[int], float], delta: float, sizes: Sequence[int]) -> Bound:
    """The inversion for any class whose loss patterns can be counted.

    Args:
        n: Training examples, at least 1.
        errors: Errors among them.
        log_growth: From N to ``ln Pi(N)``, rounded up.
        delta: Confidence in (0, 1).
        sizes: Sizes of the ghost sample in units of n, fixed before the data; delta is divided among them.

    Raises:
        ValueError: A count is out of range.
    """
    if not 0 <= errors <= n or n < 1:
        raise ValueError(f"expected 0 <= errors <= n and n >= 1; got {errors} errors, n = {n}")
    level = sub_down(log_down(delta), log_up(2.0 * len(sizes)))
    best, ghost = math.inf, 0
    for m in (n * size for size in sizes):
        worst = hypergeometric_max_errors(errors, n, m, sub_down(level, log_growth(n + m)))
        value = div_up(float(worst - errors + 1), float(m))
        if value < best:
            best, ghost = value, m
    # A risk is at most 1 whatever the tail says.
    terms = increments(training_error=ratio_up(errors, n), growth_function=min(best, 1.0))
    return Bound(terms, {"ghost sample": ghost})
