r"""The test-set bound: the exact inversion of a binomial tail.

J. Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005) 273-306, Theorem 3.3 (an inversion of
C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413).

Statement: for a predictor fixed before m further examples are drawn, k of them misclassified, with probability at least
1 - delta,

.. math:: R \le \overline{\mathrm{Bin}}(k, m, \delta) := \sup\{p : P(\mathrm{Bin}(m, p) \le k) \ge \delta\}.

Proof. P(Bin(m, p) <= k) falls as p grows, so that p above the supremum makes it less than delta. A miss, R above the bound, means
that the number K of errors, which has the law Bin(m, R), satisfies P(Bin(m, R) <= K) < delta. These K are the numbers from 0 to
some K*, and together they have the probability P(Bin(m, R) <= K*) < delta.

What differs: when the training labels were replaced with probability p by uniform ones, the bound speaks of that law. The
predictor then errs with probability lo + (hi - lo) R + (1 - hi) T, where R is the error on clean labels, T <= R the
probability of a tie or NaN (an error under every label), lo = p(1 - 1/k), hi = 1 - p/k. R and T are bounded each with a share
of delta, so the held-out labels need not be corrupted by a random draw. On clean labels (p = 0) the second share is not
needed, and is spent on the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.held_out import held_out_hypotheses, held_out_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics import binomial_tail_inverse
from boundcheck.theorem import Bound, Hypothesis, Theorem

_TIES_SHARE = 0.1  # of delta, where labels are corrupted: the term it bounds carries a factor p/k


class Langford2005TestSet(Theorem):
    """Binomial tail inversion on held-out data: the bound that every other one is held against."""

    name = "langford2005testset"
    title = "test-set bound (Clopper-Pearson)"
    family = "test-set"
    cite = "Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005), Theorem 3.3"
    statement = r"R(f) \le \sup\{p : P(\mathrm{Bin}(m, p) \le k) \ge \delta\}"
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
        """The inverted tail.

        Args:
            m: Held-out examples, at least 1.
            errors: Errors among them on clean labels, ``invalid`` included.
            invalid: Ties and NaN among them.
            corruption: Probability p in [0, 1] with which a label is uniform.
            classes: Number of classes k >= 2.
            delta: Confidence in (0, 1).
        """
        if corruption == 0.0:
            value, empirical = binomial_tail_inverse(errors, m, delta), errors / m
            return Bound({"test error": empirical, "confidence": _rest(value, empirical)})
        clean = binomial_tail_inverse(errors, m, delta * (1.0 - _TIES_SHARE))
        share = delta * _TIES_SHARE * (1.0 - 2.0**-48)  # the two shares, rounded, are together at most delta
        ties = min(binomial_tail_inverse(invalid, m, share), clean) if share > 0.0 else clean
        low = corruption * (1.0 - 1.0 / classes)
        empirical = low + (1.0 - corruption) * errors / m + (corruption / classes) * invalid / m
        value = (low + (1.0 - corruption) * clean + (corruption / classes) * ties) * (1.0 + 2.0**-48)
        return Bound({"test error": empirical, "confidence": _rest(value, empirical)})


def _rest(value: float, part: float) -> float:
    """What is to be added to ``part`` to make at least ``value``."""
    return math.nextafter(value - part, math.inf) if value > part else 0.0
