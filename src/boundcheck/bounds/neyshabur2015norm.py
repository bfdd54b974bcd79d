r"""Product of Frobenius norms, a factor 2 for each layer.

B. Neyshabur, R. Tomioka and N. Srebro, Norm-based capacity control in neural networks, COLT 2015, Theorem 1, for the Frobenius
norm (p = q = 2): for real-valued ReLU networks of depth L with :math:`\|W_l\|_F \le M_l`,

.. math:: \hat R_S(F) \le \frac{2^{L-1}}{n} \Big(\prod_l M_l\Big) \|X\|_F .

What differs: the loss is the ramp of the margin of k logits. With the same factor,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{2 \sqrt k}{\gamma n}\, 2^{L-1} \Big(\prod_l M_l\Big) \|X\|_F .

Proof. By A. Maurer (A vector-contraction inequality for Rademacher complexities, ALT 2016, Corollary 4) n times the left side is
at most (2/gamma) E sup over V, h of sum_{ic} s_ic v_c . h(x_i) <= (2 M_L/gamma) sqrt(k E Y^2), Y = sup_h |sum_i s_i h(x_i)|.
Second moments are peeled like first ones, at a factor of at most 3/2 each (``neyshabur2015moments`` has the proof), so that E
Y^2 <= 1.5^(L-1) (prod_{l<L} M_l)^2 |X|_F^2, and sqrt(1.5) is below 2. Two classes: the margin is plus or minus f_1 - f_0, a
scalar network whose last layer has norm at most sqrt(2) M_L; the theorem itself and scalar contraction give sqrt(2) in place of
2 sqrt(k).

Homogeneity makes the class depend on (prod M_l)/gamma alone; a grid pays for the norms and for the margin at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.frobenius import frobenius_hypotheses, frobenius_symbols
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import div_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Neyshabur2015Norm(Theorem):
    """Product of Frobenius norms, exponential in the depth."""

    name = "neyshabur2015norm"
    title = "Frobenius norms, a factor 2 per layer"
    family = "norm"
    cite = "Neyshabur, Tomioka, Srebro, Norm-based capacity control in neural networks, COLT 2015, Theorem 1 with p = q = 2"
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{4 \sqrt k}{\gamma n} 2^{L-1} \Big(\prod_{l=1}^L \|W_l\|_F\Big) \|X\|_F"
        r" + 2 \sqrt{\frac{\ln(401/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves: ClassVar[Mapping[str, int]] = {"margins": -1, "frobenius": 1, "factors": 1, "input_frobenius": 1, "n": -1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Positive homogeneity is checked step by step; biases are augmented away."""
        return frobenius_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Frobenius norms of the unrolled layers, augmented where there are biases."""
        return frobenius_symbols(evidence)

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        frobenius: Sequence[float],
        factors: Sequence[float],
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
            input_frobenius: Frobenius norm of the n x d matrix of inputs.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        contraction = sqrt_up(2.0) if classes == 2 else mul_up(2.0, sqrt_up(float(classes)))
        coefficient = div_up(mul_up(contraction, input_frobenius), float(n))
        return best_margin(
            margins=margins,
            log_norm=log_product_up([*frobenius, *factors, *[2.0] * (len(frobenius) - 1)]),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
