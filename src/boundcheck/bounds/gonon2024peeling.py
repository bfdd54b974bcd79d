r"""The l1 path norm of any ReLU network, peeled level by level.

A sharper form, derived here, of the path-norm bounds of B. Neyshabur, R. Tomioka and N. Srebro, Norm-based capacity control
in neural networks, COLT 2015, and of A. Gonon, N. Brisebarre, E. Riccietti and R. Gribonval, A path-norm toolkit for modern
networks: consequences, promises and challenges, ICLR 2024. It speaks of chains and of networks with skip connections,
convolutions, pools and biases alike. With P the sum over the k outputs of the path norms (weights in absolute value, max-pools
replaced by sums, the all-ones input), c_t the cost of level t, d' = d (+1 with biases) and V = max_j sum_i x_ij^2 (at least n
with biases),

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{\sqrt\pi P}{\gamma n} \sqrt{2 V \Big(\sum_t \ln c_t + \ln(2 d' k)\Big)} .

Proof. Rescale every hidden unit so that its incoming l1 norm, bias included, is 1; homogeneity moves the norms to the
outputs, whose l1 norms are then the path norms P_c. Let T_t hold the signals of units up to level t and the constants 1 and
-1, and M_t = E exp(s sup over T_t of |sum_i g_i h_i|). A level of units relu(w . psi) with |w|_1 <= 1: |relu| sums are at
most half of A + B, where B is the supremum with |w . psi|, and E e^{sB} <= 2 E e^{sA} by symmetry and contraction; convexity
gives M_t <= (3/2) M_{t-1}. Signals that are carried past the level, and max-pools of window K, cost more (2 and 2K and so on:
the maximum of K coordinates is at most the sum of K independent copies, inside E exp of a supremum); the evidence records
what each level costs. At the input, M_0 <= 2 d' exp(s^2 V / 2). The output is at most sum_c P_c Z_c <= P max_c Z_c, which
costs a factor k inside. Take logarithms, optimize s, and go from the ramp loss to Gaussian sums by E|g| = sqrt(2/pi) and
Sudakov-Fernique, as in ``golowich2018chevet``.

The output is linear in its last weights and biases, so the class depends on P/gamma alone; a grid pays for both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.bounds.lemmas.path_norms import path_hypotheses, path_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up, up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Gonon2024Peeling(Theorem):
    """The l1 path norm; convolutions, skips, pools and biases included."""

    name = "gonon2024peeling"
    title = "l1 path norm"
    family = "norm"
    cite = (
        "a sharper form, derived in boundcheck, of the path-norm bounds of Neyshabur, Tomioka, Srebro, Norm-based capacity "
        "control in neural networks, COLT 2015, and Gonon, Brisebarre, Riccietti, Gribonval, A path-norm toolkit for modern "
        "networks: consequences, promises and challenges, ICLR 2024"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{2\sqrt\pi P}{\gamma n} \sqrt{2 V \Big(\sum_t \ln c_t + \ln(2 d' k)\Big)}"
        r" + 2 \sqrt{\frac{\ln(401/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "path")
    moves = {"margins": -1, "log_path": 1, "costs": 1, "max_column_square": 1, "d": 1, "n": -1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """As for the paper's constants."""
        return path_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The path norm and what its levels cost."""
        path, symbols = path_symbols(evidence)
        return {**symbols, "costs": [cost for _, cost in path.levels]}

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        log_path: float,
        costs: Sequence[float],
        max_column_square: float,
        biased: bool,
        d: int,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            log_path: ln P (nats), P the path norm summed over the outputs.
            costs: Cost c_t >= 1 of each level.
            max_column_square: Largest sum of squares of one input coordinate over the sample.
            biased: Whether the constant 1 counts as an input coordinate.
            d: Number of input coordinates.
            classes: Number of outputs k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        inputs = 2.0 * (d + biased) * classes  # an integer far below 2**53
        entropy = add_up(max(log_product_up(costs), 0.0), log_up(inputs))
        square = max(max_column_square, float(n)) if biased else max_column_square
        complexity = mul_up(sqrt_up(up(math.pi)), sqrt_up(mul_up(2.0, square, entropy)))
        coefficient = div_up(complexity, float(n))
        return best_margin(
            margins=margins,
            log_norm=log_path,
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
