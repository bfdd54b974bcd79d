"""What several measures read off the evidence. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping

from boundcheck.evidence.flatness import Flatness
from boundcheck.evidence.geometry import Geometry
from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import NotApplicable

_NO_REFERENCE = "no initial weights were given, so that there is no distance to them"


def trained_layers(evidence: Evidence) -> Mapping[str, LayerNorms]:
    """The layers with parameters, in order; steps with constants fixed before the data are left out."""
    layers = {name: layer for name, layer in (evidence.layers or {}).items() if layer.parameters}
    if not layers:
        raise NotApplicable("no layer has parameters")
    return layers


def distances_known(evidence: Evidence) -> None:
    """Refuse a measure of the distance to initial weights that nobody gave.

    Raises:
        NotApplicable: The reference is zero.
    """
    if evidence.provenance.reference == "zero":
        raise NotApplicable(_NO_REFERENCE)


def geometry(evidence: Evidence) -> Geometry:
    """The section of that name."""
    if evidence.geometry is None:
        raise NotApplicable("the evidence holds no geometry")
    return evidence.geometry


def flatness(evidence: Evidence) -> Flatness:
    """The section of that name."""
    if evidence.flatness is None:
        raise NotApplicable("the evidence holds no flatness")
    return evidence.flatness


def distance(value: float | None) -> float:
    """A number that needs initial weights."""
    if value is None:
        raise NotApplicable(_NO_REFERENCE)
    return value


def scale(value: float | None) -> float:
    """A scale that a search found."""
    if value is None:
        raise NotApplicable("the search met an end of its range of scales")
    return value


def log(value: float, what: str) -> float:
    """Natural logarithm of a norm.

    Raises:
        NotApplicable: The norm is zero.
    """
    if value <= 0.0:
        raise NotApplicable(f"{what} is zero")
    return math.log(value)


def tenth_margin(evidence: Evidence) -> float:
    """The 10th percentile of the training margins: the smallest but n/10 - 1 of them.

    Raises:
        NotApplicable: It is not positive; a margin is never made positive by an absolute value.
    """
    margins = sorted(evidence.margins or ())
    if not margins:
        raise NotApplicable("there are no margins")
    value = margins[max(1, len(margins) // 10) - 1]
    if value <= 0.0:
        raise NotApplicable("the 10th percentile of the margins is not positive: a tenth of the sample is misclassified")
    return value


def log_sum_exp(logs: list[float]) -> float:
    """Logarithm of a sum from the logarithms of its terms."""
    top = max(logs)
    return top if math.isinf(top) else top + math.log(math.fsum(math.exp(x - top) for x in logs))
