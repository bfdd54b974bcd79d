"""Measures that count parameters, whatever the weights are."""

from __future__ import annotations

import math

from boundcheck.evidence.record import Evidence
from boundcheck.measures.measure import Measure
from boundcheck.measures.reading import trained_layers


def _log_vc_order(evidence: Evidence) -> float:
    layers = trained_layers(evidence).values()
    weights = sum(layer.parameters for layer in layers)
    return math.log(weights * len(layers) * math.log(max(weights, 2)))


COUNTS = (
    Measure(
        "parameters", "number of parameters", "W", "Jiang et al., ICLR 2020", 1, (), lambda e: float(e.provenance.parameters)
    ),
    Measure(
        "log_vc_order",
        "order of the VC dimension",
        r"\ln(W L \ln W)",
        "Bartlett, Harvey, Liaw, Mehrabian, JMLR 2019: the order in W and the depth L with constant 1; a layer that stands "
        "at several places counts at each",
        1,
        ("layers",),
        _log_vc_order,
    ),
)
