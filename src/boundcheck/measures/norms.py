r"""Measures from norms of layers and from margins. Products stay logarithms.

:math:`W_l` is the weight of layer l of L, its operator norm that of the layer on its true input, its Frobenius norm that of the
kernel; :math:`W_l^0` are the initial weights; batch normalizations are folded; :math:`\gamma` is the 10th percentile of the
margins. Sources: Jiang, Neyshabur, Mobahi, Krishnan, Bengio, Fantastic generalization measures and where to find them, ICLR 2020;
Dziugaite et al., In search of robust measures of generalization, NeurIPS 2020, where each is divided by n under a root.
"""

from __future__ import annotations

import math

from boundcheck.evidence.layer_norms import LayerNorms
from boundcheck.evidence.record import Evidence
from boundcheck.measures.measure import Measure
from boundcheck.measures.reading import (
    distance,
    distances_known,
    geometry,
    log,
    log_sum_exp,
    tenth_margin,
    trained_layers,
)
from boundcheck.theorem import NotApplicable

_JIANG = "Jiang et al., ICLR 2020"
_LOG_JIANG = f"{_JIANG}; its logarithm, as in Dziugaite et al., NeurIPS 2020"


def _spectral(layer: LayerNorms) -> float:
    return log(layer.spectral, "the operator norm of a layer")


def _frobenius(layer: LayerNorms) -> float:
    return log(layer.kernel_frobenius, "the Frobenius norm of a layer")


def log_margin(evidence: Evidence) -> float:
    """Logarithm of the 10th percentile of the margins."""
    return math.log(tenth_margin(evidence))


def _log_prod_of_spec(evidence: Evidence) -> float:
    return 2.0 * math.fsum(_spectral(layer) for layer in trained_layers(evidence).values())


def _log_prod_of_fro(evidence: Evidence) -> float:
    return 2.0 * math.fsum(_frobenius(layer) for layer in trained_layers(evidence).values())


def _log_sum(evidence: Evidence, log_product: float) -> float:
    """Logarithm of L times the L-th root of a product."""
    depth = len(trained_layers(evidence))
    return math.log(depth) + log_product / depth


def _fro_over_spec(evidence: Evidence) -> float:
    ratios = [2.0 * (_frobenius(layer) - _spectral(layer)) for layer in trained_layers(evidence).values()]
    return math.fsum(map(math.exp, ratios))


def _log_spec_orig(evidence: Evidence) -> float:
    return _log_prod_of_spec(evidence) + math.log(_fro_over_spec(evidence)) - 2.0 * log_margin(evidence)


def _log_spec_init(evidence: Evidence) -> float:
    distances_known(evidence)
    layers = trained_layers(evidence).values()
    total = math.fsum((layer.difference_frobenius / math.exp(_spectral(layer))) ** 2 for layer in layers)
    return _log_prod_of_spec(evidence) + log(total, "the distance to the initial weights") - 2.0 * log_margin(evidence)


def _param_norm(evidence: Evidence) -> float:
    return math.fsum(layer.kernel_frobenius**2 for layer in trained_layers(evidence).values())


def _fro_dist(evidence: Evidence) -> float:
    distances_known(evidence)
    return math.fsum(layer.difference_frobenius**2 for layer in trained_layers(evidence).values())


def _dist_spec_init(evidence: Evidence) -> float:
    found = geometry(evidence).difference_spectral
    if found is None:
        return distance(None)
    return math.fsum(norm**2 for norm in found.values())


def _log_spectral_complexity(evidence: Evidence) -> float:
    """R_A of Bartlett et al.: distances where initial weights are known, else norms."""
    layers = list(trained_layers(evidence).values())
    ratios = [log(v.difference_row_norm_sum, "the distance to the reference") - _spectral(v) for v in layers]
    return 0.5 * _log_prod_of_spec(evidence) + 1.5 * log_sum_exp([r * 2.0 / 3.0 for r in ratios]) - log_margin(evidence)


def _log_ledent(evidence: Evidence) -> float:
    layers = list(trained_layers(evidence).values())
    *lower, last = layers
    if last.kind != "dense" or last.positions != 1:
        raise NotApplicable("the last layer is not a dense layer on the whole signal")
    top = log(geometry(evidence).last_row_norm, "the last layer")
    ratios = [log(v.difference_group_norm, "the distance to the reference") - _spectral(v) for v in lower]
    ratios.append(_frobenius(last) - top)
    product = math.fsum(_spectral(v) for v in lower) + top
    return product + 1.5 * log_sum_exp([r * 2.0 / 3.0 for r in ratios]) - log_margin(evidence)


_LAYERS, _BOTH = ("layers",), ("layers", "margins")
_SPEC, _FRO = r"\prod_l \|W_l\|_{op}^2", r"\prod_l \|W_l\|_F^2"

