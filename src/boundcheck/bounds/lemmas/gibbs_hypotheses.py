"""What every bound asks of a prior and of a posterior around the trained weights."""

from __future__ import annotations

from boundcheck.evidence.posterior import Posterior
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis, NotApplicable

IID = Hypothesis.assume("the training examples are independent draws from one distribution")

DETERMINISTIC = Hypothesis.assume("the program is deterministic: the same input gives the same answer, alone or in a batch")

DRAWS_INDEPENDENT = Hypothesis.assume(
    "the Monte Carlo draws are independent, follow the posterior (the rounding of floating-point numbers left aside), and were "
    "made after the posteriors compared were final"
)


def unseen(overlap: int, counted: int) -> Hypothesis:
    """That a prior learned on a part of the sample has not seen the examples that are counted.

    Args:
        overlap: Those of them that are named among the prior's examples.
        counted: Examples on which the risk is counted.
    """
    says = "the prior depends on no example on which the risk is counted"
    if overlap > 0:
        return Hypothesis.check(says, False, f"{overlap} of the {counted} examples counted had a part in it")
    return Hypothesis.assume(says, "the rows that it names as its own are others")


def refuse_others(posterior: Posterior) -> None:
    """Refuse posteriors that a closed form is not for.

    Raises:
        NotApplicable: They are not Gaussian, or the choice among several ways to train would have to be paid for.
    """
    if posterior.law != "gaussian":
        raise NotApplicable(f"the theorem is for Gaussian posteriors; this one has the law {posterior.law}")
    if posterior.configurations > 1:
        raise NotApplicable(f"the theorem does not pay for a choice among {posterior.configurations} ways to train")


def posterior_hypotheses(evidence: Evidence) -> tuple[Hypothesis, ...]:
    """The sample, the architecture, and the prior's mean and variances.

    Args:
        evidence: With a posterior.
    """
    posterior = evidence.posterior
    plain = prior_hypotheses(posterior.prior_mean if posterior else "")
    if posterior is None or posterior.prior_mean != "split" or posterior.certified is None:
        return plain
    return (*plain[:-1], unseen(posterior.overlap, posterior.certified))


def prior_hypotheses(mean: str) -> tuple[Hypothesis, ...]:
    """The same for a prior that is centred at ``mean``.

    Args:
        mean: ``zero``, ``split``, or what the reference weights are.
    """
    says = "the prior's mean was fixed before the data"
    return (
        IID,
        Hypothesis.assume("the architecture and the grid of prior variances were fixed before the data"),
        Hypothesis.check(says, mean != "split", "the prior's mean was learned on a part of the sample")
        if mean in ("zero", "split")
        else Hypothesis.assume(says, f"the mean is the reference: {mean}"),
    )
