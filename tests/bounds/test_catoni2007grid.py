"""Catoni's bound: worked values, its infimum over all C, and what the choice of C costs."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds.catoni2007grid import GRID, Catoni2007Grid, catoni_value
from boundcheck.numerics import kl_inverse

WORKED = {"n": 10_000, "divergence": 200.0, "draws": 10**18, "mean_loss": 0.03, "candidates": 1, "delta": 0.0625}


def test_the_worked_values() -> None:
    assert catoni_value(1.0, 0.03, (200.0 + math.log(20)) / 10_000) == pytest.approx(0.0776046515, abs=1e-10)
    assert Catoni2007Grid.formula(**WORKED).value == pytest.approx(0.0785627544, abs=1e-8)


def test_the_infimum_over_all_parameters_is_the_inverse_of_kl() -> None:
    for risk, complexity in ((0.03, 0.02), (0.2, 0.001), (1e-4, 0.5), (0.6, 0.1)):
        least = min(catoni_value(c, risk, complexity) for c in np.geomspace(1e-3, 30, 2000))
        exact = kl_inverse(risk, complexity)
        assert exact <= least <= exact * (1 + 1e-5)


def test_choosing_the_parameter_without_paying_would_be_smaller() -> None:
    """The infimum at delta is below every valid value of the theorem: software that prints it has paid for nothing."""
    unpaid = min(catoni_value(c, 0.03, (200.0 + math.log(20)) / 10_000) for c in np.geomspace(0.05, 20, 1000))
    assert unpaid < Catoni2007Grid.formula(**WORKED).value - 1e-4


def test_the_grid_is_as_stated() -> None:
    assert len(GRID) == 20
    assert (GRID[0], GRID[-1]) == pytest.approx((0.05, 20.0), rel=1e-14)
    assert np.diff(np.log(GRID)) == pytest.approx(math.log(400) / 19, rel=1e-12)


def test_values_are_rounded_up() -> None:
    rng = np.random.default_rng(0)
    with mpmath.workdps(40):
        for _ in range(300):
            c, risk, extra = float(np.exp(rng.uniform(-4, 3))), float(rng.uniform()), float(np.exp(rng.uniform(-20, 3)))
            exact = (1 - mpmath.exp(-mpmath.mpf(c) * mpmath.mpf(risk) - mpmath.mpf(extra))) / (1 - mpmath.exp(-mpmath.mpf(c)))
            value = catoni_value(c, risk, extra)
            assert exact <= mpmath.mpf(value) <= exact * (1 + mpmath.mpf(10) ** -13)


def test_the_chosen_parameter_is_of_the_grid() -> None:
    assert Catoni2007Grid.formula(**WORKED).choices["C"] in GRID
