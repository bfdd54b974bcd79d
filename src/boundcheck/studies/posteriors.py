"""Adversaries on finite domains whose posteriors take more than a look: noise by magnitude, priors from a part of the sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from boundcheck.data import parse_labels
from boundcheck.evidence.record import Evidence
from boundcheck.runs.run import Run
from boundcheck.studies.finite import WorstOfGrid, run_on
from boundcheck.studies.gibbs_risk import noisy_linear_risk
from boundcheck.studies.trial import Trial, load_weights, measured

_FLOAT32_SLACK = 1.0 - 1e-6  # deviations are rounded to float32, which moves no margin by more than 6e-8 of them


@dataclass(frozen=True, eq=False)
class NoisyWeights(WorstOfGrid):
    """Linear networks without bias for two classes, with noise that grows with the weights."""

    @property
    def sections(self) -> tuple[str, ...]:  # type: ignore[override]
        """The posterior alone; it takes its time."""
        return ("magnitude",)

    @property
    def about(self) -> tuple[str, ...]:  # type: ignore[override]
        """Its Gibbs predictor."""
        return ("magnitude",)

    @property
    def effort(self) -> str:
        """Less measures no such posterior."""
        return "full"

    def _risks(self, evidence: Evidence, run: Run) -> dict[str, Fraction | float]:
        found = evidence.magnitude
        if found is None:
            raise ValueError(f"expected a posterior; got none: {evidence.lacks('magnitude')}")
        (weight,) = run.network.parameters()
        variances = found.floor**2 + np.square(found.slope * weight.detach().double().numpy())
        return {"magnitude": noisy_linear_risk(run, variances) * _FLOAT32_SLACK}


@dataclass(frozen=True, eq=False)
class LearnedPrior(WorstOfGrid):
    """Linear networks without bias for two classes; a sample of the same size, not counted, has taught the prior's mean."""

    @property
    def sections(self) -> tuple[str, ...]:  # type: ignore[override]
        """The posterior alone; what else there is stands in other settings."""
        return ("posterior",)

    @property
    def about(self) -> tuple[str, ...]:  # type: ignore[override]
        """Its Gibbs predictor."""
        return ("gibbs",)

    def trial(self, sections: Sequence[str], seed: np.random.SeedSequence) -> Trial:
        """Two samples, the best candidate on the first and the worst on the second, and the risk of noise around the latter."""
        rng = np.random.default_rng(seed)
        first, train, held_out = (self.problem.sample(size, rng) for size in (self.n, self.n, self.held_out))
        prior = load_weights(self.architecture(), self.candidates[int(np.argmin(self.errors(first)))])
        network = load_weights(self.architecture(), self.worst(train, rng))
        run = run_on(self.problem, network, train, self.shape, parse_labels("true"))
        run = replace(run, reference=prior, reference_kind="split")
        evidence = measured(run, sections, (held_out[0].astype(np.float32), held_out[1]), int(rng.integers(2**62)))
        if evidence.posterior is None:
            raise ValueError(f"expected a posterior; got none: {evidence.lacks('posterior')}")
        evidence = replace(evidence, posterior=replace(evidence.posterior, certified=self.n, splits=1))
        return Trial(evidence, {"gibbs": self._risks(evidence, run)["gibbs"]})
