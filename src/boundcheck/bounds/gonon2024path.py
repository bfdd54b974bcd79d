r"""The l1 path norm of any ReLU network, the paper's constants.

A. Gonon, N. Brisebarre, E. Riccietti and R. Gribonval, A path-norm toolkit for modern networks: consequences, promises and
challenges, ICLR 2024, Theorem 3.1: for a loss that is L-Lipschitz in the k outputs, networks of depth D on d inputs whose path
norms are at most r in sum, P kinds of pools (the largest entry, the second largest, ...) with windows of at most K, and
inputs of sup norm at most B, the expected gap between the mean losses is at most

.. math:: \frac{4 B}{\sqrt n}\, L r\, C, \quad C^2 = D \ln((3 + 2 P) K) + \ln\Big(\frac{3 + 2 P}{1 + P} (d + 1) k\Big) .

What differs: (1) the gap is twice a Rademacher complexity, and the ramp of the margin is (sqrt(2)/gamma)-Lipschitz, so

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{2 \sqrt 2\, r \sqrt V}{\gamma n}\, C,

from which the bound with high probability follows as for every norm. (2) V = max_j sum_i x_ij^2, at least n with biases,
stands where the paper has n B^2; it is never larger where B >= 1, and needs no sup norm known before the data. (3) Steps are
ReLU, LeakyReLU of slope in [0, 1], max-pools (P = 1, and P = 0, K = 1 without any), averages and sums. (4) D is one more than
the number of levels of non-linear steps on the longest path; linear steps between them belong to the next level, and a ReLU
and a max-pool that follow each other are one level. For dense layers with activations between them D is the number of layers;
otherwise it is at most the paper's.

Why the constant holds: this is never below ``gonon2024peeling``, :math:`\sqrt\pi\, r \sqrt{2 V S} / (\gamma n)` with
:math:`S = \sum_t \ln c_t + \ln(2 d' k)`, for which a proof is given there. Indeed sqrt(2 pi) < 2 sqrt(2), and S <= C^2:
(3 + 2 P)/(1 + P) = 2 + 1/(1 + P) > 2 and d + 1 >= d' cover the last term; there are fewer than D levels; and each costs at most
(3 + 2 P) K. For a level without pools c_t <= 2 < 3. With pools of windows of at most K >= 2, c_t is at most 2 K for those with
a floor at 0, 2 K for those without and 2 for everything else, 4 K + 2 <= 5 K. A max-pool with windows of one signal has no room
for this when other steps share its level; the theorem does not speak of such a network unless c_t <= (3 + 2 P) K all the same.

The output is linear in its last weights and biases, so the class depends on r/gamma alone; a grid pays for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.bounds.lemmas.path_norms import path_hypotheses, path_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem


class Gonon2024Path(Theorem):
    """The l1 path norm with one price for every level."""

    name = "gonon2024path"
    title = "l1 path norm, the paper's constants"
    family = "norm"
    cite = (
        "Gonon, Brisebarre, Riccietti, Gribonval, A path-norm toolkit for modern networks: consequences, promises and "
        "challenges, ICLR 2024, Theorem 3.1"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{4 \sqrt 2\, r \sqrt V}{\gamma n}"
        r" \sqrt{D \ln((3 + 2P) K) + \ln\Big(\frac{3 + 2P}{1 + P} (d + 1) k\Big)}"
        r" + 2 \sqrt{\frac{\ln(401/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "path")
    moves: ClassVar[Mapping[str, int]] = {
        "margins": -1,
        "log_path": 1,
        "depth": 1,
        "kinds": 1,
        "window": 1,
        "max_column_square": 1,
        "d": 1,
        "n": -1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Those of the sharper form."""
        return path_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The path norm, the number of levels and the largest window."""
        path, symbols = path_symbols(evidence)
        if len(path.windows) != len(path.levels):
            raise NotApplicable("the evidence does not say which windows the max-pools have")
        window = max(path.windows, default=1)
        kinds = int(window > 1)
        for name, cost in path.levels:
            if cost > (3 + 2 * kinds) * window:
                raise NotApplicable(
                    f"the level {name} with a max-pool of one signal costs {cost}, more than the paper allows for"
                )
        return {**symbols, "depth": len(path.levels) + 1, "kinds": kinds, "window": window}

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        log_path: float,
        depth: int,
        kinds: int,
        window: int,
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
            log_path: ln r (nats), r the path norm summed over the outputs.
            depth: D >= 1, levels of non-linear steps and one more.
            kinds: Number P >= 0 of kinds of pools that pick an entry.
            window: Largest number K >= 1 of signals that a pool picks from.
            max_column_square: Largest sum of squares of one input coordinate over the sample.
            biased: Whether the constant 1 counts as an input coordinate.
            d: Number of input coordinates.
            classes: Number of outputs k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        signs = 3.0 + 2.0 * kinds  # small integers, exact
        levels = mul_up(float(depth), log_up(mul_up(signs, float(window))))
        entropy = add_up(levels, log_up(div_up(mul_up(signs, d + 1.0, float(classes)), 1.0 + kinds)))
        square = max(max_column_square, float(n)) if biased else max_column_square
        coefficient = div_up(sqrt_up(mul_up(8.0, square, entropy)), float(n))
        return best_margin(
            margins=margins,
            log_norm=log_path,
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
