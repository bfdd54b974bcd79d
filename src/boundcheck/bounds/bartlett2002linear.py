r"""Linear classifiers, the textbook's bound: two factors where one would do.

P. L. Bartlett and S. Mendelson, Rademacher and Gaussian complexities: risk bounds and structural results, JMLR 3 (2002), Theorem
8, in the form of M. Mohri, A. Rostamizadeh and A. Talwalkar, Foundations of Machine Learning, MIT Press: for a class G of losses
in [0, 1], :math:`E g \le \hat E g + 2 \hat R_S(G) + 3 \sqrt{\ln(2/\delta)/(2n)}`. For :math:`x \mapsto w \cdot x`, |w| <= M, the
complexity is (M/n) E|sum_i s_i x_i| <= M |X|_F / n; and for the ramp of the margin of k linear functions, each of norm at most M,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{2 k M}{\gamma n} \|X\|_F ,

the form of V. Koltchinskii and D. Panchenko (Annals of Statistics 30, 2002), which follows here from A. Maurer's vector
contraction (ALT 2016, Corollary 4): the ramp is (sqrt(2)/gamma)-Lipschitz in the logits, and the supremum of a sum over logits
is at most the sum of suprema. M is the Frobenius norm of the matrix, which no row exceeds. Two classes: the margin is plus or
minus one linear function of norm at most sqrt(2) M; scalar contraction gives sqrt(2) M in place of 2 k M.

Beside it stands ``golowich2018chevet``, for one layer sqrt(pi (k - 1)) in place of 2 k and one bounded-difference step in place
of two. Biases: the input and the matrix are augmented. A grid over M/gamma pays for choosing both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.layers import fixed_factors, frobenius_norms, has_bias, lipschitz_factors, require_positive
from boundcheck.bounds.lemmas.linear import linear_hypotheses, linear_symbols, one_layer
from boundcheck.bounds.lemmas.margin_grid import best_margin, textbook_confidence
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import div_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Bartlett2002Linear(Theorem):
    """Linear classifiers by the Euclidean norm."""

    name = "bartlett2002linear"
    title = "linear classifier, l2 norm"
    family = "rademacher"
    cite = "Bartlett, Mendelson, Rademacher and Gaussian complexities, JMLR 3 (2002), Theorem 8"
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{4 k}{\gamma n} \|W\|_F \|X\|_F"
        r" + 3 \sqrt{\frac{\ln(802/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves: ClassVar[Mapping[str, int]] = {"margins": -1, "norm": 1, "factors": 1, "input_frobenius": 1, "n": -1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Nothing beyond a network of one layer, which the measurement looks for."""
        return linear_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The Frobenius norm of the one layer."""
        layer, fixed, inputs = one_layer(evidence)
        biased, symbols = has_bias(evidence), linear_symbols(evidence)
        layers = [*fixed, layer]
        (norm,) = frobenius_norms(layers, biased=biased)
        factors = lipschitz_factors(layers, biased=biased) + fixed_factors(layers, biased=biased)
        require_positive([norm, *factors], "the norm of the layer")
        del symbols["d"]
        frobenius = inputs.frobenius_augmented if biased else inputs.frobenius
        return {**symbols, "norm": norm, "factors": factors, "input_frobenius": frobenius}

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        norm: float,
        factors: Sequence[float],
        input_frobenius: float,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            norm: Frobenius norm M of the matrix (k rows), positive.
            factors: Operator norms of fixed linear steps.
            input_frobenius: Frobenius norm of the n x d matrix of inputs.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        contraction = sqrt_up(2.0) if classes == 2 else 2.0 * classes
        coefficient = div_up(mul_up(contraction, input_frobenius), float(n))
        return best_margin(
            margins=margins,
            log_norm=log_product_up([norm, *factors]),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
            confidence=textbook_confidence,
        )
