r"""The bound in terms of the VC dimension, with the dimension of networks in closed form.

P. L. Bartlett, N. Harvey, C. Liaw and A. Mehrabian, Nearly-tight VC-dimension and pseudodimension bounds for piecewise linear
neural networks, JMLR 20 (2019), the upper bound for fixed numbers of weights, layers and units; put into M. Mohri, A.
Rostamizadeh and A. Talwalkar, Foundations of Machine Learning, second edition (2018), Corollary 3.19. For L levels of q_i
sign tests of degree D_i in w_i parameters, :math:`\bar w = \sum_i w_i` and :math:`\rho = \sum_i q_i D_i`,

.. math:: d := L + \bar w \log_2(4 e \rho \log_2(2 e \rho)), \qquad
          R \le \hat R + \sqrt{\frac{2 d \ln(en/d)}{n}} + \sqrt{\frac{\ln(1/\delta)}{2n}} .

What differs: d is the dimension of the class of 0-1 losses, with ties as errors, so it speaks of any number of classes. For d
> n the number of patterns is at most 2^n, and n ln 2 replaces d ln(en/d).

Proof. Level by level the signs take at most 2 (2 e m q_i D_i / w_i)^{w_i} values on m >= \bar w points
(:mod:`boundcheck.numerics.growth`), and by the inequality of the weighted means the product is at most 2^L (2 e m \rho /
\bar w)^{\bar w}. If m points are shattered this is at least 2^m; and 2^m <= 2^L (m r/\bar w)^{\bar w} with r >= 16 and m >=
\bar w >= L implies m <= L + \bar w log_2(2 r log_2 r), here with r = 2 e \rho (Bartlett et al.). Fewer than \bar w points are
fewer than d. Sauer's lemma bounds the patterns on n >= d points by (en/d)^d, which grows with d, so d need not be whole.

The patterns can be counted without this detour (``mohri2018growth``), as a rule with a smaller result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.counting import GrowthTheorem, counting_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, div_up, log_down, log_up, mul_up, sqrt_up, up
from boundcheck.theorem import Bound

_E_UP = up(math.e)


class Bartlett2019VcDim(GrowthTheorem):
    """The VC dimension of piecewise linear networks, as it is usually quoted."""

    name = "bartlett2019vcdim"
    title = "VC bound (VC dimension)"
    cite = (
        "Bartlett, Harvey, Liaw and Mehrabian, Nearly-tight VC-dimension and pseudodimension bounds for piecewise linear neural "
        "networks, JMLR 20 (2019), with Mohri, Rostamizadeh and Talwalkar (2018), Corollary 3.19"
    )
    statement = (
        r"R(f) \le \hat R(f) + \sqrt{\frac{2 d \ln(en/d)}{n}} + \sqrt{\frac{\ln(1/\delta)}{2n}}, \quad"
        r" d = L + \bar w \log_2(4 e \rho \log_2(2 e \rho)),\; \bar w = \sum_i w_i,\; \rho = \sum_i q_i D_i"
    )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Sample size, training errors and the levels of sign tests."""
        symbols = counting_symbols(evidence)
        del symbols["blocks"]
        return symbols

    @staticmethod
    def formula(
        *, n: int, errors: int, tests: Sequence[int], degrees: Sequence[int], parameters: Sequence[int], delta: float
    ) -> Bound:
        """The bound.

        Args:
            n: Training examples, at least 1.
            errors: Errors among them, ties included.
            tests: Sign tests per input q_i, level by level.
            degrees: Degrees D_i of the tested polynomials in the parameters.
            parameters: Distinct parameters w_i in this level and all earlier ones.
            delta: Confidence in (0, 1).
        """
        d = vc_dimension_closed(tests=tests, degrees=degrees, parameters=parameters)
        size = mul_up(d, add_up(1.0, log_up(div_up(float(n), d)))) if d < n else mul_up(float(n), log_up(2.0))
        return Bound(
            {
                "training error": div_up(float(errors), float(n)),
                "VC dimension": sqrt_up(div_up(mul_up(2.0, size), float(n))),
                "confidence": sqrt_up(div_up(log_up(div_up(1.0, delta)), 2.0 * n)),
            },
            {"VC dimension at most": math.floor(d)},
        )


def vc_dimension_closed(*, tests: Sequence[int], degrees: Sequence[int], parameters: Sequence[int]) -> float:
    """An upper bound of the VC dimension in closed form, rounded up.

    Args:
        tests: Sign tests per input q_i, level by level.
        degrees: Degrees D_i.
        parameters: Distinct parameters w_i in this level and all earlier ones, at least 1 where there is a test.

    Raises:
        ValueError: No level has a test, or one has no parameter.
    """
    levels = [(q, degree, w) for q, degree, w in zip(tests, degrees, parameters, strict=True) if q > 0]
    if not levels or min(w for _, _, w in levels) < 1 or min(degree for _, degree, _ in levels) < 1:
        got = f"{list(tests)}, {list(degrees)}, {list(parameters)}"
        raise ValueError(f"expected a level of tests, degrees and parameters of at least 1 each; got {got}")
    weights, rho = float(sum(w for _, _, w in levels)), float(sum(q * degree for q, degree, _ in levels))
    # The lemma asks for r >= 16; a larger r only raises the count of patterns.
    r = max(mul_up(2.0, _E_UP, rho), 16.0)
    inner = mul_up(2.0, r, div_up(log_up(r), log_down(2.0)))
    return add_up(float(len(levels)), mul_up(weights, div_up(log_up(inner), log_down(2.0))))
