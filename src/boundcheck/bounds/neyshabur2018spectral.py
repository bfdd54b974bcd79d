r"""Spectral norms and stable ranks by PAC-Bayes: a Gaussian perturbation of the network.

B. Neyshabur, S. Bhojanapalli and N. Srebro, A PAC-Bayesian approach to spectrally-normalized margin bounds for neural
networks, ICLR 2018, Theorem 1, which hides its constants: for inputs of norm at most B known beforehand, networks of L layers
of width h, of order

.. math:: \sqrt{\frac{B^2 L^2 h \ln(L h) \prod_l \|W_l\|_{op}^2 \sum_l \|W_l\|_F^2 / \|W_l\|_{op}^2}{\gamma^2 n}} .

What differs: explicit constants. Networks without biases are normalized layer by layer, and the prior is the Gaussian around
0 on the normalized layers, with a variance for each threshold of a grid, in place of a grid over the product of norms. With
:math:`\hat m = m / \prod s_l`, :math:`\tau = (1 + \hat\gamma / (2\sqrt2 B \rho))^{1/L} - 1`, :math:`\sigma_l` as in
``lemmas.perturbation`` (which holds the proof),

.. math:: R(f) \le \mathrm{kl}^{-1}\Big(\hat P(\hat m \le \hat\gamma \text{ or } \|x\| > B),
          \frac1n \Big[\frac{\sum_l \|W_l/s_l\|_F^2/(2\sigma_l^2) + h(p)}{1-p}
          + \ln\frac{401\,\xi(n)}{\delta}\Big]\Big),

with xi(n) = sum_k C(n,k) (k/n)^k (1 - k/n)^(n-k). An input outside the ball counts as an error of the loss, in the sample and
in the population alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.layers import (
    chain_hypothesis,
    chain_layers,
    kernel_hypothesis,
    lipschitz_hypothesis,
    no_bias_hypothesis,
    sample_hypotheses,
)
from boundcheck.bounds.lemmas.perturbation import normalized_layers, perturbation_bound
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem


class Neyshabur2018Spectral(Theorem):
    """Gaussian perturbation of normalized layers; inputs in a ball known beforehand."""

    name = "neyshabur2018spectral"
    title = "spectral norms by PAC-Bayes"
    family = "norm"
    cite = (
        "Neyshabur, Bhojanapalli, Srebro, A PAC-Bayesian approach to spectrally-normalized margin bounds for neural networks, "
        "ICLR 2018, Theorem 1, with constants derived in boundcheck"
    )
    statement = (
        r"R(f) \le \mathrm{kl}^{-1}\Big(\hat P(\hat m \le \hat\gamma),"
        r" \frac1n \Big[\frac{\sum_l \|W_l/s_l\|_F^2/(2\sigma_l^2) + h(p)}{1-p}"
        r" + \ln\frac{401\,\xi(n)}{\delta}\Big]\Big)"
    )
    reads = ("problem", "structure", "margins", "inputs", "layers")
    moves = {"margins": -1, "radius": 1, "outside": 1, "frobenius": 1, "factors": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """The ball that holds the inputs has to be known before the sample."""
        return (
            *sample_hypotheses(evidence),
            chain_hypothesis(evidence),
            no_bias_hypothesis(evidence),
            lipschitz_hypothesis(evidence),
            kernel_hypothesis(evidence, mirrored=False),
            Hypothesis.check(
                "a bound on the norm of inputs is known before the sample is seen",
                evidence.problem.input_radius is not None,
                "the data come without one",
            ),
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Normalized layers, and the ball."""
        radius = evidence.problem.input_radius
        if radius is None or not radius > 0.0 or evidence.inputs is None or evidence.margins is None:
            raise NotApplicable(f"the evidence holds no inputs, margins or positive radius ({radius})")
        return {
            "margins": evidence.margins,
            "radius": radius,
            "outside": evidence.inputs.outside_radius,
            **normalized_layers(chain_layers(evidence)),
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *,
        margins: Sequence[float],
        radius: float,
        outside: int,
        spectral: Sequence[float],
        frobenius: Sequence[float],
        taps: Sequence[int],
        out_channels: Sequence[int],
        in_channels: Sequence[int],
        factors: Sequence[float],
        n: int,
        delta: float,
    ) -> Bound:
        """The best threshold of the grid.

        Args:
            margins: Margins of the sample, rounded down.
            radius: B > 0, a bound on input norms known beforehand.
            outside: Rows of the sample whose norm may exceed B.
            spectral: s_l > 0, operator norms of the layers as linear maps, rounded up.
            frobenius: Frobenius norms of the distinct weights, rounded up.
            taps: Spatial size of the kernels; 1 for dense layers.
            out_channels: Output channels (outputs of a dense layer).
            in_channels: Input channels that one output sees (inputs of a dense layer).
            factors: Lipschitz constants of activations and pools, norms of fixed linear steps; rho is their product.
            n: Sample size.
            delta: Confidence in (0, 1).
        """
        return perturbation_bound(
            margins=margins,
            radius=radius,
            outside=outside,
            spectral=spectral,
            frobenius=frobenius,
            taps=taps,
            out_channels=out_channels,
            in_channels=in_channels,
            factors=factors,
            n=n,
            delta=delta,
        )
