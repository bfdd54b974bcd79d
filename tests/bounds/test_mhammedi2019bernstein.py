"""Un-expected Bernstein: worked values, the exponential moment by enumeration, and the identity for 0-1 losses."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds.mhammedi2019bernstein import GRID, Mhammedi2019Bernstein, bernstein_value

WORKED = {"n": 10_000, "divergence": 200.0, "draws": 10**18, "mean_loss": 0.03, "candidates": 1, "delta": 0.0625}


def test_the_worked_values() -> None:
    assert Mhammedi2019Bernstein.formula(**WORKED).value == pytest.approx(0.0810923661, abs=1e-8)
    complexity = (200.0 + math.log(20 / 0.05)) / 10_000
    small = min(bernstein_value(eta, 0.03, 0.002, complexity) for eta in GRID)
    assert small == pytest.approx(0.0559901168, abs=1e-10)


def test_the_exponential_moment_is_at_most_one() -> None:
    """E exp(eta (E l - l) - s(eta) eta^2 l^2) for random laws on finitely many losses in [0, 1]."""
    rng = np.random.default_rng(0)
    for _ in range(2000):
        k = int(rng.integers(1, 6))
        losses, chances = rng.uniform(size=k), rng.dirichlet(np.full(k, 0.5))
        if rng.uniform() < 0.5:
            losses = np.round(losses)
        eta = float(rng.uniform(0.001, 0.999))
        s = (-math.log1p(-eta) - eta) / eta**2
        moment = float(chances @ np.exp(eta * (chances @ losses - losses) - s * eta**2 * losses**2))
        assert moment <= 1.0 + 1e-12


def test_zero_one_losses_are_their_own_squares() -> None:
    rng = np.random.default_rng(1)
    loss = (rng.uniform(size=(20, 50)) < 0.3).astype(float)  # networks by examples
    assert (loss**2).mean() == loss.mean()
    for eta in (0.01, 0.5, 0.9):
        r, extra = float(loss.mean()), 0.01
        assert bernstein_value(eta, r, r, extra) == pytest.approx((-math.log1p(-eta) * r + extra) / eta, rel=1e-12)


def test_the_grid_is_as_stated() -> None:
    assert len(GRID) == 20
    assert (GRID[0], GRID[-1]) == pytest.approx((0.005, 0.95), rel=1e-14)
    assert Mhammedi2019Bernstein.formula(**WORKED).choices["eta"] in GRID


def test_values_are_rounded_up() -> None:
    rng = np.random.default_rng(2)
    with mpmath.workdps(40):
        for _ in range(300):
            eta, r = float(rng.uniform(1e-3, 0.999)), float(rng.uniform())
            second, extra = r * float(rng.uniform()), float(np.exp(rng.uniform(-15, 0)))
            e = mpmath.mpf(eta)
            exact = mpmath.mpf(r) + (-mpmath.log(1 - e) - e) / e * mpmath.mpf(second) + mpmath.mpf(extra) / e
            assert exact <= mpmath.mpf(bernstein_value(eta, r, second, extra)) <= exact * (1 + mpmath.mpf(10) ** -11)
