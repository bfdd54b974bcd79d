"""Empirical Bernstein: the worked value, both steps of its proof in numbers, and its place behind the un-expected form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from boundcheck.bounds.mhammedi2019bernstein import Mhammedi2019Bernstein
from boundcheck.bounds.tolstikhin2013bernstein import RATIO, Tolstikhin2013Bernstein, deviation, grid_sizes, variance_up
from boundcheck.theorem import NotApplicable

WORKED = {"n": 10_000, "divergence": 200.0, "draws": 10**18, "mean_loss": 0.03, "candidates": 1, "delta": 0.0625}


def test_the_worked_value_for_a_given_sample_variance() -> None:
    n, half = 10_000, math.log(2 / 0.05)
    first, second = grid_sizes(n, half)
    v = variance_up(0.002, 200.0 + math.log(second) + half, n)
    assert 0.03 + deviation(v, 200.0 + math.log(first) + half, n) == pytest.approx(0.0938544026, abs=1e-9)


def test_the_first_grid_reaches_the_claimed_rate() -> None:
    """A grid of nu_1 values gives the right side for every variance up to 1/4 and every divergence."""
    n, half = 2000, math.log(40)
    size, _ = grid_sizes(n, half)
    least = math.sqrt(4 * n * half / (math.e - 2))
    grid = [*(x for i in range(size - 1) if (x := least * RATIO**i) < n), n]
    assert len(grid) <= size
    for v in (1e-6, 1e-3, 0.02, 0.1, 0.25):
        for nats in half + np.array([0.0, 1.0, 30.0, 500.0]):
            best = min(nats / x + (math.e - 2) * x * v / n for x in grid)
            assert best <= deviation(v, float(nats), n) * (1 + 1e-9)


def test_the_second_grid_reaches_the_claimed_rate() -> None:
    n, half = 2000, math.log(40)
    _, size = grid_sizes(n, half)
    grid = [1.0 / RATIO**i for i in range(size + 1)][1:]
    for sample in (0.0, 1e-5, 1e-3, 0.05, 0.2):
        for nats in half + np.array([0.0, 1.0, 30.0]):
            best = min(sample / (1 - x / 2) + nats / ((n - 1) * x * (1 - x / 2)) for x in grid)
            assert min(best, 0.25) <= variance_up(sample, float(nats), n) * (1 + 1e-9)


def test_the_moment_of_a_sample_variance() -> None:
    """Exact, for a coin: E exp(lambda n (v - V_n) - lambda^2 n^2 v/(2(n - 1))) <= 1."""
    n = 12
    for p in (0.02, 0.2, 0.5, 0.9):
        for lam in (0.05, 0.3, 1.0, 1.8):
            v = p * (1 - p)
            total = sum(
                math.comb(n, k) * p**k * (1 - p) ** (n - k) * math.exp(lam * n * (v - k * (n - k) / (n * (n - 1))))
                for k in range(n + 1)
            )
            assert total * math.exp(-(lam**2) * n**2 * v / (2 * (n - 1))) <= 1.0 + 1e-12


def test_small_errors_are_for_the_one_step_form_and_large_ones_for_the_variance() -> None:
    for mean_loss, smaller in ((0.0, True), (0.01, True), (0.1, True), (0.4, False)):
        symbols = {**WORKED, "draws": 2000, "mean_loss": mean_loss}
        one, two = Mhammedi2019Bernstein.formula(**symbols).value, Tolstikhin2013Bernstein.formula(**symbols).value
        assert (one < two) is smaller


def test_one_example_has_no_sample_variance() -> None:
    with pytest.raises(NotApplicable, match="one example"):
        Tolstikhin2013Bernstein.formula(**{**WORKED, "n": 1})
