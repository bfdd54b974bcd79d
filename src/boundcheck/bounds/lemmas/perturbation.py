r"""PAC-Bayes with a Gaussian perturbation of normalized layers: what both forms of the bound share.

Let f be a network of L layers without biases, W_l / s_l normalized by s_l >= |W_l|_op, rho the product of the Lipschitz
constants of what stands between, m its margins divided by prod s_l. Fix a threshold r > 0, p in (0, 1) and :math:`\tau = (1 +
r/(2 \sqrt 2 \rho))^{1/L} - 1`. Perturb the normalized layers by Gaussian kernels of standard deviation :math:`\sigma_l = \tau
/ \sum_{taps} (\sqrt{c_o} + \sqrt{c_i} + \sqrt{2 \ln(T/p)})`, T taps in all layers together (one in a dense layer).

(1) A Gaussian matrix has operator norm at most sqrt(c_o) + sqrt(c_i) + u except with probability exp(-u^2/2), and a
convolution at most the sum over its taps, so all layers move by at most tau except with probability p. (2) Then
:math:`\|f_{w+u}(x) - f_w(x)\| \le \|x\| \rho ((1 + \tau)^L - 1) = r \|x\| / (2 \sqrt 2)`, and the margin moves by at most
:math:`r \|x\| / 2`, since it is sqrt(2)-Lipschitz in the logits. (3) Restricted to that event, the posterior has divergence
at most (KL + h(p))/(1 - p) from the Gaussian prior around 0, where KL = sum |W_l/s_l|_F^2 / (2 sigma_l^2): KL(Q|P) >= Z
KL(Q_A|P) - h(Z), and (KL + h(Z))/Z falls in Z on [1/2, 1]. (4) The loss 1[m_{w+u}(x) <= r |x| / 2] lies above 1[m_w <= 0] and
below 1[m_w <= r |x|] for each x. PAC-Bayes-kl (J. Langford and M. Seeger; constant of A. Maurer, A note on the PAC-Bayesian
theorem, 2004) for it gives the bound; a union over a grid pays for r.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boundcheck.bounds.lemmas.layers import fixed_factors, lipschitz_factors, require_positive, trained
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.numerics import kl_inverse, log_xi_upper
from boundcheck.numerics.grid import LOG_GRID_SIZE_UP, scale_grid
from boundcheck.numerics.norms import log_product_up
from boundcheck.numerics.rounding import (
    add_up,
    div_down,
    div_up,
    exp_up,
    expm1_down,
    log1p_down,
    log_up,
    mul_down,
    mul_up,
    sqrt_up,
    sub_up,
    sum_up,
)
from boundcheck.theorem import Bound

Array = NDArray[np.float64]

OUTSIDE = 0.01
"""The probability p that a perturbation is too large; fixed before the data."""


def perturbation_bound(
    *,
    margins: ArrayLike,
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
    """The smallest of the 401 bounds that hold together.

    Args:
        margins: Margins of the sample, or margins over input norms, rounded down.
        radius: Largest input norm; 1 for relative margins.
        outside: Examples that count as errors because their norm may exceed the radius.
        spectral: Operator norms of the unrolled layers, rounded up.
        frobenius: Frobenius norms of the kernels, rounded up.
        taps: Spatial size of each kernel; 1 for a dense layer.
        out_channels: Output channels of each layer.
        in_channels: Channels that one output sees.
        factors: Lipschitz constants of what stands between the layers.
        n: Sample size.
        delta: Confidence of the whole grid.

    Returns:
        Terms ``margin error`` and ``complexity``; choice ``margin``, the margin asked for at an input of norm ``radius``.
    """
    thresholds = scale_grid()
    log_scale = log_product_up(spectral)
    with np.errstate(over="ignore"):
        absolute = exp_up(add_up(log_up(thresholds), log_scale))
    ordered = np.sort(np.asarray(margins, dtype=np.float64))
    counts = np.minimum(np.searchsorted(ordered, absolute, side="right") + outside, ordered.size)
    divergence = _divergence_up(thresholds, radius, spectral, frobenius, taps, out_channels, in_channels, factors)
    confidence = add_up(log_xi_upper(n), LOG_GRID_SIZE_UP, log_up(div_up(1.0, delta)))
    complexity = div_up(add_up(divergence, confidence), float(n))
    errors = counts / ordered.size
    shares = np.where(counts % ordered.size == 0, errors, np.nextafter(errors, 1.0))
    values = np.asarray(kl_inverse(shares, complexity))
    best = int(np.argmin(values))
    empirical = float(errors[best])
    terms = {"margin error": empirical, "complexity": max(sub_up(float(values[best]), empirical), 0.0)}
    return Bound(terms, {"margin": float(absolute[best])})


def normalized_layers(layers: Sequence[LayerNorms]) -> dict[str, Any]:
    """The symbols of :func:`perturbation_bound` that describe a chain of layers without biases.

    Raises:
        NotApplicable: A norm is zero or infinite.
    """
    free = [layer for layer in layers if trained(layer)]
    factors = lipschitz_factors(layers, biased=False) + fixed_factors(layers, biased=False)
    require_positive([layer.spectral for layer in free] + factors, "the norm of a layer")
    return {
        "spectral": [layer.spectral for layer in free],
        "frobenius": [layer.kernel_frobenius for layer in free],
        "taps": [layer.taps for layer in free],
        "out_channels": [layer.out_channels for layer in free],
        "in_channels": [layer.in_channels for layer in free],
        "factors": factors,
    }


def _divergence_up(
    thresholds: Array,
    radius: float,
    spectral: Sequence[float],
    frobenius: Sequence[float],
    taps: Sequence[int],
    out_channels: Sequence[int],
    in_channels: Sequence[int],
    factors: Sequence[float],
) -> Array:
    """(KL + h(p)) / (1 - p) for each threshold, rounded up; sigma_l is taken a little smaller than it may be."""
    log_factor = add_up(log_product_up(factors), log_up(radius), 1.5 * log_up(2.0))
    share = div_down(thresholds, exp_up(log_factor))
    tau = expm1_down(div_down(log1p_down(share), float(len(spectral))))
    spread = sqrt_up(2.0 * log_up(div_up(float(sum(taps)), OUTSIDE)))
    squares = []
    for s, f, t, o, i in zip(spectral, frobenius, taps, out_channels, in_channels, strict=True):
        root = mul_up(div_up(f, s), float(t), add_up(sqrt_up(float(o)), sqrt_up(float(i)), spread))
        squares.append(mul_up(root, root))
    with np.errstate(divide="ignore", over="ignore"):
        kl = div_up(sum_up(squares) / 2.0, np.maximum(mul_down(tau, tau), np.finfo(np.float64).tiny))
    return div_up(add_up(kl, _ENTROPY_UP), 1.0 - OUTSIDE - 2.0**-53)


_ENTROPY_UP = (-OUTSIDE * math.log(OUTSIDE) - (1.0 - OUTSIDE) * math.log1p(-OUTSIDE)) * (1.0 + 2.0**-48)
"""Binary entropy h(p) in nats, rounded up."""
