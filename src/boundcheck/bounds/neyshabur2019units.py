r"""Two layers and the distance of each unit from initialization, without a price for the number of units.

A sharper form, derived here, of Theorem 2 of B. Neyshabur, Z. Li, S. Bhojanapalli, Y. LeCun and N. Srebro, The role of
over-parametrization in generalization of neural networks, ICLR 2019 (``neyshabur2019role``). For f(x) = V activation(U x), the
columns v_j of V centred over the classes (margins do not see the mean), :math:`A_1 = \sum_j \|v_j\| \|u_j^0\|` and
:math:`A_2 = \sum_j \|v_j\| \beta_j`, beta_j the distance of u_j from u_j^0 rounded up to one of M = 40 values fixed beforehand,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{\sqrt\pi}{\gamma n} \Big[ A_1 \|X\|_{op} \big(c_{k-1} + \sqrt{2 \ln h}\big)
          + A_2 \big(\|X\|_F + \|X\|_{op} (c_{k-1} + \sqrt{2 \ln(h M)})\big) \Big],

c_m the mean norm of a standard normal vector in m dimensions. There is no term sqrt(h/n).

Proof. E|g| = sqrt(2/pi) and Jensen turn signs into Gaussians; the ramp of the margin is (sqrt(2)/gamma)-Lipschitz in the logits,
so by Sudakov and Fernique n R_S <= (sqrt(pi)/gamma) E sup sum_j v_j . G_j(u_j), G_j(u) = sum_i g_i activation(u x_i), g_i
Gaussian vectors in the k - 1 dimensions orthogonal to the ones. Write G_j(u) = G_j(u_j^0) + D_j(u). (1) sum_j |v_j| |G_j(u_j^0)|
is at most A_1 times the maximum over h units of norms of Gaussian vectors whose coordinates have a standard deviation of at most
|X|_op; each norm has mean at most |X|_op c_{k-1} and is |X|_op-Lipschitz in a standard Gaussian, so the maximum has mean at
most |X|_op (c_{k-1} + sqrt(2 ln h)). (2) sum_j |v_j| |D_j(u_j)| is at most A_2 times the maximum over units and the M values beta
of the supremum of |D_j(u)| / beta over |u - u_j^0| <= beta. D_j(u)/beta is sum_i g_i a_i with a_i a contraction of (u - u_j^0)
x_i / beta that vanishes at 0, so |a| <= |X|_op; Chevet's inequality (as in ``golowich2018chevet``) and contraction give a mean
of at most |X|_F + |X|_op c_{k-1}, and the supremum is |X|_op-Lipschitz; the maximum of h M of them adds |X|_op sqrt(2 ln(h M)).

The class depends on A_1/gamma and A_2/gamma; a grid of 401 values pays for each. Biases: X is augmented by 1, U by its bias; the
last bias is one more unit, which keeps its weights and adds to A_1 alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.golowich2018chevet import mean_norm_up
from boundcheck.bounds.lemmas.margin_pairs import best_margin_of_two
from boundcheck.bounds.lemmas.two_layers import two_layer_hypotheses, two_layer_symbols
from boundcheck.evidence.hidden_units import DISTANCES
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up, up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Neyshabur2019Units(Theorem):
    """Two layers: sums over units of norm times distance from initialization."""

    name = "neyshabur2019units"
    title = "two layers, distance of each unit"
    family = "norm"
    cite = (
        "a sharper form, derived in boundcheck, of Neyshabur, Li, Bhojanapalli, LeCun, Srebro, The role of over-parametrization "
        "in generalization of neural networks, ICLR 2019, Theorem 2"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{2 \sqrt\pi}{\gamma n} \Big[A_1 \|X\|_{op} (c_{k-1} + \sqrt{2 \ln h})"
        r" + A_2 \big(\|X\|_F + \|X\|_{op} (c_{k-1} + \sqrt{2 \ln(40 h)})\big)\Big] + 2 \sqrt{\frac{\ln(401^2/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers", "hidden_units")
    moves: ClassVar[Mapping[str, int]] = {
        "margins": -1,
        "initial_sum": 1,
        "distance_sum": 1,
        "units": 1,
        "factors": 1,
        "input_frobenius": 1,
        "input_spectral": 1,
        "n": -1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """As in the theorem that it sharpens."""
        return two_layer_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The two sums over units."""
        units, symbols = two_layer_symbols(evidence)
        return {**symbols, "initial_sum": units.initial_sum, "distance_sum": units.distance_sum}

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        initial_sum: float,
        distance_sum: float,
        units: int,
        biased: bool,
        factors: Sequence[float],
        input_frobenius: float,
        input_spectral: float,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grids.

        Args:
            margins: Margins of the sample, rounded down.
            initial_sum: A_1, sum over units of |v_j| |u_j^0|.
            distance_sum: A_2, sum over units of |v_j| beta_j.
            units: Hidden units h.
            biased: Whether there is one more unit, the constant.
            factors: Operator norms of fixed linear steps before the first layer.
            input_frobenius: Frobenius norm of the n x d matrix of inputs.
            input_spectral: Its operator norm.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        c = mean_norm_up(classes - 1)
        near = mul_up(input_spectral, add_up(c, sqrt_up(mul_up(2.0, log_up(float(units + biased))))))
        spread = mul_up(input_spectral, add_up(c, sqrt_up(mul_up(2.0, log_up(float(units * len(DISTANCES)))))))
        rate = div_up(sqrt_up(up(math.pi)), float(n))
        return best_margin_of_two(
            margins=margins,
            log_norms=(log_product_up([initial_sum, *factors]), log_product_up([distance_sum, *factors])),
            coefficients=(mul_up(rate, near), mul_up(rate, add_up(input_frobenius, spread))),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
