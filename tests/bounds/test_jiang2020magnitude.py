"""The magnitude-aware bound: the worked divergence, the sums of a measured posterior, and what it needs."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch
from torch import nn

from boundcheck.bounds.jiang2020magnitude import Jiang2020Magnitude
from boundcheck.bounds.lemmas.variance_mixture import kl_divergences
from boundcheck.evidence.example import example_evidence
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.pac_bayes.gaussian import Gaussian
from boundcheck.pac_bayes.magnitude import MagnitudeNoise, measure_magnitude
from boundcheck.runs.streams import generator
from boundcheck.runs.subject import Subject


def test_the_worked_divergence_and_its_closed_form() -> None:
    moved, floor, slope = np.array([0.5, -1.0, 0.2, 0.0]), 0.01, 0.3
    s = floor**2 + (slope * moved) ** 2
    best = floor**2 + (slope**2 + 1) * float((moved**2).sum()) / 4
    value = kl_divergences([4], [s.sum()], [float(np.log(s).sum())], [float((moved**2).sum())], [best])[0, 0]
    assert value == pytest.approx(8.412821635, abs=1e-9)
    assert value == pytest.approx(0.5 * float(np.log(best / s).sum()), rel=1e-12)
    near = [best * factor for factor in (0.9, 0.99, 1.01, 1.1)]
    rows = kl_divergences([4], [s.sum()], [float(np.log(s).sum())], [float((moved**2).sum())], near)[0]
    assert (rows > value).all()


@pytest.fixture
def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


def test_the_sums_err_on_the_safe_side(network: nn.Module) -> None:
    noise, scales = MagnitudeNoise(Gaussian.around(network, None)), {"floor": 0.013, "slope": 0.37}
    size, variance, logs, distance = noise.sums(scales)
    weights = np.concatenate([p.detach().double().numpy().ravel() for p in network.parameters()])
    exact = np.concatenate([d.double().numpy().ravel() for d in noise.deviations(scales).values()])
    assert exact == pytest.approx(np.sqrt(0.013**2 + (0.37 * weights) ** 2), rel=1e-6)  # float32 deviations
    with mpmath.workdps(40):
        sigmas = [mpmath.mpf(float(v)) for v in exact]
        assert size == len(sigmas)
        assert mpmath.fsum(v**2 for v in sigmas) <= mpmath.mpf(variance)
        assert mpmath.mpf(logs) <= mpmath.fsum(2 * mpmath.log(v) for v in sigmas)
        assert mpmath.fsum(mpmath.mpf(float(w)) ** 2 for w in weights) <= mpmath.mpf(distance)
    assert (variance, distance) == pytest.approx((float((exact**2).sum()), float((weights**2).sum())), rel=1e-12)
    assert logs == pytest.approx(float(2 * np.log(exact).sum()), rel=1e-12)


def test_draws_have_the_deviations_that_are_summed(network: nn.Module) -> None:
    noise, scales, g = MagnitudeNoise(Gaussian.around(network, None)), {"floor": 0.1, "slope": 0.5}, generator(1)
    draws = [noise.draw(scales, g)["0.weight"].double() for _ in range(4000)]
    spread, wanted = torch.stack(draws).std(dim=0), noise.deviations(scales)["0.weight"].double()
    assert torch.allclose(spread, wanted, rtol=0.07)  # six standard errors of a deviation from 4000 draws
    assert float(wanted.max()) > 2 * float(wanted.min())


def test_a_measured_posterior_is_certified_and_repeats(network: nn.Module) -> None:
    g = torch.Generator().manual_seed(2)
    x = torch.randn(400, 4, generator=g)
    y = network(x).argmax(dim=1)
    subject = Subject(network, None, x, y, x[:50], y[:50], classes=3, seed=0, effort="full")
    first = measure_magnitude(subject)
    assert first == measure_magnitude(subject)
    assert first.prior_mean == "zero"
    assert first.parameters == 4 * 6 + 6 + 6 * 3 + 3
    assert 0.0 < first.mean_loss < 0.5
    assert first.test_error is not None
    assert first.floor > 0.0


def test_a_quick_evaluation_does_without(network: nn.Module) -> None:
    x = torch.zeros(5, 4)
    with pytest.raises(Unavailable, match="full"):
        measure_magnitude(Subject(network, None, x, torch.zeros(5, dtype=torch.int64), classes=3, seed=0, effort="quick"))


def test_the_held_out_error_beside_it_is_its_own() -> None:
    evidence = example_evidence()
    certificate = Jiang2020Magnitude()(evidence, 0.05)
    assert certificate.about == "gibbs"
    assert certificate.test_error == evidence.magnitude.test_error != evidence.posterior.test_error
    assert math.isfinite(certificate.value)
