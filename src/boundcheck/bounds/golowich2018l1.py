r"""The largest l1 norm of a row of each layer, the paper's constant.

N. Golowich, A. Rakhlin and O. Shamir, Size-independent sample complexity of neural networks, COLT 2018, Theorem 2: for
real-valued networks of depth L on d inputs whose layers have rows of l1 norm at most M_l,

.. math:: \hat R_S(F) \le \frac{2}{n} \Big(\prod_l M_l\Big) \sqrt{L + 1 + \ln d}\, \sqrt{V}, \quad V = \max_j \sum_i x_{ij}^2 .

What differs: the loss is the ramp of the margin of k logits, (sqrt(2)/gamma)-Lipschitz in the logits. By A. Maurer (A
vector-contraction inequality for Rademacher complexities, ALT 2016, Corollary 4) its complexity is at most 2/gamma times that
of the sum over logits with independent signs, hence at most (2 k/gamma) times the one of a single logit. For two classes the
margin is plus or minus one scalar network whose last row has l1 norm at most 2 M_L, which gives 2/gamma in place of 4/gamma.

Why the constant holds: peeling (``lemmas.l1_norms``) gives :math:`\sqrt{2 V ((L - 1) \ln q + \ln 2d)}` with q at most 3/2, and 2
((L - 1) ln 1.5 + ln 2d) is below 4 (L + 1 + ln d), with so much to spare that a fixed elementwise step before the first layer
changes nothing. Activations are positively homogeneous here, which the paper does not ask for, so that the class depends on
(prod M_l)/gamma alone and one grid pays for norms and margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.l1_norms import l1_symbols
from boundcheck.bounds.lemmas.layers import (
    chain_hypothesis,
    chain_layers,
    no_max_pool_hypothesis,
    sample_hypotheses,
    slope_hypothesis,
    trained,
)
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Golowich2018L1(Theorem):
    """Product of the largest l1 norms of rows, root of the depth and of the logarithm of the dimension."""

    name = "golowich2018l1"
    title = "l1 norms of rows"
    family = "norm"
    cite = "Golowich, Rakhlin, Shamir, Size-independent sample complexity of neural networks, COLT 2018, Theorem 2"
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{8 k}{\gamma n} \Big(\prod_{l=1}^L \max_r \|w_{l,r}\|_1\Big)"
        r" \sqrt{L + 1 + \ln d}\, \sqrt{\max_j \sum_i x_{ij}^2} + 2 \sqrt{\frac{\ln(401/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves: ClassVar[Mapping[str, int]] = {
        "margins": -1,
        "rows": 1,
        "last": 1,
        "factors": 1,
        "depth": 1,
        "max_column_square": 1,
        "d": 1,
        "n": -1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """As for the Frobenius norms of the same paper."""
        return (
            *sample_hypotheses(evidence),
            chain_hypothesis(evidence),
            slope_hypothesis(evidence),
            no_max_pool_hypothesis(evidence),
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Largest l1 norms of rows, constants joined."""
        symbols, layers = l1_symbols(evidence), chain_layers(evidence)
        # As many levels as layers stand below the last one, also where the first of them was fixed before the data.
        depth = max(sum(map(trained, layers)), len(layers) - 1)
        return {**symbols, "last": layers[-1].max_row_l1, "depth": depth}

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        rows: Sequence[float],
        last: float,
        factors: Sequence[float],
        depth: int,
        max_column_square: float,
        d: int,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            rows: Largest l1 norm M_l of a row, for each layer below the last one, rounded up.
            last: M_L of the last layer, rounded up.
            factors: What pools do to the largest coordinate.
            depth: Number L >= 1 of weight layers.
            max_column_square: V, the largest sum of squares of one input coordinate over the sample.
            d: Input coordinates, the constant included where there are biases.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        contraction = 2.0 if classes == 2 else 2.0 * classes
        size = sqrt_up(add_up(depth + 1.0, log_up(float(d))))
        coefficient = div_up(mul_up(2.0 * contraction, size, sqrt_up(max_column_square)), float(n))
        return best_margin(
            margins=margins,
            log_norm=log_product_up([*rows, last, *factors]),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
