r"""The bound of the textbooks: the growth function of the class on twice the sample.

V. N. Vapnik, Statistical Learning Theory, Wiley (1998), after V. N. Vapnik and A. Ya. Chervonenkis (1971); in the form of
O. Bousquet, S. Boucheron and G. Lugosi, Introduction to Statistical Learning Theory (2004): with probability at least
1 - delta, for all functions of the class,

.. math:: R \le \hat R + \sqrt{8\,(\ln \Pi(2n) + \ln(2/\delta)) / n}.

The growth function of the networks of one architecture is bounded in :mod:`boundcheck.numerics.growth` (Bartlett, Harvey, Liaw
and Mehrabian 2019).

What differs: :math:`\Pi` counts patterns of the 0-1 loss with ties as errors, so nothing is lost for more than two classes. Where
the tests of a level are affine, the cells of hyperplanes are counted, if they are fewer than the sum in the statement says.

Proof. Let R' be the error on a second sample of size n. Where some function has R - \hat R > eps and n eps^2 >= 2, Chebyshev
gives R' >= R - eps/2 with probability at least 1/2, hence P(sup(R - \hat R) > eps) <= 2 P(sup(R' - \hat R) > eps/2). Given the
2n points, exchanging the members of pairs by fair signs leaves the law as it is, and there are at most Pi(2n) patterns;
Hoeffding gives exp(-n eps^2 / 8) for each. At the eps above n eps^2 >= 8 ln 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from boundcheck.bounds.lemmas.counting import GrowthTheorem
from boundcheck.numerics.growth import Block, log_growth_upper
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up, sub_up
from boundcheck.theorem import Bound


class Vapnik1998Growth(GrowthTheorem):
    """Uniform convergence by the growth function: the classical bound that sees only the architecture."""

    name = "vapnik1998growth"
    title = "VC bound (growth function)"
    cite = (
        "Vapnik, Statistical Learning Theory (1998), in the form of Bousquet, Boucheron and Lugosi (2004); growth function by "
        "Bartlett, Harvey, Liaw and Mehrabian, JMLR 20 (2019)"
    )
    statement = (
        r"R(f) \le \hat R(f) + \sqrt{\frac{8}{n}\Big(\ln\Pi(2n) + \ln\frac{2}{\delta}\Big)}, \quad "
        r"\ln\Pi(N) \le \sum_{i=1}^L \min\Big\{q_i N \ln 2,\; \ln 2 + w_i \ln(2D_i) + \ln\sum_{j \le w_i}\binom{q_i N}{j}\Big\}"
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
        complexity = sqrt_up(div_up(mul_up(8.0, size), float(n)))
        cost = log_up(div_up(2.0, delta))
        total = sqrt_up(div_up(mul_up(8.0, add_up(size, cost)), float(n)))
        return Bound(
            {
                "training error": div_up(float(errors), float(n)),
                "growth function": complexity,
                "confidence": sub_up(total, complexity),
            }
        )
