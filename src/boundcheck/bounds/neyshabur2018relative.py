r"""Spectral norms by PAC-Bayes, each margin held against the norm of its own input.

A sharper form, derived here, of B. Neyshabur, S. Bhojanapalli and N. Srebro, A PAC-Bayesian approach to spectrally-normalized
margin bounds for neural networks, ICLR 2018 (``neyshabur2018spectral``). A network without biases is positively homogeneous,
so a perturbation of its weights moves the margin at x in proportion to |x|. With the loss :math:`1[\hat m_{w+u}(x, y) \le t
\|x\| / 2]`, bounded and a function of (x, y) as PAC-Bayes asks, no radius of the inputs has to be known:

.. math:: R(f) \le \mathrm{kl}^{-1}\Big(\hat P(\hat m \le t \|x\|),
          \frac1n \Big[\frac{\sum_l \|W_l/s_l\|_F^2/(2\sigma_l^2) + h(p)}{1-p}
          + \ln\frac{401\,\xi(n)}{\delta}\Big]\Big), \quad \tau = \big(1 + t / (2\sqrt2 \rho)\big)^{1/L} - 1 .

The proof is that of ``lemmas.perturbation``, whose second step is relative to |x|: where the network does not err by more
than the perturbation, 1[m_w <= 0] <= 1[m_{w+u} <= t|x|/2] <= 1[m_w <= t|x|] at every x; the input 0 has margin 0 and counts
as an error throughout. With |x| <= B and t = gamma / B on the grid this is never above ``neyshabur2018spectral``.
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


class Neyshabur2018Relative(Theorem):
    """Gaussian perturbation of normalized layers; margins relative to input norms."""

    name = "neyshabur2018relative"
    title = "spectral norms by PAC-Bayes, relative margins"
    family = "norm"
    cite = (
        "a sharper form, derived in boundcheck, of Neyshabur, Bhojanapalli, Srebro, A PAC-Bayesian approach to "
        "spectrally-normalized margin bounds for neural networks, ICLR 2018"
    )
    statement = (
        r"R(f) \le \mathrm{kl}^{-1}\Big(\hat P(\hat m \le t \|x\|),"
        r" \frac1n \Big[\frac{\sum_l \|W_l/s_l\|_F^2/(2\sigma_l^2) + h(p)}{1-p}"
        r" + \ln\frac{401\,\xi(n)}{\delta}\Big]\Big)"
    )
    reads = ("problem", "structure", "relative_margins", "layers")
    moves = {"relative_margins": -1, "frobenius": 1, "factors": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Nothing is asked of the inputs."""
        return (
            *sample_hypotheses(evidence),
            chain_hypothesis(evidence),
            no_bias_hypothesis(evidence),
            lipschitz_hypothesis(evidence),
            kernel_hypothesis(evidence, mirrored=False),
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Normalized layers and relative margins."""
        if evidence.relative_margins is None:
            raise NotApplicable("the evidence holds no relative margins")
        return {
            "relative_margins": evidence.relative_margins,
            **normalized_layers(chain_layers(evidence)),
            "n": evidence.problem.n,
        }

    @staticmethod
    def formula(
        *,
        relative_margins: Sequence[float],
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
            relative_margins: Margin over input norm for each row of the sample, rounded down.
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
            margins=relative_margins,
            radius=1.0,
            outside=0,
            spectral=spectral,
            frobenius=frobenius,
            taps=taps,
            out_channels=out_channels,
            in_channels=in_channels,
            factors=factors,
            n=n,
            delta=delta,
        )
