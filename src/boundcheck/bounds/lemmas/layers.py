r"""What the norm-based theorems read off a chain of layers, and the hypotheses that they share.

Biases by augmentation: with x replaced by (x, 1) and the layer W h + b by :math:`\tilde W = [[W, b], [0, 1]]`, a network with
biases is one without. (Leaky) ReLU leaves the 1 alone; a pool between layers acts on the other coordinates only, so its
Lipschitz constant becomes max(1, .). The last layer needs no further 1, so it is [W, b]. The bias of a convolution acts at
every position: as a vector its norm is the root of the number of positions times that of the channels.

A step with weights but no parameters (normalization constants that were fixed before the data) is a known linear map: it
costs its operator norm and nothing has to be paid for choosing it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, mul_up, sqrt_up
from boundcheck.theorem import Hypothesis, NotApplicable


def chain_layers(evidence: Evidence) -> list[LayerNorms]:
    """The layers of the chain, in order.

    Raises:
        NotApplicable: There is no layer, or a norm is not a finite number.
    """
    structure, layers = evidence.structure, evidence.layers
    if structure is None or layers is None or not structure.chain:
        raise NotApplicable("the network has no chain of affine layers")
    found = [layers[name] for name in structure.chain]
    if not any(trained(layer) for layer in found):
        raise NotApplicable("the network has no parameters")
    return found


def trained(layer: LayerNorms) -> bool:
    """Whether the layer has parameters; otherwise it was fixed before the data."""
    return layer.parameters > 0


def sample_hypotheses(evidence: Evidence) -> list[Hypothesis]:
    """Independence, an architecture chosen before the data, margins that are certainly not too large."""
    structure = evidence.structure
    return [
        Hypothesis.assume("the training examples are independent draws from one distribution"),
        Hypothesis.assume("the architecture was fixed before the training sample was looked at"),
        Hypothesis.check(
            "margins are lowered by the floating-point error of the evaluation",
            structure is not None and structure.lowered,
            "the network was evaluated as it runs, without an error bound",
        ),
    ]


def chain_hypothesis(evidence: Evidence) -> Hypothesis:
    """A plain sequence of affine layers, activations and pools."""
    s = evidence.structure
    holds = s is not None and bool(s.chain) and not s.unplaced
    because = "" if s is None or holds else (s.why_no_chain or ", ".join(s.unplaced) or "it has no affine layer")
    return Hypothesis.check("the network is a chain of affine layers, activations and pools", holds, because)


def slope_hypothesis(evidence: Evidence) -> Hypothesis:
    """ReLU or LeakyReLU with a slope that does not turn round."""
    slopes = () if evidence.structure is None else evidence.structure.elementwise
    bad = [a for a in slopes if not 0.0 <= a <= 1.0]
    return Hypothesis.check(
        "activations are ReLU or LeakyReLU with a slope in [0, 1]", not bad, f"an activation has slope {bad[0] if bad else ''}"
    )


def lipschitz_hypothesis(evidence: Evidence) -> Hypothesis:
    """What stands between the layers is Lipschitz, and 0 at 0."""
    layers = evidence.layers or {}
    loose = [name for name, layer in layers.items() if not math.isfinite(layer.lipschitz_after)]
    return Hypothesis.check(
        "activations and pools vanish at zero and have known Lipschitz constants",
        not loose,
        f"not known after {', '.join(loose)}",
    )


def no_bias_hypothesis(evidence: Evidence) -> Hypothesis:
    """No constants anywhere."""
    s = evidence.structure
    return Hypothesis.check("no layer has a bias", s is not None and not s.has_bias, "some affine step adds a constant")


def no_max_pool_hypothesis(evidence: Evidence) -> Hypothesis:
    """Peeling goes through elementwise activations only."""
    s = evidence.structure
    return Hypothesis.check("there is no max-pooling", s is not None and not s.has_max_pool, "the network has a max-pool")


def reference_hypothesis(evidence: Evidence) -> Hypothesis:
    """Reference weights must not depend on the sample; zero ones can't."""
    says = "the reference weights were fixed before the training sample was looked at"
    if evidence.provenance.reference == "zero":
        return Hypothesis.check(says, True)
    return Hypothesis.assume(says)


def has_bias(evidence: Evidence) -> bool:
    """Whether inputs and layers are augmented by a constant."""
    return evidence.structure is not None and evidence.structure.has_bias


