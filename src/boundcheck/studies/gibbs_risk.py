"""The risk of normal noise around a linear network, in closed form."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from boundcheck.evidence.posterior import PosteriorGroup
from boundcheck.runs.run import Run

_GIBBS_SLACK = 1.0 - 1e-12  # values of the normal distribution function err by less, as do their averages


def linear_gibbs_risk(run: Run, groups: Mapping[str, PosteriorGroup]) -> float:
    """Risk of a Gaussian around a linear network without bias for two classes, all weights with one variance, from below.

    Args:
        run: Its held-out sample is the population.
        groups: The one block of the posterior.
    """
    (group,) = groups.values()
    (weight,) = run.network.parameters()
    return noisy_linear_risk(run, np.full(weight.shape, group.variance_sum / group.parameters)) * _GIBBS_SLACK


def noisy_linear_risk(run: Run, variances: NDArray[np.float64]) -> float:
    """Gibbs risk of a linear network without bias for two classes whose weights have independent normal noise.

    The margin at x is normal with the mean of the network's margin; its variance is the sum of those of its terms.

    Args:
        run: Its held-out sample is the population.
        variances: Of each weight, shape (2, d).
    """
    (weight,) = run.network.parameters()
    if run.test is None:
        raise ValueError("expected a run whose held-out sample is the population; got none")
    w, x = weight.detach().double().numpy(), run.test.x.astype(np.float64)
    margin = np.where(run.test.y == 1, 1.0, -1.0) * (x @ (w[1] - w[0]))
    spread = np.sqrt(np.square(x) @ variances.sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.where(spread > 0.0, ndtr(-margin / spread), 1.0)  # the zero input is a tie, an error
    return float(below.mean())
