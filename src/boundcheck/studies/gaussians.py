"""An adversary on Gaussian classes: linear rules in many directions, the risk of each in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from boundcheck.data import parse_labels
from boundcheck.data.synthetic import GaussianPair, LinearRule
from boundcheck.runs.run import Run, Sample
from boundcheck.studies.trial import Setting, Trial, choose, load_weights, measured

_CLOSED_FORM = 1.0 - 1e-12  # the closed form errs by about 1e-14 relative


@dataclass(frozen=True, eq=False)
class WorstDirection(Setting):
    """Linear rules through the origin; the adversary looks at many directions and takes the one with the largest gap.

    Attributes:
        name: As it stands in the table.
        says: What it is.
        problem: The distribution.
        n: Training examples.
        held_out: Held-out examples of the test-set bounds.
        directions: Random directions that the adversary tries.
        spread: How far from the planted direction they lie.
    """

    name: str
    says: str
    problem: GaussianPair
    n: int
    held_out: int
    directions: int
    spread: float

    def trial(self, sections: Sequence[str], seed: np.random.SeedSequence) -> Trial:
        """A sample, the direction with the largest gap on it, and its risk."""
        rng = np.random.default_rng(seed)
        (x, y), (xt, yt) = self.problem.sample(self.n, rng), self.problem.sample(self.held_out, rng)
        x, xt = x.astype(np.float32), xt.astype(np.float32)
        tried = self.spread * rng.standard_normal((self.directions, self.problem.dim))
        tried[:, 0] += 1.0
        tried = tried.astype(np.float32).astype(np.float64)
        wrong = ((x @ tried.T) * np.where(y == 1, 1.0, -1.0)[:, None] <= 0.0).mean(axis=0)
        risks = [self.problem.risk(LinearRule(w)) for w in tried]
        best = choose(rng, np.array(risks), wrong)
        network = nn.Sequential(nn.Linear(self.problem.dim, 2, bias=False))
        load_weights(network, np.concatenate([-tried[best], tried[best]]))
        law = parse_labels("true")
        run = Run(network, None, "zero", Sample(x, y), None, 2, law, model="linear", data="Gaussians")
        evidence = measured(run, sections, (xt, yt), int(rng.integers(2**62)))
        return Trial(evidence, {"network": risks[best] * _CLOSED_FORM})
