r"""Picking examples: when the compression changes, and why every example decides that for itself.

An algorithm starts from a network :math:`h_0` that is independent of the sample. At every step it picks, among the examples
that are not picked yet and are misclassified, the b worst, or all where there are fewer, and makes the next network from
those picked so far in their order, and from nothing else of the sample. It stops when no example outside is misclassified.
Every example carries a number drawn uniformly and independently, by which equally bad ones are ranked, so that no two are
alike.

Let Z be a finite set of examples that is picked whole when the algorithm runs on Z, and W further examples. **The run on Z
and W ends with Z if and only if for each w in W the run on Z and w ends with Z.** As long as none of W has been picked, all
these runs and the run on Z have the same network and have picked the same. In the next step some of W is picked in the run on
Z and W if and only if the first of W in the ranking is misclassified and is among the b worst together with the elements of
Z; and that one is then picked in the run on Z and it alone as well. So the first deviation of the run on Z and W shows in the
run on Z and one w, and the other way round.

Given Z, with :math:`\varphi(Z)` the probability that a fresh w makes the run on Z and w end otherwise, hence

.. math:: P(\text{the run on } Z, w_1, \dots, w_m \text{ ends with } Z \mid Z) = (1 - \varphi(Z))^m,

and a w that the network of Z misclassifies is picked at the latest when Z is exhausted: :math:`R(h_Z) \le \varphi(Z)`.

For all m and k, by exchangeability, the probability that a run on m examples picks k of them and that :math:`\varphi \in A` is
:math:`\binom mk \int_A (1-v)^{m-k}\, dF_k(v)`, :math:`F_k` the law of :math:`\varphi` where k examples are picked whole. Summed
over k at :math:`A = [0, 1]` it is 1 for every m. So for weights :math:`\lambda_m \ge 0` that sum to delta and numbers
:math:`\epsilon_k` with

.. math:: \binom nk (1-v)^{n-k} \le \sum_{m \ge k} \lambda_m \binom mk (1-v)^{m-k} \quad \text{for all } v > \epsilon_k,

:math:`P(\varphi > \epsilon_k) = \sum_k \binom nk \int_{v > \epsilon_k} (1-v)^{n-k} dF_k \le \sum_m \lambda_m = \delta`, k being
the number of examples that the run on n picks. Divided by the left side this is :math:`\Psi(v) \ge 1` of
:mod:`boundcheck.numerics.picked`.
"""

from __future__ import annotations

from boundcheck.bounds.lemmas.gibbs_hypotheses import DETERMINISTIC, IID
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis, NotApplicable

BEFORE = Hypothesis.assume(
    "the first network, the learner with its settings and the rule of picking depend on none of the examples that could be picked"
)


def picked_hypotheses(evidence: Evidence) -> tuple[Hypothesis, ...]:
    """What every bound by picked examples asks.

    Args:
        evidence: With the section on picked examples.
    """
    says = "the picked examples alone, run again, lead to the same network"
    again = None if evidence.picked is None else evidence.picked.same_again
    return (
        IID,
        BEFORE,
        Hypothesis.assume(says)
        if again is None
        else Hypothesis.check(says, again, "a second run on the picked examples alone ended with another network"),
        DETERMINISTIC,
    )


def all_right_outside(evidence: Evidence) -> tuple[Hypothesis, ...]:
    """What the bounds ask beside it that need the algorithm to have ended by itself, and a rule for ties."""
    missed = 0 if evidence.picked is None else evidence.picked.missed
    return (
        Hypothesis.check(
            "every example that was not picked is classified rightly",
            missed == 0,
            f"{missed} examples outside are misclassified: the algorithm was stopped before its end",
        ),
        Hypothesis.assume("equally bad examples are ranked by numbers that were drawn independently, one for each example"),
    )


def picked_symbols(evidence: Evidence) -> dict[str, int]:
    """The counts that the bounds share, and the errors on the examples that were not picked.

    Raises:
        NotApplicable: There are none.
    """
    picked = evidence.picked
    if picked is None:
        raise NotApplicable("the network was not trained by picking examples")
    return {"n": picked.n, "picked": picked.picked, "missed": picked.missed, "candidates": picked.candidates}
