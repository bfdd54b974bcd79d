r"""The exact hold-out bound of a prior's own network, on the examples that a certificate with a learned prior counts.

J. Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005) 273-306, Theorem 3.3, with the examples
that the prior has not seen in the place of a test set.

Statement: let a network be chosen from a part of the sample, and k of the n_2 other examples be misclassified by it. With
probability at least 1 - delta,

.. math:: R \le \overline{\mathrm{Bin}}\big(k, n_2, \delta/(KF)\big) := \sup\{p : P(\mathrm{Bin}(n_2, p) \le k) \ge \delta/(KF)\}.

Proof. Given the part that chose the network, the other examples are independent of it, and ``langford2005testset`` applies to
them. Where results chose among K ways to train and F ways to split, each of them holds at :math:`\delta/(KF)`.

What it is for: a certificate around a learned prior counts its risk on the same examples. It earns its price only where it is
smaller than this line, which needs no posterior, no divergence and no Monte Carlo; which is why it stands under every such
certificate. The labels of the sample are those of the law that the certificate speaks of, corrupted or not, so that nothing has
to be said of their law.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from boundcheck.bounds.lemmas.gibbs_hypotheses import DETERMINISTIC, IID, unseen
from boundcheck.evidence.record import Evidence
from boundcheck.numerics import binomial_tail_inverse
from boundcheck.theorem import Bound, Hypothesis, NotApplicable, Theorem


class Langford2005HoldOut(Theorem):
    """Exact binomial bound of the network at the centre of a learned prior: what a certificate around it has to beat."""

    name = "langford2005holdout"
    title = "hold-out bound of the prior's network (Clopper-Pearson)"
    family = "test-set"
    cite = "Langford, Tutorial on practical prediction theory for classification, JMLR 6 (2005), Theorem 3.3"
    about = "prior"
    statement = r"R(f) \le \sup\{p : P(\mathrm{Bin}(n_2, p) \le k) \ge \delta/(KF)\}"
    reads = ("prior_network",)
    moves = {"errors": 1, "configurations": 1, "splits": 1, "delta": -1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """A sample whose rest is independent of the prior."""
        found = evidence.prior_network
        rest = unseen(found.overlap, found.n) if found else unseen(0, 0)
        return (IID, Hypothesis.assume("the split was fixed before the data"), rest, DETERMINISTIC)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The counts on the examples that the prior has not seen."""
        found = evidence.prior_network
        if found is None:
            raise NotApplicable("no prior was learned on a part of the sample")
        return {"n": found.n, "errors": found.errors, "configurations": found.configurations, "splits": found.splits}

    @staticmethod
    def formula(*, n: int, errors: int, configurations: int, splits: int, delta: float) -> Bound:
        """The bound on the risk of the prior's network.

        Args:
            n: Number n_2 of examples that the prior has not seen, at least 1.
            errors: Errors k among them.
            configurations: Number K >= 1 of ways to train among which results chose.
            splits: Number F >= 1 of splits among which results chose.
            delta: Confidence in (0, 1).
        """
        share = delta / (configurations * splits)
        if configurations * splits > 1:
            share = math.nextafter(share, 0.0)
        value, empirical = binomial_tail_inverse(errors, n, share), errors / n
        rest = math.nextafter(value - empirical, math.inf) if value > empirical else 0.0
        return Bound({"error on the rest": empirical, "confidence": rest})
