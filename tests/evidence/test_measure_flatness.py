"""Scales of noise against networks whose error under noise is known in closed form."""

from __future__ import annotations

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from boundcheck.evidence.flatness import Flatness
from boundcheck.evidence.measure_flatness import FLOOR, measure_flatness
from boundcheck.evidence.unavailable import Unavailable
from boundcheck.networks.tracing import trace

ROWS = 320
STEP = 2.0 ** (18 / 2**7)
"""The range of 18 powers of two is halved seven times: what is found is short of the end by at most this factor."""


def selector() -> tuple[nn.Module, np.ndarray, np.ndarray]:
    """One unit vector a row, weights 1 for the label and 0 for the other class: every margin is 1 and has its own noise."""
    net = nn.Linear(ROWS, 2, bias=False)
    with torch.no_grad():
        net.weight.zero_()
        net.weight[0] = 1.0
    return nn.Sequential(net), np.eye(ROWS), np.zeros(ROWS, dtype=np.int64)


def measured(
    net: nn.Module, x: np.ndarray, y: np.ndarray, initial: nn.Module | None = None, seed: int = 0, effort: str = "quick"
) -> Flatness:
    shape = x.shape[1:]
    reference = None if initial is None else trace(initial, shape)
    return measure_flatness(trace(net, shape), reference, x, y, seed=seed, effort=effort)


def test_sigma_is_a_standard_deviation() -> None:
    """The margin of a row is 1 plus noise of variance 2 sigma^2: a tenth errs at sigma = 1 / (sqrt(2) z), z the normal quantile.

    Noise of variance sigma (a standard deviation taken for a variance) would give 0.304, of standard deviation sigma^2 0.743.
    """
    found = measured(*selector())
    exact = 1.0 / (math.sqrt(2.0) * norm.isf(0.1))  # 0.5518
    assert found.rows == ROWS
    # 960 errors of probability 0.1: three standard deviations are 0.029, which move sigma by a factor of 1.13 at most.
    assert found.sigma is not None
    assert exact / 1.13 / STEP <= found.sigma <= exact * 1.13


def test_noise_that_follows_the_weights_leaves_the_weights_of_zero_almost_alone() -> None:
    """The margin has standard deviation sigma' but for the floor: a tenth errs at 1 / z."""
    found = measured(*selector())
    exact = 1.0 / norm.isf(0.1)
    assert found.magnitude_sigma is not None
    assert exact / 1.13 / STEP <= found.magnitude_sigma <= exact * 1.13


def test_the_worst_perturbation_of_a_linear_network_is_found() -> None:
    """Both weights of a row move against each other: every margin falls by 2 alpha, and all rows err from alpha = 1/2 on."""
    found = measured(*selector())
    assert found.radius is not None
    assert 0.5 / STEP <= found.radius <= 0.5 * (1 + 1e-6)


def test_the_record_sums_the_weights() -> None:
    net, x, y = selector()
    initial = copy.deepcopy(net)
    with torch.no_grad():
        initial[0].weight.add_(0.25)
    found = measured(net, x, y, initial)
    s = found.magnitude_sigma
    assert s is not None
    assert found.parameters == 2 * ROWS
    assert found.squared_norm == pytest.approx(ROWS)
    assert found.squared_distance == pytest.approx(2 * ROWS / 16)
    assert found.log_magnitude_norm == pytest.approx(ROWS * (math.log(FLOOR**2 + s**2) + math.log(FLOOR**2)))
    assert found.log_magnitude_distance == pytest.approx(2 * ROWS * math.log(FLOOR**2 + s**2 / 16))
    without = measured(net, x, y)
    assert (without.squared_distance, without.log_magnitude_distance) == (None, None)
    assert dataclasses.replace(found, squared_distance=None, log_magnitude_distance=None) == without


def test_a_seed_makes_the_same_noise() -> None:
    assert measured(*selector(), seed=3) == measured(*selector(), seed=3)
    assert measured(*selector(), seed=3).sigma == pytest.approx(measured(*selector(), seed=4).sigma, rel=0.4)


def test_scales_outside_the_range_are_not_made_up() -> None:
    """A network that is wrong anyway loses no accuracy; one with margins of 1e-9 loses it at the smallest scale."""
    net, x, y = selector()
    wrong = measured(net, x, 1 - y)
    assert (wrong.sigma, wrong.magnitude_sigma, wrong.radius) == (None, None, None)
    assert (wrong.log_magnitude_norm, wrong.log_magnitude_distance) == (None, None)
    with torch.no_grad():
        net[0].weight.mul_(1e-9)
    tiny = measured(net, x, y)
    assert (tiny.sigma, tiny.radius) == (None, None)


def test_batch_normalization_is_folded() -> None:
    """Weights before it may be scaled at will; without an epsilon nothing of the network changes."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    x = np.random.default_rng(0).normal(size=(100, 1, 6, 6)).astype(np.float32)
    net(torch.from_numpy(x))
    net.eval()
    net[1].eps = 0.0
    y = net(torch.from_numpy(x)).argmax(dim=1).numpy()
    before = measured(net, x, y)
    with torch.no_grad():
        net[0].weight.mul_(64.0)  # powers of two: no digit changes
        net[1].running_mean.mul_(64.0)
        net[1].running_var.mul_(4096.0)
    assert measured(net, x, y) == before


def test_a_single_output() -> None:
    _, x, y = selector()
    single = nn.Sequential(nn.Linear(ROWS, 1, bias=False))
    with torch.no_grad():
        single[0].weight.fill_(-1.0)
    found = measured(single, x, y)
    assert found.sigma is not None
    assert 1.0 / norm.isf(0.1) / 1.13 / STEP <= found.sigma <= 1.13 / norm.isf(0.1)
    assert found.radius is not None
    assert 1.0 / STEP <= found.radius <= 1.0 + 1e-6


def test_what_is_not_placed_or_too_large_is_unavailable() -> None:
    x, y = np.zeros((4, 6)), np.zeros(4, dtype=np.int64)
    with pytest.raises(Unavailable, match="1"):
        measured(nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 3)), x, y)
    with pytest.raises(Unavailable, match="longer"):
        measured(nn.Sequential(nn.Linear(6000, 3000, bias=False)), np.zeros((4, 6000)), y)
