"""What the bounds on one network drawn from a posterior share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from boundcheck.bounds.lemmas.gibbs_hypotheses import DETERMINISTIC, posterior_hypotheses
from boundcheck.evidence.record import Evidence
from boundcheck.theorem import Hypothesis, NotApplicable, Theorem

ONE_DRAW = Hypothesis.assume("the network was drawn once, from the posterior that is reported, with a seed fixed beforehand")


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
        posterior = evidence.posterior
        if posterior is None or posterior.drawn.n != evidence.problem.n:
            raise NotApplicable("the errors of the drawn network were not counted on the whole training sample")
        groups = list(posterior.groups.values())
        return {
            "n": evidence.problem.n,
            "dimension": [g.parameters for g in groups],
            "log_variance_sum": [g.log_variance_sum for g in groups],
            "max_variance": [g.max_variance for g in groups],
            "squared_distance": [g.squared_distance for g in groups],
            "prior_variances": posterior.prior_variances,
            "errors": posterior.drawn.errors,
        }
