"""Measures of what the predictor does: path norms, the Fisher-Rao norm, layer cushions, the norm of a kernel predictor."""

from __future__ import annotations

import math

from boundcheck.evidence.record import Evidence
from boundcheck.measures.measure import Measure
from boundcheck.measures.norms import log_margin
from boundcheck.measures.reading import geometry, log, trained_layers
from boundcheck.theorem import NotApplicable


def _log_l1_path(evidence: Evidence) -> float:
    if evidence.path is None or evidence.path.log_total == -math.inf:
        raise NotApplicable("the path norm is zero")
    return evidence.path.log_total


def _kernel_norm(evidence: Evidence) -> float:
    if evidence.kernel is None:
        raise NotApplicable("the evidence holds no kernel")
    return math.sqrt(2.0 / evidence.problem.n) * evidence.kernel.norm


def _log_cushions(evidence: Evidence) -> float:
    gains, layers = geometry(evidence).least_gain, trained_layers(evidence)
    found = [(layers[name].frobenius, gain) for name, gain in gains.items() if name in layers]
    if len(found) < len(layers):
        raise NotApplicable("a layer met no signal but zero")
    log(min(gain for _, gain in found), "the image of a signal under a layer")
    return math.log(math.fsum((frobenius / gain) ** 2 for frobenius, gain in found))


_PATH = r"\sum_c f_{w^2}(1)_c"

FUNCTION = (
    Measure(
        "log_path_norm",
        "path norm with squared weights",
        rf"\ln {_PATH}",
        "Neyshabur, Tomioka, Srebro, COLT 2015, as in Jiang et al., ICLR 2020: the summed outputs of the network with squared "
        "weights on the all-ones input; its logarithm",
        1,
        ("geometry",),
        lambda e: geometry(e).log_squared_path,
    ),
    Measure(
        "log_path_norm_over_margin",
        "path norm with squared weights over the margin",
        rf"\ln {_PATH} - 2 \ln \gamma",
        "Jiang et al., ICLR 2020; its logarithm",
        1,
        ("geometry", "margins"),
        lambda e: geometry(e).log_squared_path - 2.0 * log_margin(e),
    ),
    Measure(
        "log_l1_path_norm",
        "path norm with absolute weights",
        r"\ln \sum_c f_{|w|}(1)_c",
        "Neyshabur, Tomioka, Srebro, COLT 2015, exponent 1; max-pools count as sums",
        1,
        ("path",),
        _log_l1_path,
    ),
    Measure(
        "fisher_rao",
        "Fisher-Rao norm",
        r"\langle w, I(w) w\rangle = \frac1m \sum_{i=1}^m \langle w, \nabla_w \ell(f_w(x_i), y_i)\rangle^2",
        "Liang, Poggio, Rakhlin, Stokes, AISTATS 2019, with the labels of the sample and the cross-entropy; on m rows",
        1,
        ("geometry",),
        lambda e: geometry(e).fisher_rao,
    ),
    Measure(
        "log_layer_cushions",
        "inverse squared layer cushions",
        r"\ln \sum_l \mu_l^{-2},\ \mu_l = \min_i \|W_l x_i^{l-1}\| / (\|W_l\|_F \|x_i^{l-1}\|)",
        "layer cushions of Arora, Ge, Neyshabur, Zhang, ICML 2018, on a part of the sample; the interlayer cushions and the "
        "contraction of their theorem are left out",
        1,
        ("layers", "geometry"),
        _log_cushions,
    ),
    Measure(
        "kernel_norm",
        "norm of a kernel predictor over the root of the sample size",
        r"\sqrt{2 \|f\|^2 / n}",
        "Arora, Du, Hu, Li, Wang, ICML 2019, for the interpolant of smallest norm, where the squared norm is that of the labels "
        "in the inverse Gram matrix; their kernel is the tangent kernel of a first layer",
        1,
        ("kernel",),
        _kernel_norm,
    ),
)
