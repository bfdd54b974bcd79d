r"""Picked examples, all of delta on the end that is asked for.

M. C. Campi and S. Garatti, Compression, generalization and learning, Journal of Machine Learning Research 24 (2023), Theorem 7.

Statement: of n examples an algorithm picked k, and the network is right on the others. With probability at least 1 - delta

.. math:: R \le \epsilon_k, \qquad
          \frac{\delta}{n}\sum_{m=k}^{n-1}\frac{\binom mk}{\binom nk}(1-\epsilon_k)^{-(n-m)} = 1,

and 1 where k = n.

Proof: :mod:`boundcheck.bounds.lemmas.picked` with the weights delta/n on m = 0, ..., n - 1. The left side grows with epsilon.
With binomial tails the equation reads

.. math:: \delta\, P(\mathrm{Bin}(n, \epsilon) > k) = n\, \epsilon\, P(\mathrm{Bin}(n, \epsilon) = k).

What differs from the paper: it speaks of the probability that the compression changes, under a preference property; the property
of the algorithm that is used here, and that an error outside makes it pick, are proved in the lemma. Where one of J settings
of the algorithm was chosen on results, each of them has a J-th part of delta.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.kl_terms import increments, ratio_up
from boundcheck.bounds.lemmas.picked import all_right_outside, picked_hypotheses, picked_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.picked import picked_inverse
from boundcheck.numerics.rounding import div_down
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Campi2023Compression(Theorem):
    """The error of a network that is determined by few picked examples, from the one-sided equation."""

    name = "campi2023compression"
    title = "picked examples, one-sided"
    family = "compression"
    cite = "Campi and Garatti, Compression, generalization and learning, JMLR 24 (2023), Theorem 7"
    statement = (
        r"R \le \epsilon_k, \quad \tfrac{\delta}{n}\sum_{m=k}^{n-1}\tfrac{\binom mk}{\binom nk}(1-\epsilon_k)^{-(n-m)} = 1"
    )
    reads = ("picked",)
    moves: ClassVar[Mapping[str, int]] = {"n": -1, "picked": 1, "candidates": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """What was picked determines the network, and the algorithm ended by itself."""
        return (*picked_hypotheses(evidence), *all_right_outside(evidence))

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """How many were picked of how many."""
        return {name: value for name, value in picked_symbols(evidence).items() if name != "missed"}

    @staticmethod
    def formula(*, n: int, picked: int, candidates: int, delta: float) -> Bound:
        """The solution of the equation.

        Args:
            n: Examples that could have been picked, at least 1.
            picked: Examples k that were, 0 <= k <= n.
            candidates: Settings J >= 1 of the algorithm among which results chose.
            delta: Confidence in (0, 1).
        """
        value = picked_inverse(picked, n, div_down(delta, float(candidates)))
        return Bound(increments(share_of_examples_picked=ratio_up(picked, n), confidence=value), {"examples picked": picked})
