r"""l1 norms of rows, and the sum of all entries of the last layer.

A sharper form, derived here, of Theorem 2 of N. Golowich, A. Rakhlin and O. Shamir, Size-independent sample complexity of
neural networks, COLT 2018 (``golowich2018l1``). With M_l the largest l1 norm of a row of layer l < L, b the sum of the absolute
values of the last layer's entries, B = b prod_{l<L} M_l, q = (3 - a)/2 for LeakyReLU of slope a and V = max_j sum_i x_ij^2,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{\sqrt\pi B}{\gamma n} \sqrt{2 V ((L - 1) \ln q + \ln(2 d k))} ;

for two classes :math:`\sqrt\pi` becomes 1 and k becomes 1. (The path norm, ``gonon2024peeling``, is never larger than B; this
form needs no more than the norms of layers.)

Proof. E|g| = sqrt(2/pi) and Jensen turn signs into Gaussians; the ramp of the margin is (sqrt(2)/gamma)-Lipschitz in the
logits, so by Sudakov and Fernique n R_S <= (sqrt(pi)/gamma) E sup sum_ic g_ic f_c(x_i). Over last layers with entries of sum b
the supremum is b max_c sup_h |sum_i g_ic h(x_i)|_inf. The exponential moment of a maximum is at most the sum of k of them;
each is at most :math:`2 d q^{L-1} \exp(t^2 V M^2 / 2)`, M = prod_{l<L} M_l, by peeling (``lemmas.l1_norms``); the best t gives
the statement. Two classes: the margin is plus or minus f_1 - f_0, a scalar network whose last row has l1 norm at most b; scalar
contraction costs 1/gamma and no Gaussians are needed.

Everything scales, so the class depends on B/gamma alone; a grid pays for both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.l1_norms import l1_symbols, log_moment_up
from boundcheck.bounds.lemmas.layers import (
    chain_hypothesis,
    chain_layers,
    no_max_pool_hypothesis,
    require_positive,
    sample_hypotheses,
    slope_hypothesis,
)
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import div_up, mul_up, sqrt_up, up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Golowich2018Entries(Theorem):
    """l1 norms without a factor of the number of classes."""

    name = "golowich2018entries"
    title = "l1 norms, classes under a logarithm"
    family = "norm"
    cite = (
        "a sharper form, derived in boundcheck, of Golowich, Rakhlin, Shamir, Size-independent sample complexity of neural "
        "networks, COLT 2018, Theorem 2"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{2 \sqrt\pi}{\gamma n} \|W_L\|_{1,1} \Big(\prod_{l<L} \max_r \|w_{l,r}\|_1\Big)"
        r" \sqrt{2 V ((L-1) \ln q + \ln(2dk))} + 2 \sqrt{\frac{\ln(401/\delta)}{2n}},\quad V = \max_j \sum_i x_{ij}^2"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves: ClassVar[Mapping[str, int]] = {
        "margins": -1,
        "rows": 1,
        "last": 1,
        "factors": 1,
        "slope": -1,
        "max_column_square": 1,
        "d": 1,
        "n": -1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """As in the theorem that it sharpens."""
        return (
            *sample_hypotheses(evidence),
            chain_hypothesis(evidence),
            slope_hypothesis(evidence),
            no_max_pool_hypothesis(evidence),
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Largest l1 norms of rows, and the l1 norm of the last layer as a whole."""
        symbols, last = l1_symbols(evidence), chain_layers(evidence)[-1].entry_l1
        require_positive([last], "the norm of the last layer")
        slopes = () if evidence.structure is None else evidence.structure.elementwise
        return {**symbols, "last": last, "slope": min(slopes, default=1.0)}

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        rows: Sequence[float],
        last: float,
        factors: Sequence[float],
        slope: float,
        max_column_square: float,
        d: int,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            rows: Largest l1 norm M_l of a row, for each of the L - 1 layers below the last one, rounded up.
            last: Sum b of the absolute values of the last layer's entries, rounded up.
            factors: What pools do to the largest coordinate.
            slope: Slope a in [0, 1] of the activations on the negative side, 0 for ReLU.
            max_column_square: V, the largest sum of squares of one input coordinate over the sample.
            d: Input coordinates, the constant included where there are biases.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        scalar = classes == 2
        moment = log_moment_up(len(rows), slope, d, 1 if scalar else classes)
        size = sqrt_up(mul_up(2.0, max_column_square, moment))
        coefficient = div_up(mul_up(1.0 if scalar else sqrt_up(up(math.pi)), size), float(n))
        return best_margin(
            margins=margins,
            log_norm=log_product_up([*rows, last, *factors]),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
