r"""Linear classifiers by the l1 norm of their weights, the textbook's bound.

M. Mohri, A. Rostamizadeh and A. Talwalkar, Foundations of Machine Learning, 2nd ed., MIT Press 2018, the theorem on linear
hypotheses of bounded l1 norm: for :math:`x \mapsto w \cdot x` on d inputs, :math:`\|w\|_1 \le M`,

.. math:: \hat R_S(F) = \frac{M}{n} E \max_j \Big|\sum_i s_i x_{ij}\Big| \le \frac{M}{n} \sqrt{2 V \ln(2d)},
          \quad V = \max_j \sum_i x_{ij}^2 ,

by Massart's lemma for the 2 d vectors of plus and minus the columns (the book bounds V by n times the square of the largest
entry). The ramp of the margin of k such functions costs 2 k/gamma by A. Maurer's vector contraction (ALT 2016, Corollary 4), the
supremum of a sum being at most the sum of suprema; for two classes the margin is plus or minus one linear function of norm at
most 2 M, and 2/gamma. The confidence term is the book's, :math:`3 \sqrt{\ln(2/\delta)/(2n)}`.

Beside it stands ``golowich2018entries``, for one layer sqrt(pi), the sum of all entries and ln(2dk), with one bounded-difference
step in place of two. Biases: the input and the matrix are augmented. A grid over M/gamma pays for choosing both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.l1_norms import l1_symbols
from boundcheck.bounds.lemmas.linear import linear_hypotheses, one_layer
from boundcheck.bounds.lemmas.margin_grid import best_margin, textbook_confidence
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Mohri2018L1(Theorem):
    """Linear classifiers by the l1 norm."""

    name = "mohri2018l1"
    title = "linear classifier, l1 norm"
    family = "rademacher"
    cite = "Mohri, Rostamizadeh, Talwalkar, Foundations of Machine Learning, MIT Press 2018, linear hypotheses of bounded l1 norm"
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{4 k}{\gamma n} \max_c \|w_c\|_1 \sqrt{2 \ln(2d) \max_j \textstyle\sum_i x_{ij}^2}"
        r" + 3 \sqrt{\frac{\ln(802/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves: ClassVar[Mapping[str, int]] = {
        "margins": -1,
        "norm": 1,
        "factors": 1,
        "max_column_square": 1,
        "d": 1,
        "n": -1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Nothing beyond a network of one layer, which the measurement looks for."""
        return linear_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The largest l1 norm of a row of the one layer."""
        layer, _, _ = one_layer(evidence)
        symbols = l1_symbols(evidence)
        factors = [*symbols.pop("rows"), *symbols.pop("factors")]
        return {**symbols, "norm": layer.max_row_l1, "factors": factors}

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        norm: float,
        factors: Sequence[float],
        max_column_square: float,
        d: int,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            norm: Largest l1 norm M of a row of the matrix, positive.
            factors: What fixed linear steps do to the largest coordinate.
            max_column_square: V, the largest sum of squares of one input coordinate over the sample.
            d: Input coordinates, the constant included where there are biases.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        contraction = 2.0 if classes == 2 else 2.0 * classes
        size = sqrt_up(mul_up(2.0, max_column_square, log_up(2.0 * d)))
        coefficient = div_up(mul_up(contraction, size), float(n))
        return best_margin(
            margins=margins,
            log_norm=log_product_up([norm, *factors]),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
            confidence=textbook_confidence,
        )
