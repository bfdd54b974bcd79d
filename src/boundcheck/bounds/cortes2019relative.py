r"""The relative form of the VC bound: a fast rate where errors are few.

C. Cortes, S. Greenberg and M. Mohri, Relative deviation learning bounds and generalization with unbounded loss functions,
Annals of Mathematics and Artificial Intelligence 85 (2019) 45-70, for the exponent 2; first stated by V. N. Vapnik (1982),
and by M. Anthony and J. Shawe-Taylor (1993). With :math:`A = (\ln\Pi(2n) + \ln(4/\delta))/n`, with probability at least 1 -
delta, for all functions of the class, :math:`R - \hat R \le 2\sqrt{A R}`, hence

.. math:: R \le \hat R + 2A + 2\sqrt{A (A + \hat R)}.

The growth function of the networks of one architecture is bounded in :mod:`boundcheck.numerics.growth` (Bartlett, Harvey, Liaw
and Mehrabian 2019).

Proof. Let eps^2 = 4 A, so n eps^2 > 1. Where R - \hat R > eps sqrt(R) for some function h chosen by the sample, R > eps^2 >
1/n. A binomial variable of mean n R > 1 reaches its mean with probability more than 1/4 (S. Greenberg and M. Mohri, Tight
lower bound on the probability of a binomial exceeding its expectation, Statistics and Probability Letters 86, 2014), so a
second sample has R' >= R with that probability. The quotient (R' - \hat R)/sqrt((R' + \hat R)/2) grows with R', and is more
than eps at R' = R. So the probability of such a sample is at most 4 P(sup (R' - \hat R)/sqrt((R' + \hat R)/2) > eps). Given
the 2n points, exchange the members of pairs by fair signs: for a pattern of losses a_i, b_i the denominator stays, and
Hoeffding for the sum of the signs times b_i - a_i, whose squares sum to at most sum (a_i + b_i), gives exp(-n eps^2/4). There
are at most Pi(2n) patterns.
"""

from __future__ import annotations

from collections.abc import Sequence

from boundcheck.bounds.lemmas.counting import GrowthTheorem
from boundcheck.numerics.growth import Block, log_growth_upper
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound


class Cortes2019Relative(GrowthTheorem):
    """Uniform convergence relative to the root of the risk."""

    name = "cortes2019relative"
    title = "VC bound (relative deviation)"
    cite = (
        "Cortes, Greenberg and Mohri, Relative deviation learning bounds and generalization with unbounded loss functions, "
        "AMAI 85 (2019); growth function by Bartlett, Harvey, Liaw and Mehrabian, JMLR 20 (2019)"
    )
    statement = (
        r"R(f) \le \hat R(f) + 2A + 2\sqrt{A (A + \hat R(f))}, \quad A = \frac1n \Big(\ln\Pi(2n) + \ln\frac{4}{\delta}\Big)"
    )

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
            errors: Errors among them, ties included.
            tests: Sign tests per input q_i, level by level.
            degrees: Degrees D_i of the tested polynomials in the parameters.
            parameters: Distinct parameters w_i in this level and all earlier ones.
            blocks: Per level ``(units, tests per unit, parameters per unit)`` where the tests are affine; may be empty.
            delta: Confidence in (0, 1).
        """
        size = log_growth_upper(2 * n, tests=tests, degrees=degrees, parameters=parameters, blocks=blocks)
        a = div_up(add_up(size, log_up(div_up(4.0, delta))), float(n))
        empirical = div_up(float(errors), float(n))
        root = sqrt_up(mul_up(a, add_up(a, empirical)))
        return Bound({"training error": empirical, "growth function and confidence": mul_up(2.0, add_up(a, root))})
