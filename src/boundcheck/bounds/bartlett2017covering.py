r"""Spectral norms and distances from a reference, by an exact count of covers.

A sharper form, derived here, of P. L. Bartlett, D. J. Foster and M. Telgarsky, Spectrally-normalized margin bounds for neural
networks, NeurIPS 2017 (``bartlett2017spectral``): the same induction over layers, with Maurey's averages counted exactly, the
volume argument where it is smaller, the constant sqrt(2)/gamma of the margin, and the best chain of radii in place of
Dudley's integral. For convolutions the distance is that of the kernels, as in F. Graf, S. Zeng, B. Rieck, M. Niethammer and
R. Kwitt, On measuring excess capacity in neural networks, NeurIPS 2022, without a factor of the number of positions.

With :math:`D_0 = \|X\|_F` and q_i positions (0 for a layer without bias), layer i moves the outputs by at most R_i:

.. math:: I_i^2 = D_{i-1}^2 + n q_i, \quad D_i = \rho_i (s_i D_{i-1} + t_i \sqrt{n q_i}), \quad
          R_i = I_i b_i \rho_i \prod_{j>i} s_j \rho_j ,

and ``numerics.covering`` says what follows.

Proof. Let b_i bound the sum over output channels and taps of the norms, over input channels, of the difference to the
reference, the bias of a channel joined to one fixed tap. The layer's difference on the signals at hand is a combination of
atoms (one entry times one shifted channel, which has at most the norm of the channel because a tap meets each input at most
once; the constant has norm sqrt(n q_i)), with total weight at most b_i I_i by Cauchy and Schwarz over input channels.
Averages of atoms cover it; they are projected on the convex compact image of {|A| <= s, distance <= b, |bias| <= t}, which
keeps the distances and makes the cover proper, so the recursion for D_i holds for its elements. An error at layer i reaches
the outputs times :math:`\rho_i \prod_{j>i} s_j \rho_j`. A dense layer is the case of one tap and one position.

Where signals are added, as in networks with skip connections, the reaches are those of ``lemmas.wiring``.

Norms are chosen after seeing the data. Without biases and with reference zero, everything scales: the class depends on (prod
s_i rho_i)/gamma and the ratios b_i / s_i. Otherwise each s_i, b_i, t_i is rounded up on 801 values and gamma has its own
grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.layers import (
    has_bias,
    kernel_hypothesis,
    lipschitz_hypothesis,
    reference_hypothesis,
    require_positive,
    sample_hypotheses,
)
from boundcheck.bounds.lemmas.margin_grid import best_margin
from boundcheck.bounds.lemmas.norm_grid import norm_grid_cost, norms_on_grid, ratio_grid_cost, ratios_on_grid
from boundcheck.bounds.lemmas.wiring import Wire, log_wired_reaches_up, wired_layers, wiring_hypothesis
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.covering import CoveredLayer, rademacher_up
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, log_up, logaddexp_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem


class Bartlett2017Covering(Theorem):
    """Spectral norms and (2,1) distances, covers counted exactly; dense and convolutional layers."""

    name = "bartlett2017covering"
    title = "spectral norms, covers counted exactly"
    family = "norm"
    cite = (
        "a sharper form, derived in boundcheck, of Bartlett, Foster, Telgarsky, Spectrally-normalized margin bounds for neural "
        "networks, NeurIPS 2017, Theorem 3.3; convolutions after Graf, Zeng, Rieck, Niethammer, Kwitt, NeurIPS 2022"
    )
    statement = (
        r"R(f) \le \hat R_\gamma(f) + 2 \min_{1/2 = a_0 > \dots > a_m} \Big(a_m + \frac{1}{\sqrt n} \sum_j a_{j-1}"
        r" \sqrt{2 \ln N(a_j \sqrt n \gamma / \sqrt 2)}\Big) + 2 \sqrt{\frac{\ln(J/\delta)}{2n}}"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves = {"margins": -1, "input_frobenius": 1, "lipschitz": 1, "n": -1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Dense and convolutional layers on one way or several; the reference is what the user vouches for."""
        return (
            *sample_hypotheses(evidence),
            reference_hypothesis(evidence),
            wiring_hypothesis(evidence),
            lipschitz_hypothesis(evidence),
            kernel_hypothesis(evidence, mirrored=True),
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Operator norms, distances of kernels, norms of biases."""
        layers, wiring = wired_layers(evidence)
        if evidence.inputs is None or evidence.margins is None:
            raise NotApplicable("the evidence holds no inputs or margins")
        homogeneous = not wiring and not has_bias(evidence) and evidence.provenance.reference == "zero"
        if not wiring:
            require_positive([x for a in layers for x in (a.spectral, a.lipschitz_after)], "the norm of a layer")
        return {
            "margins": evidence.margins,
            "spectral": [a.spectral for a in layers],
            "distances": [a.kernel_group_norm if homogeneous else a.difference_group_norm for a in layers],
            "bias_norms": [a.bias_norm if a.has_bias else 0.0 for a in layers],
            "positions": [a.positions if a.has_bias else 0 for a in layers],
            "lipschitz": [a.lipschitz_after for a in layers],
            "parameters": [a.parameters for a in layers],
            "rows": [a.out_channels * a.taps for a in layers],
            "wiring": wiring,
            "homogeneous": homogeneous,
            "input_frobenius": evidence.inputs.frobenius,
            "classes": evidence.problem.classes,
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        spectral: Sequence[float],
        distances: Sequence[float],
        bias_norms: Sequence[float],
        positions: Sequence[int],
        lipschitz: Sequence[float],
        parameters: Sequence[int],
        rows: Sequence[int],
        wiring: Sequence[Wire],
        homogeneous: bool,
        input_frobenius: float,
        classes: int,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            spectral: Operator norms s_i, positive, rounded up.
            distances: b_i, distances of kernels and biases from the reference, rounded up.
            bias_norms: t_i, Euclidean norms of the biases of the channels, rounded up; 0 without bias.
            positions: q_i, places at which a bias acts; 0 without bias.
            lipschitz: rho_i, Lipschitz constants of what follows each layer.
            parameters: p_i, biases included; 0 for a step that was fixed before the data.
            rows: Output channels times taps, which bounds b_i / s_i where the reference is zero.
            wiring: What reads what where the network is no chain: the layer's place or -1, steps read, Lipschitz constant; these
                constants count then, and ``lipschitz`` does not. Empty for a chain.
            homogeneous: No biases and reference zero, on a chain: scales are normalized.
            input_frobenius: Frobenius norm of the n x d matrix of inputs.
            classes: Number of classes k >= 2.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        free = [i for i, p in enumerate(parameters) if p > 0]
        if homogeneous:
            tops = [rows[i] for i in free]
            ratios = ratios_on_grid([distances[i] for i in free], [spectral[i] for i in free], tops)
            reaches = [log_product_up([ratio, input_frobenius]) for ratio in ratios]
            log_norm, cost = log_product_up([*spectral, *lipschitz]), ratio_grid_cost(tops)
        else:
            s, b, t, cost = _on_grid(spectral, distances, bias_norms, positions, free)
            if wiring:
                reaches = log_wired_reaches_up(wiring, s, b, t, positions, free, input_frobenius, n)
            else:
                reaches = log_reaches_up(s, b, t, positions, lipschitz, free, input_frobenius, n)
            log_norm = 0.0
        layers = [CoveredLayer(reach, 2 * parameters[i], parameters[i]) for reach, i in zip(reaches, free, strict=True)]
        return best_margin(
            margins=margins,
            log_norm=log_norm,
            rademacher=lambda scales: rademacher_up(add_up(log_up(scales), 0.5 * log_up(2.0)), layers, n),
            n=n,
            delta=delta,
            vacuous_at=1.0 - 1.0 / classes,
            union_cost=cost,
        )


def _on_grid(
    spectral: Sequence[float],
    distances: Sequence[float],
    bias_norms: Sequence[float],
    positions: Sequence[int],
    free: Sequence[int],
) -> tuple[list[float], list[float], list[float], float]:
    """Norms of the layers with parameters on the grid, those of fixed steps as they are, and the price in nats."""
    s, b, t = list(spectral), list(distances), list(bias_norms)
    count = 0
    for i in free:
        s[i], b[i] = norms_on_grid([spectral[i], distances[i]])
        count += 2
        if positions[i]:
            (t[i],) = norms_on_grid([bias_norms[i]])
            count += 1
    return s, b, t, norm_grid_cost(count)


def log_reaches_up(
    spectral: Sequence[float],
    distances: Sequence[float],
    bias_norms: Sequence[float],
    positions: Sequence[int],
    lipschitz: Sequence[float],
    free: Sequence[int],
    input_frobenius: float,
    n: int,
) -> list[float]:
    """``ln R_i`` of the layers in ``free``, rounded up."""
    gains = [log_product_up([s, rho]) for s, rho in zip(spectral, lipschitz, strict=True)]
    log_signal = log_up(input_frobenius)
    reaches = []
    for i, (b, t, q) in enumerate(zip(distances, bias_norms, positions, strict=True)):
        log_constant = log_up(float(n) * q)  # n q is an integer below 2**53
        log_input = 0.5 * logaddexp_up(2.0 * log_signal, log_constant)
        if i in free:
            reaches.append(add_up(log_input, log_product_up([b, lipschitz[i]]), *gains[i + 1 :]))
        log_bias = add_up(log_product_up([t, lipschitz[i]]), 0.5 * log_constant) if q else -math.inf
        log_signal = logaddexp_up(add_up(gains[i], log_signal), log_bias)
    return reaches
