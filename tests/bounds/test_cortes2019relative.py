"""The relative VC bound: the formula, each inequality of the proof by brute force, and the fast rate."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom

from boundcheck.bounds.cortes2019relative import Cortes2019Relative
from boundcheck.bounds.vapnik1998growth import Vapnik1998Growth

formula = Cortes2019Relative.formula
LINE = {"tests": [1], "degrees": [1], "parameters": [2], "blocks": [[(1, 1, 2)]]}


def test_it_is_the_formula_for_lines() -> None:
    n, errors, delta = 1000, 30, 0.05
    a = (math.log(1 + 2 * n + math.comb(2 * n, 2)) + math.log(4 / delta)) / n
    value = errors / n + 2 * a + 2 * math.sqrt(a * (a + errors / n))
    assert value * (1 - 1e-14) <= formula(n=n, errors=errors, delta=delta, **LINE).value <= value * (1 + 1e-9)


def test_it_solves_the_inequality_that_is_proved() -> None:
    """R - R_hat = 2 sqrt(A R) at the value."""
    n, errors, delta = 5000, 100, 0.05
    a = (math.log(1 + 2 * n + math.comb(2 * n, 2)) + math.log(4 / delta)) / n
    risk = formula(n=n, errors=errors, delta=delta, **LINE).value
    assert risk - errors / n == pytest.approx(2 * math.sqrt(a * risk), rel=1e-9)


def test_without_errors_the_rate_is_one_over_n() -> None:
    small, large = (formula(n=n, errors=0, delta=0.05, **LINE).value for n in (1000, 100_000))
    assert large < small / 50
    assert large < Vapnik1998Growth.formula(n=100_000, errors=0, delta=0.05, **LINE).value / 20


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40, 150])
def test_a_binomial_variable_reaches_its_mean_with_probability_above_one_quarter(n: int) -> None:
    """Just above k/n, k + 1 successes are needed, which is where the probability is smallest."""
    for k in range(1, n):
        for p in (k / n * (1 + 1e-9), (k + 0.5) / n, (k + 1) / n * (1 - 1e-9)):
            assert binom.sf(math.ceil(n * p - 1e-12) - 1, n, p) > 0.25


@pytest.mark.parametrize("n", [2, 4, 7])
def test_exchanging_the_members_of_pairs(n: int) -> None:
    """exp(-n eps^2/4) bounds the share of the 2^n exchanges beyond eps, for every pattern of losses up to order."""
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=n)))
    for differing in range(1, n + 1):
        for both in range(n - differing + 1):
            total = differing + 2 * both
            quotient = signs[:, :differing].sum(axis=1) / n / math.sqrt(total / (2 * n))
            for eps in np.unique(quotient[quotient > 0]):
                assert (quotient >= eps - 1e-12).mean() <= math.exp(-n * eps**2 / 4) * (1 + 1e-12)


@pytest.mark.parametrize("delta", [0.05, 0.5])
def test_no_cut_of_300_samples_is_missed(delta: float) -> None:
    rng = np.random.default_rng(12)
    n, noise = 100, 0.05
    table = np.array([formula(n=n, errors=s, delta=delta, **LINE).value for s in range(n + 1)])
    smallest = math.inf
    for _ in range(300):
        x = np.sort(rng.uniform(size=n))
        y = (x > 0.5) ^ (rng.uniform(size=n) < noise)
        ends = np.concatenate(([0.0], x, [1.0]))
        wrong = np.concatenate(([0], np.cumsum(y))) + np.concatenate((np.cumsum((~y)[::-1])[::-1], [0]))
        risk = np.maximum(*(noise + (1 - 2 * noise) * np.abs(part - 0.5) for part in (ends[:-1], ends[1:])))
        smallest = min(smallest, float((table[wrong] - risk).min()))
    assert 0.0 <= smallest < 1.0
