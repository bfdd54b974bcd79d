r"""Sample compression: a network that k examples determine, tested on the other n - k.

N. Littlestone and M. Warmuth, Relating data compression and learnability (1986), and S. Floyd and M. Warmuth, Machine Learning 21
(1995) 269-304; in the form of J. Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005) 273-306,
Theorem 6.1.

Statement: let a set of examples determine a network. With probability at least 1 - delta, for all sets of k < n of the n
examples, the network of the set misclassifying e of the other n - k,

.. math:: R \le \sup\Big\{p : P(\mathrm{Bin}(n - k, p) \le e) \ge \frac{\delta}{n \binom nk}\Big\}.

Proof: given a set of indices, the other examples are independent of its network, so the inverted binomial tail fails with
probability at most its share of delta; there are :math:`\binom nk` sets of each size and n sizes.

What differs: where one of J settings of the algorithm was chosen on results, each of them has a J-th part of delta. The order in
which the examples are given does not count, because running the algorithm on the picked examples alone finds it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.kl_terms import increments, log_inverse_up, ratio_up
from boundcheck.bounds.lemmas.picked import picked_hypotheses, picked_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics import binomial_tail_inverse_log
from boundcheck.numerics.combinatorics import log_binomial_upper
from boundcheck.numerics.rounding import add_up, log_up
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Langford2005Compression(Theorem):
    """The classical bound for a network that some of the examples determine: a test on the others, one for every set."""

    name = "langford2005compression"
    title = "sample compression bound"
    family = "compression"
    cite = (
        "Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005), Theorem 6.1, after Littlestone and "
        "Warmuth (1986) and Floyd and Warmuth (1995)"
    )
    statement = r"R \le \sup\Big\{p : P(\mathrm{Bin}(n-k, p) \le e) \ge \frac{\delta}{n \binom nk}\Big\}"
    reads = ("picked",)
    moves: ClassVar[Mapping[str, int]] = {"missed": 1, "candidates": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """What was picked determines the network."""
        return picked_hypotheses(evidence)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """How many were picked of how many, and the errors on the others."""
        return {**picked_symbols(evidence)}

    @staticmethod
    def formula(*, n: int, picked: int, missed: int, candidates: int, delta: float) -> Bound:
        """The inverted tail.

        Args:
            n: Examples that could have been picked, at least 1.
            picked: Examples k that were, 0 <= k <= n.
            missed: Errors e on the other n - k.
            candidates: Settings J >= 1 of the algorithm among which results chose.
            delta: Confidence in (0, 1).
        """
        rest = n - picked
        if rest == 0:
            return Bound({"no example is left to test on": 1.0}, {"examples picked": picked})
        confidence = add_up(log_inverse_up(delta), log_up(float(candidates)))
        nats = add_up(confidence, log_up(float(n)), float(log_binomial_upper(n, picked)))
        terms = increments(
            error_on_the_others=ratio_up(missed, rest),
            confidence=float(binomial_tail_inverse_log(missed, rest, -confidence)),
            choice_of_the_examples=float(binomial_tail_inverse_log(missed, rest, -nats)),
        )
        return Bound(terms, {"examples picked": picked})
