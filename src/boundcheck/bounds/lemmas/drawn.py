"""What the bounds on one network drawn from a posterior share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.gibbs_hypotheses import DETERMINISTIC, posterior_hypotheses, refuse_others
from boundcheck.evidence.posterior import Posterior
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis, NotApplicable, Theorem

ONE_DRAW = Hypothesis.assume("the network was drawn once, from the posterior that is reported, with a seed fixed beforehand")


def drawn_from(evidence: Evidence) -> Posterior:
    """The posterior whose drawn network was counted on the examples that the prior has not seen.

    Raises:
        NotApplicable: There is none, or its errors were counted on others.
    """
    posterior = evidence.posterior
    if posterior is None or posterior.drawn.n != posterior.counted(evidence.problem.n):
        raise NotApplicable("the errors of the drawn network were not counted on all the examples that the prior has not seen")
    return posterior


class RenyiTheorem(Theorem):
    """A bound on one drawn network that reads the posterior, not the draw, for its price."""

    family = "pac-bayes"
    about = "sample"
    reads = ("posterior", "problem")
    moves: ClassVar[Mapping[str, int]] = {
        "log_variance_sum": -1,
        "max_variance": 1,
        "squared_distance": 1,
        "errors": 1,
        "delta": -1,
    }

    def hypotheses(self, evidence: Evidence) -> Sequence[Hypothesis]:
        """What a prior needs, and that there was one draw."""
        return (*posterior_hypotheses(evidence), ONE_DRAW, DETERMINISTIC)

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        """The sums over each block of the posterior, and the training errors of the drawn network."""
        posterior = drawn_from(evidence)
        refuse_others(posterior)
        groups = list(posterior.groups.values())
        return {
            "n": posterior.drawn.n,
            "dimension": [g.parameters for g in groups],
            "log_variance_sum": [g.log_variance_sum for g in groups],
            "max_variance": [g.max_variance for g in groups],
            "squared_distance": [g.squared_distance for g in groups],
            "prior_variances": posterior.prior_variances,
            "errors": posterior.drawn.errors,
        }