def bias_vector_norm(layer: LayerNorms) -> float:
    """Norm of the constant that the layer adds, over all positions; rounded up."""
    return mul_up(layer.bias_norm, sqrt_up(float(layer.positions)))


def frobenius_norms(layers: Sequence[LayerNorms], *, biased: bool) -> list[float]:
    """:func:`frobenius_augmented` of the layers that have parameters, in order."""
    end = len(layers) - 1
    return [frobenius_augmented(a, biased=biased, last=i == end) for i, a in enumerate(layers) if trained(a)]


def frobenius_augmented(layer: LayerNorms, *, biased: bool, last: bool) -> float:
    """Frobenius norm of the layer, or of the augmented one in a network with biases; rounded up."""
    if not biased:
        return layer.frobenius
    constant = 0.0 if last else 1.0
    bias = bias_vector_norm(layer)
    return sqrt_up(add_up(mul_up(layer.frobenius, layer.frobenius), mul_up(bias, bias), constant))


def spectral_augmented(layer: LayerNorms, *, biased: bool, last: bool) -> float:
    r"""Operator norm of the layer, or of the augmented one in a network with biases; rounded up.

    :math:`\|[[W, b], [0, 1]]\|` is at most the norm of the 2 x 2 matrix [[|W|, |b|], [0, 1]], whose larger singular value
    squared is (T + sqrt(T^2 - 4 |W|^2)) / 2 with T = |W|^2 + |b|^2 + 1; T^2 - 4|W|^2 is
    (|W|^2 - 1)^2 + |b|^2 (2|W|^2 + 2 + |b|^2).
    For the last layer, |[W, b]|^2 is at most |W|^2 + |b|^2.
    """
    if not biased:
        return layer.spectral
    s, b = mul_up(layer.spectral, layer.spectral), bias_vector_norm(layer)
    b = mul_up(b, b)
    if last:
        return sqrt_up(add_up(s, b))
    gap = max(add_up(s, -1.0), add_up(1.0, -s))
    root = sqrt_up(add_up(mul_up(gap, gap), mul_up(b, add_up(2.0 * s, 2.0, b))))
    bound = sqrt_up(add_up(s, b, 1.0, root) / 2.0)
    exact = layer.kind == "dense" and layer.positions == 1 and layer.has_bias
    return min(bound, layer.augmented_spectral) if exact else bound


def spectral_norms(layers: Sequence[LayerNorms], *, biased: bool) -> list[float]:
    """:func:`spectral_augmented` of the layers that have parameters, in order."""
    end = len(layers) - 1
    return [spectral_augmented(a, biased=biased, last=i == end) for i, a in enumerate(layers) if trained(a)]


def lipschitz_factors(layers: Sequence[LayerNorms], *, biased: bool) -> list[float]:
    """Lipschitz constants of what follows the layers, on augmented signals in a network with biases."""
    return [max(1.0, layer.lipschitz_after) if biased else layer.lipschitz_after for layer in layers]


def fixed_factors(layers: Sequence[LayerNorms], *, biased: bool) -> list[float]:
    """Operator norms of the steps that have no parameters."""
    end = len(layers) - 1
    return [spectral_augmented(a, biased=biased, last=i == end) for i, a in enumerate(layers) if not trained(a)]


def require_positive(norms: Sequence[float], what: str) -> None:
    """Refuse a network that is constant or has a norm that no float holds.

    Raises:
        NotApplicable: A norm is zero or infinite.
    """
    for norm in norms:
        if not 0.0 < norm < float("inf"):
            raise NotApplicable(f"{what} is {norm}: the network is constant or its norms overflow")


def kernel_hypothesis(evidence: Evidence, *, mirrored: bool) -> Hypothesis:
    """Dense layers and convolutions; scalings that were trained are neither.

    Args:
        evidence: The record.
        mirrored: Whether padding may repeat positions, so that one weight meets an input several times: norms over taps have to
            count that.
    """
    kinds = ("dense", "conv", "mirrored conv") if mirrored else ("dense", "conv")
    layers = evidence.layers or {}
    other = [f"{name} is {a.kind}" for name, a in layers.items() if trained(a) and a.kind not in kinds]
    says = "trained layers are dense or convolutions" + ("" if mirrored else " with zero or circular padding")
    return Hypothesis.check(says, not other, ", ".join(other))
