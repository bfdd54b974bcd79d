r"""Hoeffding's inequality on held-out data.

W. Hoeffding, Probability inequalities for sums of bounded random variables, Journal of the American Statistical Association 58
(1963) 13-30, Theorems 1 and 2.

Statement: for a predictor fixed before m further examples are drawn, with losses in an interval of length b - a, with
probability at least 1 - delta,

.. math:: R \le \hat R_m + (b - a) \sqrt{\frac{\ln(1/\delta)}{2m}}.

Proof. Z - E Z with Z in [a, b] has E exp(t(E Z - Z)) <= exp(t^2 (b - a)^2 / 8); Markov's inequality for the product of m of
these, t = 4 eps / (b - a)^2 each, gives P(R - \hat R_m >= eps) <= exp(-2 m eps^2 / (b - a)^2).

The loss of an example is its error; where training labels were replaced at random it is the expectation of the error over the
law of the label, which lies in [p(1 - 1/k), 1] (:mod:`boundcheck.bounds.lemmas.held_out`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.held_out import expected_losses, held_out_hypotheses, held_out_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.rounding import div_up, log_up, mul_up, sqrt_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Hoeffding1963TestSet(Theorem):
    """Hoeffding's inequality on held-out data: the bound on the back of an envelope."""

    name = "hoeffding1963testset"
    title = "test-set bound (Hoeffding)"
    family = "test-set"
    cite = "Hoeffding, Probability inequalities for sums of bounded random variables, JASA 58 (1963), Theorem 2"
    statement = r"R(f) \le \hat R_m(f) + (b - a) \sqrt{\frac{\ln(1/\delta)}{2m}}"
    reads = ("errors", "problem")
    moves: ClassVar[Mapping[str, int]] = {"errors": 1, "invalid": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """Independence of the held-out sample, and a single look."""
        return held_out_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """Counts of the held-out sample."""
        return held_out_symbols(evidence)

    @staticmethod
    def formula(*, m: int, errors: int, invalid: int, corruption: float, classes: int, delta: float) -> Bound:
        """The mean and its deviation.

        Args:
            m: Held-out examples, at least 1.
            errors: Errors among them on clean labels, ``invalid`` included.
            invalid: Ties and NaN among them.
            corruption: Probability p in [0, 1] with which a label is uniform.
            classes: Number of classes k >= 2.
            delta: Confidence in (0, 1).
        """
        losses = expected_losses(m=m, errors=errors, invalid=invalid, corruption=corruption, classes=classes)
        deviation = sqrt_up(div_up(log_up(div_up(1.0, delta)), 2.0 * m))
        return Bound({"test error": losses.mean, "confidence": mul_up(losses.width, deviation)})
