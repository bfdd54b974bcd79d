r"""Frobenius norms with k logits: Gaussian contraction and Chevet's inequality in place of a factor sqrt(k).

A sharper form of Theorem 1 of N. Golowich, A. Rakhlin and O. Shamir, Size-independent sample complexity of neural networks,
COLT 2018 (``golowich2018size``), derived here; Chevet's inequality as in M. Ledoux and M. Talagrand, Probability in Banach
Spaces, 1991. For L >= 2 let v_j be the columns of the last matrix, its mean row subtracted (margins do not see it), w_j the
rows of the one before, :math:`B = (\sum_j \|v_j\| \|w_j\|) \prod_{l \le L-2} \|W_l\|_F`, :math:`c_m = E\|g_m\|` for a
standard normal vector of m coordinates, :math:`q = (3 - a)/2` for LeakyReLU of slope a. Then

.. math:: \hat R_S(\mathrm{loss}_\gamma) \le \frac{\sqrt\pi B}{\gamma n}
          \Big( \|X\|_F + \|X\|_{op} \big( \sqrt{2 (L-2) \ln q} + c_{k-1} \big) \Big),

and for L = 1, :math:`\sqrt{\pi (k-1)}\, \|W\|_F \|X\|_F / (\gamma n)`.

Proof. (1) E|g| = sqrt(2/pi) and Jensen turn signs into Gaussians; the ramp of the margin is (sqrt(2)/gamma)-Lipschitz in the
logits, so by Sudakov and Fernique n R_S <= (sqrt(pi)/gamma) E sup sum_ic g_ic f_c(x_i). (2) Rows of W_{L-1} may be normalized
by homogeneity, so the supremum is at most B/prod times that of sum_i <g_i, v> a_i over unit v orthogonal to the ones and a in
A = {activation(w . psi(x_i))_i, |w| = 1}. (3) With s = sup |a|, increments of <g', a> + s <g'', v> exceed those of the
process by 2 (s^2 - <a, a'>)(1 - <v, v'>) >= 0, so the supremum is at most E sup_A <g', a> + s c_{k-1}. (4) Contraction
removes the activation; L - 2 peelings cost the factor q each inside E exp (the activation is (1+a)/2 t + (1-a)/2 |t|; the
supremum of the absolute value costs 2). The Gaussian norm |sum_i g_i x_i| has mean at most |X|_F and variance proxy |X|_op^2,
hence (1/t) ln[q^(L-2) E exp(t .)] is at most |X|_F + |X|_op sqrt(2 (L-2) ln q). (5) s <= |X|_op prod |W_l|_F, since
|activation(Psi W^T)|_op <= |W|_F |Psi|_op. For L = 1 the supremum over W is |W|_F times the norm of k - 1 Gaussian copies.

Two classes: the margin is plus or minus a scalar network with sum |u_j||w_j| = sqrt(2) sum |v_j||w_j|; scalar contraction and
L - 1 peelings give (sqrt(2) B/(gamma n)) min(|X|_F q^(L-1), |X|_F (1 + e), sqrt(pi/2) (|X|_F + |X|_op e)), e = sqrt(2 (L-1)
ln q): without exponential moments; with them and Rademacher signs; with Gaussian ones. The smaller of the two forms is taken.

Biases: x is augmented by 1, B = (sum_j |v_j| sqrt(|w_j|^2 + b_j^2) + |b_L|) prod |[[W_l, b_l], [0, 1]]|_F. Average pools
between lower layers cost their operator norm. The class depends on B/gamma alone; a grid pays for both.
"""

from __future__ import annotations

import math
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
    trained,
)
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up, up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem

_PI_UP = up(math.pi)  # the float nearest to pi lies below it


