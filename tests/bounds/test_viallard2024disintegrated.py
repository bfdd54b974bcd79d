"""The divergence of order 2 against numerical integration and its form for equal variances; the paper's constant."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from boundcheck.bounds.lemmas.kl_terms import kl_bound, log_inverse_up, log_xi_over
from boundcheck.bounds.lemmas.variance_mixture import renyi_divergences
from boundcheck.bounds.viallard2024disintegrated import Viallard2024Disintegrated
from boundcheck.theorem import NotApplicable

SYMBOLS = {
    "n": 10_000,
    "dimension": [3, 2],
    "log_variance_sum": [3 * math.log(0.5), 2 * math.log(0.25)],
    "max_variance": [0.5, 0.25],
    "squared_distance": [4.0, 1.0],
    "prior_variances": [0.5, 1.0],
    "errors": 300,
    "delta": 0.05,
}


def test_the_divergence_is_the_integral() -> None:
    for w, s, prior in ((0.0, 1.0, 1.0), (0.7, 0.3, 1.2), (2.0, 1.5, 1.0), (0.1, 1e-3, 0.5)):
        with mpmath.workdps(30):

            def ratio(t, w=w, s=s, prior=prior):
                return mpmath.npdf(t, w, mpmath.sqrt(s)) ** 2 / mpmath.npdf(t, 0, mpmath.sqrt(prior))

            exact = mpmath.log(mpmath.quad(ratio, mpmath.linspace(w - 30, w + 30, 121)))
        (value,) = renyi_divergences([1], [math.log(s)], [s], [w**2], [prior])[0]
        assert value == pytest.approx(float(exact), abs=1e-9)


def test_equal_variances_give_the_distance() -> None:
    (value,) = renyi_divergences([1000], [1000 * math.log(0.0025)], [0.0025], [0.148922], [0.0025])[0]
    assert 0.148922 / 0.0025 <= value <= 0.148922 / 0.0025 + 1e-9


def test_the_worked_value_with_the_papers_constant_is_larger() -> None:
    divergence = 0.148922 / 0.0025
    paper = kl_bound(0.03, divergence + math.log(16 * 100 / 0.05**3), 10_000)
    assert paper == pytest.approx(0.0559251095, abs=1e-10)
    ours = kl_bound(0.03, divergence + log_xi_over(10_000, 3 * log_inverse_up(0.05) + math.log(8)), 10_000)
    assert ours < paper


def test_the_largest_variance_stands_for_all_from_above() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        s, w = rng.uniform(0.1, 1.5, 8), rng.normal(size=8)
        exact = sum(renyi_divergences([1], [math.log(v)], [v], [m**2], [1.0])[0, 0] for v, m in zip(s, w, strict=True))
        assert renyi_divergences([8], [float(np.log(s).sum())], [s.max()], [float((w**2).sum())], [1.0])[0, 0] >= exact - 1e-9


def test_a_posterior_wider_than_twice_the_prior_has_no_bound() -> None:
    assert renyi_divergences([1], [math.log(2.0)], [2.0], [0.0], [1.0])[0, 0] == math.inf
    with pytest.raises(NotApplicable, match="twice"):
        Viallard2024Disintegrated.formula(**{**SYMBOLS, "max_variance": [0.5, 2.0]})


def test_one_infinite_variance_of_the_grid_does_not_matter() -> None:
    both = Viallard2024Disintegrated.formula(**SYMBOLS)
    with_tiny = Viallard2024Disintegrated.formula(**{**SYMBOLS, "prior_variances": [0.5, 1.0, 1e-3]})
    assert both.value < with_tiny.value < both.value + 1e-3
