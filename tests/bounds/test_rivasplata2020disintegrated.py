"""Bounds on one drawn network: the density ratio and the divergence of order 2 against mpmath, the truth on an exact problem."""

from __future__ import annotations

import dataclasses
import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over, ratio_up
from boundcheck.bounds.lemmas.variance_mixture import log_ratios
from boundcheck.bounds.rivasplata2020disintegrated import Rivasplata2020Disintegrated
from boundcheck.evidence.example import example_evidence
from boundcheck.theorem import Status


def test_the_worked_value() -> None:
    # |w|^2 = 0.148922, <w, noise> = 0.015977, sigma = 0.05: the ratio needs |w + noise|^2 - |noise|^2 alone.
    (ratio,) = log_ratios([1], [math.log(0.0025)], [0.148922 + 2 * 0.015977], [0.0], [0.0025])[0]
    assert ratio == pytest.approx(36.1752, abs=1e-9)
    assert kl_bound(0.03, ratio + log_xi_over(10_000, log_inverse_up(0.05)), 10_000) == pytest.approx(0.0488299454, abs=1e-10)


def test_the_ratio_is_never_below_that_of_the_densities() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        d = int(rng.integers(1, 20))
        s, prior = float(np.exp(rng.normal())), float(np.exp(rng.normal()))
        w, h = rng.normal(size=d), rng.normal(size=d)
        with mpmath.workdps(40):
            noise = mpmath.fsum((mpmath.mpf(a) - mpmath.mpf(b)) ** 2 for a, b in zip(h, w, strict=True)) / mpmath.mpf(s)
            square = mpmath.fsum(mpmath.mpf(a) ** 2 for a in h)
            exact = (d * mpmath.log(prior) - d * mpmath.log(s) - noise + square / mpmath.mpf(prior)) / 2
            value = log_ratios(
                [d], [d * math.log(s) - 1e-13], [float(square) * (1 + 1e-15)], [float(noise) * (1 - 1e-15)], [prior]
            )[0, 0]
            assert exact <= value <= exact + 1e-9


def test_a_draw_near_the_prior_pays_nothing_and_never_less() -> None:
    # The ratio may be negative; the positive part leaves the training error.
    bound = Rivasplata2020Disintegrated.formula(
        n=100, dimension=[500], log_variance_sum=[0.0], drawn_squared_distance=[10.0], drawn_noise=[900.0],
        prior_variances=[1.0], errors=7, configurations=1, delta=0.05,
    )  # fmt: skip
    assert bound.value == pytest.approx(0.07, rel=1e-12)
    assert bound.value >= 0.07


def test_the_truth_over_sample_and_draw() -> None:
    """Two predictors of a coin and any data-dependent law on them: misses of the drawn one, summed exactly, stay below delta."""
    n, delta, p = 40, 0.1, 0.35
    missed = 0.0
    for k in range(n + 1):
        errors = (k, n - k)
        for trust in (0.5, 0.9, 0.999):
            better = 0 if k < n - k else 1
            rho = [1 - trust, 1 - trust]
            rho[better] = trust
            for h, risk in enumerate((p, 1 - p)):
                nats = max(math.log(rho[h] / 0.5) + log_xi_over(n, log_inverse_up(delta)), 0.0)
                bad = kl_bound(ratio_up(errors[h], n), nats, n) < risk
                missed += bad * rho[h] * math.comb(n, k) * p**k * (1 - p) ** (n - k) / 3
    assert missed <= delta


def test_errors_counted_on_another_sample_are_no_evidence() -> None:
    evidence = example_evidence()
    drawn = dataclasses.replace(evidence.posterior.drawn, n=17)
    posterior = dataclasses.replace(evidence.posterior, drawn=drawn)
    certificate = Rivasplata2020Disintegrated()(dataclasses.replace(evidence, posterior=posterior), 0.05)
    assert certificate.status is Status.NOT_APPLICABLE
    assert "prior has not seen" in (certificate.why or "")
