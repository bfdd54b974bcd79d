r"""Pick-to-learn: a network that a few picked examples determine, and that is right on all others.

D. Paccagnan, M. C. Campi and S. Garatti, The pick-to-learn algorithm empowers compression for tight generalization bounds,
NeurIPS 2023, Theorem 4.2, with the equation of S. Garatti and M. C. Campi, Risk and complexity in scenario optimization,
Mathematical Programming 191 (2022) 243-279.

Statement: of n examples the algorithm picked k, and the network is right on the others. With probability at least 1 - delta

.. math:: R \le \epsilon_k, \qquad \frac{\delta}{2n}\sum_{m=k}^{n-1}\frac{\binom mk}{\binom nk}(1-\epsilon_k)^{-(n-m)}
          + \frac{\delta}{6n}\sum_{m=n+1}^{4n}\frac{\binom mk}{\binom nk}(1-\epsilon_k)^{m-n} = 1,

the larger of the two solutions; 1 where k = n.

Proof: :mod:`boundcheck.bounds.lemmas.picked` with the weights delta/2n on m = 0, ..., n - 1 and delta/6n on m = n + 1, ...,
4n. The left side is convex in 1 - epsilon, so that it is at least 1 above the larger solution.

With sums of binomial tails the equation reads

.. math:: \Big(\frac\delta2 - \frac\delta6\Big) P(\mathrm{Bin}(n, \epsilon) > k)
          + \frac\delta6 P(\mathrm{Bin}(4n+1, \epsilon) > k)
          = \Big(1 + \frac{\delta}{6n}\Big)\, n\, \epsilon\, P(\mathrm{Bin}(n, \epsilon) = k).

A published implementation has a sum in place of the first product, and bounds that are too small by a tenth.

What differs from the paper: where one of J settings of the algorithm was chosen on results, each of them has a J-th part of
delta; the solution is certified from above. Beside it ``campi2023compression`` spends all of delta on the end that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.kl_terms import increments, ratio_up
from boundcheck.bounds.lemmas.picked import all_right_outside, picked_hypotheses, picked_symbols
from boundcheck.evidence.record import Evidence
from boundcheck.numerics.picked import picked_inverse_two_sided
from boundcheck.numerics.rounding import div_down
from boundcheck.theorem import Bound, Hypothesis, Theorem


class Paccagnan2023Pick(Theorem):
    """The error of a network that is determined by few picked examples and right on the others."""

    name = "paccagnan2023pick"
    title = "pick-to-learn bound"
    family = "compression"
    cite = (
        "Paccagnan, Campi and Garatti, The pick-to-learn algorithm empowers compression for tight generalization bounds, NeurIPS "
        "2023, Theorem 4.2"
    )
    statement = (
        r"R \le \epsilon_k, \quad \tfrac{\delta}{2n}\sum_{m=k}^{n-1}\tfrac{\binom mk}{\binom nk}(1-\epsilon_k)^{-(n-m)}"
        r" + \tfrac{\delta}{6n}\sum_{m=n+1}^{4n}\tfrac{\binom mk}{\binom nk}(1-\epsilon_k)^{m-n} = 1"
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
        """The larger solution of the equation.

        Args:
            n: Examples that could have been picked, at least 1.
            picked: Examples k that were, 0 <= k <= n.
            candidates: Settings J >= 1 of the algorithm among which results chose.
            delta: Confidence in (0, 1).
        """
        value = picked_inverse_two_sided(picked, n, div_down(delta, float(candidates)))
        return Bound(increments(share_of_examples_picked=ratio_up(picked, n), confidence=value), {"examples picked": picked})
