r"""The Chernoff bound of relative entropy on held-out data.

J. Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005) 273-306, the relative entropy Chernoff
bound; it is W. Hoeffding, JASA 58 (1963), Theorem 1.

Statement: for a predictor fixed before m further examples are drawn, with losses in [0, 1], with probability at least 1 -
delta,

.. math:: R \le \mathrm{kl}^{-1}\Big(\hat R_m, \frac{\ln(1/\delta)}{m}\Big) := \sup\{p : m\,\mathrm{kl}(\hat R_m \| p) \le
          \ln(1/\delta)\}.

What differs: nothing on clean labels. For replaced labels the losses are expectations in [a, 1] with a = p(1 - 1/k)
(:mod:`boundcheck.bounds.lemmas.held_out`), and the theorem is applied to (z - a)/(1 - a).

Proof. exp(-t z) lies below the line through its ends on [0, 1], so E exp(-t z) <= 1 - R + R exp(-t), and Markov's inequality
at the best t gives P(\hat R_m <= q) <= exp(-m kl(q | R)) for q <= R. As q falls kl(q | R) grows, so the event that m kl(\hat
R_m | R) > ln(1/delta) and \hat R_m < R has probability at most delta.

Never above Hoeffding's bound (kl(q | p) >= 2 (p - q)^2), never below the inverted binomial tail, which holds for losses 0 and 1
alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.held_out import expected_losses, held_out_hypotheses, held_out_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics import kl_inverse
from boundcheck.numerics.rounding import add_up, div_up, log_up, mul_up, sub_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Langford2005Chernoff(Theorem):
    """Relative entropy on held-out data: one inversion between Hoeffding's inequality and the exact tail."""

    name = "langford2005chernoff"
    title = "test-set bound (Chernoff, relative entropy)"
    family = "test-set"
    cite = (
        "Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005), relative entropy Chernoff bound; "
        "Hoeffding, JASA 58 (1963), Theorem 1"
    )
    statement = r"R(f) \le \sup\{p : \mathrm{kl}(\hat R_m(f) \| p) \le \ln(1/\delta)/m\}"
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
        """The inverted relative entropy.

        Args:
            m: Held-out examples, at least 1.
            errors: Errors among them on clean labels, ``invalid`` included.
            invalid: Ties and NaN among them.
            corruption: Probability p in [0, 1] with which a label is uniform.
            classes: Number of classes k >= 2.
            delta: Confidence in (0, 1).
        """
        losses = expected_losses(m=m, errors=errors, invalid=invalid, corruption=corruption, classes=classes)
        inverse = kl_inverse(losses.scaled, div_up(log_up(div_up(1.0, delta)), float(m)))
        value = add_up(losses.low, mul_up(losses.width, inverse))
        rest = sub_up(value, losses.mean) if value > losses.mean else 0.0
        return Bound({"test error": losses.mean, "confidence": rest})
