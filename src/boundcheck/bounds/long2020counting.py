r"""Counting parameters: the network depends on each of them in a Lipschitz way.

P. M. Long and H. Sedghi, Generalization bounds for deep convolutional neural networks, ICLR 2020, which leaves its constant
open. For inputs of norm at most chi known beforehand, layers with p_i parameters, operator norms |A_i| <= s_i and |A_i - M_i|
<= b_i, M the reference, and biases of norm t_i at distance t'_i from the reference's, each acting at q_i positions, let

.. math:: D_0 = \chi, \quad D_i = \rho_i (s_i D_{i-1} + \sqrt{q_i}\, t_i), \quad
          R_i = (b_i D_{i-1} + \sqrt{q_i}\, t'_i)\, \rho_i \prod_{j > i} s_j \rho_j .

With probability at least 1 - delta, for all margins gamma, norms and resolutions eta of the grids, J of them altogether,

.. math:: R \le \mathrm{kl}^{-1}\Big(\hat R_\gamma + \eta, \frac1n \Big[\sum_i p_i
          \ln\Big(1 + \frac{2 \sqrt2\, R_i}{a_i \eta \gamma}\Big) + \ln\frac{J}{\delta}\Big]\Big) + \eta,
          \quad a_i = p_i / \sum_j p_j .

A convolution counts the entries of its kernel, whatever the size of the image.

What differs: explicit constants, biases, and the kl form. Without biases and with reference zero the network is normalized
layer by layer: the class depends on :math:`r = \prod s_i \rho_i / \gamma` alone, R_i / gamma = chi r, and r is on a grid of
401. Otherwise each norm is rounded up on 801 values, and gamma has the grid. The 24 resolutions are paid for.

Proof. On the linear space of one layer's kernel and bias, |A| D_{i-1} + sqrt(q_i) |bias| is a norm (or a seminorm), in which
the parameters allowed lie within R_i / (rho_i prod_{j>i} s_j rho_j) of the reference. By volumes a largest set of them that
are eps_i apart has at most (1 + 2 R_i / (eps_i rho_i prod)) to the power p_i members, and covers all others within eps_i. Its
members are allowed, so exchanging layer after layer, the first ones last, moves the outputs by at most sum_i eps_i rho_i
prod_{j>i} s_j rho_j, for every input of norm at most chi; take a_i eta gamma / sqrt(2) for each summand. The ramp of the
margin is (sqrt(2)/gamma)-Lipschitz, so the losses, 1 for an input outside the ball, are covered within eta everywhere. The
relative entropy Chernoff bound for each member, a union bound, and eta for each of the two steps from the network to the
member and back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from boundcheck.bounds.lemmas.kl_terms import increments
from boundcheck.bounds.lemmas.layers import (
    chain_hypothesis,
    chain_layers,
    has_bias,
    lipschitz_hypothesis,
    reference_hypothesis,
    require_positive,
    sample_hypotheses,
)
from boundcheck.bounds.lemmas.norm_grid import norm_grid_cost, norms_on_grid
from boundcheck.evidence.record import Evidence
from boundcheck.numerics import kl_inverse
from boundcheck.numerics.grid import LOG_GRID_SIZE_UP, scale_grid
from boundcheck.numerics.margin_loss import ramp_average_up
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import add_up, div_up, exp_up, log_down, log_up, logaddexp_up, mul_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem

_RESOLUTIONS = tuple(2.0**-j for j in range(1, 25))  # fixed beforehand


class Long2020Counting(Theorem):
    """Each parameter costs the logarithm of how finely it has to be known."""

    name = "long2020counting"
    title = "parameter counting (Lipschitz)"
    family = "counting"
    cite = (
        "Long and Sedghi, Generalization bounds for deep convolutional neural networks, ICLR 2020, with constants derived in "
        "boundcheck"
    )
    statement = (
        r"R(f) \le \mathrm{kl}^{-1}\Big(\hat R_\gamma(f) + \eta, \frac1n \Big[\sum_i p_i \ln\Big(1 +"
        r" \frac{2 \sqrt2\, R_i}{a_i \eta \gamma}\Big) + \ln\frac{J}{\delta}\Big]\Big) + \eta"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves: ClassVar[Mapping[str, int]] = {"margins": -1, "radius": 1, "outside": 1, "lipschitz": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Any chain of affine layers; the ball that holds the inputs has to be known before the sample."""
        return (
            *sample_hypotheses(evidence),
            reference_hypothesis(evidence),
            chain_hypothesis(evidence),
            lipschitz_hypothesis(evidence),
            Hypothesis.check(
                "a bound on the norm of inputs is known before the sample is seen",
                evidence.problem.input_radius is not None,
                "the data come without one",
            ),
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Operator norms, distances from the reference, norms of biases, and the ball.

        Raises:
            NotApplicable: A norm is zero or infinite, or there is no ball.
        """
        layers, radius = chain_layers(evidence), evidence.problem.input_radius
        if radius is None or not radius > 0.0 or evidence.inputs is None or evidence.margins is None:
            raise NotApplicable(f"the evidence holds no inputs, margins or positive radius ({radius})")
        require_positive([x for a in layers for x in (a.spectral, a.lipschitz_after)], "the norm of a layer")
        return {
            "margins": evidence.margins,
            "radius": radius,
            "outside": evidence.inputs.outside_radius,
            "spectral": [a.spectral for a in layers],
            "distances": [a.difference_spectral for a in layers],
            "bias_norms": [a.bias_norm for a in layers],
            "bias_distances": [a.difference_bias_norm for a in layers],
            "positions": [a.positions if a.has_bias else 0 for a in layers],
            "lipschitz": [a.lipschitz_after for a in layers],
            "parameters": [a.parameters for a in layers],
            "homogeneous": not has_bias(evidence) and evidence.provenance.reference == "zero",
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        radius: float,
        outside: int,
        spectral: Sequence[float],
        distances: Sequence[float],
        bias_norms: Sequence[float],
        bias_distances: Sequence[float],
        positions: Sequence[int],
        lipschitz: Sequence[float],
        parameters: Sequence[int],
        homogeneous: bool,
        n: int,
        delta: float,
    ) -> Bound:
        """The best margin and resolution of the grids.

        Args:
            margins: Margins of the sample, rounded down.
            radius: chi > 0, a bound on input norms known beforehand.
            outside: Rows of the sample whose norm may exceed chi.
            spectral: Operator norms s_i, positive, rounded up.
            distances: Operator norms b_i of the differences from the reference, rounded up.
            bias_norms: t_i, Euclidean norms of the biases of the channels, rounded up; 0 without bias.
            bias_distances: t'_i, their distances from the reference, rounded up.
            positions: q_i, places at which a bias acts; 0 without bias.
            lipschitz: rho_i, Lipschitz constants of what follows each layer.
            parameters: p_i, biases included; 0 for a step that was fixed before the data.
            homogeneous: No biases and reference zero: scales are normalized.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        free = [i for i, p in enumerate(parameters) if p > 0]
        scales = scale_grid()
        if homogeneous:
            log_reaches, cost = [log_up(radius)] * len(free), 0.0
            # gamma = prod s_i rho_i / r; rounded up, since the ramp grows with it.
            gammas = exp_up(add_up(log_product_up([*spectral, *lipschitz]), -log_down(scales)))
        else:
            log_reaches, cost = _log_reaches_up(
                radius, spectral, distances, bias_norms, bias_distances, positions, lipschitz, free
            )
            gammas = np.nextafter(1.0 / scales, np.inf)
        loss = np.minimum(add_up(ramp_average_up(margins, gammas), div_up(float(outside), float(n))), 1.0)
        price = add_up(cost, LOG_GRID_SIZE_UP, log_up(float(len(_RESOLUTIONS))), log_up(div_up(1.0, delta)))
        best, margin, resolution = math.inf, 0, 1.0
        for eta in _RESOLUTIONS:
            nats = add_up(_log_cover_up(scales, log_reaches, [parameters[i] for i in free], eta), price)
            values = add_up(np.asarray(kl_inverse(np.minimum(add_up(loss, eta), 1.0), div_up(nats, float(n)))), eta)
            place = int(np.argmin(values))
            if values[place] < best:
                best, margin, resolution = float(values[place]), place, eta
        if best >= 1.0:
            # Nothing is said; the largest margin with a loss of at most 1/2 shows what it would have been said of.
            best, margin = 1.0, int(np.argmax(loss <= 0.5))
        choices = {"margin": float(gammas[margin]), "resolution": resolution}
        return Bound(increments(margin_loss=float(loss[margin]), parameters=best), choices)


def _log_cover_up(
    scales: NDArray[np.float64], log_reaches: Sequence[float], parameters: Sequence[int], eta: float
) -> NDArray[np.float64]:
    """Nats of the cover for each scale r: sum of p_i ln(1 + 2 sqrt(2) R_i r sum(p) / (p_i eta)), rounded up."""
    total = np.zeros_like(scales)
    for reach, p in zip(log_reaches, parameters, strict=True):
        share = add_up(log_up(float(sum(parameters))), -log_down(float(p)), -log_down(eta), 1.5 * log_up(2.0))
        exponent = add_up(log_up(scales), reach, share)
        total = add_up(total, mul_up(float(p), logaddexp_up(0.0, exponent)))
    return total


def _log_reaches_up(
    radius: float,
    spectral: Sequence[float],
    distances: Sequence[float],
    bias_norms: Sequence[float],
    bias_distances: Sequence[float],
    positions: Sequence[int],
    lipschitz: Sequence[float],
    free: Sequence[int],
) -> tuple[list[float], float]:
    """``ln R_i`` of the layers in ``free``, rounded up, with their norms on the grid, and the price of the grid in nats."""
    s, b, t, u = list(spectral), list(distances), list(bias_norms), list(bias_distances)
    count = 0
    for i in free:
        s[i], b[i] = norms_on_grid([spectral[i], distances[i]])
        count += 2
        if positions[i]:
            t[i], u[i] = norms_on_grid([bias_norms[i], bias_distances[i]])
            count += 2
    gains = [log_product_up([norm, rho]) for norm, rho in zip(s, lipschitz, strict=True)]
    log_signal, reaches = log_up(radius), []
    for i, rho in enumerate(lipschitz):
        log_root = 0.5 * log_up(float(positions[i]))
        if i in free:
            moved = _log_sum_up(add_up(log_up(b[i]), log_signal), u[i], log_root)
            reaches.append(add_up(moved, log_up(rho), *gains[i + 1 :]))
        log_signal = _log_sum_up(add_up(gains[i], log_signal), mul_up(rho, t[i]), log_root)
    return reaches, norm_grid_cost(count)


def _log_sum_up(log_term: float, bias: float, log_root: float) -> float:
    """``ln(exp(log_term) + bias exp(log_root))``, rounded up; without bias nothing is added."""
    if bias == 0.0 or log_root == -math.inf:
        return log_term
    return logaddexp_up(log_term, add_up(log_up(bias), log_root))
