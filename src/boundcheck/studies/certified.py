"""Certificates held to the truth with their training: prior and posterior are trained on each sample by the method itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch

from boundcheck.data import parse_labels
from boundcheck.evidence.collect import collect
from boundcheck.evidence.record import Evidence
from boundcheck.networks.mistakes import program_mistakes
from boundcheck.pac_bayes.certify import certify
from boundcheck.pac_bayes.stored import StoredPosterior
from boundcheck.runs.certifying import Certified, CertifyJob, Task
from boundcheck.runs.run import Run
from boundcheck.studies.finite import WorstOfGrid, population_risks, run_on
from boundcheck.studies.gibbs_risk import noisy_linear_risk
from boundcheck.studies.trial import Trial

_SLACK = 1.0 - 1e-6  # deviations are rounded to float32, which moves no margin by more than 6e-8 of them
_DRAWS = 2000
_PRIORS = ("zero", "initial", "split:0.3", "recursive:3")


@dataclass(frozen=True, eq=False)
class Trained(WorstOfGrid):
    """Linear networks without bias for two classes, a Gaussian posterior trained around each kind of prior in turn.

    The divergence counts for little in training, so that posteriors fit the sample more than their certificate would have them.
    """

    @property
    def sections(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of a certificate."""
        return ("posterior", "prior_network", "recursive")

    @property
    def about(self) -> tuple[str, ...]:  # type: ignore[override]
        """Its Gibbs predictor, one network drawn from it, and the network of the prior."""
        return ("gibbs", "sample", "prior", "recursive")

    def trial(self, sections: Sequence[str], seed: np.random.SeedSequence) -> Trial:
        """A sample, a certificate trained on it, and the risks of what the certificate speaks of."""
        rng = np.random.default_rng(seed)
        train, network = self.problem.sample(self.n, rng), self.architecture().eval()
        words = {"epochs": 4, "batch_size": 20, "lr": 0.1, "kl_factor": 1e-3, "prior_epochs": 4, "prior_batch_size": 10}
        job = CertifyJob(
            method="pac-bayes",
            data=self.name,
            model="linear",
            seed=int(rng.integers(2**31)),
            settings={**words, "prior": str(rng.choice(_PRIORS)), "prior_lr": 0.1},
        )
        found = certify(_task(job, network, train, self.problem.classes))
        run = run_on(self.problem, self.architecture().eval(), train, self.shape, parse_labels("true"))
        run.network.load_state_dict(dict(found.state))
        run = replace(run, reference=network, reference_kind="initial", certificate=found.certificate)
        evidence = collect(run, sections, seed=int(rng.integers(2**62)), draws=_DRAWS)
        return Trial(evidence, self._certified_risks(evidence, run))

    def _certified_risks(self, evidence: Evidence, run: Run) -> dict[str, Fraction | float]:
        stored = StoredPosterior.of(run.certificate or {})
        (scales,) = stored.scales.values()
        risks = population_risks(evidence, int(self.problem.weights.sum()))
        gibbs = noisy_linear_risk(run, np.square(scales.double().numpy())) * _SLACK
        risks |= {"gibbs": gibbs, "recursive": gibbs}
        if stored.prior_state is not None and run.test is not None:
            prior = self.architecture().eval()
            prior.load_state_dict(dict(stored.prior_state))
            risks["prior"] = Fraction(int(program_mistakes(prior, run.test.x, run.test.y)[0].sum()), len(run.test))
        return risks


def _task(job: CertifyJob, network: torch.nn.Module, train: tuple[np.ndarray, np.ndarray], classes: int) -> Task:
    """The task that ``boundcheck certify`` would hand to the method."""

    def forget(found: Certified) -> None:
        """Nothing is written down."""

    return Task(
        job=job,
        network=network,
        x=torch.from_numpy(train[0]).float(),
        y=torch.from_numpy(train[1]),
        classes=classes,
        deadline=float("inf"),
        resumed=None,
        history=(),
        save=forget,
        progress=lambda what, fraction: None,
    )
