"""A posterior over networks, as theorems read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from boundcheck.evidence.counted import Errors
from boundcheck.evidence.vote import Vote


@dataclass(frozen=True)
class PosteriorGroup:
    """Sufficient numbers of one block of a Gaussian posterior N(w, diag s) and of one draw h from it, w_0 the prior's mean.

    A Laplace posterior has the divergence and the density ratio of a Gaussian with other sums (``pac_bayes/diagonal``); these
    stand here then, and only theorems that ask for nothing else read them.

    Attributes:
        parameters: Number of coordinates d.
        variance_sum: Sum of s, rounded up.
        log_variance_sum: Sum of ln s, rounded down.
        squared_distance: |w - w_0|^2, rounded up.
        min_variance: Smallest s, rounded down.
        max_variance: Largest s, rounded up.
        drawn_squared_distance: |h - w_0|^2, rounded up.
        drawn_noise: Sum of (h - w)^2 / s, rounded down.
    """

    parameters: int
    variance_sum: float
    log_variance_sum: float
    squared_distance: float
    min_variance: float
    max_variance: float
    drawn_squared_distance: float
    drawn_noise: float


@dataclass(frozen=True)
class Posterior:
    """A Gaussian posterior around the weights, its Monte Carlo risk, and one draw from it.

    Attributes:
        groups: Blocks of parameters, by name.
        prior_mean: What the prior is centred at: ``initial``, ``file``, ``zero``, or ``split``: learned on a part of the sample.
        prior_variances: The grid of prior variances, fixed before the data.
        draws: Number m of independent draws (each a number in [0, 1]).
        mean_loss: Their mean, rounded up.
        drawing: How the draws were made.
        candidates: Posteriors among which the certified draws chose (1: chosen on other draws).
        test_error: Monte Carlo estimate of the Gibbs error on held-out data, under the law of the labels.
        drawn: Errors of the one network drawn from the posterior.
        pairs: Number of disjoint pairs of independent draws, each pair looked at on the same examples; 0 for none.
        joint_loss: Mean over these pairs of the share of examples on which both err, rounded up.
        certified: Examples from which the draws are, where the prior's mean was learned on the others; else ``None``.
        splits: Ways to split the sample among which results chose.
        vote: The plurality of its networks on held-out data; ``None`` without any.
        overlap: Those of the examples counted that had a part in the prior.
        configurations: Ways to train, each with a prior of its own, among which results chose.
        law: ``gaussian`` or ``laplace``: of prior and posterior.
    """

    groups: Mapping[str, PosteriorGroup]
    prior_mean: str
    prior_variances: tuple[float, ...]
    draws: int
    mean_loss: float
    drawing: str
    candidates: int
    test_error: float | None
    drawn: Errors
    pairs: int = 0
    joint_loss: float | None = None
    certified: int | None = None
    splits: int = 1
    vote: Vote | None = None
    overlap: int = 0
    configurations: int = 1
    law: str = "gaussian"

    def counted(self, n: int) -> int:
        """Examples on which the risk is counted, of a training sample of size n."""
        return n if self.certified is None else self.certified
