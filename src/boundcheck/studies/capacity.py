r"""The complexity of the classes that a trained network lies in, each as an interval, beside the bounds that speak of it.

An upper and a lower bound stand in one row only where they speak of the same class:

* all programs of the architecture: from above by Massart's lemma over the settings of their bits, from below by what fits
  random signs;
* all its networks in exact arithmetic: from above by Massart's lemma over their loss patterns, counted by the growth function;
* the networks in a ball of a norm, with the ramp loss at the margin that the theorem of this norm chose for the trained
  network: from above by that theorem, from below by the fits scaled into the ball.

No complexity exceeds 1/2, that of all losses. Classes of the first two kinds are fixed before the sample, so the gap that no
two-sided bound of the class can avoid follows for them. A ball is that of the trained network, chosen after seeing the sample:
its complexity is that of a fixed class given the sample, but no statement on new samples follows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boundcheck.bounds import CATALOGUE
from boundcheck.bounds.lemmas.counting import counting_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.growth import log_growth_upper
from boundcheck.numerics.rounding import div_up, log_up, mul_up, sqrt_up
from boundcheck.rademacher.lower import complexity_lower, uniform_gap_lower
from boundcheck.studies.sign_fits import BALLS, Ball, Draw, correlations
from boundcheck.theorem import NotApplicable

CLASS_WIDE = {
    "exact": ("vapnik1998growth", "mohri2018growth", "bartlett2019vcdim"),
    "program": ("massart2000finite", "mcallester1999occam"),
}
"""Theorems that promise a gap to every member of a class, by class."""

SECTIONS = ("problem", "structure", "margins", "inputs", "precision", "growth", "layers", "two_layer", "path")


@dataclass(frozen=True)
class Interval:
    """One class.

    Attributes:
        key: ``program``, ``exact`` or the name of the theorem whose ball it is.
        says: The class in words.
        lower: Lower bound of its empirical Rademacher complexity, with probability 1 - delta over the signs.
        upper: Upper bound, at most 1/2.
        stated: What the theorem says.
        by: The theorem.
        gap: What no two-sided bound on the gap of this class can be below on this sample, with probability 1 - delta over signs
            and sample; ``None`` for a class that was chosen after seeing the sample.
        promised: For each theorem on this class what its bound adds to the training error.
    """

    key: str
    says: str
    lower: float
    upper: float
    stated: float
    by: str
    gap: float | None
    promised: Mapping[str, float]

    def row(self) -> dict[str, Any]:
        """As JSON holds it."""
        promised = {name: value if math.isfinite(value) else None for name, value in self.promised.items()}
        return {**vars(self), "stated": self.stated if math.isfinite(self.stated) else None, "promised": promised}


def balls_of(evidence: Evidence, delta: float) -> tuple[dict[str, Ball], dict[str, str]]:
    """The balls of a trained network, and why others are not there.

    Args:
        evidence: With :data:`SECTIONS`.
        delta: Only guides the choice of the margin.
    """
    balls, absent = {}, {}
    for name, log_norm in BALLS.items():
        theorem = CATALOGUE[name]
        certificate = theorem(evidence, delta)
        if certificate.why is not None:
            absent[name] = certificate.why
            continue
        upper = float(certificate.terms["complexity"]) / 2.0  # the theorem adds twice the complexity
        balls[name] = Ball(name, log_norm(theorem.measure(evidence)), float(certificate.choices["margin"]), upper)
    return balls, absent


def intervals(evidence: Evidence, balls: Mapping[str, Ball], draws: Sequence[Draw], *, delta: float) -> list[Interval]:
    """One row a class; each holds with probability 1 - delta.

    Args:
        evidence: Of the trained network.
        balls: Its balls.
        draws: What the draws of signs gave; their number was fixed before the first.
        delta: Confidence in (0, 1).
    """
    found = []
    for key, (says, upper, by) in _classes(evidence, balls).items():
        values = correlations(list(draws), evidence.problem.n, key)
        if values is None:
            continue
        n = evidence.problem.n
        gap = None if key in balls else uniform_gap_lower(values, n=n, delta=delta)
        lower = complexity_lower(values, n=n, delta=delta)
        found.append(Interval(key, says, lower, min(upper, 0.5), upper, by, gap, _promised(evidence, key, delta)))
    return found


def _classes(evidence: Evidence, balls: Mapping[str, Ball]) -> dict[str, tuple[str, float, str]]:
    """For each class its name in words and an upper bound of its complexity."""
    classes: dict[str, tuple[str, float, str]] = {}
    n = evidence.problem.n
    if evidence.precision is not None:
        bits = mul_up(float(evidence.precision.bits), log_up(2.0))
        says = f"all programs of the architecture ({evidence.precision.detail})"
        classes["program"] = (says, sqrt_up(div_up(bits, 2.0 * n)), "Massart's lemma over the bits")
    try:
        symbols = counting_symbols(evidence)
        size = log_growth_upper(n, **{key: symbols[key] for key in ("tests", "degrees", "parameters", "blocks")})
        upper, by = sqrt_up(div_up(size, 2.0 * n)), "Massart's lemma over the loss patterns"
    except NotApplicable:
        upper, by = math.inf, "no theorem applies"
    if evidence.structure is not None and evidence.structure.lowered:
        classes["exact"] = ("all networks of the architecture, real weights", upper, by)
    for name, ball in balls.items():
        norm = f"{math.exp(ball.log_norm):.3g}" if ball.log_norm < 700.0 else f"e^{ball.log_norm:.1f}"
        says = f"{CATALOGUE[name].title} at most {norm}, ramp loss at margin {ball.margin:.3g}"
        classes[name] = (says, ball.upper, name)
    return classes


def _promised(evidence: Evidence, key: str, delta: float) -> dict[str, float]:
    """What the theorems on a class add to the training error."""
    found = {}
    for name in CLASS_WIDE.get(key, ()):
        certificate = CATALOGUE[name](evidence, delta)
        if certificate.why is None:
            found[name] = math.fsum(value for term, value in certificate.terms.items() if term != "training error")
    return found