class Golowich2018Chevet(Theorem):
    """Frobenius norms without a factor of the number of classes on the leading term."""

    name = "golowich2018chevet"
    title = "Frobenius norms, Gaussian form"
    family = "norm"
    cite = (
        "a sharper form, derived in boundcheck, of Golowich, Rakhlin, Shamir, Size-independent sample complexity of neural "
        "networks, COLT 2018, Theorem 1, by Chevet's inequality"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + \frac{2\sqrt\pi B}{\gamma n}"
        r" \Big(\|X\|_F + \|X\|_{op} (\sqrt{2 (L-2) \ln q} + c_{k-1})\Big)"
        r" + 2 \sqrt{\frac{\ln(401/\delta)}{2n}},\quad B = \sum_j \|v_j\| \|w_j\| \prod_{l \le L-2} \|W_l\|_F"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers", "two_layer")
    moves = {
        "margins": -1,
        "top": 1,
        "frobenius": 1,
        "factors": 1,
        "slope": -1,
        "input_frobenius": 1,
        "input_spectral": 1,
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
        """The two last layers together, the others by their Frobenius norms."""
        layers, biased = chain_layers(evidence), has_bias(evidence)
        structure, inputs = evidence.structure, evidence.inputs
        if structure is None or inputs is None or evidence.margins is None or evidence.two_layer is None:
            raise NotApplicable("the evidence holds no inputs, margins or two last layers")
        norms = frobenius_norms(layers, biased=biased)
        if not trained(layers[-1]):
            raise NotApplicable("the last layer has no parameters")
        if len(norms) == 1:
            top = norms[0]
        else:
            _require_dense_pair(layers[-2], layers[-1])
            top = evidence.two_layer.augmented if biased else evidence.two_layer.plain
        frobenius = norms[:-2]
        factors = lipschitz_factors(layers, biased=biased) + fixed_factors(layers, biased=biased)
        require_positive([top, *frobenius, *factors], "the norm of a layer")
        return {
            "margins": evidence.margins,
            "top": top,
            "frobenius": frobenius,
            "factors": factors,
            "depth": len(norms),
            "slope": min(structure.elementwise, default=1.0),
            "input_frobenius": inputs.frobenius_augmented if biased else inputs.frobenius,
            "input_spectral": inputs.spectral_augmented if biased else inputs.spectral,
            "classes": evidence.problem.classes,
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        top: float,
        frobenius: Sequence[float],
        factors: Sequence[float],
        depth: int,
        slope: float,
        input_frobenius: float,
        input_spectral: float,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            top: Sum over the last hidden units of |v_j||w_j|; the Frobenius norm of the one layer where L = 1.
            frobenius: Frobenius norms of the layers below the two last ones.
            factors: Lipschitz constants of pools and fixed linear steps.
            depth: Number L >= 1 of weight layers.
            slope: Smallest slope a in [0, 1] of the activations on the negative side; 1 where there is none.
            input_frobenius: Frobenius norm of the n x d matrix of inputs.
            input_spectral: Its operator norm.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        complexity = supremum_up(depth, slope, input_frobenius, input_spectral, classes)
        coefficient = div_up(complexity, float(n))
        return best_margin(
            margins=margins,
            log_norm=log_product_up([top, *frobenius, *factors]),
            rademacher=lambda scales: mul_up(scales, coefficient),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
        )


def _require_dense_pair(hidden: LayerNorms, last: LayerNorms) -> None:
    """The sum over hidden units is known only for two dense layers with nothing but an activation between them.

    Raises:
        NotApplicable: It is otherwise.
    """
    for layer in (hidden, last):
        if layer.kind != "dense" or layer.positions != 1 or not trained(layer):
            raise NotApplicable(f"one of the two last layers is not a dense layer on the whole signal ({layer.kind})")
    if hidden.lipschitz_after != 1.0:
        raise NotApplicable("a pool stands between the two last layers")


def mean_norm_up(m: int) -> float:
    r"""An upper bound of :math:`\sqrt 2\, \Gamma((m+1)/2) / \Gamma(m/2)`, the mean norm of a standard normal vector, m >= 1.

    The recursion c_{m+2} = c_m (m + 1)/m from c_1 = sqrt(2/pi), c_2 = sqrt(pi/2) involves no Gamma function.
    """
    value = sqrt_up(div_up(2.0, math.pi)) if m % 2 else sqrt_up(_PI_UP / 2.0)  # the float pi is below pi: the quotient is above
    for i in range(2 - m % 2, m, 2):
        value = mul_up(value, div_up(i + 1.0, float(i)))
    return value


def supremum_up(depth: int, slope: float, frobenius: float, spectral: float, classes: int) -> float:
    """``n gamma / B`` times the bound on the Rademacher complexity of the ramp loss, rounded up."""
    if depth == 1:
        general = mul_up(sqrt_up(mul_up(_PI_UP, classes - 1.0)), frobenius)
    else:
        spread = add_up(peel_up(depth - 2, slope), mean_norm_up(classes - 1))
        general = mul_up(sqrt_up(_PI_UP), add_up(frobenius, mul_up(spectral, spread)))
    if classes > 2:
        return general
    e = peel_up(depth - 1, slope)
    plain = mul_up(frobenius, up(((3.0 - slope) / 2.0) ** (depth - 1), 2 + depth))
    signs = mul_up(frobenius, add_up(1.0, e))
    gaussian = mul_up(sqrt_up(_PI_UP / 2.0), add_up(frobenius, mul_up(spectral, e)))
    return min(general, mul_up(sqrt_up(2.0), min(plain, signs, gaussian)))


def peel_up(levels: int, slope: float) -> float:
    """``sqrt(2 levels ln((3 - slope)/2))``, rounded up."""
    return sqrt_up(mul_up(2.0 * levels, log_up(up((3.0 - slope) / 2.0)))) if levels and slope < 1.0 else 0.0
