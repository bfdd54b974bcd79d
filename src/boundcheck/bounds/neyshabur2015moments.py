r"""Product of Frobenius norms, peeled inside a moment.

A sharper form, derived here, of Theorem 1 of B. Neyshabur, R. Tomioka and N. Srebro, Norm-based capacity control in neural
networks, COLT 2015 (``neyshabur2015norm``). With q = (3 - a)/2 for LeakyReLU of slope a,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{\sqrt{\pi (k-1)}}{\gamma n} \Big(\prod_l \|W_l\|_F\Big) \kappa\, \|X\|_F ,
          \quad \kappa = \min_{m \ge 1} \big( q^{L-1} (2m-1)!! \big)^{1/(2m)} ,

and for two classes :math:`\sqrt 2` in place of :math:`\sqrt{\pi (k-1)}`. The factor kappa grows like the root of the depth, from
1 for L = 1 and sqrt(1.5) for L = 2.

Proof. (1) Let p = 2m, Y_l = sup |sum_i s_i h_l(x_i)| over the signals h_l above l layers. Rows may be normalized by homogeneity,
so :math:`Y_l \le M_l \sup_w |\sum_i s_i \phi(w \cdot h_{l-1}(x_i))|`, |w| = 1; phi(t) = (1+a)/2 t + (1-a)/2 |t| and convexity of
the p-th power give :math:`E Y_l^p \le M_l^p (\frac{1+a}2 E A^p + \frac{1-a}2 E B^p)`, A = Y_{l-1}, B the supremum with |t|. Its
p-th power is at most the sum of those of the positive parts of both signs; a contraction inside the convex increasing
:math:`t_+^p` bounds each by E A^p. So E B^p <= 2 E A^p, and a layer costs :math:`q M_l^p`. (2) At the inputs,
:math:`E |\sum_i s_i x_i|^{2m} \le (2m-1)!!\, \|X\|_F^{2m}`: replacing one sign after the other by a Gaussian can only increase it
(the average of |v + sqrt(u) x|^2m over both signs of x is a polynomial in u with non-negative coefficients, hence convex, and E
g^2 = 1), and for Gaussians |.|^2 is a sum of t_j g_j^2 with sum t_j = |X|_F^2, whose m-th moment is at most that of |X|_F^2 g^2
by Minkowski. (3) E|g| = sqrt(2/pi) and Jensen turn signs into Gaussians (for which (1) holds as well, given their sizes); the
ramp of the margin is (sqrt(2)/gamma)-Lipschitz in the logits, so by Sudakov and Fernique n R_S <= (sqrt(pi)/gamma) E sup sum_ic
g_ic f_c(x_i). Margins do not see the mean row of the last layer, so the supremum over it is M_L sup (sum_{c<k} Z_c^2)^(1/2) with
k - 1 independent copies Z_c of the norm, and E (sum Z_c^2)^(1/2) <= sqrt(k-1) (E Y^p)^(1/p). (4) Two classes: the margin is plus
or minus f_1 - f_0, a scalar network whose last layer has norm at most sqrt(2) M_L; scalar contraction and signs.

Homogeneity makes the class depend on (prod M_l)/gamma alone; a grid pays for the norms and for the margin at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.frobenius import frobenius_hypotheses, frobenius_symbols
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, exp_up, log_up, mul_up, sqrt_up, up
from boundcheck.theorem import Bound, Hypothesis, Theorem

_MOMENTS = 200  # the best m is about half of the logarithm q^(L-1): enough for a thousand layers


class Neyshabur2015Moments(Theorem):
    """Product of Frobenius norms, root of the depth by way of moments."""

    name = "neyshabur2015moments"
    title = "Frobenius norms, moments peeled"
    family = "norm"
    cite = (
        "a sharper form, derived in boundcheck, of Neyshabur, Tomioka, Srebro, Norm-based capacity control in neural networks, "
        "COLT 2015, Theorem 1"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{2 \sqrt{\pi (k-1)}}{\gamma n} \Big(\prod_{l=1}^L \|W_l\|_F\Big) \|X\|_F"
        r" \min_{m \ge 1} \big( q^{L-1} (2m-1)!! \big)^{1/(2m)} + 2 \sqrt{\frac{\ln(401/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves: ClassVar[Mapping[str, int]] = {
        "margins": -1,
        "frobenius": 1,
        "factors": 1,
        "slope": -1,
        "input_frobenius": 1,
        "n": -1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """As in the theorem that it sharpens."""
        return frobenius_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Frobenius norms of the unrolled layers, augmented where there are biases."""
        slopes = () if evidence.structure is None else evidence.structure.elementwise
        return {**frobenius_symbols(evidence), "slope": min(slopes, default=1.0)}

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        frobenius: Sequence[float],
        factors: Sequence[float],
        slope: float,
        input_frobenius: float,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            frobenius: Norms M_l of the L weight layers, positive.
            factors: Lipschitz constants of pools and fixed linear steps; they multiply the norms.
            slope: Slope a in [0, 1] of the activations on the negative side, 0 for ReLU.
            input_frobenius: Frobenius norm of the n x d matrix of inputs.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        contraction = sqrt_up(2.0) if classes == 2 else sqrt_up(mul_up(up(math.pi), classes - 1.0))
        kappa, moment = kappa_up(len(frobenius) - 1, slope)
        coefficient = div_up(mul_up(contraction, kappa, input_frobenius), float(n))
        bound = best_margin(
            margins=margins,
            log_norm=log_product_up([*frobenius, *factors]),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
        return Bound(bound.terms, {**bound.choices, "moment": moment}, bound.log_value)


def kappa_up(levels: int, slope: float) -> tuple[float, int]:
    """``min_m (q^levels (2m-1)!!)^(1/(2m))``, rounded up, and the moment 2m that attains it."""
    peeled = mul_up(float(levels), log_up(up((3.0 - slope) / 2.0))) if slope < 1.0 else 0.0
    best, moment, log_double_factorial = math.inf, 2, 0.0
    for m in range(1, _MOMENTS + 1):
        log_double_factorial = add_up(log_double_factorial, log_up(2.0 * m - 1.0))
        value = exp_up(div_up(add_up(peeled, log_double_factorial), 2.0 * m))
        if value > best:  # an average of a rising sequence falls until the next term exceeds it, and rises from there on
            break
        best, moment = value, 2 * m
    return best, moment