NORMS = (
    Measure("inverse_margin", "inverse squared margin", r"1/\gamma^2", _JIANG, 1, ("margins",), lambda e: tenth_margin(e) ** -2),
    Measure("log_prod_of_spec", "product of operator norms", rf"\ln {_SPEC}", _LOG_JIANG, 1, _LAYERS, _log_prod_of_spec),
    Measure(
        "log_prod_of_spec_over_margin",
        "product of operator norms over the margin",
        rf"\ln {_SPEC} - 2 \ln \gamma",
        _LOG_JIANG,
        1,
        _BOTH,
        lambda e: _log_prod_of_spec(e) - 2.0 * log_margin(e),
    ),
    Measure(
        "log_sum_of_spec",
        "depth times the geometric mean of operator norms",
        rf"\ln L + \tfrac1L \ln {_SPEC}",
        _LOG_JIANG,
        1,
        _LAYERS,
        lambda e: _log_sum(e, _log_prod_of_spec(e)),
    ),
    Measure(
        "log_sum_of_spec_over_margin",
        "depth times the geometric mean of operator norms, over the margin",
        rf"\ln L + \tfrac1L (\ln {_SPEC} - 2 \ln \gamma)",
        _LOG_JIANG,
        1,
        _BOTH,
        lambda e: _log_sum(e, _log_prod_of_spec(e) - 2.0 * log_margin(e)),
    ),
    Measure("log_prod_of_fro", "product of Frobenius norms", rf"\ln {_FRO}", _LOG_JIANG, 1, _LAYERS, _log_prod_of_fro),
    Measure(
        "log_prod_of_fro_over_margin",
        "product of Frobenius norms over the margin",
        rf"\ln {_FRO} - 2 \ln \gamma",
        _LOG_JIANG,
        1,
        _BOTH,
        lambda e: _log_prod_of_fro(e) - 2.0 * log_margin(e),
    ),
    Measure(
        "log_sum_of_fro",
        "depth times the geometric mean of Frobenius norms",
        rf"\ln L + \tfrac1L \ln {_FRO}",
        _LOG_JIANG,
        1,
        _LAYERS,
        lambda e: _log_sum(e, _log_prod_of_fro(e)),
    ),
    Measure(
        "log_sum_of_fro_over_margin",
        "depth times the geometric mean of Frobenius norms, over the margin",
        rf"\ln L + \tfrac1L (\ln {_FRO} - 2 \ln \gamma)",
        _LOG_JIANG,
        1,
        _BOTH,
        lambda e: _log_sum(e, _log_prod_of_fro(e) - 2.0 * log_margin(e)),
    ),
    Measure("fro_over_spec", "sum of stable ranks", r"\sum_l \|W_l\|_F^2 / \|W_l\|_{op}^2", _JIANG, 1, _LAYERS, _fro_over_spec),
    Measure(
        "log_spec_orig_main",
        "operator norms times stable ranks over the margin",
        rf"\ln\Big({_SPEC} \sum_l \|W_l\|_F^2 / \|W_l\|_{{op}}^2 / \gamma^2\Big)",
        f"main term of Neyshabur, Bhojanapalli, Srebro, ICLR 2018, as in {_LOG_JIANG}",
        1,
        _BOTH,
        _log_spec_orig,
    ),
    Measure(
        "log_spec_init_main",
        "operator norms times relative distances from the initial weights over the margin",
        rf"\ln\Big({_SPEC} \sum_l \|W_l - W_l^0\|_F^2 / \|W_l\|_{{op}}^2 / \gamma^2\Big)",
        f"main term of Neyshabur, Bhojanapalli, Srebro, ICLR 2018, as in {_LOG_JIANG}",
        1,
        _BOTH,
        _log_spec_init,
    ),
    Measure("param_norm", "squared norm of the weights", r"\sum_l \|W_l\|_F^2", _JIANG, 1, _LAYERS, _param_norm),
    Measure(
        "fro_dist", "squared distance from the initial weights", r"\sum_l \|W_l - W_l^0\|_F^2", _JIANG, 1, _LAYERS, _fro_dist
    ),
    Measure(
        "dist_spec_init",
        "squared operator norms of the distances from the initial weights",
        r"\sum_l \|W_l - W_l^0\|_{op}^2",
        _JIANG,
        1,
        ("geometry",),
        _dist_spec_init,
    ),
    Measure(
        "log_spectral_complexity",
        "spectral complexity over the margin",
        r"\ln\Big(\prod_l \|W_l\|_{op} \big(\sum_l (\|W_l - W_l^0\|_{2,1} / \|W_l\|_{op})^{2/3}\big)^{3/2} / \gamma\Big)",
        "Bartlett, Foster, Telgarsky, NeurIPS 2017; the (2,1) norm sums the norms of the rows of the unrolled layer with its "
        "bias; without initial weights they count as zero",
        1,
        _BOTH,
        _log_spectral_complexity,
    ),
    Measure(
        "log_ledent_complexity",
        "spectral complexity with shared filters and a favoured last layer, over the margin",
        r"\ln\Big(\rho \prod_{l<L} \|W_l\|_{op} \big(\sum_{l<L} (\|W_l - W_l^0\|_{2,1} / \|W_l\|_{op})^{2/3}"
        r" + (\|W_L\|_F / \rho)^{2/3}\big)^{3/2} / \gamma\Big),\ \rho = \max_c \|W_{L,c}\|",
        "after Ledent, Mustafa, Lei, Kloft, AAAI 2021, the part made of norms; every filter counts once, its norms over input "
        "channels summed over taps; norms of patches and logarithms are left out",
        1,
        (*_BOTH, "geometry"),
        _log_ledent,
    ),
)
