r"""Two layers and their distance from initialization: the capacity of single units.

B. Neyshabur, Z. Li, S. Bhojanapalli, Y. LeCun and N. Srebro, The role of over-parametrization in generalization of neural
networks, ICLR 2019. Theorem 1: for :math:`f(x) = \sum_j v_j [u_j x]_+` with :math:`\|v_j\| \le \alpha_j` and
:math:`\|u_j - u_j^0\| \le \beta_j`, the reference fixed before the data,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{2 \sqrt{2 k} + 2}{\gamma n}
          \sum_j \alpha_j (\beta_j \|X\|_F + \|u_j^0 X\|) .

Theorem 2 chooses :math:`\alpha, \beta` after seeing the data, with hidden constants and a term of order sqrt(h/n). What differs:
here that choice has explicit constants. With a bounding the norm of V and b that of U - U_0,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{2 \sqrt{2 k} + 2}{\gamma n}\, a\, \big(\sqrt2\, b\, \|X\|_F + \|U_0 X\|_F\big)

at a price of :math:`\ln \binom{2h}{h}` nats for the units and of grids for b and a/gamma.

Proof. Let :math:`\beta_j^2` be :math:`\|u_j - u_j^0\|^2` rounded up to a positive multiple of b^2/h. The multiples have a sum of
at most 2 h, and there are :math:`\binom{2h}{h}` such lists of h positive integers: so many classes. In each, by A. Maurer (ALT
2016, Corollary 4) n times the complexity is at most (2/gamma) E sup sum_j v_j . Z_j(u_j) with Z_j(u) = sum_i s_i [u x_i]_+, s_i
vectors of k signs; over V it is a times the root of sum_j sup |Z_j|^2. The root of E sup |Z_j|^2 is at most :math:`\sqrt k
\|u_j^0 X\| + \sqrt{2 k}\, \beta_j \|X\|_F`: the first from Z_j(u_j^0), whose activation shrinks; the second since [u x]_+ - [u_0
x]_+ is a contraction of (u - u_0) x that vanishes at 0, a contraction inside :math:`t_+^2` for both signs of each of k sums. By
Minkowski, with sum beta_j^2 <= 2 b^2, n times the complexity is at most :math:`(2/\gamma)\, a \sqrt k\, (\|U_0 X\|_F + 2 b\,
\|X\|_F)`, which is below the statement.

:math:`\|U_0 X\|_F` is replaced by the smaller of |U_0|_F |X|_op and |U_0|_op |X|_F. Biases: X is augmented by 1, U by its bias,
and the last bias is one more unit, which keeps its weights. Beside it stands ``neyshabur2019units``, without a term sqrt(h/n).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.bounds.lemmas.norm_grid import norm_grid_cost, norms_on_grid
from boundcheck.bounds.lemmas.two_layers import two_layer_hypotheses, two_layer_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.combinatorics import log_binomial_upper
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Neyshabur2019Role(Theorem):
    """Two layers: the norm of the last one times the distance of the units from initialization."""

    name = "neyshabur2019role"
    title = "two layers, distance from initialization"
    family = "norm"
    cite = (
        "Neyshabur, Li, Bhojanapalli, LeCun, Srebro, The role of over-parametrization in generalization of neural networks, "
        "ICLR 2019, Theorem 1, the choice of Theorem 2 with explicit constants"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{4 (\sqrt{2 k} + 1)}{\gamma n} \|V\|_F \big(\sqrt2\, b\, \|X\|_F + \|U_0 X\|_F\big)"
        r" + 2 \sqrt{\frac{1}{2n} \ln\Big(\frac{401 \cdot 801}{\delta} \binom{2h}{h}\Big)},\quad b \ge \|U - U_0\|_F"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers", "hidden_units")
    moves: ClassVar[Mapping[str, int]] = {
        "margins": -1,
        "last": 1,
        "distance": 1,
        "initial": 1,
        "initial_spectral": 1,
        "units": 1,
        "factors": 1,
        "input_frobenius": 1,
        "input_spectral": 1,
        "n": -1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """The reference is what the user vouches for."""
        return two_layer_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Frobenius norms of the last layer, the first one's difference from the reference, and the reference."""
        units, symbols = two_layer_symbols(evidence)
        del symbols["biased"]
        return {
            **symbols,
            "last": units.last,
            "distance": units.distance,
            "initial": units.initial,
            "initial_spectral": units.initial_spectral,
        }

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        last: float,
        distance: float,
        initial: float,
        initial_spectral: float,
        units: int,
        factors: Sequence[float],
        input_frobenius: float,
        input_spectral: float,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            last: a, Frobenius norm of V, positive.
            distance: Frobenius norm of U - U_0; b is the next value of the grid.
            initial: Frobenius norm of U_0.
            initial_spectral: Operator norm of U_0.
            units: Hidden units h.
            factors: Operator norms of fixed linear steps before the first layer.
            input_frobenius: Frobenius norm of the n x d matrix of inputs.
            input_spectral: Its operator norm.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        (b,) = norms_on_grid([distance])
        reference = min(mul_up(initial, input_spectral), mul_up(initial_spectral, input_frobenius))
        size = add_up(mul_up(sqrt_up(2.0), b, input_frobenius), reference)
        constant = add_up(mul_up(2.0, sqrt_up(2.0 * classes)), 2.0)
        coefficient = div_up(mul_up(constant, size), float(n))
        return best_margin(
            margins=margins,
            log_norm=log_product_up([last, *factors]),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
            union_cost=add_up(norm_grid_cost(1), float(log_binomial_upper(2 * units, units))),
        )
