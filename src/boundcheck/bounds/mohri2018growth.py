r"""Rademacher complexity and Massart's lemma: the growth function on the sample alone.

M. Mohri, A. Rostamizadeh and A. Talwalkar, Foundations of Machine Learning, second edition, MIT Press 2018, Corollary 3.9: with
probability at least 1 - delta, for all functions of the class,

.. math:: R \le \hat R + \sqrt{\frac{2 \ln \Pi(n)}{n}} + \sqrt{\frac{\ln(1/\delta)}{2n}}.

The growth function of the networks of one architecture is bounded in :mod:`boundcheck.numerics.growth` (Bartlett, Harvey, Liaw
and Mehrabian 2019).

What differs: :math:`\Pi` counts patterns of the 0-1 loss with ties as errors, so nothing is lost for more than two classes.

Proof. sup(R - \hat R) moves by at most 1/n when one example is changed, so by McDiarmid's inequality it exceeds its mean by
more than the last term with probability at most delta. Its mean is at most twice the Rademacher complexity of the losses
(symmetrization), which is that of the losses less 1/2. On a sample these are at most Pi(n) vectors of norm sqrt(n)/2, and the
mean of the largest of N sums of signs with such weights is at most (sqrt(n)/2) sqrt(2 ln N) (P. Massart 2000).
"""

from __future__ import annotations

from collections.abc import Sequence

from boundcheck.bounds.lemmas.counting import GrowthTheorem
from boundcheck.numerics.growth import Block, log_growth_upper
from boundcheck.numerics.rounding import div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound


class Mohri2018Growth(GrowthTheorem):
    """The growth function by way of Rademacher complexity."""

    name = "mohri2018growth"
    title = "VC bound (Massart's lemma)"
    cite = (
        "Mohri, Rostamizadeh and Talwalkar, Foundations of Machine Learning, second edition (2018), Corollary 3.9; growth "
        "function by Bartlett, Harvey, Liaw and Mehrabian, JMLR 20 (2019)"
    )
    statement = r"R(f) \le \hat R(f) + \sqrt{\frac{2 \ln\Pi(n)}{n}} + \sqrt{\frac{\ln(1/\delta)}{2n}}"

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
        size = log_growth_upper(n, tests=tests, degrees=degrees, parameters=parameters, blocks=blocks)
        return Bound(
            {
                "training error": div_up(float(errors), float(n)),
                "growth function": sqrt_up(div_up(mul_up(2.0, size), float(n))),
                "confidence": sqrt_up(div_up(log_up(div_up(1.0, delta)), 2.0 * n)),
            }
        )
