"""The setting whose certificates are trained: its risks are those of the networks that it drew, and no bound falls below them."""

from __future__ import annotations

import numpy as np

from boundcheck.bounds import CATALOGUE
from boundcheck.studies.settings import settings


def test_risks_are_those_of_drawn_networks_and_all_priors_occur() -> None:
    setting, priors, missed = settings()["certified"], set(), 0
    for i in range(12):
        trial = setting.trial(setting.sections, np.random.SeedSequence([3, i]))
        posterior = trial.evidence.posterior
        assert posterior is not None
        # At least 20,000 networks, each on its own row of the population: five standard errors of their average.
        assert abs(posterior.test_error - float(trial.risks["gibbs"])) <= 5 * (0.25 / 20_000) ** 0.5
        chain = trial.evidence.recursive is not None
        priors.add((posterior.prior_mean, chain))
        assert ("prior" in trial.risks) == (posterior.prior_mean == "split") == (trial.evidence.prior_network is not None)
        for theorem in CATALOGUE.values():
            if setting.covers(theorem) and (value := theorem(trial.evidence, 0.05).value) is not None:
                missed += value < trial.risks[theorem.measured_as or theorem.about]
    assert priors == {("zero", False), ("initial", False), ("split", False), ("split", True)}
    assert missed <= 1  # sixteen theorems in twelve trials, most of them far from missing
