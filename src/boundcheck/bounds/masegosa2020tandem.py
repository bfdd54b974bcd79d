r"""A bound on the majority vote by the tandem loss: how often two independent networks err together.

A. R. Masegosa, S. S. Lorenzen, C. Igel and Y. Seldin, Second order PAC-Bayesian bounds for the weighted majority vote,
NeurIPS 2020.

Statement: let :math:`T(\rho) = E_{h, h' \sim \rho^2} P(h \text{ and } h' \text{ err})`, and :math:`\hat T` the same on the
sample. For a prior pi fixed before n independent examples, with probability at least 1 - delta, for all rho

.. math:: R(MV_\rho) \le 4\, T(\rho) \le
          4\, kl^{-1}\Big(\hat T(\rho), \frac{2\, KL(\rho \| \pi) + \ln(\xi(n)/\delta)}{n}\Big).

Proof: where the vote errs or is tied, the mass W of the networks that err is at least 1/2 (``langford2003vote``), so
:math:`1[MV errs] \le 4 W^2`, and :math:`E W^2 = T(\rho)`. The joint error of two networks is a loss in {0, 1} of the pair, so
``maurer2004kl`` applies to the posterior :math:`\rho \otimes \rho` and the prior :math:`\pi \otimes \pi`, whose divergence is
:math:`2 KL(\rho\|\pi)`.

Monte Carlo: m disjoint pairs of independent draws, each pair looked at on the same examples, give m independent numbers in [0, 1]
whose means average to :math:`\hat T(\rho)` given the sample; kl is inverted once more, at a fifth of delta.

What differs from the paper: the paper relaxes kl to the form of ``thiemann2017lambda``, and takes an ensemble with finitely many
members; the logarithm has xi(n) where it has 2 sqrt(n). The mixture over prior variances is that of ``lemmas/variance_mixture``.

The bound speaks of the vote of all networks of the posterior.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from boundcheck.bounds.langford2003vote import scaled
from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, divergence_of, gibbs_bound, posterior_of
from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound, NotApplicable


class Masegosa2020Tandem(GibbsTheorem):
    """Four times the tandem loss, for the majority vote of the posterior."""

    name = "masegosa2020tandem"
    title = "majority vote, second order (tandem loss)"
    about = "vote"
    cite = "Masegosa, Lorenzen, Igel and Seldin, Second order PAC-Bayesian bounds for the weighted majority vote, NeurIPS 2020"
    statement = r"R(MV_\rho) \le 4\,kl^{-1}\Big(\hat T(\rho), \tfrac{2\,KL(\rho\|\pi) + \ln(\xi(n)/\delta)}{n}\Big)"
    moves: ClassVar[Mapping[str, int]] = {"n": -1, "divergence": 1, "pairs": -1, "joint_loss": 1, "candidates": 1, "delta": -1}

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The divergence of the posterior, and the Monte Carlo average of joint errors."""
        posterior = posterior_of(evidence)
        if posterior.pairs < 1 or posterior.joint_loss is None:
            raise NotApplicable("no pairs of networks were drawn, so errors that two of them share were not counted")
        return {
            "n": posterior.counted(evidence.problem.n),
            "divergence": divergence_of(posterior).nats,
            "pairs": posterior.pairs,
            "joint_loss": posterior.joint_loss,
            "candidates": posterior.candidates,
        }

    @staticmethod
    def formula(*, n: int, divergence: float, pairs: int, joint_loss: float, candidates: int, delta: float) -> Bound:
        """The bound on the risk of the vote.

        Args:
            n: Sample size.
            divergence: KL(rho | pi) >= 0, nats.
            pairs: Number m >= 1 of independent Monte Carlo numbers in [0, 1], one for each pair of draws.
            joint_loss: Their mean, in [0, 1].
            candidates: Number K >= 1 of posteriors compared on these draws.
            delta: Confidence in (0, 1), over sample and draws.
        """
        confidence = log_xi_over(n, log_inverse_up(delta, SAMPLE))

        def level(risk: float, nats: float) -> float:
            return kl_bound(risk, confidence + 2.0 * nats, n)

        return scaled(
            4.0,
            gibbs_bound(level, divergence=divergence, draws=pairs, mean_loss=joint_loss, candidates=candidates, delta=delta),
        )
