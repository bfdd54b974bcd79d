r"""The empirical Bernstein bound on held-out data: small where the losses vary little.

A. Maurer and M. Pontil, Empirical Bernstein bounds and sample variance penalization, COLT 2009, Theorem 4.

Statement: for a predictor fixed before m >= 2 further examples are drawn, losses in [0, 1], V their unbiased sample variance,
with probability at least 1 - delta,

.. math:: R \le \hat R_m + \sqrt{\frac{2 V \ln(2/\delta)}{m}} + \frac{7 \ln(2/\delta)}{3 (m - 1)}.

What differs: nothing on clean labels. For replaced labels the losses are expectations in [a, 1] with a = p(1 - 1/k)
(:mod:`boundcheck.bounds.lemmas.held_out`); the theorem is applied to (z - a)/(1 - a), which puts a factor 1 - a on the last
term.

Proof. Let L = ln(2/delta). By Bernstein's inequality R - \hat R_m <= sqrt(2 E V L / m) + L/(3m) but for delta/2. The function
m V of the sample falls by at most 1 when one example is changed at its best, and the squares of these falls sum to at most m
V m/(m - 1); functions of this kind stay above their mean but for P(E V - V > s) <= exp(-(m - 1) s^2 / (2 E V)) (A. Maurer,
Concentration inequalities for functions of independent variables, 2006). Completing the square, sqrt(E V) <= sqrt(V) + sqrt(2
L / (m - 1)) but for another delta/2. Insert, and 2 L / sqrt(m (m - 1)) + L/(3m) <= 7 L / (3 (m - 1)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.held_out import expected_losses, held_out_hypotheses, held_out_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem


class Maurer2009TestSet(Theorem):
    """Empirical Bernstein on held-out data: the variance is estimated, and the estimate paid for."""

    name = "maurer2009testset"
    title = "test-set bound (empirical Bernstein)"
    family = "test-set"
    cite = "Maurer and Pontil, Empirical Bernstein bounds and sample variance penalization, COLT 2009, Theorem 4"
    statement = r"R(f) \le \hat R_m(f) + \sqrt{\frac{2 V \ln(2/\delta)}{m}} + (b - a) \frac{7 \ln(2/\delta)}{3 (m - 1)}"
    reads = ("errors", "problem")
    shares: ClassVar[Mapping[str, float]] = {"sample": 0.5, "variance": 0.5}
    moves: ClassVar[Mapping[str, int]] = {"delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Independence of the held-out sample, and a single look."""
        return held_out_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Counts of the held-out sample.

        Raises:
            NotApplicable: One example has no sample variance.
        """
        symbols = held_out_symbols(evidence)
        if symbols["m"] < 2:
            raise NotApplicable("a sample variance needs at least two held-out examples")
        return symbols

    @staticmethod
    def formula(*, m: int, errors: int, invalid: int, corruption: float, classes: int, delta: float) -> Bound:
        """The mean, the deviation that its variance allows, and the price of estimating the variance.

        Args:
            m: Held-out examples, at least 2.
            errors: Errors among them on clean labels, ``invalid`` included.
            invalid: Ties and NaN among them.
            corruption: Probability p in [0, 1] with which a label is uniform.
            classes: Number of classes k >= 2.
            delta: Confidence in (0, 1).

        Raises:
            ValueError: ``m`` is less than 2.
        """
        if m < 2:
            raise ValueError(f"expected at least two held-out examples; got {m}")
        losses = expected_losses(m=m, errors=errors, invalid=invalid, corruption=corruption, classes=classes)
        cost = log_up(div_up(2.0, delta))
        spread = sqrt_up(div_up(mul_up(2.0, losses.variance, cost), float(m)))
        rest = mul_up(losses.width, div_up(mul_up(7.0, cost), 3.0 * (m - 1)))
        return Bound({"test error": losses.mean, "confidence": add_up(spread, rest)})
