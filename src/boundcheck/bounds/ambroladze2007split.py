r"""PAC-Bayes with a prior that was learned on one part of the sample and a risk that is counted on the other.

A. Ambroladze, E. Parrado-Hernández and J. Shawe-Taylor, Tighter PAC-Bayes bounds, NIPS 19 (2007); for neural networks
M. Pérez-Ortiz, O. Rivasplata, J. Shawe-Taylor and C. Szepesvári, JMLR 22 (2021).

Statement: let the sample be split into S_0 and n_2 further examples, without looking at it, and let the prior pi depend on S_0.
With probability at least 1 - delta, for all rho, which may depend on everything,

.. math:: R(\rho) \le kl^{-1}\Big(\hat R_2(\rho), \frac{KL(\rho \| \pi) + \ln(\xi(n_2)/\delta)}{n_2}\Big),

:math:`\hat R_2` the empirical risk on the n_2 examples alone.

Proof: given S_0, the prior is fixed and the other examples are independent of it: ``maurer2004kl`` holds at level delta for every
S_0, hence on average. Where one of F ways to split was chosen after seeing results, each of them holds at delta/F.

What differs from the paper: there the posterior is a support vector machine; the constant is xi(n). The Monte Carlo step and the
mixture over prior variances are those of ``lemmas/gibbs`` and ``lemmas/variance_mixture``.

The common mistake is to count the risk on the n_2 examples and divide by all n, or the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.gibbs import SAMPLE, GibbsTheorem, gibbs_bound, gibbs_symbols, posterior_of
from boundcheck.bounds.lemmas.gibbs_hypotheses import DRAWS_INDEPENDENT, IID, unseen
from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Bound, Hypothesis, NotApplicable


class Ambroladze2007Split(GibbsTheorem):
    """PAC-Bayes-kl with a prior learned on a part of the sample that is not counted."""

    name = "ambroladze2007split"
    title = "PAC-Bayes-kl, prior from a split"
    cite = "Ambroladze, Parrado-Hernández and Shawe-Taylor, Tighter PAC-Bayes bounds, NIPS 19 (2007)"
    statement = r"R(\rho) \le kl^{-1}\Big(\hat R_2(\rho), \tfrac{1}{n_2}\big(KL(\rho\|\pi) + \ln(F\,\xi(n_2)/\delta)\big)\Big)"
    moves: ClassVar[Mapping[str, int]] = {**GibbsTheorem.moves, "splits": 1}

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """What a prior from a part of the sample needs, and what the Monte Carlo estimate needs."""
        return (
            IID,
            Hypothesis.assume("the architecture, the grid of prior variances and the split were fixed before the data"),
            unseen(posterior.overlap, posterior.certified or 0) if (posterior := evidence.posterior) else unseen(0, 0),
            DRAWS_INDEPENDENT,
        )

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """As for any Gibbs predictor, with the number of examples that the prior has not seen."""
        posterior = posterior_of(evidence)
        if posterior.prior_mean != "split" or posterior.certified is None:
            raise NotApplicable("the prior saw no part of the sample; maurer2004kl is the theorem for it")
        return {**gibbs_symbols(evidence), "splits": posterior.splits}

    @staticmethod
    def formula(*, n: int, divergence: float, draws: int, mean_loss: float, candidates: int, splits: int, delta: float) -> Bound:
        """The bound on the Gibbs risk.

        Args:
            n: Number n_2 of examples that the prior has not seen, on which the risk is counted.
            divergence: KL(rho | pi) >= 0, nats.
            draws: Number m >= 1 of independent Monte Carlo numbers in [0, 1], from these examples.
            mean_loss: Their mean, in [0, 1].
            candidates: Number K >= 1 of posteriors compared on these draws.
            splits: Number F >= 1 of splits among which results chose.
            delta: Confidence in (0, 1), over sample and draws.
        """
        confidence = log_xi_over(n, log_inverse_up(delta, SAMPLE / splits))

        def level(risk: float, nats: float) -> float:
            return kl_bound(risk, confidence + nats, n)

        return gibbs_bound(
            level,
            divergence=divergence,
            draws=draws,
            mean_loss=mean_loss,
            candidates=candidates * splits,
            delta=delta,
            choices={"examples counted": n},
        )
