"""What every bound asks of a prior and of a posterior around the trained weights."""

from __future__ import annotations

from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis

IID = Hypothesis.assume("the training examples are independent draws from one distribution")

DETERMINISTIC = Hypothesis.assume("the program is deterministic: the same input gives the same answer, alone or in a batch")

DRAWS_INDEPENDENT = Hypothesis.assume(
    "the Monte Carlo draws are independent, follow the posterior (the rounding of floating-point numbers left aside), and were "
    "made after the posteriors compared were final"
)


def posterior_hypotheses(evidence: Evidence) -> tuple[Hypothesis, ...]:
    """The sample, the architecture, and the prior's mean and variances.

    Args:
        evidence: With a posterior.
    """
    return prior_hypotheses(evidence.posterior.prior_mean if evidence.posterior else "")


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
