r"""Depth enters as a square root: the Frobenius-norm bound.

N. Golowich, A. Rakhlin and O. Shamir, Size-independent sample complexity of neural networks, COLT 2018, Theorem 1: for
real-valued networks of depth L with :math:`\|W_l\|_F \le M_l` and 1-Lipschitz positively homogeneous elementwise activation,

.. math:: \hat R_S(F) \le \frac{1}{n} \Big(\prod_l M_l\Big) \big(\sqrt{2 L \ln 2} + 1\big) \|X\|_F .

What differs: the loss is the ramp of the margin of k logits. With the same constant,

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{2 \sqrt k}{\gamma n} \Big(\prod_l M_l\Big)
          \big(\sqrt{2 L \ln 2} + 1\big) \|X\|_F .

Proof. The ramp of the margin is (sqrt(2)/gamma)-Lipschitz in the logits, so by A. Maurer (A vector-contraction inequality for
Rademacher complexities, ALT 2016, Corollary 4) n times the left side is at most (2/gamma) E sup over V, h of sum_{ic} s_ic
v_c . h(x_i). Over |V|_F <= M_L this is (2 M_L/gamma) E sqrt(sum_c Y_c^2) <= (2 M_L/gamma) sqrt(k E Y^2), where Y = sup_h
|sum_i s_i h(x_i)| over hidden representations. (Maximizing over V after the signs puts the root of a mean square where a
single logit has a mean; the next lines pay for it.) For L = 1, E Y^2 = |X|_F^2. Else let v = (prod_{l<L} M_l)^2 |X|_F^2.
Peeling L - 1 activations of slope in [0, 1] on the negative side costs a factor 3/2 each: such an activation is a convex
combination of t and |t| with at least half the weight on t, and a contraction makes a factor 2 of |t|. So ln E exp(tY) <= (L
- 1) ln 1.5 + t sqrt(v) + t^2 v/2, whence P(Y > (1 + u) sqrt(v)) <= 1.5^(L-1) exp(-u^2/2). Integrating with u_0 = sqrt(2 (L -
1) ln 1.5): E Y^2 / v <= (1 + u_0)^2 + 2 + 2 m(u_0), m the Mills ratio of the normal law. At L = 2 this is 6.995, below
(sqrt(2 L ln 2) + 1)^2 = 7.103, and the difference grows with L.

Two classes: the margin is plus or minus f_1 - f_0, a scalar network whose last layer has norm at most sqrt(2) M_L; the theorem
itself and scalar contraction give sqrt(2) in place of 2 sqrt(k).

Homogeneity makes the class depend on (prod M_l)/gamma alone; a grid pays for the norms and for the margin at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.layers import (
    chain_hypothesis,
    chain_layers,
    fixed_factors,
    frobenius_norms,
    has_bias,
    lipschitz_factors,
    no_max_pool_hypothesis,
    require_positive,
    sample_hypotheses,
    slope_hypothesis,
)
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem


class Golowich2018Size(Theorem):
    """Product of Frobenius norms times the root of the depth."""

    name = "golowich2018size"
    title = "Frobenius norms, root of the depth"
    family = "norm"
    cite = "Golowich, Rakhlin, Shamir, Size-independent sample complexity of neural networks, COLT 2018, Theorem 1"
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{4\sqrt{k}}{\gamma n} \Big(\prod_{l=1}^L \|W_l\|_F\Big) (\sqrt{2 L \ln 2} + 1) \|X\|_F"
        r" + 2 \sqrt{\frac{\ln(401/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves = {"margins": -1, "frobenius": 1, "factors": 1, "input_frobenius": 1, "n": -1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Positive homogeneity is checked step by step; biases are augmented away."""
        return (
            *sample_hypotheses(evidence),
            chain_hypothesis(evidence),
            slope_hypothesis(evidence),
            no_max_pool_hypothesis(evidence),
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Frobenius norms of the unrolled layers, augmented where there are biases."""
        layers, biased = chain_layers(evidence), has_bias(evidence)
        if evidence.inputs is None or evidence.margins is None:
            raise NotApplicable("the evidence holds no inputs or margins")
        frobenius = frobenius_norms(layers, biased=biased)
        factors = lipschitz_factors(layers, biased=biased) + fixed_factors(layers, biased=biased)
        require_positive(frobenius + factors, "the norm of a layer")
        return {
            "margins": evidence.margins,
            "frobenius": frobenius,
            "factors": factors,
            "input_frobenius": evidence.inputs.frobenius_augmented if biased else evidence.inputs.frobenius,
            "classes": evidence.problem.classes,
            "n": evidence.problem.n,
        }

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
        log_norm = log_product_up([*frobenius, *factors])
        contraction = sqrt_up(2.0) if classes == 2 else mul_up(2.0, sqrt_up(float(classes)))
        depth = add_up(sqrt_up(mul_up(2.0 * len(frobenius), log_up(2.0))), 1.0)
        coefficient = div_up(mul_up(contraction, depth, input_frobenius), float(n))
        return best_margin(
            margins=margins,
            log_norm=log_norm,
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )
