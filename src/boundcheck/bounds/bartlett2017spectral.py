r"""Spectral norms and distances from a reference: the spectrally-normalized margin bound.

P. L. Bartlett, D. J. Foster and M. Telgarsky, Spectrally-normalized margin bounds for neural networks, NeurIPS 2017. Theorem
1.1 hides constants and logarithms; what has explicit constants is its proof: Theorem 3.3 (the covering number), Lemma 3.1 and
Dudley's integral with 4 alpha / sqrt(n) + (12/n) int_alpha^sqrt(n), alpha = 1/n. With W the largest width, |.|_rows the sum
of the Euclidean norms of the rows (the (2,1) norm of the transpose), M_i reference matrices fixed before the data, rho_i
Lipschitz constants, s_i >= |A_i|_op and b_i >= |A_i - M_i|_rows,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{4}{n^{3/2}} + \frac{18 \ln n}{n} \cdot \frac{2 \|X\|_F}{\gamma}
          \sqrt{\ln(2 W^2)} \prod_i s_i \rho_i \Big(\sum_i (b_i/s_i)^{2/3}\Big)^{3/2}.

What differs, and why it is still a theorem. (1) Lemma 3.2 covers with ceil(x) ln(2W^2), x = (radius ratio)^2, and Theorem 3.3
drops the ceiling. The ramp of the margin is (sqrt(2)/gamma)-Lipschitz, not only 2/gamma, so the x that is needed is half of
the x that is used. Let x be the one that is needed. Where x <= 1 the single point 0 covers; beyond, K = ceil(x) - 1 atoms
suffice (some average of K atoms misses a point U by at most the root of (R^2 - |U|^2)/K, and points within the radius of 0
are covered by 0). That makes at most 1 + (2W^2)^K <= (2W^2)^(2x) points. (2) Cover elements must keep the norm bounds; they
are projected on the convex image of the constraint set, which does not increase distances. (3) Generalization uses one
bounded-difference step (``lemmas.margin_grid``). (4) Biases: inputs and layers are augmented by a coordinate 1, the
references likewise, so the 1 itself costs nothing. Convolutions are taken as the matrices that they are (see
``bartlett2017covering`` for less).

Norms are chosen after seeing the data: without biases and with reference zero, the class depends on prod s_i / gamma and on the
ratios b_i / s_i in [1, rows], which a grid pays for; otherwise every s_i and b_i is rounded up on 801 values, and gamma has
its own grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.layers import (
    chain_hypothesis,
    chain_layers,
    fixed_factors,
    has_bias,
    lipschitz_factors,
    lipschitz_hypothesis,
    reference_hypothesis,
    require_positive,
    sample_hypotheses,
    spectral_norms,
    trained,
)
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.bounds.lemmas.norm_grid import norm_grid_cost, norms_on_grid, ratio_grid_cost, ratios_on_grid
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, exp_up, log_up, mul_down, mul_up, sqrt_down, sqrt_up, sum_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem


class Bartlett2017Spectral(Theorem):
    """Product of spectral norms, distances from the reference in the (2,1) norm, the paper's constants."""

    name = "bartlett2017spectral"
    title = "spectral norms, the paper's constants"
    family = "norm"
    cite = (
        "Bartlett, Foster, Telgarsky, Spectrally-normalized margin bounds for neural networks, NeurIPS 2017, Theorem 1.1 with "
        "the constants of Theorem 3.3 and Lemma 3.1"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{8}{n^{3/2}} + \frac{72 \ln n}{\gamma n} \|X\|_F \sqrt{\ln(2 W^2)}"
        r" \prod_i s_i \rho_i \Big(\sum_i (b_i/s_i)^{2/3}\Big)^{3/2} + 2 \sqrt{\frac{\ln(N/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves = {"margins": -1, "factors": 1, "input_frobenius": 1, "width": 1, "n": -1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Any chain will do; the reference is what the user vouches for."""
        return (
            *sample_hypotheses(evidence),
            reference_hypothesis(evidence),
            chain_hypothesis(evidence),
            lipschitz_hypothesis(evidence),
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Operator norms and row sums of the unrolled layers."""
        layers, biased = chain_layers(evidence), has_bias(evidence)
        if evidence.inputs is None or evidence.margins is None:
            raise NotApplicable("the evidence holds no inputs or margins")
        free = [layer for layer in layers if trained(layer)]
        homogeneous = not biased and evidence.provenance.reference == "zero"
        spectral = spectral_norms(layers, biased=biased)
        factors = lipschitz_factors(layers, biased=biased) + fixed_factors(layers, biased=biased)
        require_positive(spectral + factors, "the norm of a layer")
        return {
            "margins": evidence.margins,
            "spectral": spectral,
            "distances": [a.row_norm_sum if homogeneous else a.difference_row_norm_sum for a in free],
            "rows": [layer.out_size for layer in free],
            "homogeneous": homogeneous,
            "factors": factors,
            "input_frobenius": evidence.inputs.frobenius_augmented if biased else evidence.inputs.frobenius,
            "width": max(max(layer.in_size, layer.out_size) for layer in layers) + biased,
            "classes": evidence.problem.classes,
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        spectral: Sequence[float],
        distances: Sequence[float],
        rows: Sequence[int],
        homogeneous: bool,
        factors: Sequence[float],
        input_frobenius: float,
        width: int,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            spectral: Operator norms s_i of the weight layers, positive, rounded up.
            distances: b_i, sums of row norms of A_i - M_i, rounded up.
            rows: Rows of each layer; b_i / s_i lies between 1 and this where the reference is zero.
            homogeneous: No biases and reference zero: scales are normalized.
            factors: Lipschitz constants rho_i, norms of fixed linear steps.
            input_frobenius: Frobenius norm of the n x d matrix of inputs.
            width: Largest width W, input and outputs included.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        if homogeneous:
            ratios = ratios_on_grid(distances, spectral, rows)
            log_norm, log_scale = log_product_up([*spectral, *factors]), 0.0
            cost = ratio_grid_cost(rows)
        else:
            norms = norms_on_grid(spectral)
            ratios = [div_up(b, s) for b, s in zip(norms_on_grid(distances), norms, strict=True)]
            log_norm, log_scale = 0.0, log_product_up([*norms, *factors])
            cost = norm_grid_cost(2 * len(norms))
        entropy = sqrt_up(log_up(2.0 * width * width))
        dudley = log_product_up([36.0, log_up(float(n)), input_frobenius, entropy, div_up(1.0, float(n))])
        log_coefficient = add_up(dudley, log_scale, log_distances_up(ratios))
        offset = div_up(4.0, mul_down(float(n), sqrt_down(float(n))))
        return best_margin(
            margins=margins,
            log_norm=log_norm,
            rademacher=lambda scales: add_up(exp_up(add_up(log_up(scales), log_coefficient)), offset),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
            union_cost=cost,
        )


def log_distances_up(ratios: Sequence[float]) -> float:
    """``(3/2) ln sum_i (b_i / s_i)^(2/3)``, rounded up."""
    powers = [exp_up(div_up(2.0 * log_up(ratio), 3.0)) for ratio in ratios]
    return mul_up(1.5, log_up(sum_up(powers)))
