r"""Measures of flatness: how far the weights can be moved before a tenth of the accuracy is lost.

:math:`\sigma` is the largest standard deviation of independent noise on all weights (the standard deviation, not the variance)
at which the mean training accuracy falls by at most 0.1; :math:`\sigma'` the same for noise of standard deviation
:math:`\sqrt{\sigma'^2 w_i^2 + \epsilon^2}`, :math:`\epsilon = 10^{-3}`; :math:`\alpha` for the worst perturbation with
:math:`|u_i| \le \alpha` that gradient ascent meets. :math:`\omega` counts the weights w; :math:`w^0` are the initial ones.
Found by bisection with noise that is the same at every scale.
"""

from __future__ import annotations

import math

from boundcheck.evidence.record import Evidence
from boundcheck.measures.measure import Measure
from boundcheck.measures.reading import distance, flatness, scale

_SOURCE = "Jiang et al., ICLR 2020, with the constants of Dziugaite et al., NeurIPS 2020"


def _pac_bayes(evidence: Evidence, squared: float) -> float:
    sigma = scale(flatness(evidence).sigma)
    return squared / (4.0 * sigma**2) + math.log(evidence.problem.n / sigma) + 10.0


def _magnitude(evidence: Evidence, squared: float, log_sum: float) -> float:
    f = flatness(evidence)
    s = scale(f.magnitude_sigma)
    top = f.parameters * math.log(f.floor**2 + (s**2 + 1.0) * squared / f.parameters)
    return 0.25 * (top - log_sum) + math.log(evidence.problem.n / s) + 10.0


def _magnitude_orig(evidence: Evidence) -> float:
    f = flatness(evidence)
    return _magnitude(evidence, f.squared_norm, scale(f.log_magnitude_norm))


def _magnitude_init(evidence: Evidence) -> float:
    f = flatness(evidence)
    squared = distance(f.squared_distance)
    return _magnitude(evidence, squared, scale(f.log_magnitude_distance))


_READS = ("flatness",)

PERTURBATION = (
    Measure(
        "pacbayes_orig",
        "PAC-Bayes, prior at zero",
        r"\|w\|^2 / (4\sigma^2) + \ln(n/\sigma) + 10",
        _SOURCE,
        1,
        _READS,
        lambda e: _pac_bayes(e, flatness(e).squared_norm),
    ),
    Measure(
        "pacbayes_init",
        "PAC-Bayes, prior at the initial weights",
        r"\|w - w^0\|^2 / (4\sigma^2) + \ln(n/\sigma) + 10",
        _SOURCE,
        1,
        _READS,
        lambda e: _pac_bayes(e, distance(flatness(e).squared_distance)),
    ),
    Measure("pacbayes_flatness", "flatness", r"1/\sigma^2", _SOURCE, 1, _READS, lambda e: scale(flatness(e).sigma) ** -2),
    Measure(
        "pacbayes_mag_orig",
        "PAC-Bayes with noise that follows the weights, prior at zero",
        r"\tfrac14 \sum_i \ln \frac{\epsilon^2 + (\sigma'^2 + 1) \|w\|^2/\omega}{\epsilon^2 + \sigma'^2 w_i^2}"
        r" + \ln(n/\sigma') + 10",
        f"{_SOURCE}; the denominator holds the weights, as the divergence to a prior at zero has it, not their distances",
        1,
        _READS,
        _magnitude_orig,
    ),
    Measure(
        "pacbayes_mag_init",
        "PAC-Bayes with noise that follows the weights, prior at the initial weights",
        r"\tfrac14 \sum_i \ln \frac{\epsilon^2 + (\sigma'^2 + 1) \|w - w^0\|^2/\omega}{\epsilon^2 + \sigma'^2 (w_i - w_i^0)^2}"
        r" + \ln(n/\sigma') + 10",
        _SOURCE,
        1,
        _READS,
        _magnitude_init,
    ),
    Measure(
        "pacbayes_mag_flatness",
        "flatness under noise that follows the weights",
        r"1/\sigma'^2",
        _SOURCE,
        1,
        _READS,
        lambda e: scale(flatness(e).magnitude_sigma) ** -2,
    ),
    Measure(
        "sharpness_flatness",
        "sharpness",
        r"1/\alpha^2",
        "Keskar et al., ICLR 2017, as in Jiang et al., ICLR 2020; gradient ascent finds the worst perturbation from below only",
        1,
        _READS,
        lambda e: scale(flatness(e).radius) ** -2,
    ),
)
