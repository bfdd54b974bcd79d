r"""Convolutions patch by patch: norms of kernels, not of the matrices that they unroll to.

A sharper form, derived here, of the bound for sparse networks of T. Galanti, M. Xu, L. Galanti and T. Poggio, Norm-based
generalization bounds for sparse neural networks, NeurIPS 2023, which pays the logarithm of the number of positions that a window
reads for every layer, where here it is paid for the windows of the first layer alone. Let layer l < L compute v^l_p =
activation(K_l [v^{l-1}_{p'}]), p' running over the k_l positions that its window at p reads, an average pool possibly behind it;
U_p the n patches that window p of the P_1 windows of the first layer reads (where channels come in groups, each group has windows
of its own), q = (3 - a)/2 for LeakyReLU of slope a, v_u what leaves the last hidden unit u to the k logits, centred over the
classes, and :math:`B = \big(\sum_u \|v_u\| \|K_{L-1,u}\|\big)
\prod_{l \le L-2} \|K_l\|_F \prod_{2 \le l \le L-1} \sqrt{k_l}`. Then

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{\sqrt\pi B}{\gamma n} \Big( \max_p \|U_p\|_F
          + \max_p \|U_p\|_{op} \big( \sqrt{2 ((L-2) \ln q + \ln P_1)} + c_{k-1} \big) \Big),

c_m the mean norm of a standard normal vector in m dimensions.

Proof. As for ``golowich2018chevet``: Gaussians in place of signs, Sudakov and Fernique, and the supremum is at most the sum over
units times that over unit kernels w, positions p and signals psi_p of |sum_i <g_i, v> activation(w . psi_p(x_i))|, to which
Chevet's inequality applies: the mean without v, plus s c_{k-1}. (1) Contraction acts on the union over all positions at once,
so the largest position costs nothing; a window of k_l positions has |sum_i g_i psi_p| <= sqrt(k_l) max_{p'} |sum_i g_i v_{p'}|,
and a peel costs q |K_l|_F inside E exp. An average over positions is at most the largest of them. (2) At the inputs,
E exp(t max_p |sum_i g_i u_p|) <= P_1 max_p exp(t |U_p|_F + t^2 |U_p|_op^2 / 2). (3) s <= max_p |U_p|_op times the same norms,
since |activation(Psi K^T)|_op <= |K|_F |Psi|_op and operator norms of stacked columns add in squares.

Two classes: the margin is plus or minus a scalar network with sqrt(2) B; scalar contraction and L - 1 peelings give
:math:`\sqrt2 B/(\gamma n)` times the smaller of :math:`F (1 + e)` and :math:`\sqrt{\pi/2}\, (F + S e)`,
e = sqrt(2 ((L-1) ln q + ln P_1)), F and S the largest norms. The smaller of the two forms is taken.

A dense layer on the whole signal is a window that reads every position. Biases: each patch is augmented by one constant, each
kernel by its bias and by the row that carries the constant; a window meets the constant at least once among its positions. The
class depends on B/gamma alone; a grid pays for both.

The paper's own constants have no row beside this one: of its statement we had the abstract and the code that its authors
publish, which is not enough for a theorem. At margin 1, with rho the product of the norms, the code evaluates

.. math:: \hat R + \frac{2\sqrt2\,(\rho + 1)}{n} \Big(1 + \sqrt{2 (L \ln(2 k_{max}^2) + \ln k)}\Big)
          \sqrt{\max_j \sum_i x_{ij}^2}\, \prod_l k_l + 3 \sqrt{\frac{\ln(2 (\rho + 2)^2/\delta)}{2n}} .
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.golowich2018chevet import mean_norm_up
from boundcheck.bounds.lemmas.frobenius import frobenius_hypotheses
from boundcheck.bounds.lemmas.layers import require_positive
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up, up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem

_PI_UP = up(math.pi)  # the float nearest to pi lies below it


class Galanti2023Patches(Theorem):
    """Frobenius norms of kernels, and the patches of the inputs."""

    name = "galanti2023patches"
    title = "convolutions patch by patch"
    family = "norm"
    cite = (
        "a sharper form, derived in boundcheck, of Galanti, Xu, Galanti, Poggio, Norm-based generalization bounds for sparse "
        "neural networks, NeurIPS 2023"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{2 \sqrt\pi B}{\gamma n} \Big(\max_p \|U_p\|_F + \max_p \|U_p\|_{op}"
        r" \big(\sqrt{2 ((L-2) \ln q + \ln P_1)} + c_{k-1}\big)\Big) + 2 \sqrt{\frac{\ln(401/\delta)}{2n}},\quad"
        r" B = \sum_u \|v_u\| \|K_{L-1,u}\| \prod_{l \le L-2} \|K_l\|_F \prod_{2 \le l \le L-1} \sqrt{k_l}"
    )
    reads = ("problem", "structure", "margins", "patches")
    moves: ClassVar[Mapping[str, int]] = {
        "margins": -1,
        "top": 1,
        "kernels": 1,
        "taps": 1,
        "pools": 1,
        "slope": -1,
        "patch_frobenius": 1,
        "patch_spectral": 1,
        "positions": 1,
        "n": -1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """That the first layer is a convolution is what the measurement looks for."""
        return frobenius_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Norms of kernels and patches."""
        patches, structure = evidence.patches, evidence.structure
        if patches is None or structure is None or evidence.margins is None:
            raise NotApplicable("the evidence holds no margins or patches")
        require_positive([patches.top, *patches.kernels, *patches.pools, patches.frobenius], "the norm of a layer")
        return {
            "margins": evidence.margins,
            "top": patches.top,
            "kernels": patches.kernels,
            "taps": patches.taps,
            "pools": patches.pools,
            "slope": min(structure.elementwise, default=1.0),
            "patch_frobenius": patches.frobenius,
            "patch_spectral": patches.spectral,
            "positions": patches.positions,
            "classes": evidence.problem.classes,
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        top: float,
        kernels: Sequence[float],
        taps: Sequence[int],
        pools: Sequence[float],
        slope: float,
        patch_frobenius: float,
        patch_spectral: float,
        positions: int,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            top: Sum over the last hidden units of |v||K|, rounded up.
            kernels: Frobenius norms of the kernels of layers 1 to L - 2.
            taps: Positions k_l that a window reads, layers 2 to L - 1.
            pools: What average pools do to the largest position.
            slope: Slope a in [0, 1] of the activations on the negative side, 0 for ReLU.
            patch_frobenius: Largest Frobenius norm of the patches that one window of the first layer reads.
            patch_spectral: Largest operator norm of the same.
            positions: Windows P_1 of the first layer, those of each group of channels counted.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        peeled = log_up(up((3.0 - slope) / 2.0)) if slope < 1.0 else 0.0
        windows, levels = log_up(float(positions)), len(kernels)
        below, whole = (sqrt_up(mul_up(2.0, add_up(mul_up(float(m), peeled), windows))) for m in (levels, levels + 1))
        spread = mul_up(patch_spectral, add_up(below, mean_norm_up(classes - 1)))
        size = mul_up(sqrt_up(_PI_UP), add_up(patch_frobenius, spread))
        if classes == 2:
            signs = mul_up(patch_frobenius, add_up(1.0, whole))
            gaussian = mul_up(sqrt_up(_PI_UP / 2.0), add_up(patch_frobenius, mul_up(patch_spectral, whole)))
            size = min(size, mul_up(sqrt_up(2.0), min(signs, gaussian)))
        coefficient = div_up(size, float(n))
        return best_margin(
            margins=margins,
            log_norm=log_product_up([top, *kernels, *pools, *(sqrt_up(float(k)) for k in taps)]),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
